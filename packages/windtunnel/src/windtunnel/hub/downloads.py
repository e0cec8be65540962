"""What `torchvision` downloads from addresses of its own, made of the same rows and classes as the hub's datasets.

Covered: the archives of CIFAR-10 and CIFAR-100, the four files of MNIST and Fashion-MNIST, the weights of its models.
"""

from __future__ import annotations

import gzip
import io
import pickle
import re
import struct
import tarfile
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from windtunnel.hub.catalog.files import catalogue_file
from windtunnel.hub.catalog.model_entries import Miniature
from windtunnel.hub.generate import generate_splits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from windtunnel.hub.catalog import DatasetEntry
    from windtunnel.hub.generate import Row

IDX_FILES = {  # name → the split, and whether it has the pictures
    "train-images-idx3-ubyte.gz": ("train", True),
    "train-labels-idx1-ubyte.gz": ("train", False),
    "t10k-images-idx3-ubyte.gz": ("test", True),
    "t10k-labels-idx1-ubyte.gz": ("test", False),
}
WEIGHTS = re.compile(r"[A-Za-z0-9_.-]+-[0-9a-f]{8,10}\.pth")  # how `torchvision` names them
IDX_LABELS, IDX_PICTURES = 0x0801, 0x0803  # unsigned bytes in one and in three dimensions


@dataclass(frozen=True)
class DatasetDownload:
    """A file with rows of a dataset of the catalogue.

    Attributes:
        dataset: its id.
        write: puts the file at a path, made of the rows of each split and of the dataset's entry.
    """

    dataset: str
    write: Callable[[Path, Mapping[str, list[Row]], DatasetEntry], None]


def find_download(url: str) -> DatasetDownload | Miniature | None:
    """What is to be had at an address: rows, weights that a recipe makes, or nothing that is known."""
    known = catalogue_file("", "downloads")
    if url in known["archives"]:
        facts = known["archives"][url]
        return DatasetDownload(facts["dataset"], partial(_write_batches, facts))
    folder, _, name = url.rpartition("/")
    dataset = known["idx_folders"].get(f"{folder}/")
    if dataset and name in IDX_FILES:
        return DatasetDownload(dataset, partial(_write_idx, *IDX_FILES[name]))
    if url == f"{known['weights']}{name}" and WEIGHTS.fullmatch(name):
        return Miniature("torchvision_weights", {"url": url})
    return None


def write_download(
    found: DatasetDownload, entry: DatasetEntry, target: Path, *, name: str, permute: int | None = None
) -> None:
    """Make the file of a dataset.

    Args:
        found: which one.
        entry: the dataset's, with rows that can be made.
        target: the folder that gets it.
        name: of the file.
        permute: as for ``generate_splits``.
    """
    config = next(iter(entry.generated_configs))
    if config.generated is None:
        raise LookupError(f"no rows of {entry.id} can be made")
    seed = f"{entry.id}/{config.name}"  # of the rows that the hub's own repository has
    found.write(target / name, generate_splits(config.generated, config.columns, seed=seed, permute=permute), entry)


def _write_batches(facts: Mapping[str, Any], target: Path, rows: Mapping[str, list[Row]], entry: DatasetEntry) -> None:
    columns = next(iter(entry.generated_configs)).columns
    by_name = {column.name: list(column.labels) for column in columns}
    meta = {key: by_name[column] for key, column in facts["names"].items()}
    with tarfile.open(target, "w:gz", compresslevel=1) as archive:
        for name, content in (*_batches(facts, rows), (facts["meta"], meta)):
            data = pickle.dumps(content, protocol=2)
            member = tarfile.TarInfo(f"{facts['folder']}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def _batches(facts: Mapping[str, Any], rows: Mapping[str, list[Row]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for split in ("train", "test"):
        names = facts[split]
        for place, name in enumerate(names):
            some = rows[split][place :: len(names)]
            labels = {key: [row[column] for row in some] for key, column in facts["labels"].items()}
            pictures = np.stack([_pixels(row) for row in some])  # (rows, height, width, channels)
            # stored channel by channel: (rows, channels * height * width)
            yield name, {**labels, "data": pictures.transpose(0, 3, 1, 2).reshape(len(some), -1)}


def _write_idx(split: str, pictures: bool, target: Path, rows: Mapping[str, list[Row]], _: DatasetEntry) -> None:
    some = rows[split]
    if pictures:
        values = np.stack([_pixels(row) for row in some])  # (rows, height, width)
        content = struct.pack(">IIII", IDX_PICTURES, *values.shape) + values.tobytes()
    else:
        content = struct.pack(">II", IDX_LABELS, len(some)) + bytes(row["label"] for row in some)
    target.write_bytes(gzip.compress(content, compresslevel=1, mtime=0))


def _pixels(row: Row) -> np.ndarray[Any, np.dtype[np.uint8]]:
    picture = next(value for value in row.values() if isinstance(value, dict))
    return np.asarray(Image.open(io.BytesIO(picture["bytes"])), dtype=np.uint8)
