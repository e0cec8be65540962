"""Data leakage: neither test rows nor answers reach training, selection or the prompt (criterion 10)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Finding, Place, Severity
from windtunnel.rehearsal.values import Const, Thing, Value
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import gather, quote
from windtunnel.rules.gradients import backwards
from windtunnel.rules.loaded import config_places, dataset_loads, line_at, parts_of, plain, prompt_of, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo

_TEST = re.compile(r"split:(test|testing|test_\w+)$")
_VALIDATION_KEY = re.compile(r"(^|[._])(val|valid|validation|dev|eval)([._]|$)")
_VALIDATION_NAME = re.compile(r"(^|_)(val|valid|validation|dev)(_|$)")
_TEST_NAME = re.compile(r"(^|_)test(_|$)")


class LEA001(Rule):
    """Test rows reach a gradient."""

    name = "test-rows-in-training"
    criterion = 10
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("data-leakage",)
    doc = Doc(
        what="A backward pass of a loss that was computed on rows of a test split.",
        why="The score on those rows no longer says anything about unseen data.",
        example='dev = load_dataset(..., split="test"); model(**next(iter(dev_loader))).loss.backward()',
        instead="take such rows from the training split: train_test_split(test_size=0.05)",
        limits="Rows are followed through datasets, loaders and models, not through files.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[tuple[str, int], tuple[Event, set[str], set[str], set[Place]]] = {}
        for trace in repo.traces("main", "train"):
            for event, loss in backwards(trace):
                splits = {tag for tag in loss.tags if _TEST.match(tag)}
                if splits:
                    entry = found.setdefault((event.path, event.line), (event, set(), set(), set()))
                    entry[1].update(tag.removeprefix("split:") for tag in splits)
                    entry[2].add(trace.run_id)
                    entry[3].update(self._origins(trace, repo))
        for event, splits, runs, places in found.values():
            yield self.finding(
                f"the loss of this backward pass comes from rows of the split {', '.join(map(repr, sorted(splits)))}",
                where(repo, event),
                evidence=quote(repo, event),
                fix="hold rows of the training split out for this, and leave the test split for the last evaluation",
                related=tuple(sorted(places))[:3],
                runs=tuple(sorted(run for run in runs if run)),
            )

    @staticmethod
    def _origins(trace: Trace, repo: Repo) -> Iterator[Place]:
        for event in trace.of("split"):
            if str(event.data["split"]).startswith("test"):
                yield where(repo, event)
                yield from config_places(repo, event.data["key"], trace.run_id)
        for load in dataset_loads(trace):
            split = load.event.data["keywords"].get("split")
            if str(plain(split)).startswith("test"):
                yield where(repo, load.event)
                yield from config_places(repo, split, trace.run_id)


class LEA002(Rule):
    """The test split serves as validation split."""

    name = "test-split-for-selection"
    criterion = 10
    severity = Severity.WARNING
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("data-leakage",)
    doc = Doc(
        what="A configured validation (dev, eval) split that is the test split.",
        why=(
            "What is chosen on it (epochs, checkpoints, Optuna's parameters) is chosen on the test rows, and their "
            "score is too good."
        ),
        example="validation_split: test",
        instead="a share of the training split for validation, the test split for the last evaluation only",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[Place, tuple[str, set[str], set[Place]]] = {}
        for trace in repo.traces("main", "train"):
            asked = [(event, event.data["key"]) for event in trace.of("split")]
            asked += [(load.event, load.event.data["keywords"].get("split")) for load in dataset_loads(trace)]
            for event, value in asked:
                origin = value.origin if isinstance(value, Const) else None
                if (
                    not origin
                    or not str(plain(value)).startswith("test")
                    or not _VALIDATION_KEY.search(
                        origin.rsplit(".", 1)[-1] if "split" not in origin.rsplit(".", 1)[-1] else origin
                    )
                ):
                    continue
                for spot in config_places(repo, value, trace.run_id):
                    entry = found.setdefault(spot, (origin, set(), set()))
                    entry[1].add(trace.run_id)
                    entry[2].add(where(repo, event))
        for spot, (origin, runs, places) in found.items():
            yield self.finding(
                f"{origin} is the test split, on which training then selects",
                spot,
                evidence=line_at(repo, spot),
                fix="split a validation set off the training rows, and keep the test split for the last evaluation",
                related=tuple(sorted(places))[:3],
                runs=tuple(sorted(run for run in runs if run)),
            )


class LEA003(Rule):
    """Held-out rows are part of the training rows."""

    name = "hold-out-inside-train"
    criterion = 10
    severity = Severity.WARNING
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("data-leakage",)
    doc = Doc(
        what="A hold-out set made with `select` from the very dataset that is trained on as a whole.",
        why="The hold-out score measures memory.",
        example='train = data["train"]; hold_out = train.select(range(200))   # and train keeps them',
        instead='halves = data["train"].train_test_split(test_size=200, seed=42)',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[tuple[str, int], tuple[Event, set[str], Place]] = {}
        for trace in repo.traces("main", "train"):
            if trace.mode == "trial":
                continue
            loaders = [
                (event, dataset)
                for event in trace.of("call")
                if event.data["name"] == "torch.utils.data.DataLoader"
                and isinstance(dataset := _dataset_of(event), Thing)
            ]
            for event, dataset in loaders:
                if not _shuffles(event):
                    continue
                trained = _chain(dataset)
                if _selects(trained):
                    continue
                for other, held in loaders:
                    chain = _chain(held)
                    shared = next((one for one in chain if any(one is mine for mine in trained)), None)
                    if (
                        other is event
                        or plain(other.data["keywords"].get("shuffle")) is True
                        or other.trial != event.trial
                        or shared is None
                        or held is dataset
                    ):
                        continue
                    cut = _selects(chain[: chain.index(shared)])
                    if cut is None:
                        continue
                    spot = next((one for one in trace.of("method") if one.node is cut), None)
                    if spot is not None:
                        found.setdefault((spot.path, spot.line), (spot, set(), where(repo, event)))[1].add(trace.run_id)
        for event, runs, place in found.values():
            yield self.finding(
                "the held-out rows are selected from the training rows, which keep them",
                where(repo, event),
                evidence=quote(repo, event),
                fix="split them off: train_test_split, or select the rest for training",
                related=(place,),
                runs=tuple(sorted(run for run in runs if run)),
            )


def _shuffles(event: Event) -> bool:
    """Whether a loader mixes its rows, as one for training does: by itself, or by a sampler that it gets."""
    keywords = event.data["keywords"]
    return plain(keywords.get("shuffle")) is True or bool({"sampler", "batch_sampler"} & keywords.keys())


def _dataset_of(event: Event) -> Value | None:
    args = event.data["args"]
    found: Value | None = event.data["keywords"].get("dataset") or (args[0] if args else None)
    return found


def _chain(dataset: Thing) -> list[Thing]:
    """A dataset and those it was made from, the last first."""
    found = [dataset]
    while isinstance(before := found[-1].data.get("before"), Thing) and len(found) < 30 and before is not found[-1]:
        found.append(before)
    return found


def _selects(chain: list[Thing]) -> ast.AST | None:
    """The call of the last ``select`` among the steps of a chain."""
    for thing in chain:
        steps = thing.data.get("steps") or []
        if (
            steps
            and steps[-1].name == "select"
            and isinstance(thing.data.get("before"), Thing)
            and len(thing.data["before"].data.get("steps") or []) < len(steps)
        ):
            node: ast.AST = steps[-1].node
            return node
    return None


class LEA004(Rule):
    """Validation and test are the same rows."""

    name = "validation-is-test"
    criterion = 10
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("data-leakage",)
    doc = Doc(
        what="One dataset under the names of both validation and test.",
        why="Selection and the final score use the same rows, and the real test split is never used.",
        example='{"train": halves["train"], "validation": halves["test"], "test": halves["test"]}',
        instead='{"train": halves["train"], "validation": halves["test"], "test": raw["test"]}',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for source in repo.sources.values():
            if source.path.endswith("evaluate.py"):
                continue
            for node in source.nodes:
                if self._same(node):
                    yield self.finding(
                        "validation and test are the same rows",
                        source.place(node),
                        evidence=source.quote(node),
                        fix=(
                            "use the dataset's own test split for the test, and rows of the training split for "
                            "validation"
                        ),
                    )

    @staticmethod
    def _same(node: ast.AST) -> bool:
        if isinstance(node, ast.Dict):
            values = {
                key.value: value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            test = values.get("test")
            if not isinstance(test, ast.Subscript | ast.Name | ast.Attribute):
                return False
            others = [values[name] for name in ("validation", "val", "dev", "valid") if name in values]
            return any(ast.unparse(other) == ast.unparse(test) for other in others)
        if (
            isinstance(node, ast.Assign)
            and len(node.targets) == 1
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Name)
        ):
            target, value = node.targets[0].id, node.value.id
            data = any(word in target for word in ("data", "ds", "loader", "set", "split"))
            return data and bool(
                (_TEST_NAME.search(target) and _VALIDATION_NAME.search(value))
                or (_VALIDATION_NAME.search(target) and _TEST_NAME.search(value))
            )
        return False


class LEA005(Rule):
    """The answer is part of the prompt that is generated from."""

    name = "answer-in-prompt"
    criterion = 10
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("data-leakage", "metric-invalid")
    doc = Doc(
        what=(
            "`generate` from the input ids of a batch that was made for training: question and answer in one sequence."
        ),
        why="The model continues after the answer: exact match is 0, or the gold answer is found in its own prompt.",
        example='model.generate(input_ids=batch["input_ids"])   # labels are a copy of the same ids',
        instead="a second tokenisation for evaluation, of the prompt alone, padded on the left",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        def key(event: Event) -> int | None:
            return event.line if event.data["name"] == "generate" and self._answered(event) else None

        for group in gather(repo.traces("main", "train"), ["method"], key):
            yield self.finding(
                "generation starts from sequences that already hold the answer",
                where(repo, group.first),
                evidence=quote(repo, group.first),
                fix="tokenise the prompts alone for evaluation, and generate from those",
                severity=Severity.BLOCKER if group.certain else Severity.WARNING,
                runs=group.runs,
                modes=group.modes,
            )

    @staticmethod
    def _answered(event: Event) -> bool:
        value = prompt_of(event)
        field = value.data.get("batch_field") if value is not None else None
        loader = field[0] if field is not None and field[1] in {"input_ids", None} else None
        dataset = loader.data.get("dataset") if isinstance(loader, Thing) else None
        added = dataset.data.get("added", {}) if isinstance(dataset, Thing) else {}
        return bool(_encodings(added.get("input_ids")) & _encodings(added.get("labels")))


def _encodings(value: Value | None) -> set[int]:
    """The calls of the tokenizer whose ids are in a value."""
    return {
        id(part.data["encoded"][0])
        for part in parts_of(value)
        if isinstance(part, Thing) and part.data.get("encoded", (None, ""))[1] == "input_ids"
    }
