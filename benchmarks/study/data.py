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

# by the experiment's name: the id on the hub, the configuration, the folder under --data, the splits that are used
SERVED = {
    "glue_rte": ("nyu-mll/glue", "rte", "rte", ("train", "validation")),
    "glue_mrpc": ("nyu-mll/glue", "mrpc", "mrpc", ("train", "test")),
    "glue_cola": ("nyu-mll/glue", "cola", "cola", ("train", "validation")),
    "glue_sst2": ("nyu-mll/glue", "sst2", "sst2", ("train", "validation")),
    "snli": ("stanfordnlp/snli", "plain_text", "snli", ("validation", "test")),
}


def prepare(data: Path, work: Path) -> dict[str, Path]:
    """Return the folder of each dataset by its id on the hub.

    Args:
        data: holds ``<task>/<split>.parquet`` of GLUE, and ``snli/``.
        work: gets the folders, of links but for the subset of SST-2.

    Raises:
        PlanError: a file is missing.
    """
    served = {}
    for dataset, config, given, splits in SERVED.values():
        served[dataset] = work / dataset.replace("/", "--")
        for split in splits:
            source = data / given / f"{split}.parquet"
            if not source.is_file():
                raise PlanError(f"{source} is not there; docs/study/README.md says where the rows come from")
            target = served[dataset] / config / source.name
            target.parent.mkdir(parents=True, exist_ok=True)
            _place(source.resolve(), target, subset=(config, split) == ("sst2", "train"))
    return served


def check_rows(tasks: Iterable[Task], served: Mapping[str, Path]) -> None:
    """Compare the labelled training rows of each task with what the plan says of it.

    Raises:
        PlanError: there are more or fewer, so that these are not the plan's data, or it is not served.
    """
    for task in tasks:
        if task.dataset not in SERVED:
            raise PlanError(f"{task.dataset} of {task.name} is not served here; these are: {', '.join(SERVED)}")
        dataset, config, _, _ = SERVED[task.dataset]
        file = served[dataset] / config / f"{task.splits.get('train_split', 'train')}.parquet"
        labels = pq.read_table(file, columns=["label"])["label"]
        found = pc.sum(pc.greater_equal(labels, 0)).as_py()
        if found != task.rows:
            raise PlanError(
                f"{file.resolve()} has {found} labelled rows and the plan {task.rows} for {task.name}; "
                "docs/study/README.md says where the rows come from"
            )


def _place(source: Path, target: Path, *, subset: bool) -> None:
    made = target.with_suffix(".part")
    made.unlink(missing_ok=True)
    if subset:
        table = pq.read_table(source)
        chosen = sorted(random.Random(SST2_SEED).sample(range(table.num_rows), SST2_ROWS))  # noqa: S311
        pq.write_table(table.take(chosen), made)
    else:
        made.symlink_to(source)
    made.replace(target)
