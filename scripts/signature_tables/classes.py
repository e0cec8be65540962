"""The line of a class: its bases, its members, the attributes its methods set, and whether there may be others."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from signature_tables.facts import walk_own
from signature_tables.parameters import dotted, raises_not_implemented, shape, united, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from signature_tables.library import Library
    from signature_tables.parameters import Function

KEPT_DUNDERS = frozenset([
    "__call__", "__contains__", "__enter__", "__exit__", "__getitem__", "__init__", "__iter__", "__len__", "__new__",
    "__next__", "__setitem__",
])  # fmt: skip
HARMLESS = frozenset([
    "Appender", "Substitution", "add_end_docstrings", "add_start_docstrings", "auto_docstring", "compatibility",
    "dataclass_transform", "deprecated", "deprecated_class", "doc", "experimental", "experimental_class", "final",
    "is_pipeline_test", "register", "requires", "requires_backends", "runtime_checkable", "set_module",
    "total_ordering", "use_experimental_feature",
])  # fmt: skip


class ClassLine:
    """Reads one class.

    Args:
        library: the library it is in.
        module: the module it is in.
        node: its definition.
        stub: it stands in a ``.pyi`` file.
        base: gives the path that a base's expression leads to, "?" if that is not known.
    """

    def __init__(
        self, library: Library, module: str, node: ast.ClassDef, *, stub: bool, base: Callable[[str, str], str]
    ) -> None:
        self._library, self._module, self._node, self._stub, self._base = library, module, node, stub, base
        self.members: dict[str, str] = {}
        self.nested: list[ast.ClassDef] = []
        self.open: set[str] = set()
        self.flags: set[str] = set()
        self._overloaded: set[str] = set()

    def body(self, patched: list[str], *, opened: bool) -> str:
        """The last column of the table's line.

        Args:
            patched: attributes that the module sets on the class.
            opened: the module sets others on it.
        """
        bases = self._bases()
        fields, all_keyword = self._dataclass(bases)
        if opened:
            self.open.add("*")
        self._read(self._node.body, fields=fields, all_keyword=all_keyword)
        for name in patched:
            self._add(name, "")
        if self._stub and not {"__init__", "__new__"} & self.members.keys() and "d" not in self.flags:
            self.flags.add("?")  # stubs leave out constructors
        if "__getattr__" in self.members or "__getattribute__" in self.members:
            self.open.add("*")
        kept = {name: rest for name, rest in self.members.items() if _is_kept(name, rest)}
        tokens = " ".join(name + rest for name, rest in (kept.items() if fields else sorted(kept.items())))
        return f"{''.join(sorted(self.flags))}|{' '.join(sorted(self.open))}|{' '.join(bases)}|{tokens}"

    def _bases(self) -> list[str]:
        found = []
        for expression in self._node.bases:
            inner = expression.value if isinstance(expression, ast.Subscript) else expression
            name = dotted(inner)
            if name.rpartition(".")[2] in {"NamedTuple", "TypedDict"}:
                self.flags.add("d" if name.endswith("NamedTuple") else "?")
                found.append("builtins.tuple" if name.endswith("NamedTuple") else "builtins.dict")
            else:
                found.append(self._base(self._module, name) if name else "?")
        for keyword in self._node.keywords:
            if keyword.arg == "metaclass":
                self._metaclass(keyword.value)
        return found or ["builtins.object"]

    def _metaclass(self, value: ast.expr) -> None:
        name = dotted(value)
        if name.rpartition(".")[2] in {"ABCMeta", "type", "EnumMeta", "EnumType", "_TensorMeta"}:
            return
        place = self._library.follow(self._module, name) if name else None
        bound = self._library.definition(place) if place is not None else None
        if bound is None or not isinstance(bound.nodes[0], ast.ClassDef):
            self.open.add("*")
            self.flags.add("?")
            return
        for item in bound.nodes[0].body:
            if isinstance(item, ast.FunctionDef):
                if item.name == "__getattr__":
                    self.open.add("*")
                elif item.name == "__call__":
                    self.flags.add("?")
                elif not item.name.startswith("_"):
                    self._add(item.name, "")

    def _dataclass(self, bases: list[str]) -> tuple[bool, bool]:
        """(whether annotated names are fields, whether all are passed by keyword only)."""
        fields = "d" in self.flags
        all_keyword = False
        for decorator in self._node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            name = dotted(called).rpartition(".")[2]
            if "dataclass" in name and name != "dataclass_transform" and "pydantic" not in dotted(called):
                given = {item.arg: item.value for item in getattr(decorator, "keywords", ())}
                fields = True
                all_keyword = _is_true(given.get("kw_only"))
                if not ("init" in given and not _is_true(given["init"])):
                    self.flags.add("d")
            elif name not in HARMLESS and not self._library.keeps(self._module, called):
                self.flags.add("?")
            if self._library.sets_attributes(self._module, called):
                self.open.add("*")
        if any(base.rpartition(".")[2] in {"BaseModel", "BaseSettings"} for base in bases):
            self.flags.add("?")
        return fields, all_keyword

    def _read(self, body: list[ast.stmt], *, fields: bool, all_keyword: bool, certain: bool = True) -> None:
        keyword_only = all_keyword
        for item in body:
            match item:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._method(item, certain=certain)
                case ast.ClassDef():
                    self._add(item.name, "^")
                    self.nested.append(item)
                case ast.AnnAssign(target=ast.Name(id=name)):
                    if fields and "KW_ONLY" in ast.unparse(item.annotation):
                        keyword_only = True
                    elif fields and "ClassVar" not in ast.unparse(item.annotation):
                        self.members.pop(name, None)
                        self.members[name] = _field(item.value, keyword_only=keyword_only)
                    else:
                        self._add(name, "")
                case ast.Assign():
                    self._assign(item)
                case ast.If() | ast.Try() | ast.With():
                    self._read(
                        item.body,
                        fields=fields,
                        all_keyword=all_keyword,
                        certain=certain and not isinstance(item, ast.If),
                    )
                    for handler in getattr(item, "handlers", ()):
                        self._read(handler.body, fields=fields, all_keyword=all_keyword, certain=False)
                    self._read(getattr(item, "orelse", []), fields=fields, all_keyword=all_keyword, certain=False)
                case ast.For() | ast.While():
                    self._loop(item)
                case ast.Expr(value=ast.Call() as call) if dotted(call.func) in {
                    "locals().update",
                    "vars().update",
                    "setattr",
                }:
                    self.open.add("*")
                case ast.Import() | ast.ImportFrom():
                    for imported in item.names:
                        self._add((imported.asname or imported.name).partition(".")[0], "")
                case ast.Delete():
                    for target in item.targets:
                        self.members.pop(dotted(target), None)

    def _loop(self, item: ast.For | ast.While) -> None:
        for inner in ast.walk(item):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                self._add(inner.id, "")
            elif isinstance(inner, ast.Call) and dotted(inner.func) in {"locals", "vars", "setattr"}:
                self.open.add("*")

    def _assign(self, item: ast.Assign) -> None:
        for target in item.targets:
            for one in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
                name = dotted(one)
                if not name:
                    self.open.add("*")  # locals()[...] = ...
                    continue
                other = self.members.get(dotted(item.value), "") if isinstance(item.value, ast.Name) else ""
                if other.endswith((")", "!")) or other == ":":
                    self.members[name] = other
                else:
                    known = self.members.get(name, "")
                    self.members[name] = known if known.startswith("~") else ""

    def _method(self, node: Function, *, certain: bool) -> None:
        shaped = shape(node, lambda decorator: self._library.keeps(self._module, decorator))
        if node.name == "__new__":  # it takes the class, whether or not it says that it is static
            shaped = replace(shaped, kind="function")
        if shaped.kind == "property":
            self.members[node.name] = ":"
        else:
            mark = {"static": "@", "class": "%"}.get(shaped.kind, "")
            text = written(node, shaped, method=True)
            known = self.members.get(node.name, "")
            replaces = (
                node.name in self._overloaded and not shaped.overload and not self._stub
            )  # what overloads stand for
            if known.endswith(")") and not replaces and (node.name in self._overloaded or not certain):
                text = united([*known[known.index("(") + 1 : -1].split("|"), text])
            self.members[node.name] = f"{mark}({text}){'!' if raises_not_implemented(node) else ''}"
            if shaped.overload:
                self._overloaded.add(node.name)
        self._instance_attributes(node)

    def _instance_attributes(self, node: Function) -> None:
        if not node.args.args:
            return
        me = node.args.args[0].arg
        for inner in ast.walk(node):
            for target in _targets(inner):
                if isinstance(target, ast.Attribute) and dotted(target.value) == me:
                    self._add(target.attr, "")
                elif isinstance(target, ast.Subscript) and dotted(target.value) == f"{me}.__dict__":
                    self.open.add("*")
                if isinstance(target, ast.Attribute) and dotted(target) == f"{me}.__dict__":
                    self.open.add("*")
            if isinstance(inner, ast.Call):
                self._called(inner, me)

    def _called(self, call: ast.Call, me: str) -> None:
        function = dotted(call.func)
        if function in {"setattr", "object.__setattr__", "super().__setattr__", f"{me}.__setattr__"}:
            arguments = call.args[1:] if function in {"setattr", "object.__setattr__"} else call.args
            if function in {"setattr", "object.__setattr__"} and (
                not call.args or dotted(call.args[0]) not in {me, "cls"}
            ):
                return
            if arguments and isinstance(arguments[0], ast.Constant) and isinstance(arguments[0].value, str):
                self._add(arguments[0].value, "")
            elif arguments:
                self.open.add(_pattern(arguments[0]))
        elif function == f"{me}.__dict__.update":
            self.open.add("*")

    def _add(self, name: str, rest: str) -> None:
        self.members.setdefault(name, rest)


def _targets(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.For):
        targets = [node.target]
    elif isinstance(node, ast.With):
        targets = [item.optional_vars for item in node.items if item.optional_vars is not None]
    else:
        return
    for target in targets:
        yield from walk_own(target) if isinstance(target, ast.Tuple | ast.List) else [target]  # type: ignore[misc]


def _field(value: ast.expr | None, *, keyword_only: bool) -> str:
    """What a dataclass makes of an annotated name with this value."""
    default = value is not None
    if isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] in {"field", "Field"}:
        given = {item.arg: item.value for item in value.keywords}
        if "init" in given and not _is_true(given["init"]):
            return "~-"
        default = "default" in given or "default_factory" in given
        keyword_only = _is_true(given["kw_only"]) if "kw_only" in given else keyword_only
    elif isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2].endswith("field"):
        default = True
    return "~" + ("*" if keyword_only else "") + ("=" if default else "")


def _is_kept(name: str, rest: str) -> bool:
    return not name.startswith("_") or name in KEPT_DUNDERS or rest.startswith("~")


def _pattern(name: ast.expr) -> str:
    """The names that an f-string can give, ``*`` for any other expression."""
    if not isinstance(name, ast.JoinedStr):
        return "*"
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in name.values)


def _is_true(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is True
