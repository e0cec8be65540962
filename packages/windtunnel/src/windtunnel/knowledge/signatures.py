"""What the libraries that experiments use have, and how it is called, in the versions that count on a day.

Nothing is imported to tell: the tables were read from the libraries' sources by ``scripts/make_signatures.py``. They
hold a version or two of each year. Where the version that counts lies between two of them, only what both say is said.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from windtunnel.knowledge import tables
from windtunnel.knowledge.resolution import Resolver
from windtunnel.knowledge.symbols import Missing, Parameter, Symbol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from windtunnel.knowledge.resolution import History
    from windtunnel.knowledge.tables import Table

__all__ = ["Missing", "Parameter", "Signatures", "Symbol"]


class Signatures:
    """The libraries as they are on a day.

    ```python
    known = Signatures(date(2025, 12, 1), {"transformers": "<4.50"})
    known.find("omegaconf.OmegaConf.deepcopy")  # Missing(...)
    known.find("peft.LoraConfig").bind(0, ["r", "dropout"])  # ("it takes no `dropout` (...)",)
    known.find("some_other_library.name")  # None: not known
    ```

    Args:
        as_of: the day; the newest final release of it counts.
        specifiers: the versions that a pyproject.toml allows, by normalised name of the distribution.
    """

    def __init__(self, as_of: date, specifiers: Mapping[str, str] | None = None) -> None:
        self._day = as_of.isoformat()
        self._specifiers = dict(specifiers or {})
        self._in_force: dict[str, tuple[str, int, int] | None] = {}
        self._resolvers = tuple(
            Resolver(self._table, partial(self._index, bound), self._history) for bound in (2, 1)
        )  # the newer first

    @property
    def libraries(self) -> frozenset[str]:
        """The import roots that there are tables of."""
        return tables.LIBRARIES

    def version(self, library: str) -> str | None:
        """The version of a library that counts; None if no version is allowed, or it is older than the tables."""
        found = self._versions(library)
        return found[0] if found else None

    def find(self, name: str) -> Symbol | Missing | None:
        """What a dotted name stands for.

        Args:
            name: from the import root on, such as ``torch.nn.functional.relu`` or ``peft.LoraConfig.to_dict``.

        Returns:
            The symbol; Missing if a part of the name is not there; None if that is not known, because no table has the
            library or the module, or because what was asked may have attributes that nobody can know.
        """
        newer, older = self._resolvers
        found = newer.find(name)
        if self._versions(name.partition(".")[0]) is None:
            return None
        return _agreed(found, older.find(name))

    def _versions(self, library: str) -> tuple[str, int, int] | None:
        """The version that counts, and the indices of the table's versions around it (one if it is among them)."""
        if library not in self._in_force:
            self._in_force[library] = self._choose(library) if library in tables.LIBRARIES else None
        return self._in_force[library]

    def _choose(self, library: str) -> tuple[str, int, int] | None:
        table = _read(library)
        allowed = [version for version, day in table.releases.items() if day <= self._day]
        specifier = self._specifiers.get(table.distribution, "")
        if specifier:
            from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 - only where there is one

            try:
                allowed = list(SpecifierSet(specifier).filter(allowed))
            except InvalidSpecifier:
                return None
        if not allowed:
            return None
        order = list(table.releases)
        position = {version: order.index(version) for version in (*table.versions, allowed[-1])}
        asked = position[allowed[-1]]
        below = [index for index, version in enumerate(table.versions) if position[version] <= asked]
        above = [index for index, version in enumerate(table.versions) if position[version] >= asked]
        if not below:
            return None
        return allowed[-1], below[-1], above[0] if above else below[-1]

    def _table(self, library: str) -> Table | None:
        return _read(library) if self._versions(library) else None

    def _index(self, bound: int, library: str) -> int:
        found = self._versions(library)
        return int(found[bound]) if found else 0

    def _history(self, parent: str, name: str) -> History:
        """(since, removed in) of a name that the version that counts does not have."""
        library = parent.partition(".")[0]
        found = self._versions(library)
        if found is None:
            return None, None
        table = _read(library)
        has = [
            isinstance(self._at(library, index).find(f"{parent}.{name}"), Symbol)
            for index in range(len(table.versions))
        ]
        since = next((table.versions[index] for index in range(found[2] + 1, len(has)) if has[index]), None)
        before = next((index for index in range(found[1] - 1, -1, -1) if has[index]), None)
        return since, None if before is None else table.versions[before + 1]

    def _at(self, library: str, index: int) -> Resolver:
        other = partial(self._index, 2)
        return Resolver(self._table, lambda asked: index if asked == library else other(asked), lambda *_: (None, None))


@cache
def _read(library: str) -> Table:
    return tables.read(library)


def _agreed(newer: Symbol | Missing | None, older: Symbol | Missing | None) -> Symbol | Missing | None:
    """What two versions both say."""
    if newer is older or newer is None or older is None:
        return newer if newer is older else None
    if isinstance(newer, Missing) or isinstance(older, Missing):
        return newer if isinstance(newer, Missing) and isinstance(older, Missing) else None
    same = newer == older
    return Symbol(
        newer.name,
        newer.path,
        newer.kind,
        _united(newer, older),
        newer.bases,
        newer.ancestors
        if newer.ancestors == older.ancestors
        else tuple(dict.fromkeys((*newer.ancestors, *older.ancestors))),
        newer.open or older.open or newer.kind != older.kind,
        newer.raises_not_implemented and older.raises_not_implemented,
        newer.owner,
        newer.passes_self and older.passes_self,
        newer._attribute if same and newer._attribute is older._attribute else partial(_both, newer, older),
    )


def _united(newer: Symbol, older: Symbol) -> tuple[tuple[Parameter, ...], ...] | None:
    if newer.signatures is None or older.signatures is None or newer.passes_self != older.passes_self:
        return None
    return tuple(dict.fromkeys((*newer.signatures, *older.signatures)))


def _both(newer: Symbol, older: Symbol, name: str) -> Symbol | Missing | None:
    return _agreed(newer.attribute(name), older.attribute(name))
