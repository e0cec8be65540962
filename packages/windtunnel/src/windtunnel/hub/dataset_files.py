"""Writes the files of a dataset repository, a folder for each of its revisions.

``main`` has the card and the data files. ``refs-convert-parquet`` has every split as the real hub converts it, one
Parquet file ``CONFIG/SPLIT/0000.parquet``. A repository that has only a loading script keeps its rows in the second,
and a script of windtunnel's own in the first: versions of `datasets` before 4 run it, later ones refuse it.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from windtunnel.hub.cards import SplitFacts, data_paths, generated_card, served_card
from windtunnel.hub.generate import generate_splits
from windtunnel.hub.loading_script import loading_script
from windtunnel.hub.tables import permuted_targets, read_projected, table_of_rows, write_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

    from windtunnel.hub.catalog import DatasetConfig, DatasetEntry
    from windtunnel.hub.served import ServedFolder

MAIN, CONVERTED = "main", "refs-convert-parquet"
_MANY = re.compile(r"\*-of-(\d+)")
FULL_SHARDS = 8  # of many files only the first hold more than a few rows


def write_generated(entry: DatasetEntry, target: Path, *, permute: int | None = None) -> None:
    """Make every config of ``entry`` that has a grammar, under ``target``.

    Args:
        entry: the dataset.
        target: gets a folder for each revision.
        permute: as for ``generate_splits``.
    """
    facts = {}
    for config in entry.generated_configs:
        if config.generated is None:
            continue
        made = generate_splits(config.generated, config.columns, seed=f"{entry.id}/{config.name}", permute=permute)
        facts[config.name] = {
            split: _write(table_of_rows(rows, config.columns), entry, config, split, target)
            for split, rows in made.items()
        }
    if entry.script_only:
        script = target / MAIN / f"{entry.id.rpartition('/')[2]}.py"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(loading_script(entry), encoding="utf-8")
    (target / MAIN / "README.md").write_text(generated_card(entry, facts), encoding="utf-8")


def write_served(served: ServedFolder, target: Path, *, permute: int | None = None) -> None:
    """Copy the splits of a served folder under ``target``, in the columns and types of the catalogue.

    Args:
        served: the folder.
        target: gets a folder for each revision.
        permute: left out, the rows are as they are; a number decides how the targets of the training split are
            permuted, where the catalogue knows them.
    """
    facts: dict[str, Mapping[str, SplitFacts]] = {}
    for name, splits in served.files.items():
        config = served.entry.configs[name]
        facts[name] = {}
        for split, path in splits.items():
            table = read_projected(path, config.columns)
            if permute is not None and config.generated and split.startswith("train"):
                table = permuted_targets(table, config.generated.target, seed=permute)
            facts[name] = {**facts[name], split: _write(table, served.entry, config, split, target)}
    card = served_card(served.entry, facts, folder=served.folder)
    (target / MAIN / "README.md").write_text(card, encoding="utf-8")


def _write(table: pa.Table, entry: DatasetEntry, config: DatasetConfig, split: str, target: Path) -> SplitFacts:
    converted = target / CONVERTED / config.name / split / "0000.parquet"
    value_bytes = write_table(table, config.columns, converted)
    size = converted.stat().st_size
    if entry.script_only:
        return SplitFacts(rows=table.num_rows, value_bytes=value_bytes, file_bytes=size)
    paths = [path for pattern in data_paths(config, split) for path in _expanded(pattern)]
    for name, (start, stop) in zip(paths, _shares(table.num_rows, len(paths)), strict=True):
        path = target / MAIN / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet" and len(paths) == 1:
            os.link(converted, path)
        else:
            write_table(table.slice(start, stop - start), config.columns, path)
    return SplitFacts(rows=table.num_rows, value_bytes=value_bytes, file_bytes=size)


def _expanded(pattern: str) -> Iterator[str]:
    many = _MANY.search(pattern)
    if many is None:
        yield pattern
        return
    for number in range(int(many[1])):
        yield _MANY.sub(f"{number:05}-of-{many[1]}", pattern)


def _shares(rows: int, files: int) -> Iterator[tuple[int, int]]:
    """The rows of each file: as many in all if the files are few, else most of them in the first ones."""
    few = min(2, rows // files) if files > FULL_SHARDS else 0
    full = min(files, FULL_SHARDS)
    rest = rows - few * files
    start = 0
    for place in range(files):
        more = rest // full + (place < rest % full) if place < full else 0
        yield start, start + few + more
        start += few + more
