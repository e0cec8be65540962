"""Hosts that a flight tried to reach beside the hub and W&B, and went on without (criterion 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.findings import Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_processes import line_at, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

# what libraries ask by themselves whatever the experiment: counters of `datasets`, the dataset viewer of a hub
_OF_LIBRARIES = ("s3.amazonaws.com:", "datasets-server.")


class FLY091(Rule):
    """Another host is asked for something."""

    name = "host-out-of-reach"
    criterion = 3
    source = "flight"
    severity = Severity.WARNING
    doc = Doc(
        what="Addresses other than the hub's and W&B's that a flown process called or looked up from a line of the "
        "repository, in a run that came to its end all the same.",
        why="Here there was no answer, and the run took another way; with a network it may do something else.",
        example='urllib.request.urlretrieve("https://example.org/labels.json")   # within try',
        instead='load_dataset("namespace/name")',
        limits="Crashes for want of a network are told by FLY016. What libraries ask by themselves is left out.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        watched = False
        for flight in repo.flown():
            asked: dict[tuple[str, str], list[str]] = {}
            for command in flight.commands:
                for process in command.processes:
                    watched = watched or "files" in process.watched
                    for seen in process.connections:
                        ours = seen.place and command.status == "finished"
                        if ours and not seen.address.startswith(_OF_LIBRARIES):
                            asked.setdefault((seen.address, seen.place), []).append(command.name)
            for (address, place), names in asked.items():
                at = place_of(place)
                yield self.finding(
                    f"{address} was asked for something, which a flight does not answer",
                    at,
                    evidence=line_at(repo, at),
                    fix="take models and data from the hub, and files from the repository",
                    runs=tuple(dict.fromkeys(names)),
                    modes=(flight.mode,),
                )
        if not watched:
            raise Skip("not exercised: no process told whom it called")
