"""Trials of a flight: that they are brief, and of the same model and data as the full run (criterion 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_processes import finished, line_at, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from windtunnel.evidence import CommandFlown
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

# "batches limited to 1-2": with what a prefetching loader and a last step add
_FEW = 4
_MANY = 10


class FLY080(Rule):
    """A trial trains at length."""

    name = "trial-of-many-steps"
    criterion = 9
    source = "flight"
    doc = Doc(
        what=f"Optimizers that took more than {_MANY} steps in trial mode (a warning from {_FEW + 1} on), and data "
        f"loaders of which more than {_MANY} batches were taken in one pass (a warning).",
        why="A trial shall say within a minute whether the code runs; on real data this one takes as long as an epoch.",
        example="for batch in loader:   # whatever the mode",
        instead='for batch in itertools.islice(loader, 2 if cfg.mode == "trial" else None):',
        limits="Only torch's optimizers and loaders are seen.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown("trial"):
            for command in flight.training:
                for process in command.processes:
                    exercised = exercised or bool(process.optimizers or process.loaders)
                    for seen in process.optimizers:
                        if seen.steps > _FEW:
                            yield self._long(
                                repo,
                                command,
                                f"{seen.name} took {seen.steps} steps in trial mode",
                                seen.place,
                                None if seen.steps > _MANY else Severity.WARNING,
                            )
                    for loader in process.loaders:
                        if loader.iterations and loader.batches > _MANY * loader.iterations:
                            yield self._long(
                                repo,
                                command,
                                f"{loader.batches // loader.iterations} batches were taken of a data loader in one "
                                "pass in trial mode",
                                loader.place,
                                Severity.WARNING,
                            )
        if not exercised:
            raise Skip("not exercised: the observer saw no optimizer and no data loader in trial mode")

    def _long(self, repo: Repo, command: CommandFlown, message: str, place: str, severity: Severity | None) -> Finding:
        at = place_of(place)
        return self.finding(
            message,
            at,
            evidence=line_at(repo, at),
            fix="in trial mode, leave training and evaluation loops after one or two batches",
            severity=severity,
            runs=(command.name,),
            modes=("trial",),
        )


class FLY081(Rule):
    """A trial loads another model or other data than the full run."""

    name = "trial-of-other-data"
    criterion = 9
    source = "flight"
    doc = Doc(
        what="Models and datasets that a trial loaded from the hub and that no run of the full flight asked for, where "
        "the full run loaded others.",
        why="A trial of something else says nothing of the run that is paid for: shapes, names and memory differ.",
        example='if cfg.mode == "trial":\n    cfg.model.name = "sshleifer/tiny-gpt2"',
        instead="the same model on two batches",
        limits="Needs flights in both modes.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        if not {"trial", "full"} <= repo.flights.keys():
            raise Skip("not exercised: flown in one mode only")
        trial, full = repo.flights["trial"], repo.flights["full"]
        done = {command.name: command for command in finished(full)}
        for command in finished(trial):
            if command.name not in done:
                continue
            for kind in ("model", "dataset"):
                used, known = _loaded([command], kind), _loaded(full.commands, kind)
                of_run = _loaded([done[command.name]], kind)
                others = {name: hub_id for name, hub_id in used.items() if name not in known}
                # what the full run asked for beside the trial's own is more, not something else
                if not others or not of_run or of_run.keys() <= used.keys():
                    continue
                yield self.finding(
                    f"the trial loaded the {kind} {', '.join(others.values())}; the full run loads "
                    f"{', '.join(hub_id for name, hub_id in of_run.items() if name not in used)}",
                    Place("src/main.py"),
                    fix="load what the run configuration names in both modes, and take fewer batches of it",
                    related=(Place(repo.run_path(command.name)),),
                    runs=(command.name,),
                    modes=("trial",),
                )


def _loaded(commands: Iterable[CommandFlown], kind: str) -> dict[str, str]:
    """Ids that the hub answered with content, by what they are called without namespace and case: two names of one."""
    return {
        answer.repo_id.rpartition("/")[2].lower(): answer.repo_id
        for command in commands
        for answer in command.hub
        if answer.repo_type == kind and answer.repo_id and 200 <= answer.status < 400
    }
