"""What a trial run does not try, although it is to show that the experiment works (criterion 9)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.reading.nodes import called, walk
from windtunnel.rehearsal.values import Const
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.gathering import gather, place, quote, run_places
from windtunnel.rules.loaded import dataset_loads, model_loads, text
from windtunnel.rules.trial_branches import (
    asks_for_trial,
    left_early,
    limits_rows,
    steps_at_the_end,
    trained_batches,
    trains,
    trial_flags,
    trial_statements,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.reading.python import Source
    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo

_ACCUMULATION = re.compile(r"accum")
_BATCHES = re.compile(r"batches")
_ROWS = re.compile(
    r"(^|\.)(limit|max_(train_)?(samples|examples|rows)|(train_)?(subset|limit)(_size)?|num_(train_)?(samples|examples))$"
)
_SWAPPED = re.compile(r"(^|\.)(model|backbone|base_model|dataset)(\.(name|id|path|hf_id|name_or_path|model_id|base))?$")
_SEED = re.compile("seed")
_DEEPEST = 6  # levels of a run configuration in which seeds are looked for
_MOST_COUNTED = 1000  # a larger limit of batches limits nothing
_MOST_BATCHES = 4  # "one or two" of the contract, with room for another count of the last one


class _Coverage(Rule):
    """What the rules of this family share."""

    criterion = 9
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("trial-coverage-gap",)

    @staticmethod
    def trials(repo: Repo) -> list[Trace]:
        """The rehearsals of trial runs.

        Raises:
            Skip: there is none.
        """
        found = [trace for trace in repo.traces("main", "train") if trace.mode == "trial"]
        if not found:
            raise Skip("no trial run can be followed")
        return found


class MDE005(_Coverage):
    """A trial run takes no optimizer step."""

    name = "trial-without-step"
    source = "rehearsal"
    doc = Doc(
        what="Gradient accumulation over more batches than a trial run trains on.",
        why="Neither the optimizer nor anything that follows its step is ever tried.",
        example="gradient_accumulation_steps: 32   # and two batches in trial mode",
        instead='if cfg.mode == "trial": cfg.training.gradient_accumulation_steps = 1',
        limits="Only limits that are written as whole numbers are known.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        trials = self.trials(repo)
        if steps_at_the_end(repo):
            return
        limits = trained_batches(repo)
        for group in gather(
            trials, ["read"], lambda event: str(event.data["key"]) if _accumulates(event) else None, guarded=True
        ):
            short = [
                (trace, steps, limit)
                for trace, event in group.events
                if (steps := _whole(_configured(repo, trace, event)))
                and (limit := _trained_batches(trace, limits))
                and limit < steps
                and not _written(trace, _ACCUMULATION)
            ]
            if not short:
                continue
            _, steps, limit = short[0]
            runs = tuple(sorted({trace.run_id for trace, _, _ in short}))
            yield self.finding(
                f"gradients are accumulated over {steps} batches, but a trial trains on {limit}: no optimizer step is "
                "ever taken",
                place(repo, group.first),
                evidence=quote(repo, group.first),
                fix="set the accumulation to 1 in trial mode",
                related=run_places(repo, runs, str(group.first.data["key"]).removeprefix("run.")),
                runs=runs,
                modes=("trial",),
            )
            return


class MDE006(_Coverage):
    """A trial run tries another model or dataset than the experiment's."""

    name = "trial-of-something-else"
    source = "rehearsal"
    doc = Doc(
        what="Models and datasets that are loaded in trial mode but not in the full run of the same configuration.",
        why="Layers, tokenizer, memory and columns of the real one are met for the first time in the full run.",
        example='if cfg.mode == "trial": cfg.model.name = "sshleifer/tiny-gpt2"',
        instead='if cfg.mode == "trial": cfg.training.max_batches = 2',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        self.trials(repo)
        full: dict[str, set[str]] = {}
        for trace in repo.traces("main", "train"):
            if trace.mode == "full":
                full.setdefault(trace.run_id, set()).update(name for name, _ in _loaded(trace))
        seen: set[str] = set()
        for trace in self.trials(repo):
            for name, event in _loaded(trace):
                if not full.get(trace.run_id) or name in full[trace.run_id] or name in seen:
                    continue
                seen.add(name)
                swap = next(
                    (
                        event
                        for event in trace.of("write")
                        if _SWAPPED.search(str(event.data["key"])) and text(event.data["value"]) == name
                    ),
                    event,
                )
                yield self.finding(
                    f"a trial loads {name!r}, which the full run does not",
                    place(repo, swap),
                    evidence=quote(repo, swap),
                    fix="try the experiment's own model and data, on one or two batches",
                    related=(place(repo, event),) if swap is not event else (),
                    runs=(trace.run_id,) if trace.run_id else (),
                    modes=("trial",),
                )


class MDE007(_Coverage):
    """A trial run trains once for every seed."""

    name = "trial-of-every-seed"
    source = "rehearsal"
    doc = Doc(
        what="A loop over the seeds of the configuration, around training, that trial mode does not shorten.",
        why="A trial is to take minutes; the second seed shows nothing that the first did not.",
        example="for seed in cfg.training.seeds: train(cfg, seed)",
        instead='seeds = cfg.training.seeds[:1] if cfg.mode == "trial" else cfg.training.seeds',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        trials = self.trials(repo)
        for source in repo.sources.values():
            if source.path not in {"src/main.py", "src/train.py"}:
                continue
            flags = trial_flags(source)
            for node in source.nodes:
                if (
                    not isinstance(node, ast.For)
                    or "seed" not in ast.unparse(node.iter).lower()
                    or not _starts_training(node)
                ):
                    continue
                short = any(asks_for_trial(test.test, flags) for test in left_early(node)) or asks_for_trial(
                    node.iter, flags
                )
                if short or any("seed" in ast.unparse(statement).lower() for statement in trial_statements(source)):
                    continue
                rounds = {
                    run_id: count
                    for run_id, count in _seeds(repo, source).items()
                    if not any(_written(trace, _SEED) for trace in trials if trace.run_id == run_id)
                }
                if not rounds:
                    continue
                yield self.finding(
                    f"trial mode trains with all {max(rounds.values())} seeds",
                    source.place(node),
                    evidence=source.quote(node),
                    fix="take the first seed alone in trial mode",
                    runs=tuple(sorted(rounds)),
                    modes=("trial",),
                )


class MDE008(_Coverage):
    """A trial run evaluates on everything."""

    name = "trial-with-whole-evaluation"
    doc = Doc(
        what="Loops that evaluate, and nothing in trial mode that limits rows or batches outside the training loop.",
        why="The two batches of training take seconds, and the evaluation after them an hour.",
        example='if cfg.mode == "trial" and step >= 2: break   # in the training loop alone',
        instead='if cfg.mode == "trial": rows = rows.select(range(8))',
        limits="It looks for words such as limit, subset and select in code for trial mode.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        trials = self.trials(repo)
        if limits_rows(repo) or any(
            _written(trace, _ROWS)
            or _written(trace, _BATCHES)
            or _written(trace, re.compile(r"eval|val_|test_|sample"))
            for trace in trials
        ):
            return
        entered = {name for trace in trials for name in trace.entered}
        for source in repo.sources.values():
            if source.path == "src/evaluate.py":
                continue
            for loop in _evaluation_loops(source, entered):
                yield self.finding(
                    "trial mode evaluates on the whole split: nothing limits its rows or batches",
                    source.place(loop),
                    evidence=source.quote(loop),
                    fix="evaluate on one or two batches in trial mode",
                    modes=("trial",),
                )
                return


class MDE009(_Coverage):
    """A trial run trains on more than a few batches."""

    name = "trial-of-many-batches"
    source = "rehearsal"
    doc = Doc(
        what="A limit of rows in trial mode that is many times the batch size, and no limit of batches.",
        why="The contract asks for one or two batches.",
        example='if cfg.mode == "trial": cfg.dataset.limit = 50   # with batches of 2',
        instead='if cfg.mode == "trial": cfg.dataset.limit = 2 * cfg.training.batch_size',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        limits = trained_batches(repo)
        found: dict[tuple[str, int], tuple[Event, int, set[str]]] = {}
        for trace in self.trials(repo):
            if _trained_batches(trace, limits):
                continue
            size = _batch_size(repo, trace)
            for event in trace.of("write"):
                rows = event.data["value"].value if isinstance(event.data["value"], Const) else None
                if (
                    not _ROWS.search(str(event.data["key"]))
                    or not isinstance(rows, int)
                    or not size
                    or rows / size <= _MOST_BATCHES
                ):
                    continue
                found.setdefault((event.path, event.line), (event, -(-rows // size), set()))[2].add(trace.run_id)
        for event, batches, runs in list(found.values())[-1:]:  # the last is what the training sees
            yield self.finding(
                f"trial mode trains on {batches} batches",
                place(repo, event),
                evidence=quote(repo, event),
                fix="limit the rows to one or two batches in trial mode",
                related=tuple(place(repo, other) for other, _, _ in found.values() if other is not event),
                runs=tuple(sorted(runs - {""})),
                modes=("trial",),
            )


_LOADER = re.compile(r"loader|dataset|\bdl_?|_dl\b|split|\bds\b|_ds\b|val|test|eval", re.IGNORECASE)
_WITHOUT_GRADIENTS = re.compile(r"no_grad|inference_mode|\.generate\(")
_TRAINING = re.compile(r"train|run_(one|single|experiment|seed)|fit|launch|spawn", re.IGNORECASE)


def _accumulates(event: Event) -> bool:
    return bool(_ACCUMULATION.search(str(event.data["key"])))


def _configured(repo: Repo, trace: Trace, event: Event) -> object:
    """The value of a key that was read; in the run's own file if it is not where it was read."""
    key = str(event.data["key"]).removeprefix("run.")
    if event.data["found"]:
        try:
            return event.data["node"][key.rsplit(".", 1)[-1]]
        except Exception:  # noqa: BLE001 - not resolved
            return None
    document = repo.documents.get(repo.run_path(trace.run_id))
    value = document.value if document is not None else None
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _whole(value: object) -> int:
    """A positive whole number, 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _written(trace: Trace, pattern: re.Pattern[str]) -> bool:
    return any(pattern.search(str(event.data["key"])) for event in trace.of("write"))


def _trained_batches(trace: Trace, limits: list[int]) -> int:
    """How many batches a trial trains on, 0 if that is not known."""
    written = [
        _whole(event.data["value"].value)
        for event in trace.of("write")
        if _BATCHES.search(str(event.data["key"]))
        and "eval" not in str(event.data["key"])
        and isinstance(event.data["value"], Const)
    ]
    return min((count for count in (*written, *limits) if 0 < count <= _MOST_COUNTED), default=0)


def _loaded(trace: Trace) -> Iterator[tuple[str, Event]]:
    """The hub ids of what a rehearsal loads."""
    for load in (*model_loads(trace), *dataset_loads(trace)):
        name = text(load.id)
        if name and load.event.certain:
            yield name, load.event


def _starts_training(loop: ast.For) -> bool:
    for node in walk(loop):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.startswith("subprocess.") or _TRAINING.search(called(node)):
                return True
    return False


def _seeds(repo: Repo, source: Source) -> dict[str, int]:
    """How many seeds each run's file lists under a key that the source names."""
    found: dict[str, int] = {}
    for run in repo.rehearsed_runs:
        document = repo.documents.get(run.path)
        for keys, value in _entries(document.value if document is not None else None):
            if "seed" in keys[-1].lower() and keys[-1] in source.text and isinstance(value, list) and len(value) > 1:
                found[run.run_id] = len(value)
    return found


def _entries(value: object, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, dict) and len(keys) < _DEEPEST:
        for key, inner in value.items():
            yield (*keys, str(key)), inner
            yield from _entries(inner, (*keys, str(key)))


def _evaluation_loops(source: Source, entered: set[str]) -> Iterator[ast.For]:
    """Loops without a way out that evaluate batch by batch, in functions that a trial run enters."""
    for function in source.nodes:
        if not isinstance(function, ast.FunctionDef):
            continue
        if not any(name.startswith(source.path) and f"{function.name}:" in name for name in entered):
            continue
        decorated = any(_WITHOUT_GRADIENTS.search(ast.unparse(decorator)) for decorator in function.decorator_list)
        whole = decorated or (not trains(function) and bool(_WITHOUT_GRADIENTS.search(ast.unparse(function))))
        blocks: list[ast.AST] = [function] if whole else []
        blocks += [
            node
            for node in walk(function)
            if isinstance(node, ast.With) and any(_WITHOUT_GRADIENTS.search(ast.unparse(item)) for item in node.items)
        ]
        for block in blocks:
            for loop in walk(block):
                if isinstance(loop, ast.For) and _LOADER.search(ast.unparse(loop.iter)) and not left_early(loop):
                    yield loop


def _batch_size(repo: Repo, trace: Trace) -> int:
    """The size of training batches in a trial, 0 if it is not known."""
    written = [
        _whole(event.data["value"].value)
        for event in trace.of("write")
        if str(event.data["key"]).endswith("batch_size") and isinstance(event.data["value"], Const)
    ]
    read = [
        _whole(_configured(repo, trace, event))
        for event in trace.of("read")
        if str(event.data["key"]).endswith("batch_size")
    ]
    return next((size for size in (*written[-1:], *read) if size), 0)
