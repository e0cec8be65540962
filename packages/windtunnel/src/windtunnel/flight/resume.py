"""Continuing an earlier flight: whether it is the same flight, and which of its runs stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.errors import UsageError
from windtunnel.report.record import FlightRecord, read_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from windtunnel.flight.options import Options

_AFRESH = "fly without --resume: the earlier flight is moved aside, not deleted"


def earlier_record(
    report: Path, options: Options, served_files: Mapping[str, Mapping[str, list[int]]]
) -> FlightRecord | None:
    """Return the record of the flight to continue, or ``None`` if there was none.

    Args:
        report: its ``report.json``.
        options: the present flight.
        served_files: its `FlightRecord.served_files`.

    Raises:
        FlightError: the report cannot be read.
        UsageError: the earlier flight was another one, so that results of both would be mixed.
    """
    if not report.exists():
        return None
    earlier = read_record(report)
    served = {hub_id: str(folder) for hub_id, folder in options.serve.items()}
    differences = [
        f"{what} was {then}, now {now}"
        for what, then, now in (
            ("--mode", earlier.mode, options.mode),
            ("PATH", earlier.repository, options.named),
            ("--env", earlier.env, options.env),
            ("--serve", _written(earlier.served), _written(served)),
        )
        if then != now
    ]
    differences += [
        f"{hub_id}/{name} in {served[hub_id]} has changed since"
        for hub_id, files in served_files.items()
        for name in sorted(files.keys() | earlier.served_files.get(hub_id, {}).keys())
        if not differences and files.get(name) != earlier.served_files.get(hub_id, {}).get(name)
    ]
    if differences:
        raise UsageError(f"--resume would mix two flights ({'; '.join(differences)}); repeat its options, or {_AFRESH}")
    return earlier


def check_same_code(earlier: FlightRecord, tree_sha256: str) -> None:
    """Raise :class:`UsageError` if the repository changed since the runs of ``earlier`` were made."""
    if earlier.tree_sha256 and earlier.tree_sha256 != tree_sha256:
        raise UsageError(
            f"--resume would mix two versions of {earlier.repository}: its files were {earlier.tree_sha256[:12]} "
            f"and are {tree_sha256[:12]} now (SHA-256 of the tree); {_AFRESH}"
        )


def standing_runs(earlier: FlightRecord, finished: Iterable[str]) -> set[str]:
    """Return the runs of ``earlier`` that need not be made again.

    Args:
        earlier: the flight to continue.
        finished: names of the runs that the recorder has as finished; a trial logs nothing there, so that its exit
            code alone counts. A run that was ended after it had told the recorder so, in its last moment, stands too:
            it would refuse to be made again.
    """
    commands = earlier.commands.items()
    returned_zero = {name for name, command in commands if command.status == "finished" and command.exit_code == 0}
    if earlier.mode == "trial":
        return returned_zero
    cut_off = {name for name, command in commands if command.status in {"running", "interrupted"}}
    return (returned_zero | cut_off).intersection(finished)


def _written(served: dict[str, str]) -> str:
    return " ".join(f"{hub_id}={folder}" for hub_id, folder in sorted(served.items())) or "not given"
