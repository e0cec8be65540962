"""A folder given with ``--serve``, read and checked before the hub answers anything.

Covered: ``<config>/<split>.parquet`` for the configs and splits of the catalogue, every value read once. Not covered:
shards, other formats, splits the real dataset does not have; they are left out with a note, never renamed or merged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from windtunnel.errors import ServeError
from windtunnel.hub.catalog import Catalogue
from windtunnel.hub.tables import TableError, read_projected

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from windtunnel.hub.catalog import DatasetConfig, DatasetEntry


@dataclass(frozen=True)
class ServedFolder:
    """What of a folder is served.

    Attributes:
        entry: the dataset it is served as.
        folder: the folder, absolute.
        files: config name → split name → file, in the catalogue's order.
        notes: one line for each file or folder that is left out.
    """

    entry: DatasetEntry
    folder: Path
    files: Mapping[str, Mapping[str, Path]]
    notes: tuple[str, ...]

    def states(self) -> dict[str, list[int]]:
        """Return size in bytes and time of change in ns of every file, by ``<config>/<split>``."""
        stats = {
            f"{config}/{split}": path.stat() for config, splits in self.files.items() for split, path in splits.items()
        }
        return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}


def read_served_folder(dataset_id: str, folder: Path, catalogue: Catalogue | None = None) -> ServedFolder:
    """Find the splits of ``dataset_id`` in ``folder`` and check every one of them.

    Args:
        dataset_id: with its namespace.
        folder: holds ``<config>/<split>.parquet``.
        catalogue: what is known of ids; left out, what windtunnel itself knows.

    Raises:
        ServeError: the id is not in the catalogue, ``folder`` is not a folder or holds nothing that can be served,
            or files cannot be read as the columns of their config; every bad file is named.
    """
    known = catalogue or Catalogue()
    entry = known.dataset(dataset_id)
    if entry is None or not entry.configs:
        canonical = known.canonical("dataset", dataset_id)
        there = f"; its id is {canonical}" if canonical != dataset_id else "; add its columns and splits with --catalog"
        raise ServeError(f"--serve {dataset_id}={folder}: {dataset_id!r} is not in the catalogue{there}")
    if not folder.is_dir():
        state = "is not a folder" if folder.exists() else "does not exist"
        raise ServeError(
            f"--serve {dataset_id}={folder}: {folder} {state}; give the folder that holds {_layout(entry)}"
        )
    folder = folder.resolve()
    files: dict[str, dict[str, Path]] = {}
    taken: set[Path] = set()
    for config in entry.configs.values():
        found = _splits_of(dataset_id, folder, config)
        if found:
            files[config.name] = found
            taken.update(found.values())
    if not files:
        raise ServeError(f"--serve {dataset_id}={folder}: nothing to serve in {folder}; it must hold {_layout(entry)}")
    _check(dataset_id, folder, entry, files)
    return ServedFolder(entry, folder, files, tuple(_left_out(entry, folder, taken)))


def _splits_of(dataset_id: str, folder: Path, config: DatasetConfig) -> dict[str, Path]:
    present = [name for name in config.folders if (folder / name).is_dir()]
    if len(present) > 1:
        raise ServeError(
            f"--serve {dataset_id}={folder}: the config {config.name!r} is there twice, as "
            f"{' and '.join(f'{name}/' for name in present)}; keep one of them"
        )
    candidates = {split: folder / name / f"{split}.parquet" for name in present for split in config.splits}
    return {split: path for split, path in candidates.items() if path.is_file()}


def _check(dataset_id: str, folder: Path, entry: DatasetEntry, files: Mapping[str, Mapping[str, Path]]) -> None:
    problems = []
    for name, splits in files.items():
        for path in splits.values():
            try:
                read_projected(path, entry.configs[name].columns)
            except TableError as error:
                problems.append(f"{path} {error}")
    if problems:
        raise ServeError(
            f"--serve {dataset_id}={folder}: {' | '.join(problems)} | "
            "replace the file, or move it out of the folder so that its split is not served"
        )


def _left_out(entry: DatasetEntry, folder: Path, taken: set[Path]) -> list[str]:
    configs = {name: config for config in entry.configs.values() for name in config.folders}
    notes = []
    for item in sorted(folder.iterdir()):
        if item.name.startswith("."):
            continue
        if item.is_dir() and item.name in configs:
            config = configs[item.name]
            notes += [
                f"{file} ignored: the splits of {entry.id} {config.name} are {', '.join(config.splits)} (.parquet)"
                for file in sorted(item.iterdir())
                if file not in taken and not file.name.startswith(".")
            ]
        else:
            what = "config" if item.is_dir() else "folder of a config"
            notes.append(f"{item} ignored: not a {what} of {entry.id}")
    return notes


def _layout(entry: DatasetEntry) -> str:
    config = next((config for config in entry.configs.values() if "train" in config.splits), None)
    example = config or next(iter(entry.configs.values()))
    return f"<config>/<split>.parquet, such as {example.folders[-1]}/{example.splits[-1]}.parquet"
