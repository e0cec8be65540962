"""Which of the evaluated rows a run answered right, kept as bits in base 64: a row of the study stays short."""

from __future__ import annotations

import base64
import csv
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


def packed(predictions: Path) -> str | None:
    """The bits of a ``predictions.csv`` of the experiment, in the order of its rows; None where the file is gone."""
    if not predictions.is_file():
        return None
    with predictions.open(encoding="utf-8", newline="") as file:
        right = [row["label"] == row["prediction"] for row in csv.DictReader(file)]
    return base64.b64encode(np.packbits(right).tobytes()).decode()


def unpacked(bits: str) -> np.ndarray:
    """1 for each row that was right, 0 for each other and for the up to seven that fill the last byte."""
    return np.unpackbits(np.frombuffer(base64.b64decode(bits), dtype=np.uint8)).astype(float)
