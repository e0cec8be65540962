"""Writes the files of a dataset repository: one Parquet file per split and the card that describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.hub.cards import SplitFacts, data_file, generated_card, served_card
from windtunnel.hub.generate import generate_splits
from windtunnel.hub.tables import read_projected, table_of_rows, write_parquet

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from windtunnel.hub.catalog import DatasetConfig, DatasetEntry
    from windtunnel.hub.served import ServedFolder


def write_generated(entry: DatasetEntry, target: Path) -> None:
    """Make every config of ``entry`` that has a grammar, under ``target``."""
    facts = {config.name: _generate(entry, config, target) for config in entry.generated_configs}
    (target / "README.md").write_text(generated_card(entry, facts), encoding="utf-8")


def write_served(served: ServedFolder, target: Path) -> None:
    """Copy the splits of a served folder under ``target``, in the columns and types of the catalogue."""
    facts = {
        name: {
            split: _write(
                read_projected(path, served.entry.configs[name].columns), served.entry.configs[name], split, target
            )
            for split, path in splits.items()
        }
        for name, splits in served.files.items()
    }
    card = served_card(served.entry, facts, folder=served.folder)
    (target / "README.md").write_text(card, encoding="utf-8")


def _generate(entry: DatasetEntry, config: DatasetConfig, target: Path) -> dict[str, SplitFacts]:
    if config.generated is None:
        return {}
    splits = generate_splits(
        config.generated.grammar,
        config.generated.rows,
        seed=f"{entry.id}/{config.name}",
        unlabelled=config.generated.unlabelled,
    )
    return {split: _write(table_of_rows(rows, config.columns), config, split, target) for split, rows in splits.items()}


def _write(table: pa.Table, config: DatasetConfig, split: str, target: Path) -> SplitFacts:
    path = target / data_file(config.name, split)
    path.parent.mkdir(parents=True, exist_ok=True)
    value_bytes = write_parquet(table, config.columns, path)
    return SplitFacts(rows=table.num_rows, value_bytes=value_bytes, file_bytes=path.stat().st_size)
