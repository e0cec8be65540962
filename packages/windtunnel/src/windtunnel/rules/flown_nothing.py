"""Commands that came to their end and did nothing of what an experiment is (criterion 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_processes import asked_of_hub, finished, optimizers, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import CommandFlown, Flight
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo


class FLY030(Rule):
    """A run ends without an error and has done nothing."""

    name = "empty-run"
    criterion = 1
    source = "flight"
    doc = Doc(
        what="Runs with exit code 0 during whose flight no model and no dataset was asked of the hub, no optimizer "
        "took a step and, in full mode, no history reached W&B.",
        why="An exit code of 0 is no experiment. Result files that such a run leaves were made up.",
        example='if __name__ == "__main__":\n    print("done")',
        instead="train(cfg)",
        limits="Where the observer could not follow a run to its end, the question stays open.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        looked = False
        for flight in repo.flown():
            before: list[CommandFlown] = []
            for command in flight.training:
                before.append(command)
                if command not in finished(flight):
                    continue
                looked = True
                # what an earlier run fetched may lie in the cache by now
                if asked_of_hub(before) or optimizers(command) or _recorded(flight, command):
                    continue
                yield self.finding(
                    "the run ended with exit code 0 and did nothing: it asked the hub for no model and no dataset, "
                    + ("took no optimizer step" if command.processes else "was seen to take no optimizer step")
                    + (" and logged nothing" if flight.mode == "full" else ""),
                    Place("src/main.py"),
                    evidence="\n".join(command.output[-5:]),
                    fix="let src/main.py load the data and the model of the run configuration and train",
                    severity=None if flight.mode == "full" or whole(command) else Severity.UNDECIDED,
                    runs=(command.name,),
                    modes=(flight.mode,),
                )
        if not looked:
            raise Skip("no run came to its end")


def _recorded(flight: Flight, command: CommandFlown) -> bool:
    return any(run.steps > 0 for run in flight.runs if run.command == command.name)
