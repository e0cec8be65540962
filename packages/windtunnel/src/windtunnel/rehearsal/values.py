"""What is known of a value while code is followed without being run.

The domain, from most to least known: constants, partly known text, containers with known items, configuration nodes
(real
OmegaConf objects), functions and classes of the submission, library names, objects of a known library type, and
things of which nothing is known. ``Alternatives`` holds what a name can be after a branch that could not be decided.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable

    from omegaconf import DictConfig, ListConfig

NO_TAGS: frozenset[str] = frozenset()


class Value:
    """Anything a name can stand for."""

    __slots__ = ()

    @property
    def tags(self) -> frozenset[str]:
        """Where it comes from, such as ``split:test``; passed on by every operation."""
        return NO_TAGS


@dataclass(frozen=True, slots=True)
class Const(Value):
    """A known constant. ``origin`` is the configuration key it was read from, if any."""

    value: Any
    origin: str | None = None


@dataclass(slots=True)
class Text(Value):
    """A string known in part: constants, and None where a piece is unknown (``f"eval_{name}"`` is ``("eval_".

    None)``).
    """

    parts: tuple[str | None, ...]

    def matches(self, text: str) -> bool:
        """Whether this text could be ``text``."""
        position, floating = 0, False
        for index, part in enumerate(self.parts):
            if part is None:
                floating = True
                continue
            last = index == len(self.parts) - 1
            if last and floating:
                return text.endswith(part) and len(text) - len(part) >= position
            found = text.find(part, position) if floating else (position if text.startswith(part, position) else -1)
            if found < 0:
                return False
            position, floating = found + len(part), False
        return floating or position == len(text)

    def __str__(self) -> str:
        return "".join("{}" if part is None else part for part in self.parts)


@dataclass(slots=True)
class Sequence_(Value):  # noqa: N801 - `Sequence` is taken
    """A list, tuple or set. ``more`` says that it may hold further items, of which ``item`` is an example.

    ``born`` is how deep in loops of unknown length it was made: what such a loop adds to an older one is repeated.
    ``last`` is what was appended last, where nothing has changed it since.
    """

    kind: str
    items: list[Value]
    more: bool = False
    item: Value | None = None
    born: int = 0
    last: Value | None = None

    @property
    def tags(self) -> frozenset[str]:
        """Those of its parts, or its own."""
        return join_tags(self.items[:8])


@dataclass(slots=True)
class Mapping_(Value):  # noqa: N801 - `Mapping` is taken
    """A dict with constant keys. ``more`` says that it may hold further keys.

    Of whose values ``item`` is an example.
    """

    items: dict[Any, Value]
    more: bool = False
    item: Value | None = None
    patterns: list[tuple[Text, Value]] = field(default_factory=list)

    @property
    def tags(self) -> frozenset[str]:
        """Those of its parts, or its own."""
        return join_tags(list(self.items.values())[:8])


@dataclass(slots=True)
class Node(Value):
    """A node of a configuration: the real OmegaConf object."""

    config: DictConfig | ListConfig


@dataclass(slots=True)
class Path_(Value):  # noqa: N801 - `Path` is taken
    """A file path. ``base`` is "repository", "cwd" (where the process was started or moved to), "results".

    "absolute" or "unknown".
    """

    base: str
    text: Value

    @property
    def known(self) -> str | None:
        """The text, if all of it is known."""
        return self.text.value if isinstance(self.text, Const) and isinstance(self.text.value, str) else None


@dataclass(slots=True)
class Scope:
    """Names of a function call or module, and the scope around it."""

    names: dict[str, Value]
    outer: Scope | None = None
    module: Module | None = None

    def find(self, name: str) -> Value | None:
        """The value a name has here or further out."""
        scope: Scope | None = self
        while scope is not None:
            value = scope.names.get(name)
            if value is not None:
                return value
            scope = scope.outer
        return None


@dataclass(slots=True, eq=False)
class Function(Value):
    """A function, method or lambda of the submission."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    path: str
    receiver: Value | None = None
    decorators: tuple[Value, ...] = ()
    owner: Class | None = None
    defaults: dict[str, Value] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name, "<lambda>" for a lambda."""
        return getattr(self.node, "name", "<lambda>")


@dataclass(slots=True, eq=False)
class Class(Value):
    """A class of the submission."""

    node: ast.ClassDef
    scope: Scope
    path: str
    bases: tuple[Value, ...]
    names: dict[str, Value]
    decorators: tuple[Value, ...] = ()

    def find(self, name: str) -> Value | None:
        """An attribute of the class or of a base class of the submission."""
        if name in self.names:
            return self.names[name]
        for base in self.bases:
            if isinstance(base, Class):
                found = base.find(name)
                if found is not None:
                    return found
        return None

    def libraries(self) -> list[str]:
        """The library classes it derives from, directly or through others."""
        found: list[str] = []
        for base in self.bases:
            if isinstance(base, Library):
                found.append(base.name)
            elif isinstance(base, Class):
                found += base.libraries()
        return found


@dataclass(slots=True, eq=False)
class Instance(Value):
    """An object of a class of the submission."""

    cls: Class
    attributes: dict[str, Value] = field(default_factory=dict)
    origin: frozenset[str] = NO_TAGS

    @property
    def tags(self) -> frozenset[str]:
        """Those of its parts, or its own."""
        return self.origin


@dataclass(slots=True, eq=False)
class Module(Value):
    """A module of the submission."""

    name: str
    path: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class Library(Value):
    """A module, class, function or constant of a library, by its dotted name."""

    name: str


@dataclass(slots=True, eq=False)
class Method(Value):
    """A method of a value that is not of the submission, not yet called."""

    receiver: Value
    name: str

    @property
    def tags(self) -> frozenset[str]:
        """Those of its parts, or its own."""
        return self.receiver.tags


@dataclass(slots=True, eq=False)
class Partial(Value):
    """``functools.partial`` of something callable."""

    function: Value
    positional: list[Value]
    keywords: dict[str, Value]


@dataclass(slots=True, eq=False)
class Model(Value):
    """A callable whose behaviour is written here in Python, such as a decorated entry point."""

    call: Callable[..., Value]
    name: str = ""


@dataclass(slots=True, eq=False)
class Thing(Value):
    """Something of which at most the type is known.

    Attributes:
        type: a dotted library type such as "torch.optim.AdamW", or a built-in such as "float", or "".
        attributes: what was assigned to it or asked of it.
        data: what the model of its library keeps.
        origin: its tags.
    """

    type: str = ""
    attributes: dict[str, Value] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    origin: frozenset[str] = NO_TAGS

    @property
    def tags(self) -> frozenset[str]:
        """Those of its parts, or its own."""
        return self.origin


@dataclass(slots=True)
class Alternatives(Value):
    """One of several values.

    Attributes:
        values: two or more, or the one that is expected and all of which nothing is known.
        expected: which of them it is in a first run by itself, where that is known.
    """

    values: tuple[Value, ...]
    expected: Value | None = None

    @property
    def tags(self) -> frozenset[str]:
        """Those of its parts, or its own."""
        return join_tags(self.values)


NONE = Const(None)
TRUE = Const(True)
FALSE = Const(False)


def unknown(type_: str = "", tags: frozenset[str] = NO_TAGS) -> Thing:
    """A thing of which nothing but perhaps the type and the tags is known."""
    return Thing(type_, origin=tags)


def join_tags(values: Iterable[Value]) -> frozenset[str]:
    """All tags of some values."""
    found = NO_TAGS
    for value in values:
        tags = value.tags
        if tags:
            found |= tags
    return found


def truth(value: Value) -> bool | None:
    """Whether a value counts as true; None if that is not known."""
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, Text):
        return True if any(value.parts) else None
    if isinstance(value, Sequence_):
        return True if value.items else (None if value.more else False)
    if isinstance(value, Mapping_):
        return True if value.items else (None if value.more or value.patterns else False)
    if isinstance(value, Node):
        return bool(len(value.config)) if value.config is not None else None
    if isinstance(value, Alternatives):
        found = {truth(item) for item in value.values}
        return found.pop() if len(found) == 1 else None
    if isinstance(value, Function | Class | Module | Library | Path_ | Partial | Model):
        return True
    if isinstance(value, Instance):
        decides = (
            value.cls.find("__bool__")
            or value.cls.find("__len__")
            or not all(isinstance(base, Class) for base in value.cls.bases)
        )
        return None if decides else True
    if isinstance(value, Thing) and "json" in value.data:  # what json.dumps gives is never empty
        return True
    return None


def constant(value: Value) -> tuple[bool, Any]:
    """(True, the Python value) if all of it is known, else (False, None)."""
    if isinstance(value, Const):
        return True, value.value
    if isinstance(value, Sequence_) and not value.more:
        items = [constant(item) for item in value.items]
        if all(known for known, _ in items):
            plain = [item for _, item in items]
            if value.kind == "tuple":
                return True, tuple(plain)
            if value.kind == "set":
                try:
                    return True, set(plain)
                except TypeError:
                    return False, None
            return True, plain
    if isinstance(value, Mapping_) and not value.more and not value.patterns:
        pairs = {key: constant(item) for key, item in value.items.items()}
        if all(known for known, _ in pairs.values()):
            return True, {key: item for key, (_, item) in pairs.items()}
    return False, None


def lift(value: Any, origin: str | None = None) -> Value:
    """A plain Python value as a value of the domain."""
    if isinstance(value, dict):
        return Mapping_({key: lift(item, f"{origin}.{key}" if origin else None) for key, item in value.items()})
    if isinstance(value, list | tuple | set | frozenset):
        kind = "tuple" if isinstance(value, tuple) else "list" if isinstance(value, list) else "set"
        return Sequence_(kind, [lift(item) for item in value])
    return Const(value, origin)
