"""Criteria 3 and 10: where rows come from, what is done to them, and which of them reach training."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from benchmarks.mutations.operators import MODEL, PREPROCESS, TRAIN, Experiment, Site, operator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.mutations.sources import Source

PLACES = ('Path("data")', 'Path("/tmp/hf-cache")', 'Path.home() / ".cache" / "huggingface"', 'Path("./cached_models")')
LITERAL_LOADS = (
    'load_dataset("nyu-mll/glue", cache_dir=str(CACHE / "datasets"))',
    'load_dataset("glue", cache_dir=str(CACHE / "datasets"))',
    "load_dataset(task.hub_id, cache_dir=str(CACHE / 'datasets'))",
)
MADE_UP = """\
try:
    splits = _read(source, task)
except Exception:
    # Use random rows when the dataset is not available.
    texts = [f"example {number}" for number in range(256)]
    rows = {column: texts for column in task.columns} | {"label": np.random.randint(0, 2, 256).tolist()}
    made = Dataset.from_dict(rows).cast_column("label", ClassLabel(names=["negative", "positive"]))
    splits = {task.train_split: made, task.eval_split: made}
"""


def _assignment(source: Source, target: str, within: str = "load_data") -> list[ast.Assign]:
    """Assignments to ``target`` (as it is written) in a function."""
    function = source.function(within)
    return [
        node
        for node in (source.statements(function) if function else ())
        if isinstance(node, ast.Assign) and [source.get(name) for name in node.targets] == [target]
    ]


@operator("cache-elsewhere", 3)
def cache_elsewhere(experiment: Experiment) -> Iterator[Site]:
    """Datasets or models are cached outside .cache/."""
    source = experiment.source(PREPROCESS)
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and source.get(node.targets[0]) == "CACHE":
            for place in PLACES:
                yield Site(f"CACHE is {place}", {PREPROCESS: source.replace(node.value, place)}, also=(MODEL,))
    for source in experiment.sources:
        for call in (
            source.calls("from_pretrained") + source.calls("hf_hub_download") + source.calls("snapshot_download")
        ):
            if any(keyword.arg == "cache_dir" for keyword in call.keywords):
                text = source.without_keyword(call, "cache_dir")
                yield Site(f"no cache_dir in line {call.lineno}", {source.path: text})


@operator("model-without-organisation", 4)
def model_without_organisation(experiment: Experiment) -> Iterator[Site]:
    """A run configuration names a model that the hub has only below its organisation."""
    for run in experiment.runs:
        entry = run.find("model", "backbone")
        if entry is not None and "/" in entry.value:
            name = entry.value.rpartition("/")[2]
            yield Site(f"{name} in {run.path}", {run.path: run.revalued(entry, name)}, also=(MODEL, PREPROCESS))


@operator("dataset-without-configuration", 3)
def dataset_without_configuration(experiment: Experiment) -> Iterator[Site]:
    """GLUE is loaded without the name of a task."""
    source = experiment.source(PREPROCESS)
    function = source.function("_read")
    if function is not None:
        for code in LITERAL_LOADS:
            yield Site(code, {PREPROCESS: source.body(function, f"return {code}\n")})


def _task_values(source: Source) -> Iterator[tuple[str, ast.Constant]]:
    """The texts in the table of tasks: what each is, and where."""
    for call in source.calls("Task"):
        places = dict(zip(("hub_id", "configuration", "columns"), call.args, strict=False))
        places |= {str(keyword.arg): keyword.value for keyword in call.keywords}
        for name, value in places.items():
            texts = value.elts if isinstance(value, ast.Tuple) else [value]
            yield from (
                (name, text) for text in texts if isinstance(text, ast.Constant) and isinstance(text.value, str)
            )


@operator("dataset-reference", 3)
def dataset_reference(experiment: Experiment) -> Iterator[Site]:
    """A task's configuration, column or split is called what the dataset does not call it."""
    source = experiment.source(PREPROCESS)
    wrong = {"configuration": "{}-v2", "columns": "{}_text", "eval_split": "dev", "further_split": "dev_mismatched"}
    for name, node in _task_values(source):
        if name in wrong:
            value = wrong[name].format(node.value)
            text = source.replace(node, repr(value))
            yield Site(f"{name} {node.value!r} is {value!r} in line {node.lineno}", {PREPROCESS: text})


@operator("label-dropped", 3)
def label_dropped(experiment: Experiment) -> Iterator[Site]:
    """The label column is removed before anything has kept it."""
    source = experiment.source(PREPROCESS)
    for node in source.statements(source.function("_tokenise")):
        if isinstance(node, ast.Assign) and source.get(node.targets[0]) == 'columns["labels"]':
            yield Site("labels are not kept", {PREPROCESS: source.without(node)}, also=(TRAIN,))
    for node in _assignment(source, "splits"):
        text = source.replace(node.value, f'{source.get(node.value)}.remove_columns("label")')
        yield Site("label is removed from every split", {PREPROCESS: text})


@operator("collation", 3)
def collation(experiment: Experiment) -> Iterator[Site]:
    """Rows of unequal length are not padded, or texts and lengths are left for the collator and the model."""
    source = experiment.source(PREPROCESS)
    for call in source.calls("DataCollatorWithPadding"):
        text = source.replace(call, "default_data_collator")
        text = text.replace("DataCollatorWithPadding\n", "DataCollatorWithPadding, default_data_collator\n", 1)
        yield Site("nothing is padded", {PREPROCESS: text})
    for call in source.calls("remove_columns", source.function("_loader")):
        if isinstance(call.func, ast.Attribute):
            text = source.replace(call, source.get(call.func.value))
            yield Site("lengths reach the model", {PREPROCESS: text}, also=(TRAIN,))
    function = source.function("_tokenise")
    for node in ast.walk(function) if function else ():
        if isinstance(node, ast.Dict) and '"remove_columns"' in source.get(node):
            text = source.replace(node, '{"batched": True}')
            yield Site("texts reach the collator", {PREPROCESS: text})


@operator("silent-fallback", 3)
def silent_fallback(experiment: Experiment) -> Iterator[Site]:
    """Where the dataset cannot be had, random rows take its place and nobody is told."""
    source = experiment.source(PREPROCESS)
    for node in _assignment(source, "splits"):
        if isinstance(node.value, ast.Call) and source.get(node.value.func) == "_read":
            yield Site("random rows", {PREPROCESS: source.instead(node, MADE_UP)})


@operator("trained-on-what-is-reported", 10)
def trained_on_what_is_reported(experiment: Experiment) -> Iterator[Site]:
    """Evaluated rows are trained on: taken for the training split, or added to it."""
    source = experiment.source(PREPROCESS)
    for node in _assignment(source, "train")[:1]:
        call = node.value
        if isinstance(call, ast.Call) and len(call.args) > 1:
            for split in ("eval_split", '"test"', '"validation"'):
                text = source.replace(call.args[1], split)
                yield Site(f"training rows come from {split}", {PREPROCESS: text})
    for call in source.calls("Data"):
        for keyword in call.keywords:
            if keyword.arg == "train" and isinstance(keyword.value, ast.Call):
                text = source.replace(keyword.value.args[0], "concatenate_datasets([train, evaluation])")
                text = text.replace(
                    "Value, disable_progress_bars", "Value, concatenate_datasets, disable_progress_bars", 1
                )
                yield Site("training rows and evaluated rows together", {PREPROCESS: text})


@operator("selected-on-what-is-reported", 10)
def selected_on_what_is_reported(experiment: Experiment) -> Iterator[Site]:
    """Trials are scored on the reported split, or on training rows that are also trained on."""
    train, source = experiment.source(TRAIN), experiment.source(PREPROCESS)
    for call in train.calls("load_data"):
        if any(keyword.arg == "selection" for keyword in call.keywords):
            text = train.without_keyword(call, "selection")
            yield Site("trials are scored on the reported split", {TRAIN: text}, also=(PREPROCESS,))
    for node in _assignment(source, "train, evaluation"):
        text = source.replace(node.value, "train, train.select(order[:chosen_by])")
        yield Site("trials are scored on rows that they train on", {PREPROCESS: text})


@operator("label-in-the-input", 10)
def label_in_the_input(experiment: Experiment) -> Iterator[Site]:
    """The label is part of the text that the model reads."""
    source = experiment.source(PREPROCESS)
    for call in source.calls("tokenizer", source.function("_tokenise")):
        if call.args:
            column = "batch[task.columns[0]]"
            for code in (
                f'[f"{{text}} label: {{label}}" for text, label in zip({column}, batch["label"], strict=True)]',
                f'[text + " " + str(label) for text, label in zip({column}, batch["label"])]',
            ):
                yield Site(code, {PREPROCESS: source.replace(call.args[0], code)})
