"""What loads a distribution without an import in sight: the keyword, class or call that asks for it at run time.

Only what fails for want of the distribution is listed, not what merely runs slower or warns. The table is
``data/needs.json``, kept by hand from the import guards in the libraries' own code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Need:
    """A use that needs distributions which nothing imports by name.

    Attributes:
        kind: "keyword" (a keyword argument), "name" (a class or function, however it is imported), "method" (the last
            name of a call), "config" (a choice in a Hydra defaults list), "value" (a keyword with one of ``values``).
        trigger: the keyword, the dotted name, the method, or ``hydra/launcher=joblib``.
        needs: the distributions, normalised; all of them.
        why: what happens without, in a sentence.
        library: the distribution whose API the trigger belongs to, which must be in use for the need to hold.
        calls: for keywords, the last names of the calls where they count; empty for any call of the library.
        values: for "value", the strings that trigger it; one that ends in ``*`` is a prefix.
        since: the first version of the library for which it holds, "" for all.
        before: the version of the library from which on it no longer holds, "" for none.
    """

    kind: str
    trigger: str
    needs: tuple[str, ...]
    why: str
    library: str
    calls: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    since: str = ""
    before: str = ""


def _read() -> tuple[Need, ...]:
    text = (resources.files(__name__.rpartition(".")[0]) / "data" / "needs.json").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(text)
    return tuple(_need(row) for row in rows)


def _need(row: dict[str, Any]) -> Need:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return Need(**values)


RUNTIME_NEEDS: tuple[Need, ...] = _read()
