"""What is said of a name in a library: what it is, what it takes, and whether a call fits.

Not the tables themselves (:mod:`windtunnel.knowledge.tables`) and not which version counts
(:mod:`windtunnel.knowledge.signatures`). Whatever is not certain reads as unknown here: no complaint, no parameters.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Kind = Literal["module", "class", "function", "method", "property", "attribute"]
Passing = Literal["positional", "either", "keyword", "args", "kwargs"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a callable; ``self`` and ``cls`` are never among them.

    Attributes:
        name: without stars.
        passing: how an argument reaches it; "args" and "kwargs" are the starred ones.
        required: it has no default and is not starred.
    """

    name: str
    passing: Passing
    required: bool


Signature = tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """A name that the library does not have in the version that counts.

    Attributes:
        parent: the module or class that was asked.
        name: what it does not have.
    """

    parent: Symbol
    name: str
    _history: Callable[[], tuple[str | None, str | None]] = field(compare=False, repr=False)
    _known: Callable[[], Iterable[str]] = field(compare=False, repr=False)

    @property
    def since(self) -> str | None:
        """The first version with it among those of the table, if a newer one has it."""
        return self._history()[0]

    @property
    def removed_in(self) -> str | None:
        """The first version without it among those of the table, if an older one had it.

        Tables hold a version or two of each year, so the change may have come with a release shortly before that one.
        """
        return self._history()[1]

    @property
    def close(self) -> tuple[str, ...]:
        """Names that the parent does have and that look alike, most alike first."""
        return close_matches(self.name, self._known())


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name of a library.

    Attributes:
        name: as it was asked for, dotted and public.
        path: where it is defined, after all re-exports.
        kind: what it is. A class is called through its constructor.
        signatures: what a call may look like; any one of them suffices. None if not known.
        bases: of a class, where its direct bases are defined.
        ancestors: of a class, itself and all bases as far as they are known, nearest first.
        open: it may have attributes that the table does not know; the absence of one says nothing.
        raises_not_implemented: calling it raises NotImplementedError and does nothing else.
        owner: of a method, property or attribute, the class that defines it.
        passes_self: it is a method that takes the instance, and is listed without it.
    """

    name: str
    path: str
    kind: Kind
    signatures: tuple[Signature, ...] | None = None
    bases: tuple[str, ...] = ()
    ancestors: tuple[str, ...] = ()
    open: bool = False
    raises_not_implemented: bool = False
    owner: str = ""
    passes_self: bool = False
    _attribute: Callable[[str], Symbol | Missing | None] | None = field(default=None, compare=False, repr=False)

    @property
    def parameters(self) -> Signature | None:
        """The parameters of a call; None if they are not known, or there is more than one way to call it."""
        return self.signatures[0] if self.signatures and len(self.signatures) == 1 else None

    def attribute(self, name: str) -> Symbol | Missing | None:
        """An attribute of a module, a class or its instances; None if it is not known whether there is one."""
        return self._attribute(name) if self._attribute else None

    def descends_from(self, path: str) -> bool | None:
        """Whether a class is, or inherits, the class defined at a path; None if a base of it is not known.

        ``torch.nn.Linear`` descends from ``torch.nn.modules.module.Module``: where it is defined, not where it is
        re-exported; ``Signatures.find(name).path`` tells that place.
        """
        if self.kind != "class":
            return False
        if path in self.ancestors:
            return True
        return None if "?" in self.ancestors else False

    def bind(
        self,
        positional: int | None,
        keywords: Iterable[str] = (),
        *,
        star_args: bool = False,
        star_kwargs: bool = False,
        bound: bool = True,
    ) -> tuple[str, ...]:
        """What is wrong with a call, in clauses; empty if it fits or nothing is known.

        Args:
            positional: the number of positional arguments before any ``*args``; None if that is not known.
            keywords: the names of the keyword arguments.
            star_args: the call has ``*args``, so that more positional arguments may come.
            star_kwargs: the call has ``**kwargs``, so that more keywords may come.
            bound: a method is called on an instance; otherwise on its class, with the instance as an argument.
        """
        if not self.signatures:
            return ()
        given = list(keywords)
        count = 0 if positional is None else positional
        if self.passes_self and not bound and positional is not None:
            if count == 0 and not star_args:
                return ("it is called on its class, without an instance",)
            count = max(0, count - 1)
        more = star_args or positional is None
        fits = [
            _complaints(signature, count, given, more=more, star_kwargs=star_kwargs) for signature in self.signatures
        ]
        return min(fits, key=len)


def _complaints(
    signature: Signature, count: int, keywords: list[str], *, more: bool, star_kwargs: bool
) -> tuple[str, ...]:
    by_position = [one for one in signature if one.passing in {"positional", "either"}]
    by_keyword = {one.name: one for one in signature if one.passing in {"either", "keyword"}}
    takes_any_position = any(one.passing == "args" for one in signature)
    takes_any_keyword = any(one.passing == "kwargs" for one in signature)
    found: list[str] = []
    if count > len(by_position) and not takes_any_position:
        takes = f"at most {len(by_position)}" if by_position else "no"
        found.append(f"{count} positional arguments are given, it takes {takes}")
    filled = {one.name for one in by_position[:count]}
    for name in keywords:
        if name in by_keyword:
            if name in filled and not more:
                found.append(f"`{name}` is given twice, by position and by keyword")
        elif not takes_any_keyword:
            alike = close_matches(name, by_keyword)
            found.append(f"it takes no `{name}`" + (f" (it takes `{alike[0]}`)" if alike else ""))
    absent = [
        one.name
        for one in signature
        if one.required
        and one.name not in filled
        and (one.passing == "positional" or one.name not in keywords)
        and not (more and one.passing in {"positional", "either"})
        and not (star_kwargs and one.passing in {"either", "keyword"})
    ]
    if absent:
        found.append("it needs " + ", ".join(f"`{name}`" for name in absent))
    return tuple(found)


def close_matches(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """The names that look like one, or have it as one of their words, most alike first."""
    names = sorted({one for one in known if not one.startswith("_")})
    alike = difflib.get_close_matches(name, names, n=3, cutoff=0.7)
    lower = name.lower()
    words = [one for one in names if len(lower) > 3 and lower in one.lower() and one not in alike]
    words.sort(key=len)
    return tuple((alike + words)[:3])
