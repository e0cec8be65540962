"""Criterion 9: what trial and full set."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from benchmarks.mutations.operators import CONFIG, MAIN, PREPROCESS, TRAIN, Experiment, Site, operator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.mutations.sources import Source

OTHERS = {"trial": ("trail", "debug"), "full": ("complete", "train")}
SMALLER = (
    "cfg.model.backbone = 'prajjwal1/bert-tiny'\n",
    "cfg.method_name = 'LoRA'\n",
)


def _assignments(source: Source) -> Iterator[tuple[str, ast.Assign]]:
    """What apply_mode sets: the key and the statement."""
    for node in source.statements(source.function("apply_mode")) if source.function("apply_mode") else ():
        if isinstance(node, ast.Assign):
            yield source.get(node.targets[0]), node


@operator("trial-online", 9)
def trial_online(experiment: Experiment) -> Iterator[Site]:
    """Trial leaves W&B as it is, which is online, or sets it wrongly."""
    source = experiment.source(MAIN)
    for key, node in _assignments(source):
        if key == "cfg.wandb.mode" and source.get(node.value) == '"disabled"':
            yield Site("not set", {MAIN: source.without(node)}, also=(TRAIN, CONFIG))
            for value in ("online", "offline"):
                text = source.replace(node.value, f'"{value}"')
                yield Site(f"set to {value}", {MAIN: text}, also=(TRAIN, CONFIG))


@operator("full-offline", 9)
def full_offline(experiment: Experiment) -> Iterator[Site]:
    """Full sets W&B to what sends nothing."""
    source = experiment.source(MAIN)
    for key, node in _assignments(source):
        if key == "cfg.wandb.mode" and source.get(node.value) == '"online"':
            for value in ("offline", "disabled"):
                yield Site(value, {MAIN: source.replace(node.value, f'"{value}"')}, also=(TRAIN, CONFIG))
            mode = experiment.config.find("wandb", "mode")
            if mode is not None:
                changes = {MAIN: source.without(node), CONFIG: experiment.config.revalued(mode, "offline")}
                yield Site("not set, and offline by default", changes, also=(TRAIN,))


@operator("trial-not-brief", 9)
def trial_not_brief(experiment: Experiment) -> Iterator[Site]:
    """Trial keeps the study, the epochs or the batches of the full run."""
    source, data = experiment.source(MAIN), experiment.source(PREPROCESS)
    for key, node in _assignments(source):
        if key in {"cfg.optuna.n_trials", "cfg.training.epochs"}:
            yield Site(f"{key} is not set", {MAIN: source.without(node)}, also=(TRAIN,))
            yield Site(f"{key} is 5", {MAIN: source.replace(node.value, "5")}, also=(TRAIN,))
    for branch in data.statements(data.function("load_data")):
        if isinstance(branch, ast.If) and "mode" in data.get(branch.test):
            yield Site("every batch", {PREPROCESS: data.without(branch)}, also=(MAIN, TRAIN))
            for lost in branch.body[:2]:
                text = data.without(lost)
                yield Site(f"no {data.get(lost)[:40]}", {PREPROCESS: text}, also=(MAIN, TRAIN))


@operator("full-not-whole", 9)
def full_not_whole(experiment: Experiment) -> Iterator[Site]:
    """Full is as brief as trial."""
    source, data = experiment.source(MAIN), experiment.source(PREPROCESS)
    for branch in data.statements(data.function("load_data")):
        if isinstance(branch, ast.If) and "mode" in data.get(branch.test):
            for test in ('cfg.mode in {"trial", "full"}', 'cfg.mode != "debug"'):
                yield Site(test, {PREPROCESS: data.replace(branch.test, test)}, also=(MAIN,))
    for key, node in _assignments(source):
        if key == "cfg.wandb.mode" and source.get(node.value) == '"online"':
            for code in ("cfg.training.epochs = 1\n", "cfg.optuna.n_trials = 0\n"):
                yield Site(code.strip(), {MAIN: source.after(node, code)})


@operator("mode-not-applied", 9)
def mode_not_applied(experiment: Experiment) -> Iterator[Site]:
    """The mode is asked for and changes nothing."""
    source = experiment.source(MAIN)
    for call in source.calls("apply_mode"):
        yield Site(
            "apply_mode is not called", {MAIN: source.without(source.statement_of(call))}, also=(TRAIN, PREPROCESS)
        )
    function = source.function("apply_mode")
    if function is not None:
        text = source.body(function, 'print(f"mode: {cfg.mode}")\n')
        yield Site("apply_mode only says it", {MAIN: text}, also=(TRAIN, PREPROCESS))


@operator("mode-of-another-name", 9)
def mode_of_another_name(experiment: Experiment) -> Iterator[Site]:
    """A comparison asks for a mode that there is not."""
    for source in experiment.sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Compare) and source.get(node.left) == "cfg.mode":
                told = node.comparators[0]
                for name in OTHERS.get(getattr(told, "value", ""), ()):
                    text = source.replace(told, f'"{name}"')
                    yield Site(f"{name} in line {node.lineno}", {source.path: text}, also=(MAIN,))


@operator("trial-of-another-method", 9)
def trial_of_another_method(experiment: Experiment) -> Iterator[Site]:
    """Trial tries another model or method than the run's, and so proves nothing about it."""
    source = experiment.source(MAIN)
    for key, node in _assignments(source):
        if key == "cfg.training.epochs":
            for code in SMALLER:
                yield Site(code.strip(), {MAIN: source.after(node, code)})
