"""Complete implementation: nothing left out, nothing that cannot work (criterion 1)."""

from __future__ import annotations

import ast
import builtins
import io
import re
import symtable
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import gather, place, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.reading.python import Source
    from windtunnel.repo import Repo

_LEFT_OUT = re.compile(
    r"\b(TODO|FIXME|XXX|PLACEHOLDER|TBD)\b|omitted for brevity|(rest|remainder) of the (code|implementation|function)|"
    r"\b(to be implemented|not (yet )?implemented|implement (this|me|here)|your code here|goes here)\b|"
    r"\b(unchanged from above)\b|\.\.\. ?(existing|same|previous) code",
)
_SIMPLIFIED = re.compile(
    r"\b(simplified (version|implementation|variant)|dummy (implementation|model|data|value)|"
    r"toy (implementation|version)|mock(ed)? (implementation|data)|"
    r"for (demonstration|illustration|illustrative) purposes|"
    r"in a real (implementation|experiment|setting)|stub implementation|"
    r"placeholder (implementation|value|logic|loss)|simplified placeholder|a real one would)\b",
    re.IGNORECASE,
)


class CMP001(Rule):
    """Something is said to be left out or simplified."""

    name = "left-out-code"
    criterion = 1
    doc = Doc(
        what='Comments and docstrings that say so: TODO, FIXME, PLACEHOLDER, "omitted for brevity", "simplified '
        'version", "dummy implementation".',
        why="What is left out is not in the experiment, whatever the paper says.",
        example="# TODO: add the regulariser",
        instead="the regulariser",
        limits="A comment that mentions such a word in another sense.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for source in repo.sources.values():
            for line, column, text in _spoken(source):
                left_out = _LEFT_OUT.search(text)
                found = left_out or _SIMPLIFIED.search(text)
                if found:
                    yield self.finding(
                        f"{found.group(0)!r}: this says that something is {'missing' if left_out else 'simplified'}",
                        Place(source.path, line, column),
                        evidence=source.line(line).strip(),
                        fix="write what is missing, and remove the remark",
                        severity=None if left_out else Severity.WARNING,
                    )


class CMP002(Rule):
    """A function does nothing."""

    name = "empty-function"
    criterion = 1
    doc = Doc(
        what="Functions and methods whose body is `pass`, `...`, or `raise NotImplementedError`.",
        why="Whoever calls it gets nothing, or an exception.",
        example="def penalty(model):\n    pass",
        instead="the penalty",
        limits="Abstract methods, protocols, methods that a subclass of the submission overrides, and hooks named "
        "on_* are left alone.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        classes = classes_of(repo)
        for source in repo.sources.values():
            for owner, function in source.functions:
                if not does_nothing(function) or may_do_nothing(owner, function, classes):
                    continue
                yield self.finding(
                    f"{function.name}() does nothing: its body is {ast.unparse(function.body[-1])[:60]!r}",
                    source.place(function),
                    evidence=source.quote(function),
                    fix="write the function, or remove it and its calls",
                )


class CMP003(Rule):
    """A name is used that nothing defines."""

    name = "undefined-name"
    criterion = 1
    doc = Doc(
        what="Names that are neither defined in their function, nor around it, nor in the module, nor built in.",
        why="NameError when the line is reached, often hours into a run.",
        example="return besst_accuracy",
        instead="return best_accuracy",
        limits="Modules with a star import are left alone.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for source in repo.sources.values():
            if source.errors or any(
                isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in source.nodes
            ):
                continue
            for name in sorted(_undefined(source)):
                node = next(
                    (
                        node
                        for node in source.nodes
                        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
                    ),
                    None,
                )
                if node is not None:
                    yield self.finding(
                        f"{name!r} is not defined",
                        source.place(node),
                        evidence=source.quote(node),
                        fix=f"define or import {name!r}",
                    )


class CMP004(Rule):
    """A line fails whenever it is reached."""

    name = "certain-crash"
    criterion = 1
    categories: ClassVar[tuple[str, ...]] = ("crash",)
    source = "rehearsal"
    doc = Doc(
        what="Calls between the submission's own functions whose arguments do not fit, attributes and keys that an "
        "object of known content lacks, operations on constants of the wrong type.",
        why="TypeError, AttributeError, KeyError or IndexError in every run that gets there.",
        example="loss = penalty(model, scores)   # def penalty(model)",
        instead="loss = penalty(model)",
        limits="Values that come from data or from libraries are not known.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for group in gather(repo.traces("main", "train"), ["crash"], lambda event: (event.line, event.data["error"])):
            event = group.first
            if not group.certain or event.data["error"] in {"FileNotFoundError", "SystemExit"}:
                continue
            yield self.finding(
                f"this line raises {event.data['error']}: {event.data['message']}",
                place(repo, event),
                evidence=quote(repo, event),
                fix="make the call and what it calls agree",
                runs=group.runs,
                modes=group.modes,
            )


class CMP005(Rule):
    """A function or class that nothing reaches."""

    name = "unreached-function"
    criterion = 1
    severity = Severity.NOTE
    doc = Doc(
        what="Functions, methods and classes of the submission that no other line of it names; a warning for a method "
        "that several classes have, and for a class derived from another of the submission.",
        why="A part of the method that is never called is not part of the experiment.",
        example="def reallocate(self): ...   # and no call anywhere",
        instead="a call where it belongs",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        names, texts = _named(repo)
        named = names | texts
        classes = classes_of(repo)
        by_name = any(_LOOKED_UP.search(source.text) for source in repo.sources.values())
        used = named if by_name else names
        for source in repo.sources.values():
            for cls in (node for node in source.nodes if isinstance(node, ast.ClassDef)):
                derived = any(isinstance(base, ast.Name) and base.id in classes for base in cls.bases)
                if derived and cls.name not in used and not cls.decorator_list:
                    yield self.finding(
                        f"nothing uses the class {cls.name}",
                        source.place(cls),
                        evidence=source.quote(cls),
                        fix="use it where it belongs, or remove it",
                        severity=Severity.WARNING,
                    )
            for owner, function in source.functions:
                hook = function.name.startswith(("__", "on_", "visit_")) or function.name in {
                    "forward",
                    "training_step",
                    "configure_optimizers",
                    "compute_loss",
                    "main",
                }
                if function.name not in named and not hook and not function.decorator_list:
                    yield self.finding(
                        f"nothing calls {owner.name + '.' if owner else ''}{function.name}()",
                        source.place(function),
                        evidence=source.quote(function),
                        fix="call it where it belongs, or remove it",
                        severity=Severity.WARNING if owner and _is_shared(owner, function.name, classes) else None,
                    )


# what finds a class by a text that holds its name
_LOOKED_UP = re.compile(
    r"globals\(\)|locals\(\)|sys\.modules|import_module|_target_|getattr\(\s*\w*(model|module|src)s?\b"
)


def _named(repo: Repo) -> tuple[set[str], set[str]]:
    """What code names, and what it has as texts."""
    names: set[str] = set()
    texts: set[str] = set()
    for source in repo.sources.values():
        for node in source.nodes:
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.Constant):
                if isinstance(node.value, str):
                    texts.add(node.value)
            elif isinstance(node, ast.ImportFrom):
                names.update(alias.name for alias in node.names)
    return names, texts


def _is_shared(owner: ast.ClassDef, name: str, classes: dict[str, ast.ClassDef]) -> bool:
    """Whether a class derived from this one, or one that it is derived from, has the method too."""
    bases = {base.id for base in owner.bases if isinstance(base, ast.Name)}
    return any(
        isinstance(item, ast.FunctionDef) and item.name == name
        for other in classes.values()
        if other.name in bases or any(isinstance(base, ast.Name) and base.id == owner.name for base in other.bases)
        for item in other.body
    )


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _spoken(source: Source) -> Iterator[tuple[int, int, str]]:
    """(line, column, text) of every comment and docstring."""
    yield from source.comments
    for node in source.nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                for offset, text in enumerate(first.value.value.splitlines()):
                    yield first.lineno + offset, first.col_offset + 1 if not offset else 1, text


def classes_of(repo: Repo) -> dict[str, ast.ClassDef]:
    """The classes of a submission, by name."""
    return {
        node.name: node for source in repo.sources.values() for node in source.nodes if isinstance(node, ast.ClassDef)
    }


def does_nothing(function: Function) -> bool:
    """Whether a body is pass, three dots, a docstring or NotImplementedError."""
    body = [
        statement
        for index, statement in enumerate(function.body)
        if not (
            index == 0
            and isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Constant)
            and isinstance(statement.value.value, str)
        )
    ]
    if not body:
        return True
    if len(body) > 1:
        return False
    only = body[0]
    if isinstance(only, ast.Raise) and only.exc is not None:
        return "NotImplemented" in ast.unparse(only.exc)
    return isinstance(only, ast.Pass) or (
        isinstance(only, ast.Expr) and isinstance(only.value, ast.Constant) and only.value.value is Ellipsis
    )


def may_do_nothing(owner: ast.ClassDef | None, function: Function, classes: dict[str, ast.ClassDef]) -> bool:
    """Whether a function may rightly be empty: abstract ones, hooks, those that a subclass overrides."""
    decorators = " ".join(ast.unparse(decorator) for decorator in function.decorator_list)
    if "abstract" in decorators or "overload" in decorators or function.name.startswith(("__", "on_")):
        return True
    if owner is None:
        return False
    if any(name in ast.unparse(base) for base in owner.bases for name in ("ABC", "Protocol")):
        return True
    heirs = [
        node
        for node in classes.values()
        if any(isinstance(base, ast.Name) and base.id == owner.name for base in node.bases)
    ]
    return any(isinstance(item, ast.FunctionDef) and item.name == function.name for heir in heirs for item in heir.body)


def _undefined(source: Source) -> set[str]:
    known = set(dir(builtins)) | {
        "__file__",
        "__name__",
        "__doc__",
        "__package__",
        "__spec__",
        "__class__",
        "__annotations__",
        "__builtins__",
    }
    found: set[str] = set()
    for piece in _pieces(source):
        try:
            top = symtable.symtable(piece, source.path, "exec")
        except (SyntaxError, ValueError, RecursionError):
            return set()
        tables = [top]
        while tables:
            table = tables.pop()
            tables += table.get_children()
            for symbol in table.get_symbols():
                bound = symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
                if (table is top and bound) or (symbol.is_declared_global() and symbol.is_assigned()):
                    known.add(symbol.get_name())
                if symbol.is_referenced() and (symbol.is_global() or (table is top and not bound)):
                    found.add(symbol.get_name())
    return found - known


PIECE = 100_000  # characters; the symbols of a few megabytes at once take some hundred


def _pieces(source: Source) -> Iterator[str]:
    """The text in pieces that end between two statements of the module."""
    if len(source.text) <= PIECE:
        yield source.text
        return
    lines = io.StringIO(source.text, newline=None).readlines()
    future = "from __future__ import annotations\n" if "from __future__ import annotations\n" in lines else ""
    begin = end = length = 0
    for statement in source.tree.body:
        decorators = getattr(statement, "decorator_list", ())
        first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
        if first > end and length >= PIECE:
            yield (future if begin else "") + "".join(lines[begin:end])
            begin, length = end, 0
        last = statement.end_lineno or end
        length += sum(map(len, lines[end:last]))
        end = max(end, last)
    yield (future if begin else "") + "".join(lines[begin:])
