"""Which run configurations are followed through the code: there may be many more than there is time for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from windtunnel.reading.config_yaml import Document
    from windtunnel.submission import RunConfig

MOST = 6  # of them
SEVERAL = 3  # run configurations that share a word, for another word in its place to count as odd


def to_follow(runs: Sequence[RunConfig], documents: Mapping[str, Document]) -> tuple[RunConfig, ...]:
    """One of each method and shape: the first, those with a word that no other has, then the first of each method."""
    values = {run.path: documents[run.path] for run in runs if run.path in documents}
    odd = _odd_words({path: document.value for path, document in values.items()})
    kinds: dict[tuple[object, ...], RunConfig] = {}
    for run in runs:
        document = values.get(run.path)
        if document is not None and isinstance(document.value, dict):
            shape = (*sorted(map(str, document.places)), *odd.get(run.path, ()))
            kinds.setdefault((str(document.value.get("method")), *shape), run)
    seen: set[object] = set()
    first: list[RunConfig] = []
    others: list[RunConfig] = []
    for (method, *_), run in kinds.items():
        (others if method in seen else first).append(run)
        seen.add(method)
    first.sort(key=lambda run: not run.run_id.startswith("proposed"))
    followed = [*first, *others]
    return tuple(sorted(followed, key=lambda run: run is not followed[0] and run.path not in odd)[:MOST])


def _odd_words(values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Words that one run configuration has where others have words that several share, by its path."""
    where: dict[str, dict[str, list[str]]] = {}  # key, then word, then the files that have it there
    for path, value in values.items():
        for key, word in _words(value):
            where.setdefault(key, {}).setdefault(word, []).append(path)
    found: dict[str, list[str]] = {}
    where.pop(".method", None)  # each method is followed for its own sake
    for key, words in where.items():
        for word, paths in words.items():
            if len(paths) == 1 and max(map(len, words.values())) >= SEVERAL:
                found.setdefault(paths[0], []).append(f"{key}={word}")
    return found


def _words(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """The texts of a YAML document with their keys."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _words(item, f"{key}.{name}")
    elif isinstance(value, str):
        yield key, value
