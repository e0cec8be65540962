"""The tables a flight ends with, readable in 80 columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rich.console import RenderableType

    from windtunnel.report.record import CommandRecord

MAJORITY = "majority_class_accuracy"
_ROLE = re.compile(r"proposed|comparative-\d+")
_LABEL_WIDTH = 24


def _fraction(value: float) -> str:
    return f"{value:.3f}"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _seconds(value: float) -> str:
    return f"{value:,.1f}"


# metric, heading, how a value is written
_COLUMNS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("accuracy", "accuracy", _fraction),
    ("matthews_corrcoef", "Matthews\ncorr.", _fraction),
    ("pearson", "Pearson\ncorr.", _fraction),
    ("spearman", "Spearman\ncorr.", _fraction),
    ("training_seconds", "training\nseconds", _seconds),
    ("trainable_parameters", "trainable\nparameters", _count),
    ("total_rank", "total\nrank", _count),
)


def comparison_table(aggregated: Mapping[str, Any], run_ids: Sequence[str], *, title: str) -> list[RenderableType]:
    """Return the table of a full flight, and below it which run each row is.

    Args:
        aggregated: content of ``comparison/aggregated_metrics.json``; what it lacks is left out.
        run_ids: the runs in the order of the rows.
        title: heading, such as the dataset.
    """
    metrics = {name: _by_run(values) for name, values in _mapping(aggregated.get("metrics")).items()}
    known = [column for column in _COLUMNS if any(run_id in metrics.get(column[0], {}) for run_id in run_ids)]
    columns = known or [
        (name, name.replace("_", " "), _fraction)
        for name in sorted(metrics)[:4]
        if name != MAJORITY and any(run_id in metrics[name] for run_id in run_ids)
    ]
    labels = label_runs(run_ids, _mapping(aggregated.get("methods")))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", max_width=_LABEL_WIDTH, overflow="fold")
    for _, heading, _ in columns:
        table.add_column(heading, justify="right", overflow="fold")
    for run_id in run_ids:
        cells = (_cell(metrics.get(name, {}).get(run_id), write) for name, _, write in columns)
        table.add_row(Text(labels[run_id]), *cells)
    names = [name for name, _, _ in columns]
    for label, accuracy in _majority_rows(metrics.get(MAJORITY, {}), labels):
        table.add_row(label, *(_fraction(accuracy) if name == "accuracy" else "-" for name in names), style="dim")
    parts: list[RenderableType] = [Text(title, style="bold"), table]
    if any(labels[run_id] != run_id for run_id in run_ids):
        width = max(len(label) for label in labels.values())
        parts.append(Text(""))
        parts.extend(Text(f"{labels[run_id]:<{width}}  {run_id}", overflow="fold", style="dim") for run_id in run_ids)
    return parts


def outcome_table(commands: Iterable[CommandRecord]) -> Table:
    """Return one row per command: how it ended, how long it took, and the peak of its resident memory."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", overflow="fold", min_width=20)
    table.add_column("outcome", no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    table.add_column("peak memory", justify="right", no_wrap=True)
    for command in commands:
        style = {"finished": "green", "failed": "red"}.get(command.status, "yellow")
        table.add_row(
            Text(command.name),
            Text("ok" if command.status == "finished" else command.status, style=style),
            _seconds(command.seconds),
            format_bytes(command.peak_memory_bytes),
        )
    return table


def label_runs(run_ids: Sequence[str], methods: Mapping[str, Any]) -> dict[str, str]:
    """Return a short name for each run: its method, else its role, else its id; numbered where two would be equal."""
    short: dict[str, str] = {}
    for run_id in run_ids:
        role = _ROLE.match(run_id)
        short[run_id] = str(methods[run_id]) if run_id in methods else role[0] if role else run_id
    labels: dict[str, str] = {}
    for run_id in run_ids:
        same = [other for other in run_ids if short[other] == short[run_id]]
        labels[run_id] = short[run_id] if len(same) == 1 else f"{short[run_id]} {same.index(run_id) + 1}"
    return labels


def format_bytes(count: int) -> str:
    """Write a number of bytes in MiB or GiB."""
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def format_seconds(seconds: float) -> str:
    """Write a duration as people say it: ``4.2 s``, ``3 min 05 s``, ``1 h 02 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _majority_rows(by_run: Mapping[str, float], labels: Mapping[str, str]) -> list[tuple[Text, float]]:
    """Return one row if every run was judged on the same labels, else one row per share of the majority class."""
    runs_by_value: dict[float, list[str]] = {}
    for run_id, label in labels.items():
        if run_id in by_run:
            runs_by_value.setdefault(by_run[run_id], []).append(label)
    if len(runs_by_value) == 1:
        return [(Text("majority class"), next(iter(runs_by_value)))]
    return [(Text(f"majority class of {', '.join(runs)}"), value) for value, runs in runs_by_value.items()]


def _cell(value: float | None, write: Callable[[float], str]) -> str:
    return "-" if value is None else write(value)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _by_run(values: object) -> dict[str, float]:
    return {
        run_id: float(value)
        for run_id, value in _mapping(values).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
