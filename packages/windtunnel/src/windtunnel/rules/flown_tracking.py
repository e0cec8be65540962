"""W&B runs of a flight: that there is one for each full run, under its id, and none of a trial (criteria 6 and 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.evidence.flight import EVALUATE
from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_processes import finished
from windtunnel.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import Flight, RunRecorded
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo


class FLY050(Rule):
    """A full run leaves nothing in W&B."""

    name = "run-left-unlogged"
    criterion = 6
    source = "flight"
    doc = Doc(
        what="Full runs that ended with exit code 0 and for which the recorder that stands in for W&B has no run, or "
        "one without a row of history.",
        why="The evaluation reads W&B alone: of such a run nothing is left.",
        example='wandb.init(mode="disabled")   # in full mode',
        instead='wandb.init(mode=cfg.wandb.mode)   # "online" in full mode',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        commands = [(flight, command) for flight in repo.flown("full") for command in finished(flight)]
        if not commands:
            raise Skip("no full run came to its end")
        for flight, command in commands:
            # a run that stood already when a flight was resumed has its rows under the command of then
            runs = [run for run in flight.runs if command.name in {run.command, run.name}]
            if any(run.steps > 0 for run in runs):
                continue
            yield self.finding(
                "the full run ended with exit code 0, and "
                + ("its W&B run has no row of history" if runs else "W&B has no run of it"),
                Place("src/train.py"),
                evidence="\n".join(command.output[-3:]),
                fix="call wandb.init(id=<run id>, ...) in full mode and wandb.log at every step or epoch",
                runs=(command.name,),
                modes=("full",),
            )


class FLY051(Rule):
    """A trial logs to W&B."""

    name = "trial-in-wandb"
    criterion = 9
    source = "flight"
    doc = Doc(
        what="W&B runs that began during a flight in trial mode.",
        why="A trial shall leave W&B alone: its run has the id that the full run needs.",
        example="wandb.init(id=cfg.run_id)   # whatever the mode",
        instead='if cfg.mode == "trial":\n    cfg.wandb.mode = "disabled"',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for flight in repo.flown("trial"):
            if not flight.training:
                raise Skip("no trial was started")
            for run in flight.runs:
                yield self.finding(
                    f"W&B got a run with {run.steps} rows of history in trial mode",
                    Place("src/train.py"),
                    fix='set cfg.wandb.mode = "disabled" before wandb.init where cfg.mode is "trial"',
                    runs=(run.command or run.name,),
                    modes=("trial",),
                )


class FLY052(Rule):
    """A full run is in W&B under another id."""

    name = "run-under-another-id"
    criterion = 6
    source = "flight"
    stage = Stage.EVALUATION
    doc = Doc(
        what="Full runs with rows in W&B, none of them in a run that is called like the run id.",
        why="The evaluation gets run ids, and asks for runs of these names.",
        example='wandb.init(name=cfg.run_id)   # W&B invents the id: "3xk2f0a9"',
        instead="wandb.init(id=cfg.run_id, name=cfg.run_id)",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown("full"):
            names = {run.name for run in flight.runs}
            for command in finished(flight):
                logged = _of(flight, command.name)
                exercised = exercised or bool(logged)
                if not logged or command.name in names:
                    continue
                ids = ", ".join(repr(run.name) for run in logged[:3])
                yield self.finding(
                    f"W&B has what the run logged under {ids}, and nothing under the run id",
                    Place("src/train.py"),
                    fix="pass id=<run id> to wandb.init",
                    related=(Place("src/evaluate.py"),),
                    runs=(command.name,),
                    modes=("full",),
                )
        if not exercised:
            raise Skip("W&B has no run of the flight")


class FLY053(Rule):
    """One full run leaves several in W&B."""

    name = "several-runs-in-wandb"
    criterion = 6
    source = "flight"
    doc = Doc(
        what="Full runs during which more than one W&B run began. Where the run configuration searches with Optuna, "
        "the others are taken for its trials.",
        why="The contract wants only the final run there; others are neither evaluated nor told from it.",
        example="def objective(trial):\n    wandb.init(...)",
        instead="train(trial_cfg, log=False)",
        limits="Whether the other runs are trials is concluded from their number.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown("full"):
            for command in flight.training:
                logged = _of(flight, command.name)
                exercised = exercised or bool(logged)
                if len(logged) < 2:
                    continue
                trials = repo.configured("optuna.n_trials", command.name)
                searched = isinstance(trials, int) and 0 < trials < len(logged)
                yield self.finding(
                    f"{len(logged)} W&B runs began in one run: {', '.join(repr(run.name) for run in logged[:4])}"
                    + ("; Optuna's trials seem to be among them" if searched else ""),
                    Place("src/train.py"),
                    fix="log the final run only, under the run id",
                    severity=None if searched else Severity.WARNING,
                    runs=(command.name,),
                    modes=("full",),
                )
        if not exercised:
            raise Skip("W&B has no run of the flight")


class FLY054(Rule):
    """The evaluation asked for a key that no run has."""

    name = "key-asked-in-vain"
    criterion = 6
    source = "flight"
    stage = Stage.EVALUATION
    doc = Doc(
        what="History keys that the evaluation named to W&B and that no run of the flight has.",
        why="W&B answers with no rows and no error: the figures and tables made of them are empty.",
        example='run.history(keys=["val_acc"])   # train.py logs "validation_accuracy"',
        instead='run.history(keys=["validation_accuracy"])',
        limits="Keys that are taken from the whole history afterwards are not seen.",
    )
    severity = Severity.WARNING

    def check(self, repo: Repo) -> Iterator[Finding]:
        for flight in repo.flown("full"):
            command = flight.command(EVALUATE)
            known = {key for run in flight.runs for key in (*run.keys, *run.summary)}
            if command is None or not known:
                raise Skip("the evaluation was not flown, or W&B has no history")
            lacking = dict.fromkeys(key for asked in command.asked for key in asked.keys if key and key not in known)
            for key in lacking:
                if key.startswith("_") or "*" in key:
                    continue
                yield self.finding(
                    f"the evaluation asked for the history of {key!r}, which no run has",
                    Place("src/evaluate.py"),
                    fix="use the same name in src/train.py and src/evaluate.py",
                    related=(Place("src/train.py"),),
                    modes=("full",),
                )


def _of(flight: Flight, name: str) -> list[RunRecorded]:
    return [run for run in flight.runs if run.command == name]
