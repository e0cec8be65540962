"""Criteria 2 and 7: keys and values of the configurations, and what the code reads of them."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from benchmarks.mutations.operators import CONFIG, MAIN, PREPROCESS, TRAIN, Experiment, Site, operator
from benchmarks.mutations.sources import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.mutations.sources import Configuration, Entry

SYNONYMS = {
    "learning_rate": "lr",
    "batch_size": "train_batch_size",
    "epochs": "num_epochs",
    "max_length": "max_seq_length",
    "backbone": "name",
    "run_id": "id",
    "results_dir": "output_dir",
}
CHOICES = {  # a key -> a value that nothing knows
    ("method_name",): "GLORA",
    ("dataset", "name"): "sst2",
    ("training", "lr_scheduler"): "linear_with_warmup",
    ("training", "optimizer"): "adam_w",
}


def _read(experiment: Experiment, configuration: Configuration) -> Iterator[Entry]:
    """Leaves that are needed: the code names them among those that must be there, and not among those that may."""
    optional = _strings(experiment, "OPTIONAL")
    for entry in configuration.entries:
        needed = entry.path[0] not in {"hydra", "defaults"} and ".".join(entry.path) not in optional
        if entry.leaf and needed and "search_space" not in entry.path and experiment.readers(entry.path[-1]):
            yield entry


def _strings(experiment: Experiment, name: str) -> set[str]:
    """The texts in a constant of main.py."""
    for node in experiment.source(MAIN).tree.body:
        if isinstance(node, ast.Assign) and [dotted(target) for target in node.targets] == [name]:
            return {str(child.value) for child in ast.walk(node.value) if isinstance(child, ast.Constant)}
    return set()


@operator("root-key-dropped", 2)
def root_key_dropped(experiment: Experiment) -> Iterator[Site]:
    """config.yaml lacks a key that is read."""
    for entry in _read(experiment, experiment.config):
        if entry.path[0] != "wandb":
            text = experiment.config.without(entry)
            yield Site(".".join(entry.path), {CONFIG: text}, also=tuple(experiment.readers(entry.path[-1])))


@operator("run-key-dropped", 7)
def run_key_dropped(experiment: Experiment) -> Iterator[Site]:
    """A run configuration lacks a key that is read."""
    for run in experiment.runs:
        for entry in _read(experiment, run):
            also = tuple(experiment.readers(entry.path[-1]))
            yield Site(f"{'.'.join(entry.path)} of {run.path}", {run.path: run.without(entry)}, also)


@operator("run-section-dropped", 7)
def run_section_dropped(experiment: Experiment) -> Iterator[Site]:
    """A run configuration lacks a whole section that is read."""
    for run in experiment.runs:
        for entry in run.entries:
            if not entry.leaf and len(entry.path) == 1:
                also = tuple(experiment.readers(entry.path[0]))
                yield Site(f"{entry.path[0]} of {run.path}", {run.path: run.without(entry)}, also)


@operator("run-key-renamed", 7)
def run_key_renamed(experiment: Experiment) -> Iterator[Site]:
    """A run configuration calls a key something else than the code that reads it."""
    for run in experiment.runs:
        for entry in _read(experiment, run):
            if (name := SYNONYMS.get(entry.path[-1])) is not None:
                also = tuple(experiment.readers(entry.path[-1]))
                text = run.renamed(entry, name)
                yield Site(f"{'.'.join(entry.path)} of {run.path} is {name}", {run.path: text}, also)


def _config_chains(experiment: Experiment) -> Iterator[tuple[str, ast.Attribute, list[str]]]:
    """Reads like ``cfg.training.epochs``: the file, the node, the keys."""
    known = {entry.path for configuration in (experiment.config, *experiment.runs) for entry in configuration.entries}
    for source in experiment.sources:
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
                continue
            told = dotted(node)
            base = re.match(r"((?:self|fit)\.)?cfg\.", told)
            if base and tuple(keys := told[base.end() :].split(".")) in known:
                yield source.path, node, keys


@operator("read-of-another-key", 2)
def read_of_another_key(experiment: Experiment) -> Iterator[Site]:
    """The code reads a key by another name than the configurations have."""
    for path, node, keys in _config_chains(experiment):
        name = SYNONYMS.get(keys[-1], f"{keys[-1]}_value")
        source = experiment.source(path)
        text = source.replace(node, f"{source.get(node.value)}.{name}")
        yield Site(f"{'.'.join(keys)} is read as {name} in line {node.lineno}", {path: text}, also=(CONFIG,))


@operator("read-in-another-section", 2)
def read_in_another_section(experiment: Experiment) -> Iterator[Site]:
    """The code reads below cfg.run what it has lifted to the root, or at the root what lies in a section."""
    for path, node, keys in _config_chains(experiment):
        source = experiment.source(path)
        base = source.get(node).removesuffix("." + ".".join(keys))
        if path != MAIN:
            text = source.replace(node, f"{base}.run.{'.'.join(keys)}")
            yield Site(f"run.{'.'.join(keys)} is read in line {node.lineno}", {path: text}, also=(CONFIG,))
        if len(keys) > 1:
            text = source.replace(node, f"{base}.{keys[-1]}")
            yield Site(f"{keys[-1]} is read at the root in line {node.lineno}", {path: text}, also=(CONFIG,))


@operator("yaml-not-readable", 7, breaks=True)
def yaml_not_readable(experiment: Experiment) -> Iterator[Site]:
    """A configuration has a key twice, is indented with a tab, or holds a placeholder in braces."""
    for configuration in (experiment.config, *experiment.runs):
        for entry in configuration.entries:
            if entry.leaf and entry.path[0] != "defaults":
                line = configuration.lines[entry.line]
                where = f"{'.'.join(entry.path)} of {configuration.path}"
                yield Site(f"{where} twice", {configuration.path: configuration.replaced(entry, line + line)})
                if entry.indent:
                    text = configuration.replaced(entry, line.replace("  " * (entry.indent // 2), "\t", 1))
                    yield Site(f"a tab before {where}", {configuration.path: text})
                text = configuration.revalued(entry, "{{ value }} }")
                yield Site(f"a template's braces at {where}", {configuration.path: text})


@operator("number-as-text", 7)
def number_as_text(experiment: Experiment) -> Iterator[Site]:
    """A number of a run configuration is quoted, or not filled in."""
    for run in experiment.runs:
        for entry in _read(experiment, run):
            if re.fullmatch(r"[\d.]+(e-?\d+)?", entry.value):
                where = f"{'.'.join(entry.path)} of {run.path}"
                also = tuple(experiment.readers(entry.path[-1]))
                yield Site(f"{where} is quoted", {run.path: run.revalued(entry, f'"{entry.value}"')}, also)
                yield Site(f"{where} is a placeholder", {run.path: run.revalued(entry, "<fill in>")}, also)


@operator("unknown-choice", 7)
def unknown_choice(experiment: Experiment) -> Iterator[Site]:
    """A run configuration chooses a method, dataset, schedule or optimizer that does not exist."""
    for run in experiment.runs:
        for path, value in CHOICES.items():
            if (entry := run.find(*path)) is not None:
                yield Site(
                    f"{'.'.join(path)} of {run.path} is {value}",
                    {run.path: run.revalued(entry, value)},
                    also=(MAIN, TRAIN, PREPROCESS, "src/model.py"),
                )


@operator("run-id-of-another-file", 7)
def run_id_of_another_file(experiment: Experiment) -> Iterator[Site]:
    """The run id in a file is not the file's name."""
    for run, other in zip(experiment.runs, [*experiment.runs[1:], experiment.runs[0]], strict=True):
        if (entry := run.find("run_id")) is not None and (theirs := other.find("run_id")) is not None:
            yield Site(f"{run.path} says {theirs.value}", {run.path: run.revalued(entry, theirs.value)}, (other.path,))


@operator("search-space", 7)
def search_space(experiment: Experiment) -> Iterator[Site]:
    """A search space names what no key is called, lacks its type, or has a type or bounds that cannot be."""
    for run in experiment.runs:
        for entry in run.entries:
            if entry.path[:2] != ("optuna", "search_space") or len(entry.path) < 3:
                continue
            where, also = f"{'.'.join(entry.path[2:])} of {run.path}", (TRAIN,)
            if len(entry.path) == 3:
                name = SYNONYMS.get(entry.path[-1], f"{entry.path[-1]}_value")
                yield Site(f"{where} is called {name}", {run.path: run.renamed(entry, name)}, also)
            elif entry.path[-1] == "type":
                yield Site(f"{where} is missing", {run.path: run.without(entry)}, also)
                yield Site(f"{where} is unknown", {run.path: run.revalued(entry, "log_normal")}, also)
            elif entry.path[-1] == "low":
                yield Site(f"{where} is above high", {run.path: run.revalued(entry, "1000000")}, also)
                yield Site(f"{where} is missing", {run.path: run.without(entry)}, also)
            elif entry.path[-1] == "choices":
                yield Site(f"{where} is a text", {run.path: run.revalued(entry, "16 to 64")}, also)


@operator("optuna-objective", 7)
def optuna_objective(experiment: Experiment) -> Iterator[Site]:
    """The study's direction does not exist or is the wrong one, or its metric is never measured."""
    for run in experiment.runs:
        direction, metric = run.find("optuna", "direction"), run.find("optuna", "metric")
        for entry, value in ((direction, "max"), (direction, "minimize"), (metric, "val_acc"), (metric, "eval_f1")):
            if entry is not None:
                text = run.revalued(entry, value)
                yield Site(f"{'.'.join(entry.path)} of {run.path} is {value}", {run.path: text}, (TRAIN, MAIN))
