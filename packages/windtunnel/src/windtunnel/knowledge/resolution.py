"""Follows dotted names through the tables of one version of each library: re-exports, submodules, inheritance.

It answers with symbols, and with None wherever an answer would need something that no table has.
"""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from windtunnel.knowledge.symbols import Missing, Parameter, Symbol
from windtunnel.knowledge.tables import LIBRARIES, Alias, ClassEntry, FunctionEntry, Member, ModuleEntry, signatures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from windtunnel.knowledge.symbols import Signature
    from windtunnel.knowledge.tables import Table

MOST_ALIASES = 24  # a re-export of a re-export; longer chains than this are circles
# classes of these modules are looked at directly; they are the running Python's own, not a library's
STANDARD_MODULES = frozenset([
    "abc", "argparse", "builtins", "codecs", "collections", "collections.abc", "concurrent.futures", "contextlib",
    "datetime", "enum", "functools", "io", "json", "logging", "numbers", "os", "pathlib", "pickle", "queue", "string",
    "threading", "types", "typing", "unittest", "warnings", "weakref",
])  # fmt: skip
PASSED_OVER = frozenset(
    {"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"}
)  # they take no arguments of their own
ENUM_ATTRIBUTES = frozenset({"name", "value"})

History = tuple[str | None, str | None]


class Resolver:
    """The tables, each in one version.

    Args:
        table: gives the table of a library, None if there is none that counts.
        index: gives the index of the version of a library that counts.
        history: gives, for the paths of a parent and a name that it lacks, the versions that Missing tells of.
    """

    def __init__(
        self,
        table: Callable[[str], Table | None],
        index: Callable[[str], int],
        history: Callable[[str, str], History],
    ) -> None:
        self._table = table
        self._index = index
        self._history = history
        self._lines: dict[str, list[tuple[str, ClassEntry | type | None]]] = {}
        self._found: dict[str, Symbol | Missing | None] = {}

    def find(self, name: str) -> Symbol | Missing | None:
        """What a dotted name stands for; the first missing part of it, or None if it is not known."""
        return self._find(name, 0)

    def _find(self, name: str, depth: int) -> Symbol | Missing | None:
        if name in self._found:
            return self._found[name]
        head, _, last = name.rpartition(".")
        if not head:
            found: Symbol | Missing | None = self._module(name, name)
        else:
            parent = self._find(head, depth) if depth < MOST_ALIASES else None
            found = self._attribute(parent, last, depth) if isinstance(parent, Symbol) else parent
            if not isinstance(found, Symbol) and isinstance(parent, Symbol) and parent.kind != "module":
                # a package may hold a module and a class of one name; `from` takes what the module has
                module = self._module(head, head)
                found = self._attribute(module, last, depth) if module else found
        self._found[name] = found
        return found

    def _module_entry(self, path: str) -> ModuleEntry | None:
        library = path.partition(".")[0]
        table = self._table(library)
        return table.module(path, self._index(library)) if table else None

    def _definition(self, path: str) -> ClassEntry | FunctionEntry | None:
        library = path.partition(".")[0]
        table = self._table(library)
        return table.definition(path, self._index(library)) if table else None

    def _attribute(self, parent: Symbol, name: str, depth: int = 0) -> Symbol | Missing | None:
        if parent.kind == "module":
            return self._of_module(parent, name, depth)
        if parent.kind == "class":
            return self._of_class(parent, name)
        return None

    def _symbol(self, symbol: Symbol) -> Symbol:
        object.__setattr__(symbol, "_attribute", partial(self._attribute, symbol))  # the symbol is not shared yet
        return symbol

    def _module(self, name: str, path: str) -> Symbol | None:
        entry = self._module_entry(path)
        return self._symbol(Symbol(name, path, "module", open="*" in entry.open)) if entry is not None else None

    def _of_module(self, parent: Symbol, name: str, depth: int) -> Symbol | Missing | None:
        entry = self._module_entry(parent.path)
        full = f"{parent.name}.{name}"
        if entry is None:  # a package that is left out may hold modules that are not
            return self._module(full, f"{parent.path}.{name}")
        if name not in entry.names:
            if name.startswith("_") or any(fnmatchcase(name, pattern) for pattern in entry.open):
                return None
            return Missing(parent, name, partial(self._history, parent.name, name), lambda: entry.names)
        target = entry.names[name]
        if target == "submodule":
            path = f"{parent.path}.{name}"
            return self._module(full, path) or self._symbol(Symbol(full, path, "module", open=True))
        if target == "own":
            return self._defined(full, f"{parent.path}.{name}")
        if target is None:
            return Symbol(full, f"{parent.path}.{name}", "attribute", open=True)
        return self._followed(full, target, depth)

    def _followed(self, full: str, alias: Alias, depth: int) -> Symbol | None:
        path = f"{alias.module}.{alias.attribute}" if alias.attribute else alias.module
        found: Symbol | Missing | None
        if alias.attribute and self._definition(path) is not None:
            found = self._defined(full, path)
        else:
            found = self._module(full, path)
            if found is None and alias.attribute:
                found = self._find(path, depth + 1)
        if not isinstance(found, Symbol):  # the name is there, whatever is behind it
            return Symbol(full, path, "attribute", open=True)
        if found.name == full:
            return found
        values = {name: getattr(found, name) for name in Symbol.__slots__ if name not in {"name", "_attribute"}}
        return self._symbol(Symbol(full, **values))

    def _defined(self, full: str, path: str) -> Symbol:
        entry = self._definition(path)
        if isinstance(entry, FunctionEntry):
            return self._symbol(
                Symbol(
                    full,
                    path,
                    "function",
                    signatures(entry.signature),
                    raises_not_implemented=entry.raises_not_implemented,
                )
            )
        if not isinstance(entry, ClassEntry):
            return Symbol(full, path, "attribute", open=True)
        line = self._ancestors(path)
        opened = any(one is None or (isinstance(one, ClassEntry) and "*" in one.open) for _, one in line)
        return self._symbol(
            Symbol(
                full,
                path,
                "class",
                self._constructor(line),
                entry.bases,
                tuple(name for name, _ in line),
                opened,
                owner=path,
            )
        )

    def _ancestors(self, path: str) -> list[tuple[str, ClassEntry | type | None]]:
        """A class and its bases, nearest first; the bases that are not known are ("?", None)."""
        if path in self._lines:
            return self._lines[path]
        self._lines[path] = [("?", None)]  # what a circle finds
        entry = self._definition(path)
        if entry is None and path.partition(".")[0] in LIBRARIES:  # a base of another library, by its public name
            found = self._find(path, 0)
            if isinstance(found, Symbol) and found.kind == "class" and found.path != path:
                self._lines[path] = self._ancestors(found.path)
                return self._lines[path]
        if isinstance(entry, ClassEntry):
            whole: list[tuple[str, ClassEntry | type | None]] = [(path, entry)]
            for base in entry.bases:
                whole += self._ancestors(base)
            last = {name: position for position, (name, _) in enumerate(whole)}
            self._lines[path] = [item for position, item in enumerate(whole) if last[item[0]] == position]
        else:
            standard = _standard(path)
            if standard is not None:
                self._lines[path] = [(path, standard)]
        return self._lines[path]

    def _of_class(self, parent: Symbol, name: str) -> Symbol | Missing | None:
        line = self._ancestors(parent.path)
        certain, opened = True, name.startswith("_")
        full = f"{parent.name}.{name}"
        for path, one in line:
            if one is None:
                certain = False
            elif isinstance(one, type):
                if name in dir(one) or (name in ENUM_ATTRIBUTES and path.startswith("enum.")):
                    kind = "method" if callable(getattr(one, name, None)) else "attribute"
                    return Symbol(
                        full, f"{path}.{name}", "method" if kind == "method" else "attribute", open=True, owner=path
                    )
            else:
                if name in one.members:
                    return self._member(full, path, name, one.members[name], certain=certain)
                opened = opened or any(fnmatchcase(name, pattern) for pattern in one.open)
        if not certain or opened or name in dir(type):
            return None
        known = lambda: [key for _, one in line for key in (one.members if isinstance(one, ClassEntry) else ())]  # noqa: E731 - short
        return Missing(parent, name, partial(self._history, parent.name, name), known)

    def _member(self, full: str, path: str, name: str, member: Member, *, certain: bool) -> Symbol:
        own = f"{path}.{name}"
        if member.form == "^":
            return self._defined(full, own)
        if member.form == ":":
            return Symbol(full, own, "property", owner=path, open=True)
        if not member.form.endswith("()"):
            return Symbol(full, own, "attribute", owner=path, open=True)
        return Symbol(
            full,
            own,
            "method",
            signatures(member.signature) if certain else None,
            raises_not_implemented=member.raises_not_implemented,
            owner=path,
            passes_self=member.form == "()",
        )

    def _constructor(self, line: list[tuple[str, ClassEntry | type | None]]) -> tuple[Signature, ...] | None:
        for path, one in line:
            if isinstance(one, ClassEntry):
                if "?" in one.flags:
                    return None
                for name in ("__init__", "__new__"):
                    if name in one.members:
                        return signatures(one.members[name].signature)
                if "d" in one.flags:
                    return _fields(line)
            elif one is None or path not in PASSED_OVER:
                return None
        return ((),)


def _fields(line: Iterable[tuple[str, ClassEntry | type | None]]) -> tuple[Signature, ...] | None:
    """The constructor that ``dataclass`` makes of the fields of a class and its bases."""
    kept: dict[str, str] = {}
    for path, one in reversed(list(line)):
        if isinstance(one, ClassEntry):
            for name, member in one.members.items():
                if member.form.startswith("~"):
                    kept[name] = member.form
        elif one is None and path == "?":
            return None
    passed = [item for item in kept.items() if item[1] != "~-"]
    ordered = sorted(passed, key=lambda item: "*" in item[1])
    return (
        tuple(
            Parameter(name, "keyword" if "*" in form else "either", required=not form.endswith("="))
            for name, form in ordered
        ),
    )


def _standard(path: str) -> type | None:
    module, _, name = path.rpartition(".")
    if module not in STANDARD_MODULES:
        return None
    found = getattr(sys.modules.get(module) or import_module(module), name, None)
    return found if isinstance(found, type) else None
