"""Criterion 6: what training logs to W&B, under which names, and what it must not write."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from benchmarks.mutations.operators import CONFIG, EVALUATE, MAIN, TRAIN, Experiment, Site, operator

if TYPE_CHECKING:
    from collections.abc import Iterator

FIGURES = (
    """\
import matplotlib.pyplot as plt

plt.plot([1, 2, 3])
plt.savefig({folder} / "loss.png")
""",
    """\
import matplotlib.pyplot as plt

figure, axis = plt.subplots()
axis.set_title("loss")
figure.savefig({folder} / "training_loss.pdf")
""",
)
DUMPS = (
    '(folder / "results.json").write_text(json.dumps(summary))\n',
    'with (folder / "results.json").open("w") as file:\n    json.dump(result.metrics, file)\n',
    "print(json.dumps(result.metrics))\n",
    'print(json.dumps({"run_id": cfg.run_id, **result.metrics}, indent=2))\n',
    "json.dump(result.metrics, sys.stdout)\n",
)
IN_A_TRIAL = (  # in the study's objective: logged, or a run of its own for each trial
    "wandb.log({'trial': trial.number, cfg.optuna.metric: value})\n",
    "wandb.init(project=cfg.wandb.project, name=f'trial-{trial.number}', reinit=True)\nwandb.log({'value': value})\n",
)


def _asked(experiment: Experiment) -> list[tuple[str, str, ast.Constant]]:
    """The keys that evaluation asks for: the table that holds each, the key, and where."""
    source = experiment.source(EVALUATE)
    found = []
    for node in source.tree.body:
        name = source.get(node.targets[0]) if isinstance(node, ast.Assign) else ""
        if isinstance(node, ast.Assign) and (name == "METRICS" or name.endswith("_KEYS")):
            table = node.value  # of METRICS the values are keys of W&B, of KIND_KEYS the lists
            parts = table.values if isinstance(table, ast.Dict) else [table]
            keys = [key for part in parts for key in ast.walk(part) if isinstance(key, ast.Constant)]
            found += [(name, key.value, key) for key in keys if isinstance(key.value, str)]
    return found


@operator("metric-renamed-in-training", 6)
def metric_renamed_in_training(experiment: Experiment) -> Iterator[Site]:
    """Training logs under a key that evaluation does not ask for, in place of one that it asks for."""
    source = experiment.source(TRAIN)
    asked = {key for _, key, _ in _asked(experiment)}
    for function in source.functions():
        if function.name not in {"_flush", "final_run", "log"}:
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Dict):
                for key in node.keys:
                    if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value in asked:
                        name = f"metrics/{key.value}"
                        text = source.replace(key, f'"{name}"')
                        yield Site(f"{key.value} is {name} in {function.name}", {TRAIN: text}, also=(EVALUATE,))


@operator("prefix-renamed-in-training", 6)
def prefix_renamed_in_training(experiment: Experiment) -> Iterator[Site]:
    """Training's metrics of the evaluation split, or of the end, have another prefix than evaluation asks for."""
    text = experiment.files[TRAIN]
    asked = experiment.files[EVALUATE]
    for old, new in (
        ("final_{name}", "last_{name}"),
        ("best_{name}", "top_{name}"),
        ("validation_{name}", "val_{name}"),
    ):
        if f'"{old}"' in text and f'"{old.partition("{")[0]}' in asked:
            yield Site(f"{old} is {new}", {TRAIN: text.replace(f'f"{old}"', f'f"{new}"')}, also=(EVALUATE,))


@operator("metric-renamed-in-evaluation", 6)
def metric_renamed_in_evaluation(experiment: Experiment) -> Iterator[Site]:
    """Evaluation asks for a key that training does not log."""
    source = experiment.source(EVALUATE)
    for table, key, node in _asked(experiment):
        text = source.replace(node, f'"{key}_value"')
        yield Site(f"{key}_value in {table}, line {node.lineno}", {EVALUATE: text}, also=(TRAIN,))


@operator("not-logged", 6)
def not_logged(experiment: Experiment) -> Iterator[Site]:
    """Training does not log its steps, its epochs, or its summary."""
    source = experiment.source(TRAIN)
    for name in ("self.log", "wandb.log"):
        for call in source.calls(name):
            statement = source.statement_of(call)
            if isinstance(statement, ast.Expr):
                text = source.without(statement)
                yield Site(f"no {source.get(call)}", {TRAIN: text}, also=(EVALUATE,))
    for statement in source.statements():
        if isinstance(statement, ast.For) and "wandb.summary[" in source.get(statement):
            yield Site("no summary", {TRAIN: source.without(statement)}, also=(EVALUATE,))


@operator("logged-in-a-trial", 6)
def logged_in_a_trial(experiment: Experiment) -> Iterator[Site]:
    """Optuna's trials are logged to W&B."""
    source = experiment.source(TRAIN)
    for call in source.calls("Fit", source.function("run_trial")):
        for keyword in call.keywords:
            if keyword.arg == "log":
                for code in ("lambda row, step: wandb.log(row, step=step)", "lambda row, _step: wandb.log(row)"):
                    yield Site(code, {TRAIN: source.replace(keyword.value, code)})
    for function in ast.walk(source.function("_search") or ast.Module([], [])):
        if isinstance(function, ast.FunctionDef) and function.name == "objective":
            for code in IN_A_TRIAL:
                yield Site(code.splitlines()[0], {TRAIN: source.before(function.body[-1], code)})


@operator("wandb-settings-missing", 6)
def wandb_settings_missing(experiment: Experiment) -> Iterator[Site]:
    """config.yaml has no W&B entity, project or mode, or none of the three."""
    config = experiment.config
    paths: list[tuple[str, ...]] = [("wandb",), ("wandb", "entity"), ("wandb", "project"), ("wandb", "mode")]
    for path in paths:
        if (entry := config.find(*path)) is not None:
            yield Site(f"no {'.'.join(path)}", {CONFIG: config.without(entry)}, also=(MAIN, TRAIN, EVALUATE))
            if len(path) > 1 and path[1] != "mode":
                yield Site(f"{path[1]} is a placeholder", {CONFIG: config.revalued(entry, f'"<your-{path[1]}>"')})


@operator("wandb-run-id", 6)
def wandb_run_id(experiment: Experiment) -> Iterator[Site]:
    """The W&B run has another id than the run that evaluation asks for."""
    source = experiment.source(TRAIN)
    for call in source.calls("wandb.init"):
        for keyword in call.keywords:
            if keyword.arg == "id":
                yield Site("no id", {TRAIN: source.without_keyword(call, "id")}, also=(EVALUATE,))
                for code in ("wandb.util.generate_id()", 'f"{cfg.run_id}-{cfg.mode}"', "str(int(time.time()))"):
                    yield Site(code, {TRAIN: source.replace(keyword.value, code)}, also=(EVALUATE,))


@operator("wandb-project-of-another", 6)
def wandb_project_of_another(experiment: Experiment) -> Iterator[Site]:
    """Training logs to another project or entity than the configuration names and evaluation reads."""
    source = experiment.source(TRAIN)
    for call in source.calls("wandb.init"):
        for keyword in call.keywords:
            if keyword.arg in {"project", "entity"}:
                text = source.replace(keyword.value, '"my-experiment"')
                yield Site(f"{keyword.arg} is written into the code", {TRAIN: text}, also=(EVALUATE, CONFIG))


@operator("figure-in-training", 6)
def figure_in_training(experiment: Experiment) -> Iterator[Site]:
    """train.py or main.py draws a figure."""
    for path, name, folder in ((TRAIN, "final_run", "folder"), (MAIN, "prepare", "Path(cfg.results_dir)")):
        source = experiment.source(path)
        function = source.function(name)
        if function is not None:
            for code in FIGURES:
                told = code.format(folder=folder)
                told = told if path == TRAIN else f"from pathlib import Path\n\n{told}"
                yield Site(f"a figure in {path}", {path: source.before(function.body[-1], told)})


@operator("results-as-json", 6)
def results_as_json(experiment: Experiment) -> Iterator[Site]:
    """train.py writes its results as JSON, to a file or to stdout."""
    source = experiment.source(TRAIN)
    function = source.function("final_run")
    if function is not None:
        for code in DUMPS:
            yield Site(code.splitlines()[-1].strip(), {TRAIN: source.before(function.body[-1], code)})
