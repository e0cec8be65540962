"""The plan of the study, read from ``plan.yaml``: the cells of its grids in the order they are run, how each is run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.study.arms import ARMS, METHODS, SECTIONS, TUNED, section_of
from benchmarks.study.cells import Cell, Task
from benchmarks.study.rows import tuned_rates, without_interrupted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from benchmarks.study.rows import Row


HUBS = ("loopback", "public")


class PlanError(Exception):
    """The plan cannot be carried out as it is written; the text says what, where and what to do."""


@dataclass(frozen=True)
class Plan:
    """The whole plan.

    Attributes:
        backbone: id of the model.
        shape: of `benchmarks.shapes`, whose steps are timed for the costs.
        size: ``hidden_size``, ``num_layers`` and ``num_parameters`` of it, as run files state them.
        selection_fraction: of the training rows, on which learning rates are chosen.
        allocation_share: of a run's steps after which ranks are reallocated or pruning starts.
        tuning: ``trials``, ``low``, ``high``, ``seed`` and ``mean_ranks``; for ``nearest`` and ``margin`` see
            `rows.tuned_rates`.
        tasks: by name, in order.
        grids: by name: ``tasks``, ``arms``, ``mean_ranks``, ``seeds`` and ``settings``.
        precision: of the forward pass, as the experiment's launcher calls it.
        device: likewise.
        hub: where weights and rows come from: "loopback", of this project, or "public", the real one.
        hours: the most that all may take.
        dropped: ``tasks`` and ``grids`` whose cells are not run after all, and ``why``.
    """

    backbone: str
    shape: str
    size: Mapping[str, Any]
    selection_fraction: float
    allocation_share: float
    tuning: Mapping[str, Any]
    tasks: Mapping[str, Task]
    grids: Mapping[str, tuple[Mapping[str, Any], ...]]
    precision: str
    device: str
    hub: str
    hours: float
    dropped: tuple[Mapping[str, Any], ...] = ()

    def tuning_cells(self) -> list[Cell]:
        """One cell for each task, tuned method and mean rank."""
        return [
            Cell("tuning", task, arm, rank, int(self.tuning["seed"]))
            for task in self.tasks
            for rank in self.tuning["mean_ranks"]
            for arm in TUNED
        ]

    def cells(self) -> list[Cell]:
        """All cells: tuning first, then each grid seed by seed, so that what is there at any time compares all arms."""
        return [cell for cell in self._planned() if not self._is_dropped(cell)]

    def dropped_cells(self) -> list[Cell]:
        """The cells that were planned and are not run."""
        return [cell for cell in self._planned() if self._is_dropped(cell)]

    def _planned(self) -> list[Cell]:
        return [*self.tuning_cells(), *dict.fromkeys(cell for name in self.grids for cell in self._grid(name))]

    def _is_dropped(self, cell: Cell) -> bool:
        return any(cell.task in part["tasks"] and cell.phase in part["grids"] for part in self.dropped)

    def _grid(self, name: str) -> Iterator[Cell]:
        parts = self.grids[name]
        for seed in dict.fromkeys(seed for part in parts for seed in part["seeds"]):
            for part in parts:
                for task in part.get("tasks", self.tasks) if seed in part["seeds"] else ():
                    for rank in part["mean_ranks"]:
                        for arm in part["arms"]:
                            for settings in part.get("settings", ({},)):
                                yield Cell(name, task, arm, rank, seed, tuple(sorted(settings.items())))

    def tuned_by(self, cell: Cell) -> Cell:
        """The tuning cell whose learning rate a cell takes: of the nearest mean rank that was tuned."""
        rank = min(self.tuning["mean_ranks"], key=lambda tuned: (abs(tuned - cell.mean_rank), tuned))
        return Cell("tuning", cell.task, ARMS[cell.arm].tuned_as, rank, int(self.tuning["seed"]))

    def rows_of(self, rows: Iterable[Row]) -> dict[Cell, Row]:
        """The row of each cell that has one of just its configuration, in the order of the cells."""
        rows = list(rows)
        by_config = {row["config"]: row for row in rows if row["kind"] == "run"}
        rates = self.rates(rows)
        found = {}
        for cell in self.cells():
            rate = rates.get(cell)
            row = by_config.get(self.hash_of(cell, rate)) if cell.phase == "tuning" or rate is not None else None
            if row is not None:
                found[cell] = row
        return found

    def trials(self, rows: Iterable[Row]) -> list[Row]:
        """The trials of the searches as the plan has them now."""
        current = {self.hash_of(cell, None) for cell in self.tuning_cells()}
        return without_interrupted(row for row in rows if row["kind"] == "trial" and row["config"] in current)

    def tuned(self, rows: Iterable[Row]) -> dict[tuple[str, str, int], float]:
        """The learning rate of each search that is finished, by task, arm and mean rank."""
        nearest, margin = int(self.tuning["nearest"]), float(self.tuning["margin"])
        return tuned_rates(self.trials(rows), nearest=nearest, margin=margin)

    def rates(self, rows: Iterable[Row]) -> dict[Cell, float]:
        """The learning rate of each cell whose search is finished; a tuning cell has none."""
        rows = list(rows)
        trials = self.trials(rows)
        plain, smoothed = tuned_rates(trials), self.tuned(rows)
        found = {}
        for cell in self.cells():
            tuned = self.tuned_by(cell)
            rates = smoothed if ARMS[cell.arm].smoothed else plain
            if cell.phase != "tuning" and (rate := rates.get((tuned.task, tuned.arm, tuned.mean_rank))) is not None:
                found[cell] = rate
        return found

    def run_file(self, cell: Cell, learning_rate: float | None) -> dict[str, Any]:
        """The run configuration of a cell.

        Args:
            cell: which.
            learning_rate: the tuned one; None for a tuning cell, which searches it.
        """
        task, arm = self.tasks[cell.task], ARMS[cell.arm]
        settings = dict(cell.settings)
        start = max(1, round(settings.pop("allocation_share", self.allocation_share) * task.steps))
        section = {**section_of(arm, allocation_step=start), **settings}
        searched = learning_rate is None
        low, high = task.rates.get(arm.tuned_as, (self.tuning["low"], self.tuning["high"]))
        space = {"learning_rate": {"type": "loguniform", "low": low, "high": high}}
        return {
            "run_id": cell.id,
            "method": METHODS[arm.method_name],
            "method_name": arm.method_name,
            "model": {
                "backbone": self.backbone,
                "peft": {
                    "type": "adalora" if arm.method_name == "AdaLoRA" else "lora",
                    "init_rank": cell.mean_rank,
                },
                **self.size,
            },
            "dataset": {
                "name": task.dataset,
                "max_length": task.max_length,
                "batch_size": task.batch_size,
                **task.splits,
            },
            "training": {
                "epochs": task.epochs,
                "optimizer": "adamw",
                "learning_rate": float(low) if learning_rate is None else learning_rate,
                "weight_decay": 0.01,
                "lr_scheduler": "linear",
                "lr_warmup_steps": max(1, round(0.06 * task.steps)),
                "max_grad_norm": 1.0,
                "gradient_checkpointing": False,
            },
            SECTIONS[arm.method_name]: section,
            "evaluation": {"metrics": list(task.metrics), "track_training_time": True},
            "hardware": {"gpu_type": self.device, "num_gpus": int(self.device != "cpu")},
            "optuna": {
                "n_trials": int(self.tuning["trials"]) if searched else 0,
                "direction": "maximize",
                "metric": f"validation_{task.metric}",
                "search_space": space,
            },
        }

    def hash_of(self, cell: Cell, learning_rate: float | None) -> str:
        """What decides the numbers of a cell, as 16 hexadecimal digits."""
        task = self.tasks[cell.task]
        decisive = {
            "run": {**self.run_file(cell, learning_rate), "run_id": ""},
            "rows": task.rows,
            "selection_fraction": self.selection_fraction,
            "precision": self.precision,
            "seed": cell.seed,
            **({} if task.attention == "auto" else {"attention": task.attention}),
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]


def read_plan(path: Path) -> Plan:
    """Read and check a plan.

    Raises:
        PlanError: it cannot be read, or names a task, an arm or a key that there is not.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        tasks = {
            name: Task(name, **{**given, "metrics": tuple(given["metrics"])}) for name, given in data["tasks"].items()
        }
        plan = Plan(
            backbone=data["backbone"],
            shape=data["shape"],
            size=data["size"],
            selection_fraction=float(data["selection_fraction"]),
            allocation_share=float(data["allocation_share"]),
            tuning=data["tuning"],
            tasks=tasks,
            grids={name: tuple(parts) for name, parts in data["grids"].items()},
            precision=data["precision"],
            device=data.get("device", "cpu"),
            hub=data.get("hub", "loopback"),
            hours=float(data["hours"]),
            dropped=tuple(data.get("dropped", ())),
        )
        unknown = [cell for cell in plan.cells() if cell.task not in tasks or cell.arm not in ARMS]
        dropped = {(cell.phase, cell.task) for cell in plan.dropped_cells()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise PlanError(f"{path}: {type(error).__name__}: {error}; see docs/study/plan.yaml for the form") from error
    if plan.hub not in HUBS:
        raise PlanError(f"{path}: hub is {plan.hub!r}; it is one of {', '.join(HUBS)}")
    for part in plan.dropped:
        if "why" not in part:
            raise PlanError(f"{path}: dropped has {dict(part)} without a why, which the report tells")
        for grid, task in product(part["grids"], part["tasks"]):
            if (grid, task) not in dropped:
                raise PlanError(f"{path}: dropped names the grid {grid!r} on {task!r}, and there is no cell of both")
    if unknown:
        cell = unknown[0]
        raise PlanError(
            f"{path}: {cell.phase} has the task {cell.task!r} and the arm {cell.arm!r}; tasks are {', '.join(tasks)}, "
            f"arms {', '.join(ARMS)}"
        )
    return plan
