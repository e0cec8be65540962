"""W&B's calls in training: logging without a run, runs in another project, nothing in the summary (criterion 6)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from windtunnel.findings import Place, Severity
from windtunnel.rehearsal.values import Const, Value
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.gathering import Group, gather, place, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo

# libraries that open a run by themselves
_OPENED_ELSEWHERE = re.compile(
    r"WandbLogger|WandbCallback|report_to|init_trackers|log_with|wandb\.setup|sync_tensorboard"
)
_ENVIRONMENT = ("WANDB_PROJECT", "WANDB_ENTITY")


class WAB008(Rule):
    """Something is logged before a run is opened."""

    name = "log-without-run"
    criterion = 6
    source = "rehearsal"
    doc = Doc(
        what="wandb.log that is reached where no wandb.init came before it, as in a branch or mode without one.",
        why='W&B raises "You must call wandb.init() before wandb.log()".',
        example='if cfg.mode == "full": wandb.init(...)\nwandb.log({"loss": loss})',
        instead='wandb.init(..., mode=cfg.wandb.mode)   # "disabled" in trial mode\nwandb.log({"loss": loss})',
        limits="Runs that a library opens are not known; then nothing is said.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        if any(_OPENED_ELSEWHERE.search(source.text) for source in repo.sources.values()):
            raise Skip("a library may open the run")
        found: dict[tuple[str, int], Group] = {}
        for trace in repo.traces("main", "train"):
            for event in _before_any_run(trace):
                found.setdefault((event.path, event.line), Group()).events.append((trace, event))
        for group in list(found.values())[:1]:  # the others are in the same case
            yield self.finding(
                "wandb.log is reached before any wandb.init",
                place(repo, group.first),
                evidence=quote(repo, group.first),
                fix='call wandb.init(..., mode=cfg.wandb.mode) in every mode, or log only "if wandb.run is not None"',
                runs=group.runs,
                modes=group.modes,
            )


class WAB009(Rule):
    """The run is opened in another project than the evaluation looks in."""

    name = "wrong-project"
    criterion = 6
    source = "rehearsal"
    doc = Doc(
        what="wandb.init without project or entity, or with others than those in the path that src/evaluate.py asks "
        "for.",
        why="The evaluation does not find the run.",
        example='wandb.init(id=cfg.run_id)   # evaluate.py asks for f"{entity}/{project}/{run_id}"',
        instead="wandb.init(entity=cfg.wandb.entity, project=cfg.wandb.project, id=cfg.run_id)",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        traces = [trace for trace in repo.traces("main", "train") if trace.mode == "full"]
        if any(name in source.text for source in repo.sources.values() for name in _ENVIRONMENT):
            raise Skip("the project comes from the environment")
        yield from self._without_project(repo)
        asked = _asked(repo)
        for group in gather(
            traces, ["wandb"], lambda event: event.line if event.data["what"] == "init" and not event.trial else None
        ):
            event = group.first
            if event.data.get("starred") or any(isinstance(value, Value) for value in event.data["args"]):
                continue
            for position, key in enumerate(("entity", "project")):
                given = event.data["keywords"].get(key)
                wanted = asked[position] if asked else None
                if given is None or (isinstance(given, Const) and given.value is None):
                    message = f"wandb.init gets no {key}"
                    severity = None if key == "project" else Severity.WARNING
                elif isinstance(given, Const) and isinstance(given.value, str) and wanted and given.value != wanted:
                    message = f"the run is opened with {key} {given.value!r}, but the evaluation asks for {wanted!r}"
                    severity = None
                else:
                    continue
                yield self.finding(
                    message,
                    place(repo, event),
                    evidence=quote(repo, event),
                    fix=f"pass {key}=cfg.wandb.{key}, and read the same key in src/evaluate.py",
                    related=(Place("src/evaluate.py"),),
                    severity=severity,
                    runs=group.runs,
                    modes=("full",),
                )

    def _without_project(self, repo: Repo) -> Iterator[Finding]:
        settings = repo.config().value
        wandb = settings.get("wandb") if isinstance(settings, dict) else None
        entity = wandb.get("entity") if isinstance(wandb, dict) else None
        for event, parts in _paths(repo):
            if len(parts) == 2 and entity is not None and parts[0] == entity:
                yield self.finding(
                    f"the evaluation asks for the run {'/'.join(parts)!r}: the entity stands where the project belongs",
                    place(repo, event),
                    evidence=quote(repo, event),
                    fix='ask for f"{entity}/{project}/{run_id}"',
                )
                return


class WAB010(Rule):
    """Final metrics are not written to the summary."""

    name = "empty-summary"
    criterion = 6
    severity = Severity.WARNING
    source = "rehearsal"
    doc = Doc(
        what="Full runs that log but write nothing to wandb.summary.",
        why="The contract wants final and best metrics there; without them the summary holds the last value of each "
        "key.",
        example='wandb.log({"val_acc": acc})   # for every epoch, and nothing else',
        instead='wandb.summary["best_val_acc"] = best',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        traces = [trace for trace in repo.traces("main", "train") if trace.mode == "full" and not trace.ended]
        logs = [event for trace in traces for event in trace.of("wandb") if event.data["what"] == "log"]
        written = any(event.data["what"] == "summary" for trace in traces for event in trace.of("wandb")) or any(
            "summary" in source.text.lower()
            for path, source in repo.sources.items()
            if path in {"src/train.py", "src/main.py"}
        )
        if logs and not written:
            yield self.finding(
                "nothing is written to wandb.summary",
                place(repo, logs[-1]),
                evidence=quote(repo, logs[-1]),
                fix='write the final and best metrics: wandb.summary["best_val_acc"] = best',
                modes=("full",),
            )


def _opened(event: Event) -> int | None:
    return event.line if event.data["what"] == "init" and not event.trial else None


def _before_any_run(trace: Trace) -> list[Event]:
    """Certain calls of wandb.log before any wandb.init, certain or not."""
    found: list[Event] = []
    for event in trace.of("wandb"):
        if event.data["what"] == "init":
            break
        if event.data["what"] == "log" and event.certain and not event.guarded and not event.crashes:
            found.append(event)
    return [] if trace.ended else found


def _paths(repo: Repo) -> Iterator[tuple[Event, list[str]]]:
    """The paths of runs that the evaluation asks for, in parts, as far as they are known."""
    for event in repo.evaluation.of("wandb"):
        path = event.data.get("path")
        if event.data["what"] == "api-run" and isinstance(path, Const) and isinstance(path.value, str):
            yield event, path.value.split("/")


def _asked(repo: Repo) -> tuple[str, str] | None:
    """The entity and project of the path that the evaluation asks for, if it is known."""
    for _, parts in _paths(repo):
        if len(parts) == 3:  # entity, project, run
            return parts[0], parts[1]
    return None
