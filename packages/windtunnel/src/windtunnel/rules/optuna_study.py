"""Optuna: search spaces that reach what is read, objectives that measure something (criterion 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from windtunnel.findings import Severity
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import Group, gather, place, quote, run_places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding, Place
    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo


class OPT001(Rule):
    """A search-space name reaches nothing that is read."""

    name = "search-space-without-effect"
    criterion = 7
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("optuna-space", "config-key-unused")
    source = "rehearsal"
    doc = Doc(
        what="Names of `optuna.search_space` whose sampled value is written to a key that nothing reads, or is used "
        "nowhere.",
        why="Trials differ by chance only: the study costs GPU hours and tunes nothing.",
        example="cfg[name] = value   # 'learning_rate' at the root; the optimizer reads cfg.training.learning_rate",
        instead="name search-space entries by their full path (training.learning_rate) and set them with "
        "OmegaConf.update(cfg, name, value)",
        limits="A value that is handed on through data the rehearsal does not follow.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        lost: dict[tuple[str, int], tuple[Event, dict[str, list[str]]]] = {}
        for trace in (*repo.traces("main", "train"), *repo.meant):
            if trace.mode != "full" or trace.ended:
                continue
            for name, event in _suggested(trace).items():
                if not _arrives(trace, name):
                    entry = lost.setdefault((event.path, event.line), (event, {}))
                    entry[1].setdefault(name, []).append(trace.run_id)
        by_path: dict[str, list[tuple[Event, dict[str, list[str]]]]] = {}
        for event, names in lost.values():
            by_path.setdefault(event.path, []).append((event, names))
        for entries in by_path.values():
            event = entries[0][0]
            unused: dict[str, list[str]] = {}
            for _, found in entries:
                for name, ids in found.items():
                    unused.setdefault(name, []).extend(ids)
            runs = tuple(sorted({run for ids in unused.values() for run in ids}))
            shown = ", ".join(repr(name) for name in unused)
            yield self.finding(
                f"the sampled values of {shown} reach no key that is read afterwards",
                place(repo, event),
                evidence=quote(repo, event),
                fix="write each sampled value to the key that the training code reads, for example "
                "OmegaConf.update(cfg, 'training.learning_rate', value)",
                related=self._places(repo, runs, list(unused)),
                runs=runs,
                modes=("full",),
            )

    @staticmethod
    def _places(repo: Repo, runs: tuple[str, ...], names: list[str]) -> tuple[Place, ...]:
        return run_places(repo, runs, f"optuna.search_space.{names[0]}")


class OPT002(Rule):
    """The objective gives the same value in every trial."""

    name = "constant-objective"
    criterion = 7
    categories: ClassVar[tuple[str, ...]] = ("optuna-objective",)
    source = "rehearsal"
    doc = Doc(
        what="An objective whose result is a constant, or None.",
        why="Every trial scores the same, and the 'best' parameters are those of the first.",
        example="return float(cfg.get('final_accuracy', 0.0))   # nobody writes that key",
        instead="return what the training measured",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        from windtunnel.rehearsal.values import Const  # noqa: PLC0415

        for group in gather(repo.traces("main", "train"), ["optimized"], lambda event: event.line):
            results = [event.data["result"] for _, event in group.events]
            if results and all(isinstance(result, Const) for result in results):
                value = results[0].value
                yield self.finding(
                    f"the objective of this study gives {value!r} in every trial",
                    place(repo, group.first),
                    evidence=quote(repo, group.first),
                    fix="return the metric that the trial's training measured",
                    runs=group.runs,
                    modes=group.modes,
                )


class OPT003(Rule):
    """A trial changes the configuration that the final run uses."""

    name = "trial-changes-final-run"
    criterion = 7
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("optuna-objective",)
    source = "rehearsal"
    doc = Doc(
        what="Writes to the shared configuration inside an objective (steps, epochs, W&B mode, mode), never taken "
        "back before the final training; and trials switched to trial mode.",
        why="The final run inherits ten steps and a disabled W&B, or the search compares noise of two batches.",
        example="def objective(trial):\n    cfg.training.total_steps = 10\n    return train(cfg)",
        instead="def objective(trial):\n    trial_cfg = copy.deepcopy(cfg)\n    ...",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        def key(event: Event) -> int | None:
            if not event.trial or not event.certain or "suggested" in getattr(event.data.get("value"), "data", {}):
                return None
            return event.line

        for group in gather(repo.traces("main", "train"), ["write"], key):
            inherited = [event for trace, event in group.events if _read_after(trace, event)]
            to_trial = [
                event
                for _, event in group.events
                if str(event.data["key"]).endswith("mode") and getattr(event.data["value"], "value", None) == "trial"
            ]
            if not inherited and not to_trial:
                continue
            event = (inherited or to_trial)[0]
            message = (
                f"the objective sets {event.data['key']!r} in the configuration that the final run reads too"
                if inherited
                else "each trial is switched to trial mode, so that the search compares runs of a batch or two"
            )
            yield self.finding(
                message,
                place(repo, event),
                evidence=quote(repo, event),
                fix="change a copy: trial_cfg = copy.deepcopy(cfg)"
                if inherited
                else "let a trial train as the final run does, or for a stated share of its steps",
                runs=group.runs,
                modes=group.modes,
            )


class OPT004(Rule):
    """A search space or study is not well formed."""

    name = "malformed-search-space"
    criterion = 7
    categories: ClassVar[tuple[str, ...]] = ("optuna-space",)
    doc = Doc(
        what="Entries of `optuna.search_space` without type, bounds or choices, with low above high, a log scale that "
        "begins at 0 or below; a direction other than minimize or maximize; n_trials that is no count.",
        why="Optuna raises at the first trial, which the trial mode never reaches.",
        example="learning_rate: {type: loguniform, low: 0, high: 1e-3}",
        instead="learning_rate: {type: loguniform, low: 1e-6, high: 1e-3}",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for path in ("config/config.yaml", *(run.path for run in repo.runs)):
            document = repo.documents.get(path)
            optuna = document.value.get("optuna") if document is not None and isinstance(document.value, dict) else None
            if document is None or not isinstance(optuna, dict):
                continue
            for keys, message in self._complaints(optuna):
                yield self.finding(
                    message,
                    document.place(("optuna", *keys)),
                    evidence=document.quote(("optuna", *keys)),
                    fix="correct the entry; see Optuna's suggest_float, suggest_int and suggest_categorical",
                )

    @staticmethod
    def _complaints(optuna: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
        direction = optuna.get("direction")
        if isinstance(direction, str) and "${" not in direction and direction not in {"minimize", "maximize"}:
            yield ("direction",), f"the direction {direction!r} is neither 'minimize' nor 'maximize'"
        trials = optuna.get("n_trials")
        if (
            trials is not None
            and not isinstance(trials, str)
            and (not isinstance(trials, int) or isinstance(trials, bool) or trials < 0)
        ):
            yield ("n_trials",), f"n_trials is {trials!r}, not a count"
        space = optuna.get("search_space")
        for name, entry in space.items() if isinstance(space, dict) else ():
            if not isinstance(entry, dict):
                continue
            keys = ("search_space", str(name))
            low, high, kind = (
                entry.get("low", entry.get("min")),
                entry.get("high", entry.get("max")),
                str(entry.get("type", entry.get("distribution", ""))),
            )
            numbers = isinstance(low, int | float) and isinstance(high, int | float)
            below: Any = low
            above: Any = high
            if "type" not in entry and "distribution" not in entry and "choices" not in entry:
                yield keys, f"{name!r} has neither a type nor choices"
            elif numbers and below > above:
                yield keys, f"{name!r} has low {low} above high {high}"
            elif numbers and below <= 0 and ("log" in kind or entry.get("log") is True):
                yield keys, f"{name!r} has a log scale that begins at {low}"
            elif kind == "categorical" and not entry.get("choices") and not entry.get("values"):
                yield keys, f"{name!r} is categorical without choices"
            elif (
                kind in {"loguniform", "uniform", "float", "int"}
                and not numbers
                and "${" not in f"{low}{high}"
                and not isinstance(low, str)
            ):
                yield keys, f"{name!r} of type {kind!r} lacks low or high"


def _suggested(trace: Trace) -> dict[str, Event]:
    """The names a trial is asked for, each with the event."""
    found: dict[str, Event] = {}
    for event in trace.of("suggest"):
        name = getattr(event.data["name"], "value", None)
        if isinstance(name, str):
            found.setdefault(name, event)
    return found


def _arrives(trace: Trace, name: str) -> bool:
    """Whether the sampled value is used: handed to a call, or written to a key that is read."""
    written: set[str] = set()
    for event in trace.events:
        if event.kind == "write" and _is(event.data.get("value"), name):
            key = str(event.data["key"])
            if not key:
                return True
            written.add(key)
        elif event.kind in {"call", "method", "enter", "new", "invoke"}:
            values = event.data.get("args")
            given = list(values.values()) if isinstance(values, dict) else list(values or [])
            given += list((event.data.get("keywords") or {}).values())
            if event.data.get("name") in {"setattr", "suggest_float", "suggest_int", "suggest_categorical"} or str(
                event.data.get("name", "")
            ).startswith(("builtins.", "omegaconf.", "suggest_")):
                continue
            if event.kind in {"call", "method", "invoke", "new"} and any(_is(value, name) for value in given):
                return True
    return any(
        event.data["key"] in written and event.data["found"] and not event.data["guarded"] for event in trace.of("read")
    )


def _is(value: Any, name: str) -> bool:
    suggested = getattr(value, "data", {}).get("suggested") if hasattr(value, "data") else None
    return getattr(suggested, "value", None) == name


def _read_after(trace: Trace, written: Event) -> bool:
    """Whether the same key of the same configuration is read after the study, outside any trial."""
    root = _root(written.data["node"])
    after = False
    for event in trace.events:
        if event.kind == "optimized":
            after = True
        elif (
            after
            and not event.trial
            and event.kind == "write"
            and event.data["key"] == written.data["key"]
            and _root(event.data["node"]) is root
        ):
            return False
        elif (
            after
            and not event.trial
            and event.kind == "read"
            and event.data["key"] == written.data["key"]
            and _root(event.data["node"]) is root
        ):
            return True
    return False


def _root(config: Any) -> Any:
    try:
        return config._get_root()
    except AttributeError:
        return config


__all__ = ["Group"]
