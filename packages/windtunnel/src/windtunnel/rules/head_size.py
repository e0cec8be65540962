"""The classification head: as many classes as the dataset has (criterion 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import quote
from windtunnel.rules.loaded import dataset_loads, hub, model_loads, plain, text, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.rehearsal import Trace
    from windtunnel.repo import Repo


class MOD007(Rule):
    """A classification head has another number of classes than the dataset."""

    name = "head-of-another-size"
    criterion = 4
    source = "table"
    categories: ClassVar[tuple[str, ...]] = ("dataset-schema",)
    doc = Doc(
        what="`num_labels` of a model for sequence classification, held against the classes of the one dataset that "
        "the run loads.",
        why="With fewer outputs than classes the loss fails (on a GPU with a device-side assert); with more, some are "
        "never right.",
        example='from_pretrained(name, num_labels=2)   # and the dataset is load_dataset("nyu-mll/glue", "mnli")',
        instead='from_pretrained(name, num_labels=len(data["train"].features["label"].names))',
        limits="Only datasets of the hub table with one column of class labels.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        seen: set[tuple[str, int]] = set()
        for trace in repo.traces("main", "train"):
            known = _classes(repo, trace)
            if len(known) != 1:
                continue
            ((dataset, classes),) = known.items()
            for load in model_loads(trace):
                outputs = plain(load.event.data["keywords"].get("num_labels"))
                if "SequenceClassification" not in load.owner or not isinstance(outputs, int) or outputs == 1:
                    continue
                if outputs == classes or (load.event.path, load.event.line) in seen:
                    continue
                seen.add((load.event.path, load.event.line))
                yield self.finding(
                    f"the head has {outputs} outputs, and {dataset} has {classes} classes",
                    where(repo, load.event),
                    evidence=quote(repo, load.event),
                    fix="take num_labels from the dataset",
                    severity=Severity.BLOCKER if outputs < classes and load.event.certain else Severity.WARNING,
                    runs=(trace.run_id,) if trace.run_id else (),
                )


def _classes(repo: Repo, trace: Trace) -> dict[str, int]:
    """The number of classes of each dataset that a rehearsal loads, where the hub table has them."""
    found: dict[str, int] = {}
    for load in dataset_loads(trace):
        name, config = text(load.id), plain(load.argument(1, "name"))
        entry = hub(repo).dataset(name) if name else None
        labels = entry.labels(config if isinstance(config, str) else None) if entry is not None else ()
        found[f"{name} {config or ''}".strip()] = len(labels)
    return found if all(found.values()) else {}
