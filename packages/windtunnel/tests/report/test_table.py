from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from windtunnel.report.record import CommandRecord
from windtunnel.report.table import comparison_table, format_seconds, label_runs, outcome_table

RUNS = [f"{role}-all-MiniLM-L6-v2-22M--GLUE-SST-2" for role in ("proposed", "comparative-1", "comparative-2")]
AGGREGATED: dict[str, Any] = {
    "primary_metric": "accuracy",
    "metrics": {
        "accuracy": dict(zip(RUNS, (0.8555, 0.81, 0.86), strict=True)),
        "matthews_corrcoef": dict.fromkeys(RUNS, 0.7123),
        "training_seconds": dict.fromkeys(RUNS, 1234.56),
        "trainable_parameters": dict.fromkeys(RUNS, 184_123_456),
        "total_rank": dict.fromkeys(RUNS, 1152),
        "majority_class_accuracy": dict.fromkeys(RUNS, 0.5092),
        "best_epoch": dict.fromkeys(RUNS, 2),
    },
    "methods": dict(zip(RUNS, ("GLoRA", "AdaLoRA", "LoRA"), strict=True)),
}


def printed(*parts: Any, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    for part in parts:
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def row(lines: list[str], label: str) -> list[str]:
    return next(line for line in lines if line.startswith(label)).removeprefix(label).split()


def test_the_comparison_is_readable_in_80_columns() -> None:
    lines = printed(*comparison_table(AGGREGATED, RUNS, title="Full flight on x (generated)"))
    assert lines[0] == "Full flight on x (generated)"
    assert all(len(line) <= 80 for line in lines)
    assert " ".join(lines[1].split()) == "Matthews training trainable total"
    assert " ".join(lines[2].split()) == "accuracy corr. seconds parameters rank"
    assert row(lines, "GLoRA") == ["0.856", "0.712", "1,234.6", "184,123,456", "1,152"]
    assert row(lines, "majority class") == ["0.509", "-", "-", "-", "-"]
    assert f"AdaLoRA  {RUNS[1]}" in lines


def test_what_the_file_lacks_is_left_out_and_the_rest_shown() -> None:
    partial = {"metrics": {"accuracy": {RUNS[0]: 0.5}, "training_seconds": {RUNS[1]: 3, RUNS[2]: None}}}
    lines = printed(*comparison_table(partial, RUNS, title="t"))
    assert row(lines, "proposed") == ["0.500", "-"]
    assert row(lines, "comparative-1") == ["-", "3.0"]
    assert row(lines, "comparative-2") == ["-", "-"]
    assert not any("majority" in line for line in lines)


def test_metrics_of_another_kind_of_experiment_are_shown_under_their_own_names() -> None:
    lines = printed(*comparison_table({"metrics": {"exact_match": {"a": 0.25}}}, ["a"], title="t"))
    assert "exact match" in lines[1]
    assert row(lines, "a") == ["0.250"]


@pytest.mark.parametrize("aggregated", [{}, {"metrics": []}, {"metrics": {"accuracy": 0.5}, "methods": "x"}])
def test_a_file_of_another_shape_gives_rows_without_values(aggregated: dict[str, Any]) -> None:
    assert any(line.startswith("proposed") for line in printed(*comparison_table(aggregated, RUNS, title="t")))


def test_runs_with_different_majorities_get_a_row_each() -> None:
    metrics = {"accuracy": {"a": 0.9, "b": 0.8}, "majority_class_accuracy": {"a": 0.5, "b": 0.7}}
    lines = printed(*comparison_table({"metrics": metrics, "methods": {"a": "X", "b": "Y"}}, ["a", "b"], title="t"))
    assert row(lines, "majority class of X") == ["0.500"]
    assert row(lines, "majority class of Y") == ["0.700"]


def test_two_runs_of_one_method_are_told_apart() -> None:
    assert label_runs(["a", "b", "c"], {"a": "LoRA", "b": "LoRA", "c": "GLoRA"}) == {
        "a": "LoRA 1",
        "b": "LoRA 2",
        "c": "GLoRA",
    }


def test_long_run_ids_are_folded_and_not_cut() -> None:
    name = "comparative-12-" + "very-long-" * 12
    command = CommandRecord(name=name, argv=[], log="", status="failed", seconds=3.2, peak_memory_bytes=2**31)
    lines = printed(outcome_table([command]))
    assert all(len(line) <= 80 for line in lines)
    assert "".join(line.split()[0] for line in lines[1:]) == name
    assert lines[1].split()[1:] == ["failed", "3.2", "2.00", "GiB"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.24, "4.2 s"), (185, "3 min 05 s"), (3725, "1 h 02 min"), (59.96, "60.0 s")]
)
def test_durations_are_written_as_people_say_them(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
