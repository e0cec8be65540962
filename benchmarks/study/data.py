"""The real rows that the study serves to the experiment, laid out as ``--serve`` wants them, and never kept in it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.study.plan import PlanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from benchmarks.study.cells import Task

SST2_ROWS, SST2_SEED = 6000, 0  # the stated subset: `random.Random(0).sample` of the training split, in its order


def prepare(data: Path, work: Path) -> dict[str, Path]:
    """Return the folder of each dataset by its id on the hub.

    Args:
        data: holds ``<task>/<split>.parquet`` of GLUE, and ``snli/``.
        work: gets the folders, of links but for the subset of SST-2.

    Raises:
        PlanError: a file is missing.
    """
    wanted = {
        "nyu-mll/glue": {
            "rte": ("train", "validation"),
            "mrpc": ("train", "test"),
            "cola": ("train", "validation"),
            "sst2": ("train", "validation"),
        },
        "stanfordnlp/snli": {"plain_text": ("validation", "test")},
    }
    served = {}
    for dataset, configs in wanted.items():
        folder = work / dataset.replace("/", "--")
        for config, splits in configs.items():
            (folder / config).mkdir(parents=True, exist_ok=True)
            for split in splits:
                source = data / ("snli" if config == "plain_text" else config) / f"{split}.parquet"
                if not source.is_file():
                    raise PlanError(f"{source} is not there; docs/study/README.md says where the rows come from")
                _place(source.resolve(), folder / config / f"{split}.parquet", subset=(config, split))
        served[dataset] = folder
    return served


def check_rows(tasks: Iterable[Task], served: Mapping[str, Path]) -> None:
    """Compare the labelled training rows of each task with what the plan says of it.

    Raises:
        PlanError: there are more or fewer, so that these are not the plan's data.
    """
    for task in tasks:
        glue = ("nyu-mll/glue", task.dataset.removeprefix("glue_"))
        dataset, config = ("stanfordnlp/snli", "plain_text") if task.dataset == "snli" else glue
        file = served[dataset] / config / f"{task.splits.get('train_split', 'train')}.parquet"
        labels = pq.read_table(file, columns=["label"])["label"]
        found = pc.sum(pc.greater_equal(labels, 0)).as_py()
        if found != task.rows:
            raise PlanError(
                f"{file.resolve()} has {found} labelled rows and the plan {task.rows} for {task.name}; "
                "docs/study/README.md says where the rows come from"
            )


def _place(source: Path, target: Path, *, subset: tuple[str, str]) -> None:
    made = target.with_suffix(".part")
    made.unlink(missing_ok=True)
    if subset == ("sst2", "train"):
        table = pq.read_table(source)
        chosen = sorted(random.Random(SST2_SEED).sample(range(table.num_rows), SST2_ROWS))  # noqa: S311
        pq.write_table(table.take(chosen), made)
    else:
        made.symlink_to(source)
    made.replace(target)
