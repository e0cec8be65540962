"""What a module's syntax tree says it defines, before any name is followed to another module."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from signature_tables.parameters import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signature_tables.parameters import Function


@dataclass
class Bound:
    """What a name is bound to by one statement.

    Attributes:
        kind: how.
        nodes: the definitions, of which any one may be the right one.
        target: of an import the module, of an alias the dotted expression.
        attribute: of an import the name in that module; "" for the module itself.
        certain: the statement is not inside an ``if`` or an ``except``.
        stub: it stands in a ``.pyi`` file.
    """

    kind: Literal["function", "class", "import", "alias", "value"]
    nodes: list[Function | ast.ClassDef] = field(default_factory=list)
    target: str = ""
    attribute: str = ""
    certain: bool = True
    stub: bool = False


@dataclass
class Facts:
    """A module.

    Attributes:
        names: what each name is bound to.
        stars: the modules that it imports everything from.
        exported: the parts of ``__all__``: names, and modules whose ``__all__`` is added, as ``module.*``; None if
            there is none.
        constants: the strings in the collections that it assigns to names.
        getattr: its ``__getattr__``.
        dynamic: it makes names in ways that cannot be read.
        patched: attributes that it sets on what it defines or imports.
        opened: names of classes on which it sets attributes whose names cannot be read.
        calls: the functions that it calls while it is imported, each with a name that it passes.
    """

    names: dict[str, Bound] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    exported: list[str] | None = None
    constants: dict[str, list[str]] = field(default_factory=dict)
    getattr: Function | None = None
    dynamic: bool = False
    patched: list[tuple[str, str]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)


class Reader:
    """Reads the statements of a module in their order.

    Args:
        module: its dotted name.
        is_package: whether relative imports start at itself.
        stub: whether the file is a ``.pyi``.
    """

    def __init__(self, module: str, *, is_package: bool, stub: bool) -> None:
        self.facts = Facts()
        self._package = module if is_package else module.rpartition(".")[0]
        self._stub = stub

    def read(self, body: list[ast.stmt], *, certain: bool = True) -> None:
        """Read statements; ``certain`` says that they always run."""
        for statement in body:
            self._statement(statement, certain)

    def _statement(self, node: ast.stmt, certain: bool) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if node.name == "__getattr__":
                    self.facts.getattr = node
                self._define(node.name, Bound("function", [node], certain=certain, stub=self._stub))
            case ast.ClassDef():
                self._define(node.name, Bound("class", [node], certain=certain, stub=self._stub))
            case ast.Import():
                for item in node.names:
                    target = item.name if item.asname else item.name.partition(".")[0]
                    self._bind(item.asname or target, Bound("import", target=target, certain=certain, stub=self._stub))
            case ast.ImportFrom():
                self._import_from(node, certain)
            case ast.Assign(targets=targets, value=value):
                for one in targets:
                    self._assign(one, value, certain)
            case ast.AnnAssign():
                self._assign(node.target, node.value or ast.Constant(None), certain)
            case ast.AugAssign():
                if dotted(node.target) == "__all__":
                    self._export(node.value)
            case ast.Delete():
                for one in node.targets if certain else ():
                    self.facts.names.pop(dotted(one), None)
            case ast.Expr(value=ast.Call() as call):
                self._call(call)
            case ast.If():
                checking = dotted(node.test).rpartition(".")[2] == "TYPE_CHECKING"
                self.read(node.body, certain=certain and checking)
                self.read(node.orelse, certain=False)
            case ast.Try() | ast.TryStar():
                self.read(node.body, certain=certain)
                for handler in node.handlers:
                    self.read(handler.body, certain=False)
                self.read(node.orelse, certain=certain)
                self.read(node.finalbody, certain=certain)
            case ast.With():
                for context in node.items:
                    if context.optional_vars is not None:
                        self._assign(context.optional_vars, ast.Constant(None), certain)
                self.read(node.body, certain=certain)
            case ast.For() | ast.While():
                self._loop(node)

    def _define(self, name: str, bound: Bound) -> None:
        known = self.facts.names.get(name)
        overloaded = known is not None and known.kind == bound.kind == "function" and _is_overload(known.nodes[-1])
        if known is not None and known.kind == bound.kind and (overloaded or not bound.certain):
            known.nodes += bound.nodes
        elif known is None or bound.certain or known.kind == "value":
            self.facts.names[name] = bound

    def _bind(self, name: str, bound: Bound) -> None:
        known = self.facts.names.get(name)
        if known is None or known.kind == "value" or (bound.certain and bound.kind != "value"):
            self.facts.names[name] = bound

    def _import_from(self, node: ast.ImportFrom, certain: bool) -> None:
        module = node.module or ""
        if node.level:
            parts = self._package.split(".")
            parts = parts[: len(parts) - node.level + 1]
            module = ".".join([*parts, module] if module else parts)
        for item in node.names:
            if item.name == "*":
                self.facts.stars.append(module)
            else:
                bound = Bound("import", target=module, attribute=item.name, certain=certain, stub=self._stub)
                self._bind(item.asname or item.name, bound)

    def _assign(self, target: ast.expr, value: ast.expr, certain: bool) -> None:
        match target:
            case ast.Name(id="__all__"):
                self.facts.exported = None
                self._export(value)
            case ast.Name(id=name):
                strings = _strings(value)
                if strings:
                    self.facts.constants.setdefault(name, []).extend(strings)
                expression = dotted(value)
                kind: Literal["alias", "value"] = "alias" if expression and expression != name else "value"
                self._bind(name, Bound(kind, target=expression, certain=certain, stub=self._stub))
            case ast.Tuple() | ast.List():
                for item in target.elts:
                    self._assign(item, ast.Constant(None), certain)
            case ast.Attribute():
                self.facts.patched.append((dotted(target.value), target.attr))
            case ast.Subscript():
                if isinstance(target.value, ast.Call) and dotted(target.value.func) in {"globals", "vars", "locals"}:
                    self._dynamic_name(target.slice)

    def _dynamic_name(self, name: ast.expr) -> None:
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            self._bind(name.value, Bound("value"))
        else:
            self.facts.dynamic = True

    def _call(self, call: ast.Call) -> None:
        function = dotted(call.func)
        if function in {"__all__.extend", "__all__.append"} and call.args:
            self._export(call.args[0])
        elif function == "setattr" and len(call.args) == 3:
            name = call.args[1]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                self.facts.patched.append((dotted(call.args[0]), name.value))
            else:
                self.facts.opened.append(dotted(call.args[0]))
        elif function == "globals().update" or (
            isinstance(call.func, ast.Attribute)
            and call.func.attr == "update"
            and isinstance(call.func.value, ast.Call)
        ):
            self.facts.dynamic = True
        else:
            self.facts.calls += [
                (function, dotted(argument)) for argument in call.args if function and dotted(argument)
            ]

    def _loop(self, node: ast.For | ast.While) -> None:
        for inner in walk_own(node):
            if isinstance(inner, ast.For):
                self._assign(inner.target, ast.Constant(None), certain=False)
            elif isinstance(inner, ast.Assign):
                for target in inner.targets:
                    self._assign(target, ast.Constant(None), certain=False)
            elif isinstance(inner, ast.Call):
                self._call(inner)
            elif isinstance(inner, ast.Import | ast.ImportFrom):
                self._statement(inner, certain=False)

    def _export(self, value: ast.expr) -> None:
        exported = self.facts.exported = self.facts.exported or []
        if isinstance(value, ast.BinOp):
            self._export(value.left)
            self._export(value.right)
        elif dotted(value).endswith("__all__"):
            exported.append(dotted(value).removesuffix("__all__") + "*")
        elif isinstance(value, ast.Constant) and isinstance(value.value, str):
            exported.append(value.value)
        elif isinstance(value, ast.List | ast.Tuple):
            for item in value.elts:
                if isinstance(item, ast.Starred):
                    self._export(item.value)
                else:
                    exported += [one for one in _strings(item) if one]
        elif isinstance(value, ast.Call) and dotted(value.func) in {"list", "sorted", "tuple"} and value.args:
            self._export(value.args[0])
        else:
            exported.append("?")


def _is_overload(node: Function | ast.ClassDef) -> bool:
    return any(dotted(one).rpartition(".")[2] == "overload" for one in node.decorator_list)


def _strings(value: ast.expr) -> list[str]:
    """The strings of a constant, a collection, or the keys of a dict."""
    items = value.keys if isinstance(value, ast.Dict) else getattr(value, "elts", [value])
    if isinstance(value, ast.Call) and value.args:
        items = getattr(value.args[0], "elts", [])
    return [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]


def walk_own(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, without the functions and classes in it."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from walk_own(child)
