"""The numbers that runs of a flight recorded, by key, and what the names of the keys say of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from windtunnel.evidence import Flight, RunRecorded

# what is another number each time however well a run is seeded
_CLOCK = re.compile(
    r"time|second|_ms\b|runtime|timestamp|memory|\bmem\b|gpu|cpu|(?<![a-z])ram(?![a-z])|speed|throughput|per_sec|_per_s\b|latency|"
    r"duration|elapsed|flops|utili[sz]ation|bytes|samples_per|tokens_per|it/s|power|energy|(?<![a-z])eta(?![a-z])|\bvram",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
# a key with one of these is no measurement on the scale that its other words name
_DERIVED = frozenset(
    {
        "std", "var", "variance", "diff", "delta", "gain", "improvement", "change", "gap", "drop", "count", "num",
        "number", "total", "steps", "step", "epoch", "time", "seconds", "ci", "lower", "upper", "error", "err",
        "stderr", "rank", "id", "grad", "norm", "threshold", "target", "weight", "margin", "relative", "retention",
        "ratio", "correlation", "batch", "accumulation", "gradient", "lr", "zscore", "logit", "log", "reward"
    }
)  # fmt: skip
_OUTCOMES = frozenset(
    {"loss", "accuracy", "acc", "f1", "perplexity", "ppl", "mcc", "matthews", "pearson", "spearman", "bleu", "rouge"}
    | {"exact", "em", "auc", "auroc", "precision", "recall", "mse", "mae", "rmse", "reward", "score"}
)
_NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def words(key: str) -> frozenset[str]:
    """The words of a key in lower case: "val/F1_macro" has "val", "f", "1", "f1" and "macro"."""
    parts = [word.lower() for word in _WORDS.findall(key)]
    return frozenset(parts) | {re.sub(r"[^a-z0-9]", "", part) for part in re.split(r"[^a-z0-9]+", key.lower())}


def is_measured(key: str) -> bool:
    """Whether a key is on the scale that its name says, and no difference, count or spread of it."""
    return not key.startswith("_") and not (words(key) & _DERIVED) and not _CLOCK.search(key)


def is_outcome(key: str) -> bool:
    """Whether a key names a loss or a score, which depends on what was trained; a schedule does not."""
    return not key.startswith("_") and bool(words(key) & _OUTCOMES)


def is_repeatable(key: str) -> bool:
    """Whether the same seed should give the same number: no time, no memory, none of W&B's own keys."""
    return not key.startswith("_") and not _CLOCK.search(key)


def number(value: Any) -> float | None:
    """Return a recorded value as a number, NaN and infinities included; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    return _NOT_FINITE.get(value) if isinstance(value, str) else None


def series(run: RunRecorded) -> dict[str, list[float]]:
    """The numbers of a run's history by key, in their order."""
    found: dict[str, list[float]] = {}
    for row in run.history:
        for key, value in row.items():
            given = number(value)
            if given is not None:
                found.setdefault(key, []).append(given)
    return found


def numbers(summary: Mapping[str, Any], *, prefix: str = "") -> dict[str, float]:
    """The numbers of a summary, those of nested tables and lists by their dotted names."""
    found: dict[str, float] = {}
    for name, value in summary.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            found |= numbers(value, prefix=f"{key}.")
        elif isinstance(value, list):
            found |= numbers({str(place): item for place, item in enumerate(value)}, prefix=f"{key}.")
        elif (given := number(value)) is not None:
            found[key] = given
    return found


def recorded_for(flight: Flight, name: str) -> RunRecorded | None:
    """The W&B run of a command: the one with its id, or the only one that it began."""
    own = [run for run in flight.runs if run.command == name]
    named = [run for run in flight.runs if run.name == name]
    return named[0] if named else own[0] if len(own) == 1 else None
