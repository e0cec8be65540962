"""Where a submission uses libraries: names through its imports, calls with their arguments, and methods of objects.

What is known from the text comes from :func:`in_text`; what only following the code shows (the type of an object,
keywords out of a ``**`` mapping) from the events of rehearsals, in :func:`in_rehearsals`. Uses that the code itself
expects to fail are left out: inside a ``try`` that catches it, or behind a test of ``hasattr`` or of a version.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from windtunnel.reading.nodes import children, walk
from windtunnel.rehearsal.values import Thing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.reading.python import Source
    from windtunnel.rehearsal import Event
    from windtunnel.repo import Repo

CAUGHT = frozenset(
    {
        "ImportError",
        "ModuleNotFoundError",
        "AttributeError",
        "TypeError",
        "NotImplementedError",
        "Exception",
        "BaseException",
    }
)
_VERSIONS = frozenset({"__version__", "version_info", "VERSION"})
_INSPECTIONS = frozenset({"signature", "getfullargspec", "find_spec"})
# what the model of a library calls an object, where its class is more special than what made it
STANDS_FOR = {
    "transformers.AutoTokenizer": "transformers.PreTrainedTokenizerBase",
    "transformers.AutoConfig": "transformers.PretrainedConfig",
    "transformers.AutoProcessor": "transformers.ProcessorMixin",
    "optuna.FrozenTrial": "optuna.trial.FrozenTrial",
}


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call: how many by position, which by keyword, and whether more come by ``*`` and ``**``."""

    positional: int
    keywords: tuple[str, ...]
    star_args: bool = False
    star_kwargs: bool = False


@dataclass(slots=True)
class Use:
    """One use of a library.

    Attributes:
        path: the file.
        node: the place in it.
        name: dotted, from the library's import name on; of a method, of its class.
        arguments: of a call, None if it is not called here.
        method: called on an object rather than on its class or module.
        function: the names of the functions it stands in, outermost first, with the line of the innermost.
        runs: run ids in whose rehearsals it was met.
        modes: modes likewise.
        met: whether some rehearsal came there.
    """

    path: str
    node: ast.AST
    name: str
    arguments: Arguments | None = None
    method: bool = False
    function: tuple[str, int] = ("", 0)
    runs: set[str] = field(default_factory=set)
    modes: set[str] = field(default_factory=set)
    met: bool = False

    @property
    def key(self) -> tuple[str, int, int]:
        """Its place."""
        return (self.path, getattr(self.node, "lineno", 0), getattr(self.node, "col_offset", 0))


def in_text(source: Source) -> list[Use]:
    """The uses that a file's own text shows."""
    finder = _Finder(source)
    finder.block(source.tree.body, {})
    return finder.uses


def in_rehearsals(repo: Repo) -> Iterator[Use]:
    """The uses that only following the code shows: methods of objects, and calls with a known ``**`` mapping."""
    found: dict[tuple[object, ...], Use] = {}
    for trace in repo.traces():
        for event in trace.of("call", "method", "attribute"):
            if event.guarded:
                continue
            for use in _of_event(event):
                names = use.arguments.keywords if use.arguments is not None else ()
                known = found.setdefault((use.key, use.name, names), use)
                known.met = True
                known.runs |= {trace.run_id} - {""}
                known.modes |= {trace.mode} - {""}
    yield from found.values()


def _of_event(event: Event) -> Iterator[Use]:
    node = event.node
    if event.kind == "call":
        if isinstance(node, ast.Call) and any(keyword.arg is None for keyword in node.keywords):
            yield Use(event.path, node, event.data["name"], _given(event, node))
        return
    receiver, type_ = event.data.get("receiver"), event.data.get("type") or ""
    if not isinstance(receiver, Thing) or "." not in type_ or event.data["name"] in receiver.attributes:
        return
    name = f"{STANDS_FOR.get(type_, type_)}.{event.data['name']}"
    if event.kind == "attribute":
        yield Use(event.path, node, name, method=True)
    elif isinstance(node, ast.Call):
        yield Use(event.path, node, name, _given(event, node), method=True)


def _given(event: Event, node: ast.Call) -> Arguments:
    keywords = tuple(str(name) for name in event.data["keywords"] if name != "**")
    starred = bool(event.data.get("starred"))
    return Arguments(
        len(event.data["args"]),
        keywords,
        starred or any(isinstance(item, ast.Starred) for item in node.args),
        starred or "**" in event.data["keywords"],
    )


def written(node: ast.Call) -> Arguments:
    """The arguments of a call as its text has them."""
    plain = [argument for argument in node.args if not isinstance(argument, ast.Starred)]
    keywords = tuple(keyword.arg for keyword in node.keywords if keyword.arg is not None)
    return Arguments(
        len(plain), keywords, len(plain) < len(node.args), any(keyword.arg is None for keyword in node.keywords)
    )


class _Finder:
    """Walks a file with the library names that are in scope."""

    def __init__(self, source: Source) -> None:
        self.path = source.path
        self.uses: list[Use] = []
        self.function = ("", 0)
        self.asked = {
            text
            for node in source.nodes
            if isinstance(node, ast.Call) and _last(node.func) in {"hasattr", "getattr"}
            for text in _texts(node)
        }

    def block(self, body: list[ast.stmt], names: dict[str, str]) -> None:
        for node in body:
            self.statement(node, names)

    def statement(self, node: ast.stmt, names: dict[str, str]) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names if not node.level and node.module else ():
                if alias.name != "*":
                    names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                    self.note(node, f"{node.module}.{alias.name}")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for outside in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults):
                self.expression(outside, names)
            self.inside(node, names)
        elif isinstance(node, ast.ClassDef):
            for outside in (*node.decorator_list, *node.bases):
                self.expression(outside, names)
            self.block(node.body, dict(names))
        elif isinstance(node, ast.Try):
            caught = any(
                handler.type is None or any(_last(part) in CAUGHT for part in _alternatives(handler.type))
                for handler in node.handlers
            )
            self.perhaps(node.body, names, left_out=caught)
            for handler in node.handlers:
                self.block(handler.body, names)
            self.block([*node.orelse, *node.finalbody], names)
        elif isinstance(node, ast.If) and _tests_for(node.test):
            self.perhaps([*node.body, *node.orelse], names, left_out=True)
        else:
            for child in children(node):
                if isinstance(child, ast.stmt):
                    self.statement(child, names)
                elif isinstance(child, ast.expr):
                    self.expression(child, names)
                elif isinstance(child, ast.ExceptHandler | ast.match_case):
                    self.block(child.body, names)
                elif isinstance(child, ast.withitem):
                    self.expression(child.context_expr, names)
            for target in _targets(node):
                for stored in walk(target):
                    if isinstance(stored, ast.Name):
                        names.pop(stored.id, None)

    def perhaps(self, body: list[ast.stmt], names: dict[str, str], *, left_out: bool) -> None:
        """A block whose uses are left out, though what it imports is in scope behind it."""
        count = len(self.uses)
        self.block(body, names)
        if left_out:
            del self.uses[count:]

    def inside(self, node: ast.FunctionDef | ast.AsyncFunctionDef, names: dict[str, str]) -> None:
        nodes = walk(node)
        local = {inner.id for inner in nodes if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}
        local |= {inner.arg for inner in nodes if isinstance(inner, ast.arg)}
        before, self.function = self.function, (node.name, node.lineno)
        self.block(node.body, {name: full for name, full in names.items() if name not in local})
        self.function = before

    def expression(self, node: ast.AST | None, names: dict[str, str]) -> None:
        waiting = [node]
        while waiting:
            current = waiting.pop()
            if current is None or (isinstance(current, ast.IfExp | ast.BoolOp) and _tests_for(current)):
                continue
            if isinstance(current, ast.Call):
                full = _full(current.func, names)
                if full:
                    self.note(current, full, written(current))
                    waiting += [*current.args, *[keyword.value for keyword in current.keywords]]
                    continue
            elif isinstance(current, ast.Attribute | ast.Name):
                full = _full(current, names)
                if full:
                    if isinstance(current, ast.Attribute):
                        self.note(current, full)
                    continue
            elif isinstance(current, ast.Lambda):
                taken = {argument.arg for argument in walk(current.args) if isinstance(argument, ast.arg)}
                self.expression(current.body, {name: full for name, full in names.items() if name not in taken})
                continue
            waiting += children(current)

    def note(self, node: ast.AST, name: str, arguments: Arguments | None = None) -> None:
        if name.rsplit(".", 1)[-1] not in self.asked:
            self.uses.append(Use(self.path, node, name, arguments, function=self.function))


def _full(node: ast.AST, names: dict[str, str]) -> str:
    """The dotted library name an expression stands for, "" if it does not."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        if not isinstance(node.ctx, ast.Load):
            return ""
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    return ".".join([names[node.id], *reversed(parts)])


def _targets(node: ast.stmt) -> list[ast.expr]:
    """What a statement itself assigns to."""
    if isinstance(node, ast.Assign):
        return node.targets
    if isinstance(node, ast.AnnAssign | ast.AugAssign | ast.For | ast.AsyncFor):
        return [node.target]
    if isinstance(node, ast.With | ast.AsyncWith):
        return [item.optional_vars for item in node.items if item.optional_vars is not None]
    return []


def _tests_for(test: ast.expr) -> bool:
    """Whether a condition asks for the version of a library or the arguments of a function."""
    return any(
        _last(node) in _VERSIONS or (isinstance(node, ast.Call) and _last(node.func) in _INSPECTIONS)
        for node in walk(test)
    )


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _alternatives(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _texts(node: ast.AST) -> Iterator[str]:
    return (inner.value for inner in walk(node) if isinstance(inner, ast.Constant) and isinstance(inner.value, str))
