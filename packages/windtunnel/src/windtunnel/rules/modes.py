"""Modes: trial is brief and offline, full is whole and online (criterion 9)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from windtunnel.findings import Place, Severity
from windtunnel.rehearsal.values import Const
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.gathering import gather, place, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_EPOCHS = re.compile(r"(^|[._])(num_)?(train_)?epochs$")
_BRIEF = re.compile(r"epoch|step|batch|limit|sample|subset|rows|examples|iter|updates|max_|_size")


class MDE001(Rule):
    """A trial run talks to W&B."""

    name = "trial-online"
    criterion = 9
    source = "rehearsal"
    doc = Doc(
        what="wandb.init reached in trial mode with a mode other than 'disabled'.",
        why="The contract wants W&B disabled in trial runs; the evaluation would mistake one for the real run.",
        example='if cfg.mode == "trial": cfg.optuna.n_trials = 0   # and nothing about W&B',
        instead='if cfg.mode == "trial": cfg.wandb.mode = "disabled"',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        traces = [trace for trace in repo.traces("main", "train") if trace.mode == "trial"]
        for group in gather(
            traces, ["wandb"], lambda event: event.line if event.data["what"] == "init" and event.certain else None
        ):
            event = group.first
            mode = event.data["keywords"].get("mode")
            if (
                event.data.get("starred")
                or (mode is not None and not isinstance(mode, Const))
                or (isinstance(mode, Const) and mode.value == "disabled")
            ):
                continue
            if mode is None and any(
                trace_event.data.get("name") == "WANDB_MODE"
                for trace_event in group.trace.of("environment", "set-item")
            ):
                continue
            shown = mode.value if isinstance(mode, Const) else "not given"
            yield self.finding(
                f"in trial mode wandb.init is reached with mode {shown!r}",
                place(repo, event),
                evidence=quote(repo, event),
                fix='set cfg.wandb.mode = "disabled" in trial mode before any use of W&B, and pass mode=cfg.wandb.mode',
                related=(Place("src/main.py"), Place("src/train.py")),
                runs=group.runs,
                modes=("trial",),
            )


class MDE002(Rule):
    """A trial run searches hyperparameters."""

    name = "trial-with-search"
    criterion = 9
    source = "rehearsal"
    doc = Doc(
        what="An Optuna study that is optimised in trial mode.",
        why="A trial run is to show within minutes that the code works; the contract sets n_trials to 0.",
        example='if cfg.mode == "trial": cfg.training.epochs = 1',
        instead='if cfg.mode == "trial": cfg.optuna.n_trials = 0',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        traces = [trace for trace in repo.traces("main", "train") if trace.mode == "trial"]
        for group in gather(traces, ["optimized"], lambda event: event.line if event.certain else None):
            yield self.finding(
                "a study is optimised in trial mode",
                place(repo, group.first),
                evidence=quote(repo, group.first),
                fix="set cfg.optuna.n_trials = 0 in trial mode, and search only if it is above 0",
                related=(Place("src/main.py"),),
                runs=group.runs,
                modes=("trial",),
            )


class MDE003(Rule):
    """A full run does not log online."""

    name = "full-offline"
    criterion = 9
    source = "rehearsal"
    doc = Doc(
        what="wandb.init reached in full mode with a mode other than 'online'.",
        why="The evaluation reads from W&B's server, where nothing arrived.",
        example="mode: disabled   # in config.yaml, and nothing sets it to online",
        instead='if cfg.mode == "full": cfg.wandb.mode = "online"',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        traces = [trace for trace in repo.traces("main", "train") if trace.mode == "full"]
        for group in gather(
            traces, ["wandb"], lambda event: event.line if event.data["what"] == "init" and not event.trial else None
        ):
            mode = group.first.data["keywords"].get("mode")
            if isinstance(mode, Const) and mode.value not in {"online", None}:
                yield self.finding(
                    f"in full mode wandb.init is reached with mode {mode.value!r}",
                    place(repo, group.first),
                    evidence=quote(repo, group.first),
                    fix='set cfg.wandb.mode = "online" in full mode',
                    related=(Place("src/main.py"),),
                    runs=group.runs,
                    modes=("full",),
                )


class MDE014(Rule):
    """A trial run trains for more than one epoch."""

    name = "trial-of-many-epochs"
    criterion = 9
    severity = Severity.WARNING
    source = "rehearsal"
    doc = Doc(
        what="A number of epochs above 1 that is set in trial mode and kept.",
        why="A trial run is to show within minutes that the code works; the contract sets epochs to 1.",
        example='if cfg.mode == "trial": cfg.training.epochs = 5',
        instead='if cfg.mode == "trial": cfg.training.epochs = 1',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        seen: set[tuple[str, int]] = set()
        for trace in repo.traces("main", "train"):
            if trace.mode != "trial":
                continue
            writes = [event for event in trace.of("write") if _EPOCHS.search(str(event.data["key"]))]
            value = writes[-1].data.get("value") if writes else None
            if not isinstance(value, Const) or type(value.value) is not int or value.value <= 1:
                continue
            at = (writes[-1].path, writes[-1].line)
            if at not in seen and writes[-1].certain:
                seen.add(at)
                yield self.finding(
                    f"in trial mode {writes[-1].data['key']} is {value.value}",
                    place(repo, writes[-1]),
                    evidence=quote(repo, writes[-1]),
                    fix="set it to 1 in trial mode",
                    runs=(trace.run_id,) if trace.run_id else (),
                    modes=("trial",),
                )


class MDE004(Rule):
    """A trial run is as long as a full one."""

    name = "trial-of-full-length"
    criterion = 9
    severity = Severity.WARNING
    source = "rehearsal"
    doc = Doc(
        what="Trial mode that changes no number of epochs, steps, batches or rows, neither in the configuration nor "
        "by asking for the mode where it trains.",
        why="The trial takes as long as the experiment.",
        example='if cfg.mode == "trial": cfg.wandb.mode = "disabled"',
        instead='if cfg.mode == "trial": cfg.training.epochs = 1',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        trial = [trace for trace in repo.traces("main", "train") if trace.mode == "trial"]
        if not trial:
            raise Skip("no trial run can be followed")
        for trace in trial:
            for event in trace.events:
                if event.kind == "write" and _BRIEF.search(str(event.data["key"])):
                    return
                if event.kind in {"compose", "missing"}:
                    return
                if (
                    event.kind == "read"
                    and str(event.data["key"]) in {"mode", "run.mode"}
                    and event.path in {"src/train.py", "src/preprocess.py"}
                ):
                    return
                if event.kind == "child" and any(
                    _BRIEF.search(str(getattr(word, "value", word)))
                    for word in event.data["arguments"]
                    if "=" in str(getattr(word, "value", ""))
                ):
                    return
        yield self.finding(
            "trial mode shortens nothing: no epochs, steps, batches or rows are reduced",
            Place("src/main.py", 1, 1),
            fix="set epochs to 1 and limit training and evaluation to one or two batches in trial mode",
            modes=("trial",),
        )
