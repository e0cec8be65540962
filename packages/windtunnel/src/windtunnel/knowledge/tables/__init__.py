"""The table files: one per library, every name of every version in it, a line each; and how to read them.

A file opens with lines ``# key value``; the other lines are sorted and hold, between tabs, a path, the versions, a
kind and a body. Only the lines that are asked for are read further.
Versions share a line; a name or member of it that not all of them have ends in ``#`` and the versions that do.

* The path leaves the library out: ``.nn.functional.relu``, and ``.`` for the library itself.
* The versions are the bits of a hexadecimal number: bit 0 is the first version that the header names.
* ``M`` is a module: ``open|group;group``. A group is ``target:names``; names are separated by spaces, and ``a=b`` means
  that ``a`` is what the target calls ``b``. The target is a module (``.x`` is in the same library) or, for what the
  module defines itself, empty; ``+`` are submodules, ``?`` are names of which no more is known. ``a=*`` is the target.
* ``C`` is a class: ``flags|open|bases|members``. Flags: ``d`` a dataclass or named tuple, ``?`` its constructor is not
  known. A base ``?`` is one that is not known. A member is ``name`` an attribute, ``name:`` a property, ``name(...)`` a
  method, ``name@(...)`` a static one, ``name%(...)`` a class method, ``name^`` a class with a line of its own,
  ``name~`` and ``name~=`` a field without and with a default, ``name~*`` and ``name~*=`` one that is passed by keyword
  only, ``name~-`` one that the constructor does not take; a ``!`` behind a method: it raises NotImplementedError.
* ``F`` is a function: its signature, and ``!`` likewise.
* A signature is ``a,b=,/,c,*args,d=,**kwargs`` without ``self``; ``|`` stands between alternatives; ``?`` is not known.
* ``open`` lists patterns, separated by spaces, of names that may exist though none is listed.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from importlib import resources
from itertools import islice
from typing import TYPE_CHECKING, Literal

from windtunnel.knowledge.symbols import Parameter, Signature

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.knowledge.symbols import Passing

LIBRARIES = frozenset(
    file.name[: -len(".txt")] for file in resources.files(__name__).iterdir() if file.name.endswith(".txt")
)


@dataclass(frozen=True, slots=True)
class Alias:
    """A name of a module that is defined elsewhere: ``attribute`` of ``module``; the module itself if it is empty."""

    module: str
    attribute: str


@dataclass(frozen=True, slots=True)
class ModuleEntry:
    """A module. Names map to an alias, to None if nothing more is known of them, or to "own" or "submodule"."""

    names: dict[str, Alias | Literal["own", "submodule"] | None]
    open: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a class, as its line has it; ``form`` is the punctuation behind the name (see the module's text)."""

    form: str
    signature: str = ""
    raises_not_implemented: bool = False


@dataclass(frozen=True, slots=True)
class ClassEntry:
    """A class."""

    flags: str
    open: tuple[str, ...]
    bases: tuple[str, ...]
    members: dict[str, Member]


@dataclass(frozen=True, slots=True)
class FunctionEntry:
    """A function."""

    signature: str
    raises_not_implemented: bool


Entry = ModuleEntry | ClassEntry | FunctionEntry


@dataclass
class Table:
    """The names of one library, in all versions that the file has.

    Attributes:
        library: the import root.
        distribution: the name that the package index has for it.
        versions: of the table, oldest first.
        releases: the day of every final release, oldest first by version.
    """

    library: str
    distribution: str
    versions: tuple[str, ...]
    releases: dict[str, str]
    lines: list[str] = field(repr=False)
    _parsed: dict[tuple[str, int], Entry] = field(default_factory=dict, repr=False)

    def module(self, path: str, version: int) -> ModuleEntry | None:
        """A module, by its full dotted path, in the version of an index into :attr:`versions`; None if it has none."""
        found = self._entry(path, version, "M")
        return found if isinstance(found, ModuleEntry) else None

    def definition(self, path: str, version: int) -> ClassEntry | FunctionEntry | None:
        """A class or function, by the full dotted path of where it is defined; None likewise."""
        found = self._entry(path, version, "CF")
        return None if isinstance(found, ModuleEntry) else found

    def _entry(self, path: str, version: int, kinds: str) -> Entry | None:
        start = (path[len(self.library) :] or ".") + "\t"
        for line in islice(self.lines, bisect_left(self.lines, start), None):
            if not line.startswith(start):
                break
            _, mask, kind, body = line.split("\t", 3)
            if kind in kinds and int(mask, 16) >> version & 1:
                if (line, version) not in self._parsed:
                    self._parsed[line, version] = self._read(path, kind, body, version)
                return self._parsed[line, version]
        return None

    def _read(self, path: str, kind: str, body: str, version: int) -> Entry:
        if kind == "M":
            return self._module(path, body, version)
        if kind == "C":
            flags, opened, bases, members = body.split("|", 3)
            return ClassEntry(
                flags,
                tuple(opened.split()),
                tuple(self._full(base) for base in bases.split()),
                _members(members, version),
            )
        return FunctionEntry(body.rstrip("!"), body.endswith("!"))

    def _module(self, path: str, body: str, version: int) -> ModuleEntry:
        opened, _, groups = body.partition("|")
        names: dict[str, Alias | Literal["own", "submodule"] | None] = {}
        for group in groups.split(";") if groups else ():
            target, _, listed = group.partition(":")
            for item in _of_version(listed, version):
                name, _, original = item.partition("=")
                if target == "":
                    names[name] = Alias(path, original) if original else "own"
                elif target == "+":
                    names[name] = "submodule"
                elif target == "?":
                    names[name] = None
                elif original == "*":
                    names[name] = Alias(self._full(target), "")
                else:
                    names[name] = Alias(self._full(target), original or name)
        return ModuleEntry(names, tuple(opened.split()))

    def _full(self, target: str) -> str:
        if target == ".":
            return self.library
        return self.library + target if target.startswith(".") else target


def _of_version(text: str, version: int) -> Iterator[str]:
    """The items of a list that a version has."""
    for item in text.split():
        name, _, mask = item.partition("#")
        if not mask or int(mask, 16) >> version & 1:
            yield name


def _members(text: str, version: int) -> dict[str, Member]:
    found: dict[str, Member] = {}
    for token in _of_version(text, version):
        name = token.rstrip("!")
        for mark in "(:~^":
            name = name.partition(mark)[0]
        rest = token[len(name) :]
        name = name.rstrip("@%")
        if "(" in rest:
            raises = rest.endswith("!")
            form = token[len(name) : token.index("(")] + "()"
            found[name] = Member(form, token[token.index("(") + 1 : -2 if raises else -1], raises)
        else:
            found[name] = Member(token[len(name) :])
    return found


def signatures(text: str) -> tuple[Signature, ...] | None:
    """The alternatives that a signature lists; None if it says that nothing is known."""
    if text == "?":
        return None
    return tuple(tuple(_parameters(one)) for one in text.split("|"))


def _parameters(text: str) -> Iterator[Parameter]:
    items = text.split(",") if text else []
    slash = items.index("/") if "/" in items else -1
    keyword_only = False
    for position, item in enumerate(items):
        if item == "/":
            continue
        if item == "*":
            keyword_only = True
        elif item.startswith("**"):
            yield Parameter(item[2:], "kwargs", required=False)
        elif item.startswith("*"):
            keyword_only = True
            yield Parameter(item[1:], "args", required=False)
        else:
            passing: Passing = "keyword" if keyword_only else "positional" if position < slash else "either"
            yield Parameter(item.rstrip("="), passing, required=not item.endswith("="))


def read(library: str) -> Table:
    """The table of a library; :data:`LIBRARIES` says which there are."""
    return parse(library, (resources.files(__name__) / f"{library}.txt").read_text(encoding="ascii"))


def parse(library: str, text: str) -> Table:
    """A table from the text of its file."""
    lines = text.split("\n")
    head = next(index for index, line in enumerate(lines) if not line.startswith("#"))
    keys = dict(line[2:].partition(" ")[::2] for line in lines[:head])
    releases = dict(item.split("=") for item in keys["releases"].split())
    return Table(library, keys["distribution"], tuple(keys["versions"].split()), releases, lines[head:-1])
