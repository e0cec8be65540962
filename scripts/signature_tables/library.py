"""One library in one version: follows imports and aliases between its modules to where a name is defined."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from signature_tables.facts import Bound, Facts, Reader
from signature_tables.parameters import dotted

if TYPE_CHECKING:
    from signature_tables.parameters import Function
    from signature_tables.sources import Tree

MOST_STEPS = 30  # an import of an import; longer chains than this are circles


@dataclass(frozen=True)
class Place:
    """Where a name ends up.

    Attributes:
        kind: a definition of the library, a value of it, one of its modules, or something of another library.
        module: the module that has it; of "outside" the dotted name there.
        name: in that module; "" for a module.
    """

    kind: Literal["class", "function", "value", "module", "outside"]
    module: str
    name: str = ""

    @property
    def path(self) -> str:
        """Dotted."""
        return f"{self.module}.{self.name}" if self.name else self.module


class Library:
    """A library.

    Args:
        tree: its files.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.root = tree.library
        self.facts = cache(self._facts)
        self._named: dict[str, dict[str, Bound]] = {}
        self._naming: set[str] = set()  # star imports can go in circles
        self._followed: dict[tuple[str, str], Place | None] = {}

    def has(self, module: str) -> bool:
        """Whether there is such a module, be it only compiled."""
        return module in self.tree.modules

    def _facts(self, module: str) -> Facts:
        """What the files of a module say; a stub adds what its ``.py`` leaves open."""
        merged = Facts()
        parsed = self.tree.parsed(module)
        for body, stub in parsed:
            reader = Reader(module, is_package=self.tree.is_package(module), stub=stub)
            reader.read(body.body)
            if not merged.names and not merged.stars:
                merged = reader.facts
                continue
            for name, bound in reader.facts.names.items():
                known = merged.names.get(name)
                better = bound.kind in {"function", "class"} and known is not None and known.kind in {"value", "alias"}
                if known is None or better or (bound.kind == "function" and self._opaque(known)):
                    merged.names[name] = bound
            merged.stars += [star for star in reader.facts.stars if star not in merged.stars]
            merged.exported = merged.exported or reader.facts.exported
        if not parsed:
            merged.dynamic = True
        return merged

    def _opaque(self, bound: Bound) -> bool:
        """Whether a name is imported from a module of this library that is only compiled."""
        return bound.kind == "import" and self.has(bound.target) and not self.tree.modules[bound.target]

    def names(self, module: str) -> dict[str, Bound]:
        """All names of a module, those of its star imports too."""
        if module in self._naming:
            return self.facts(module).names
        if module not in self._named:
            self._naming.add(module)
            found = self._names(module)
            self._naming.discard(module)
            if self._naming:
                return found  # perhaps less than all
            self._named[module] = found
        return self._named[module]

    def _names(self, module: str) -> dict[str, Bound]:
        facts = self.facts(module)
        found: dict[str, Bound] = {}
        for star in facts.stars:
            if star == module or not self.has(star):
                continue
            for name in self.exported(star):
                if self.has(f"{module}.{name}") and self.has(f"{star}.{name}"):
                    continue  # its own submodule of that name is what remains
                found[name] = Bound("import", target=star, attribute=name)
        for name, bound in facts.names.items():
            if name not in found or bound.kind != "value":
                found[name] = bound
        return found

    def is_open(self, module: str) -> bool:
        """Whether a module has names that cannot be read."""
        facts = self.facts(module)
        return facts.dynamic or any(
            not self.has(star) or (star != module and self._star_is_open(star)) for star in facts.stars
        )

    def _star_is_open(self, module: str) -> bool:
        facts = self.facts(module)
        if facts.exported is not None:
            return "?" in facts.exported
        return self.is_open(module)

    def exported(self, module: str, depth: int = 0) -> list[str]:
        """The names that ``from module import *`` brings."""
        facts = self.facts(module)
        if facts.exported is None:  # submodules that something has imported come along
            return list(
                dict.fromkeys(
                    [name for name in self.names(module) if not name.startswith("_")] + self.tree.submodules(module)
                )
            )
        found: list[str] = []
        for item in facts.exported:
            if item.endswith("*"):
                place = self.follow(module, item[:-2]) if item != "*" else None
                if place is not None and place.kind == "module" and depth < MOST_STEPS:
                    found += self.exported(place.module, depth + 1)
            elif item != "?":
                found.append(item)
        if "?" in facts.exported:
            found += [name for name in self.names(module) if not name.startswith("_")]
        return list(dict.fromkeys(found))

    def follow(self, module: str, expression: str) -> Place | None:
        """Where a dotted expression, written in a module, leads."""
        key = (module, expression)
        if key in self._followed:
            return self._followed[key]
        found = self._follow(module, expression)
        if not self._naming:
            self._followed[key] = found
        return found

    def _follow(self, module: str, expression: str) -> Place | None:
        head, *rest = expression.split(".")
        place = self._follow_name(module, head, 0)
        for part in rest:
            if place is None:
                return None
            if place.kind == "module":
                place = self._follow_name(place.module, part, 0)
            elif place.kind == "outside":
                place = Place("outside", f"{place.module}.{part}")
            else:
                place = Place("value", place.path, part)
        return place

    def _follow_name(self, module: str, name: str, depth: int) -> Place | None:
        if depth > MOST_STEPS:
            return None
        bound = self.names(module).get(name)
        if bound is None:
            inner = f"{module}.{name}"
            return Place("module", inner) if self.has(inner) else None
        if bound.kind in {"function", "class"}:
            return Place("function" if bound.kind == "function" else "class", module, name)
        if bound.kind == "alias":
            head, *rest = bound.target.split(".")
            if head not in self.names(module) or head == name:
                return Place("value", module, name)
            place = self._follow_name(module, head, depth + 1)
            for part in rest:
                if place is not None and place.kind == "module":
                    place = self._follow_name(place.module, part, depth + 1)
                else:
                    place = None
            return place if place is not None and place.kind != "outside" else Place("value", module, name)
        if bound.kind == "value":
            return Place("value", module, name)
        if (bound.target, bound.attribute) == (module, name):  # `from package import submodule` in the package itself
            return Place("module", f"{module}.{name}") if self.has(f"{module}.{name}") else None
        return self._imported(bound, depth)

    def _imported(self, bound: Bound, depth: int) -> Place | None:
        if bound.target.partition(".")[0] != self.root:
            return Place("outside", f"{bound.target}.{bound.attribute}" if bound.attribute else bound.target)
        if not bound.attribute:
            return Place("module", bound.target) if self.has(bound.target) else None
        if self.has(bound.target):
            found = self._follow_name(bound.target, bound.attribute, depth + 1)
            if found is not None:
                return found
        return None

    def definition(self, place: Place) -> Bound | None:
        """The statements that define a class or function of this library."""
        bound = self.names(place.module).get(place.name) if place.kind in {"class", "function"} else None
        return bound if bound is not None and bound.nodes else None

    def keeps(self, module: str, decorator: ast.expr) -> bool:
        """Whether a decorator of this library leaves parameters as they are, as ``functools.wraps`` does."""
        place = self.follow(module, dotted(decorator)) if dotted(decorator) else None
        bound = self.definition(place) if place is not None else None
        return bound is not None and any(_wraps(node) for node in bound.nodes)

    def sets_attributes(self, module: str, decorator: ast.expr) -> bool:
        """Whether a decorator of this library sets attributes whose names cannot be read."""
        place = self.follow(module, dotted(decorator)) if dotted(decorator) else None
        bound = self.definition(place) if place is not None else None
        return bound is not None and any(
            isinstance(inner, ast.Call) and dotted(inner.func) == "setattr"
            for node in bound.nodes
            for inner in ast.walk(node)
        )

    def lazily_known(self, module: str) -> list[str] | None:
        """The names that a module's ``__getattr__`` answers to, as far as they can be read.

        None if it may answer to any.
        """
        facts = self.facts(module)
        if facts.getattr is None:
            return []
        found: list[str] = []
        body = facts.getattr.body
        raises = any(
            isinstance(inner, ast.Raise) and "AttributeError" in ast.dump(inner) for inner in ast.walk(facts.getattr)
        )
        if not raises:
            return None
        for statement in body:
            if isinstance(statement, ast.If) and isinstance(statement.body[-1], ast.Raise) and not statement.orelse:
                continue  # names that it refuses
            found += _mentioned(statement, facts)
        return found


def _mentioned(statement: ast.stmt, facts: Facts) -> list[str]:
    found: list[str] = []
    if isinstance(statement, ast.Raise):
        return found
    for inner in ast.walk(statement):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and inner.value.isidentifier():
            found.append(inner.value)
        elif isinstance(inner, ast.Name):
            found += facts.constants.get(inner.id, [])
    return found


def _wraps(node: Function | ast.ClassDef) -> bool:
    """Whether a decorator says that its result has the parameters of what it decorates, or gives that back itself."""
    if isinstance(node, ast.ClassDef):
        return False
    calls = {dotted(inner.func).rpartition(".")[2] for inner in ast.walk(node) if isinstance(inner, ast.Call)}
    if any(isinstance(inner, ast.Attribute) and inner.attr == "__signature__" for inner in ast.walk(node)):
        return False
    if calls & {"wraps", "update_wrapper", "make_decorator"}:
        return True
    own = {item.arg for item in node.args.args}
    returned = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return)]
    inner_own = {item.arg for inner in ast.walk(node) if isinstance(inner, ast.FunctionDef) for item in inner.args.args}
    return (
        bool(returned)
        and all(
            isinstance(value, ast.Name) and (value.id in own | inner_own or _is_inner(node, value.id))
            for value in returned
        )
        and any(isinstance(value, ast.Name) and value.id in own | inner_own for value in returned)
    )


def _is_inner(node: Function, name: str) -> bool:
    return any(
        isinstance(inner, ast.FunctionDef) and inner is not node and inner.name == name for inner in ast.walk(node)
    )
