"""The lines of a table for one version of a library, and the file for all versions."""

from __future__ import annotations

import ast
import builtins
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from signature_tables.classes import ClassLine
from signature_tables.parameters import raises_not_implemented, shape, united, with_aliases, written
from signature_tables.plan import COVERED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from signature_tables.facts import Bound
    from signature_tables.library import Library, Place
    from signature_tables.plan import Plan

Lines = dict[tuple[str, str], str]  # (path, kind) → body; a module and a class may have one path


class Collector:
    """Collects the lines of a library: its public modules, what they name, and the bases of that.

    Args:
        library: the library.
        plan: which of its modules are wanted.
    """

    def __init__(self, library: Library, plan: Plan) -> None:
        self._library = library
        self._plan = plan
        self._lines: Lines = {}
        self._wanted: list[Place] = []
        self._patched: dict[str, list[str]] = {}
        self._opened: set[str] = set()
        self._noted: set[str] = set()

    def collect(self) -> Lines:
        """All lines, by path and kind."""
        modules = [module for module in self._library.tree.modules if self._is_public(module)]
        for module in modules:
            self._note_patches(module)
        for module in modules:
            self._lines[module, "M"] = self._module(module)
        while self._wanted:
            self._define(self._wanted.pop())
        return self._lines

    def _is_public(self, module: str) -> bool:
        inner = module.split(".")[1:]
        if any(part.startswith("_") or part in {"tests", "testing", "conftest"} for part in inner):
            return False
        if not self._library.tree.modules[module]:
            return False
        if any(fnmatchcase(module, pattern) for pattern in self._plan.include):
            return True
        return not any(fnmatchcase(module, pattern) for pattern in self._plan.exclude)

    def _is_name_only(self, module: str) -> bool:
        if any(fnmatchcase(module, pattern) for pattern in self._plan.include):
            return False
        return any(fnmatchcase(module, pattern) for pattern in self._plan.names_only)

    def _note_patches(self, module: str) -> None:
        """Note the attributes that a module sets on classes."""
        if module in self._noted:
            return
        self._noted.add(module)
        facts = self._library.facts(module)
        for expression, name in facts.patched:
            place = self._library.follow(module, expression) if expression else None
            if place is not None and place.kind in {"class", "module"}:
                self._patched.setdefault(place.path, []).append(name)
        opened = list(facts.opened)
        for function, argument in facts.calls:
            called = self._library.follow(module, function)
            bound = self._library.definition(called) if called is not None else None
            if bound is not None and any("setattr(" in ast.unparse(node) for node in bound.nodes):
                opened.append(argument)
        for expression in opened:
            place = self._library.follow(module, expression) if expression else None
            if place is not None:
                self._opened.add(place.path)

    def _module(self, module: str) -> str:
        library = self._library
        groups: dict[str, list[str]] = {}
        names = [name for name in library.names(module) if not name.startswith("_")]
        for name in names:
            target, item = self._item(module, name, library.follow(module, name))
            groups.setdefault(target, []).append(item)
        seen = set(names)
        for name in library.tree.submodules(module):
            if name not in seen:
                groups.setdefault("+", []).append(name)
                seen.add(name)
        lazy = library.lazily_known(module)
        for name in (*(library.facts(module).exported or ()), *(lazy or ()), *self._patched.get(module, ())):
            if name.isidentifier() and not name.startswith("_") and name not in seen:
                groups.setdefault("?", []).append(name)
                seen.add(name)
        dynamic = library.is_open(module) and module not in self._plan.closed
        opened = "*" if lazy is None or dynamic or module in self._opened else self._plan.open_names.get(module, "")
        written_groups = (f"{target}:{' '.join(sorted(items))}" for target, items in sorted(groups.items()))
        return f"{opened}|{';'.join(written_groups)}"

    def _item(self, module: str, name: str, place: Place | None) -> tuple[str, str]:
        """(group, item) of a name of a module."""
        if place is None or (place.kind == "value" and place.module != module):
            return "?", name
        if place.kind == "value":
            return "", name
        if place.kind == "outside":
            target, _, attribute = place.module.rpartition(".")
            if place.module.partition(".")[0] not in COVERED or not target:
                return "?", name
            return target, name if attribute == name else f"{name}={attribute}"
        if place.kind == "module":
            if place.path == f"{module}.{name}":
                return "+", name
            return self._short(place.path), f"{name}=*"
        self._wanted.append(place)
        if place.module == module:
            return "", name if place.name == name else f"{name}={place.name}"
        return self._short(place.module), name if place.name == name else f"{name}={place.name}"

    def _short(self, path: str) -> str:
        return path[len(self._library.root) :] or "."

    def _define(self, place: Place) -> None:
        kind = "F" if place.kind == "function" else "C"
        if (place.path, kind) in self._lines or self._is_name_only(place.module):
            return
        bound = self._library.definition(place)
        if bound is None:
            return
        self._note_patches(place.module)
        if place.kind == "function":
            self._lines[place.path, kind] = self._function(place.module, bound)
        else:
            node = bound.nodes[0]
            if isinstance(node, ast.ClassDef):
                self._class(place.module, place.path, node, stub=bound.stub)

    def _class(self, module: str, path: str, node: ast.ClassDef, *, stub: bool) -> None:
        line = ClassLine(self._library, module, node, stub=stub, base=self._base)
        line.open.update(self._plan.open_names.get(path, "").split())
        opened = path in self._opened or (stub and path not in self._plan.whole_stubs)
        body = line.body(self._patched.get(path, []), opened=opened)
        if stub and (self._plan.alias_of or self._plan.vague):
            *frames, members = body.split("|", 3)
            body = "|".join([*frames, " ".join(self._adapted(token) for token in members.split())])
        self._lines[path, "C"] = body
        for nested in line.nested:
            self._class(module, f"{path}.{nested.name}", nested, stub=stub)

    def _adapted(self, token: str) -> str:
        """A member of a stub's class, with what the plan knows better."""
        name, bracket, rest = token.partition("(")
        if not bracket:
            return token
        text, _, mark = rest.rpartition(")")
        vague = name.rstrip("@%_") in self._plan.vague
        return f"{name}({'?' if vague else with_aliases(text, self._plan.alias_of)}){mark}"

    def _function(self, module: str, bound: Bound) -> str:
        shaped = [
            (node, shape(node, lambda decorator: self._library.keeps(module, decorator)))
            for node in bound.nodes
            if not isinstance(node, ast.ClassDef)
        ]
        implementations = [item for item in shaped if not item[1].overload] or shaped
        text = united([written(node, one, method=False) for node, one in implementations])
        if bound.stub and self._plan.alias_of:
            text = with_aliases(text, self._plan.alias_of)
        if bound.stub and bound.nodes[0].name in self._plan.vague:
            text = "?"
        return text + ("!" if all(raises_not_implemented(node) for node, _ in implementations) else "")

    def _base(self, module: str, name: str) -> str:
        place = self._library.follow(module, name)
        if place is None:
            return f"builtins.{name}" if hasattr(builtins, name) else "?"
        if place.kind == "outside":
            return place.module.replace("typing_extensions.", "typing.")
        if place.kind != "class":
            return "?"
        self._wanted.append(place)
        return self._short(place.path)


def table(plan: Plan, releases: Mapping[str, str], versions: Mapping[str, Lines]) -> str:
    """The text of a table file.

    Args:
        plan: of the library.
        releases: the day of each final release, oldest version first.
        versions: the lines of each version that is kept, oldest first.
    """
    gathered: dict[tuple[str, str, str], dict[str, int]] = {}
    whole: dict[tuple[str, str, str], int] = {}
    for index, lines in enumerate(versions.values()):
        for (path, kind), body in lines.items():
            frame, items = _split(kind, body)
            key = (path[len(plan.library) :] or ".", kind, frame)
            whole[key] = whole.get(key, 0) | 1 << index
            masks = gathered.setdefault(key, {})
            for item in items:
                masks[item] = masks.get(item, 0) | 1 << index
    left_out = ", ".join(plan.exclude) or "none"
    head = [
        f"# table of {plan.library}, read from its wheels by scripts/make_signatures.py; not written by hand",
        "# format 1",
        f"# distribution {plan.distribution}",
        f"# public-modules-left-out {left_out}{' but not ' + ', '.join(plan.include) if plan.include else ''}",
        f"# versions {' '.join(versions)}",
        f"# releases {' '.join(f'{version}={day}' for version, day in releases.items())}",
    ]
    written_lines = sorted(
        f"{path}\t{mask:x}\t{kind}\t{_joined(kind, frame, gathered[path, kind, frame], mask)}"
        for (path, kind, frame), mask in whole.items()
    )
    return "".join(f"{line}\n" for line in [*head, *written_lines])


def _split(kind: str, body: str) -> tuple[str, list[str]]:
    """(what versions must have in common to share a line, what may differ) of the body of a line."""
    if kind == "M":
        frame, _, groups = body.partition("|")
        return frame, [
            f"{group.partition(':')[0]}:{item}"
            for group in groups.split(";")
            if group
            for item in group.partition(":")[2].split()
        ]
    if kind == "C" and "~" not in body:
        *frames, members = body.split("|", 3)  # there may be more of them in signatures
        return "|".join(frames), members.split()
    return body, []  # a function, or the fields of a dataclass, whose order matters


def _joined(kind: str, frame: str, items: dict[str, int], mask: int) -> str:
    """The body of a line that several versions share: what not all of them have is marked ``#`` and the versions."""
    marked = {item: item if held == mask else f"{item}#{held:x}" for item, held in sorted(items.items())}
    if kind == "C" and "~" not in frame:
        return f"{frame}|{' '.join(marked.values())}"
    if kind != "M":
        return frame
    groups: dict[str, list[str]] = {}
    for item in marked.values():
        target, _, name = item.partition(":")
        groups.setdefault(target, []).append(name)
    return f"{frame}|{';'.join(f'{target}:{chr(32).join(names)}' for target, names in groups.items())}"
