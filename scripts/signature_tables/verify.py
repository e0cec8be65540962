"""Compare the tables with the libraries that are installed here. Run in a process of its own: this one imports them.

Three things are counted: names that exist though the table calls them missing, callables whose parameters differ, and
names of which the table says nothing. Names that begin with an underscore are left out.
"""

from __future__ import annotations

import importlib
import inspect
import random
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from windtunnel.knowledge import tables
from windtunnel.knowledge.signatures import Missing, Signatures, Symbol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PASSING = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "either",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_POSITIONAL: "args",
    inspect.Parameter.VAR_KEYWORD: "kwargs",
}


class Comparison:
    """One library against its table.

    Attributes:
        exist: names that the table calls missing.
        differ: callables whose parameters the table has under other names, or in another order.
        refuse: those of them where the table finds fault with calls that the library accepts.
        compared: how many callables were compared.
        names: how many names were looked up.
        unknown: how many of them the table does not know.
    """

    def __init__(self, library: str, known: Signatures) -> None:
        self.library, self._known = library, known
        self.exist: list[str] = []
        self.differ: list[str] = []
        self.refuse: list[str] = []
        self.compared = self.names = self.unknown = 0
        self._seen: set[int] = set()

    def run(self, most: int | None) -> None:
        """Look up all that can be imported; of each kind a random part if there is more than ``most``."""
        found = list(self._modules())
        for name, module in found:
            for attribute in dir(module):
                if not attribute.startswith("_"):
                    self._look(f"{name}.{attribute}", _value(module, attribute), deep=True)
            if most is not None and self.names > most:
                break

    def _modules(self) -> Iterator[tuple[str, ModuleType]]:
        table = tables.read(self.library)
        newest = len(table.versions) - 1
        for line in table.lines:
            path, mask, kind, *_ = (*line.split("\t"), "", "")
            if kind == "M" and int(mask, 16) >> newest & 1:
                name = self.library + ("" if path == "." else path)
                try:
                    yield name, importlib.import_module(name)
                except BaseException:  # noqa: BLE001, S112 - what an optional dependency raises is not ours to choose
                    continue

    def _look(self, name: str, value: object, *, deep: bool) -> None:
        self.names += 1
        found = self._known.find(name)
        if isinstance(found, Missing):
            self.exist.append(name)
            return
        if found is None or (found.kind == "attribute" and callable(value)):
            self.unknown += 1
        if found is None or id(value) in self._seen:
            return
        self._seen.add(id(value))
        if found.signatures is not None:
            self._compare(found, value)
        if inspect.isclass(value) and deep and value.__module__.partition(".")[0] == self.library:
            for attribute in dir(value):
                if not attribute.startswith("_"):
                    self._look(f"{name}.{attribute}", inspect.getattr_static(value, attribute, None), deep=False)

    def _compare(self, found: Symbol, value: object) -> None:
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        if not callable(value):
            return
        try:
            signature = inspect.signature(value)
        except (ValueError, TypeError):
            return
        actual = [(one.name, PASSING[one.kind], _required(one)) for one in signature.parameters.values()]
        if found.kind == "method" and actual and actual[0][0] in {"self", "cls"}:
            actual = actual[1:]
        self.compared += 1
        claims = [[(one.name, one.passing, one.required) for one in claim] for claim in found.signatures or ()]
        if [one[0] for one in actual] not in [[one[0] for one in claim] for claim in claims]:
            self.differ.append(found.name)
        if actual not in claims and all(_refuses(claim, actual) for claim in claims):
            self.refuse.append(f"{found.name}{signature} / {claims}")


def _refuses(claim: list[tuple[str, str, bool]], actual: list[tuple[str, str, bool]]) -> bool:
    """Whether a claim finds fault with a call that the parameters of the library accept."""
    needed = {name for name, _, required in claim if required} - {name for name, _, required in actual if required}
    passings = {passing for _, passing, _ in claim}
    keywords = {name for name, passing, _ in actual if passing in {"either", "keyword"}}
    keywords -= {name for name, passing, _ in claim if passing in {"either", "keyword"}}
    by_position = [sum(passing in {"either", "positional"} for _, passing, _ in one) for one in (claim, actual)]
    if ("kwargs" in {passing for _, passing, _ in actual} and "kwargs" not in passings) and len(actual) > 2:
        return True
    return bool(
        needed
        or (keywords and "kwargs" not in passings)
        or (by_position[1] > by_position[0] and "args" not in passings)
    )


def _required(one: inspect.Parameter) -> bool:
    return one.default is one.empty and one.kind not in {one.VAR_POSITIONAL, one.VAR_KEYWORD}


def _value(module: ModuleType, name: str) -> object:
    try:
        return getattr(module, name)
    except BaseException:  # noqa: BLE001 - lazy names of optional dependencies
        return None


def main(libraries: list[str]) -> int:
    """Print the comparison; 1 if a table calls a name missing that exists, or fewer than 99 in 100 signatures agree."""
    random.seed(0)
    bad = False
    for library in libraries:
        try:
            distribution = tables.read(library).distribution
            installed = version(distribution)
        except (PackageNotFoundError, FileNotFoundError):
            continue
        known = Signatures(datetime.now(UTC).date(), {distribution: f"=={installed}"})
        comparison = Comparison(library, known)
        start = time.perf_counter()
        comparison.run(None)
        agreed = 1 - len(comparison.differ) / max(1, comparison.compared)
        print(
            f"{library} {installed}: {comparison.names} names, {len(comparison.exist)} wrongly missing, "
            f"{comparison.unknown} unknown; "
            f"{comparison.compared} signatures, {agreed:.2%} agree, "
            f"{len(comparison.refuse)} refuse too much ({time.perf_counter() - start:.0f} s)"
        )
        for line in (*comparison.exist[:12], *comparison.refuse[:12]):
            print("   ", line[:300])
        bad = bad or bool(comparison.exist) or agreed < 0.99
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
