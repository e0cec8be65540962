"""What a flight leaves for the rules, gathered command by command from the servers, the observer and the folders."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from windtunnel.evidence import CommandFlown, HubAnswer
from windtunnel.flight.files import changed, listing
from windtunnel.report.failure import read_end

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from windtunnel.evidence import Crash, ProcessSeen
    from windtunnel.flight.files import Stamp
    from windtunnel.flight.workspace import Workspace
    from windtunnel.hub import Hub
    from windtunnel.hub.protocol import HubRequest
    from windtunnel.recorder import Recorder
    from windtunnel.report.record import CommandRecord

_OUTPUT_LINES = 40


@dataclass(slots=True)
class Watch:
    """One command from before it starts until all that came of it is known.

    Args:
        workspace: the folders of the flight.
        hub: what it may ask.
        recorder: where it may log.
    """

    workspace: Workspace
    hub: Hub
    recorder: Recorder
    _results: dict[str, Stamp] = field(init=False)
    _repository: dict[str, Stamp] = field(init=False)
    _requests: int = field(init=False)

    def __post_init__(self) -> None:
        self._results = self._list_results()
        self._repository = listing(self.workspace.repository)
        self._requests = len(self.hub.requests)
        self.recorder.take_asked()

    def end(
        self, record: CommandRecord, *, again: str, processes: tuple[ProcessSeen, ...], crash: Crash | None, log: Path
    ) -> CommandFlown:
        """Return the evidence of the command.

        Args:
            record: how it ended.
            again: a line for a shell that runs it again.
            processes: what the observer told.
            crash: of the process that failed first, None if none is known.
            log: its output.
        """
        return CommandFlown(
            name=record.name,
            argv=tuple(record.argv),
            again=again,
            status="finished" if record.status == "running" else record.status,
            reason=record.reason,
            limit=record.limit,
            exit_code=record.exit_code,
            seconds=record.seconds,
            peak_memory_bytes=record.peak_memory_bytes,
            leftover_processes=record.leftover_processes,
            crash=crash,
            output=tuple(read_end(log)[-_OUTPUT_LINES:]),
            processes=processes,
            results=changed(self.workspace.results_dir, self._results, self._list_results()),
            repository=changed(self.workspace.repository, self._repository, listing(self.workspace.repository)),
            hub=hub_answers(self.hub.requests[self._requests :]),
            asked=tuple(self.recorder.take_asked()),
        )

    def _list_results(self) -> dict[str, Stamp]:
        results_dir = self.workspace.results_dir
        return listing(results_dir, leave_out=(self.workspace.flight, results_dir / "earlier"))


def hub_answers(requests: Iterable[HubRequest]) -> tuple[HubAnswer, ...]:
    """Return requests for one repository with the same answer as one, in the order in which they first came."""
    counted = Counter((request.repo_type, request.repo_id, request.status, request.code) for request in requests)
    return tuple(HubAnswer(*answer, count) for answer, count in counted.items())


def first_crash(processes: Iterable[ProcessSeen], from_log: Crash | None) -> Crash | None:
    """Return the crash that explains the others: of the process that crashed deepest below the command itself.

    A parent that only reports its child's end (``CalledProcessError``) crashes too, and later.
    """
    crashed = [process for process in processes if process.crash is not None]
    parents = {process.parent for process in crashed}
    leaves = [process for process in crashed if process.pid not in parents]
    told = next((process.crash for process in leaves), None)
    return told or from_log
