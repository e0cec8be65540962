"""What a flight prints when it has ended: the table and the figures, or what failed and how to see it again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.text import Text

from windtunnel.flight.options import command_line, shown
from windtunnel.flight.plan import EVALUATE
from windtunnel.report.failure import read_end, relevant_lines
from windtunnel.report.table import comparison_table, format_bytes, format_seconds, outcome_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console

    from windtunnel.flight.flight import Flown
    from windtunnel.flight.options import Options
    from windtunnel.report.record import CommandRecord, FlightRecord

AGGREGATED = "comparison/aggregated_metrics.json"


class UnusableComparisonError(Exception):
    """The evaluation returned, but what it had to write is not there."""


def read_comparison(results_dir: Path, *, before: tuple[int, int] | None) -> dict[str, Any]:
    """Return the content of the aggregated metrics that the evaluation just wrote.

    Args:
        results_dir: the results folder.
        before: what :func:`comparison_stamp` said before the evaluation.

    Raises:
        UnusableComparisonError: the file is missing, left from before, or no JSON object with ``metrics``.
    """
    path = results_dir / AGGREGATED
    stamp = comparison_stamp(results_dir)
    if stamp is None:
        raise UnusableComparisonError(f"src.evaluate returned 0 but wrote no {shown(path)}")
    if stamp == before:
        raise UnusableComparisonError(f"src.evaluate returned 0 but left {shown(path)} as it was before the flight")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnusableComparisonError(f"{shown(path)}, written by src.evaluate, cannot be read: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("metrics"), dict):
        raise UnusableComparisonError(
            f"{shown(path)}, written by src.evaluate, has no object 'metrics' of the form {{metric: {{run_id: value}}}}"
        )
    return content


def comparison_stamp(results_dir: Path) -> tuple[int, int] | None:
    """Return what tells one writing of the aggregated metrics from another; ``None`` if there is no file."""
    try:
        status = (results_dir / AGGREGATED).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def data_heading(comparison: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    """Return what the runs were trained and judged on, in words.

    Args:
        comparison: content of the aggregated metrics; its ``data`` has the source of each run's rows.
        origins: dataset id to what the hub says of it: ``generated``, or the folder it was served from.
    """
    by_run = comparison.get("data")
    sources = list(dict.fromkeys(str(source) for source in by_run.values())) if isinstance(by_run, dict) else []
    named = {source.partition("@")[0]: source for source in sources}
    words = [f"{named.get(dataset, dataset)} ({origin})" for dataset, origin in origins.items()]
    # what evaluate says and the hub does not: another dataset, or in its own words that rows are made up
    words += [source for dataset, source in named.items() if dataset not in origins and source not in origins.values()]
    return ", ".join(words) or "data that evaluate does not name"


def print_closing(flown: Flown, *, out: Console) -> None:
    """Print the results of a flight that was not interrupted."""
    record, options, comparison = flown.record, flown.options, flown.comparison
    commands = _commands(record)
    if comparison is not None:
        title = f"Full flight on {data_heading(comparison, record.data)}"
        for part in comparison_table(comparison, record.run_ids, title=title):
            out.print(part)
    elif commands:
        out.print(outcome_table(commands))
    out.print()
    folders = ["comparison", *record.run_ids] if options.mode == "full" else []
    figures = sorted(path for folder in folders for path in (options.results_dir / folder).glob("*.pdf"))
    if figures:
        _line(out, "figures:")
        for figure in figures:
            _line(out, f"  {shown(figure)}")
    peak = max((command.peak_memory_bytes for command in commands), default=0)
    _line(out, f"results: {shown(options.results_dir)}")
    _line(out, f"time: {format_seconds(flown.seconds)}, peak memory: {format_bytes(peak)}")
    _line(out, f"sandbox: {record.sandbox}; environment: {record.env}")
    out.print()


def print_failures(flown: Flown, *, err: Console) -> None:
    """Print what failed, with its last words, where its log lies and how to see it again."""
    record, options = flown.record, flown.options
    commands = _commands(record)
    failures: set[str] = set()
    for command in commands:
        if command.status == "failed":
            _print_failure(command, options, err, excerpt=command.reason not in failures)
            failures.add(command.reason)
    for failure in record.hub_failures:
        _line(err, f"the hub: {failure}")
    for hub_id, files in record.served_files.items() if failures else ():
        _line(err, f"{hub_id} was served from {record.served[hub_id]}, which has {', '.join(files)} and nothing else")
    if record.problem and not any(record.problem == command.reason for command in commands):
        _line(err, record.problem)


def _commands(record: FlightRecord) -> list[CommandRecord]:
    return [record.commands[name] for name in (*record.run_ids, EVALUATE) if name in record.commands]


def _print_failure(command: CommandRecord, options: Options, err: Console, *, excerpt: bool) -> None:
    log = options.results_dir / command.log
    _line(err, f"{command.name} failed: {command.reason}")
    for line in relevant_lines(read_end(log)) if excerpt else []:
        _line(err, f"    {line}")
    _line(err, f"  log: {shown(log)}")
    _line(err, f"  again: {command_line(options, resume=True)}")


def _line(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)
