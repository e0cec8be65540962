"""Criterion 2: how the configuration is composed, handed on and changed."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from benchmarks.mutations.operators import CONFIG, MAIN, TRAIN, Experiment, Site, operator

if TYPE_CHECKING:
    from collections.abc import Iterator

HYDRA_ARGUMENTS = {
    "config_path": ("config", "./config", "../configs", "../config/run"),
    "config_name": ("default", "config/config", "base"),
}
# Assignments to keys that config/config.yaml and the run files do not have: Hydra's configuration is struct-locked.
ASSIGNMENTS = (
    "if cfg.mode == 'trial':\n    cfg.training.epochs = 1\n",
    "cfg.limit_batches = 2 if cfg.mode == 'trial' else None\n",
    "cfg.wandb.name = cfg.run.run_id\n",
    "if cfg.mode == 'trial':\n    cfg.run.dataset.max_rows = 64\n",
    "cfg.run.training.device = 'cuda'\n",
    "cfg['experiment'] = cfg.run.method\n",
)
MERGES = (
    'cfg = OmegaConf.merge(cfg, OmegaConf.load(f"config/run/{cfg.run.run_id}.yaml"))\n',
    "cfg = OmegaConf.merge(cfg, cfg.run)\n",
    'cfg.merge_with({"trial": {"batches": 2}})\n',
    "OmegaConf.update(cfg, 'trial_batches', 2)\n",
)
# An entry point of its own, right as it stands, so that a child process has something to start.
ENTRY = '''

@hydra.main(version_base="1.3", config_path="../config", config_name="config")
def entry(cfg: DictConfig) -> None:
    """Train one run configuration in a process of its own."""
    from src.main import prepare

    train(prepare(cfg))


if __name__ == "__main__":
    entry()
'''
COMMAND = "[sys.executable, '-u', '-m', 'src.train', {run}, {folder}, {mode}]"
RIGHT = {
    "run": "f'run={prepared.run_id}'",
    "folder": "f'results_dir={prepared.results_dir}'",
    "mode": "f'mode={prepared.mode}'",
}
CHILDREN = {  # what is wrong with the call -> the command, and where it starts
    "it starts where src is not": (RIGHT, ", cwd=prepared.results_dir"),
    "results_dir is not passed on": ({**RIGHT, "folder": "'hydra.job.chdir=false'"}, ""),
    "mode is not passed on": ({**RIGHT, "mode": "'hydra.run.dir=.'"}, ""),
    "a key is passed that does not exist": ({**RIGHT, "mode": RIGHT["mode"] + ", 'trial_batches=2'"}, ""),
    "a key of the run file is overridden at the root": ({**RIGHT, "mode": RIGHT["mode"] + ", 'training.epochs=1'"}, ""),
    "run is a whole node": ({**RIGHT, "run": "f'run={cfg.run}'"}, ""),
}


@operator("hydra-main", 2)
def hydra_main(experiment: Experiment) -> Iterator[Site]:
    """The decorator of main names a folder or a file that does not exist, or none."""
    source = experiment.source(MAIN)
    for call in source.calls("hydra.main"):
        for keyword in call.keywords:
            for value in HYDRA_ARGUMENTS.get(str(keyword.arg), ()):
                text = source.replace(keyword.value, repr(value))
                yield Site(f"{keyword.arg} is {value!r}", {MAIN: text}, also=(CONFIG,))
            if keyword.arg in HYDRA_ARGUMENTS:
                text = source.without_keyword(call, keyword.arg)
                yield Site(f"no {keyword.arg}", {MAIN: text}, also=(CONFIG,))


@operator("defaults-list", 2)
def defaults_list(experiment: Experiment) -> Iterator[Site]:
    """The defaults list names a group that does not exist, lacks the run's, or takes it from a mandatory value."""
    config = experiment.config
    entry = config.find("defaults", "run")
    if entry is None:
        return
    line = config.lines[entry.line]
    for name in ("runs", "experiment"):
        yield Site(f"the group is called {name}", {CONFIG: config.renamed(entry, name)}, also=(MAIN,))
    yield Site("no run", {CONFIG: config.without(entry)}, also=(MAIN,))
    yield Site("a file that does not exist", {CONFIG: config.replaced(entry, f"{line}  - model: base\n")}, also=(MAIN,))
    text = config.revalued(entry, "${run_id}") + "\nrun_id: ???\n"
    yield Site("the run is an interpolation of a mandatory value", {CONFIG: text}, also=(MAIN,))


@operator("interpolation", 2)
def interpolation(experiment: Experiment) -> Iterator[Site]:
    """A value of config.yaml is taken from a key that does not exist."""
    config = experiment.config
    for path in (("hydra", "run", "dir"), ("wandb", "project"), ("launcher", "device"), ("seed",)):
        if (entry := config.find(*path)) is not None:
            for value in ("${experiment.name}", "${run.runid}"):
                yield Site(f"{'.'.join(path)} is {value}", {CONFIG: config.revalued(entry, value)}, also=(MAIN, TRAIN))


@operator("package-of-a-run", 2)
def package_of_a_run(experiment: Experiment) -> Iterator[Site]:
    """A run file is placed where the code does not look: at the root, or in a section of another name."""
    for run in experiment.runs:
        for package in ("_global_", "experiment"):
            text = f"# @package {package}\n{''.join(run.lines)}"
            yield Site(f"{run.path} lies in {package}", {run.path: text}, also=(MAIN, CONFIG))


def _at_the_start(experiment: Experiment, code: str) -> dict[str, str | None]:
    source = experiment.source(MAIN)
    main = source.function("main")
    told = [] if main is None else [node for node in main.body if not isinstance(node, ast.Expr)]
    return {MAIN: source.before(told[0], code)} if told else {}


@operator("struct-assignment", 2)
def struct_assignment(experiment: Experiment) -> Iterator[Site]:
    """Main assigns to a key that Hydra's configuration does not have."""
    for code in ASSIGNMENTS:
        yield Site(code.strip(), _at_the_start(experiment, code), also=(CONFIG,))


@operator("struct-merge", 2)
def struct_merge(experiment: Experiment) -> Iterator[Site]:
    """Main merges keys into Hydra's configuration that it does not have."""
    for code in MERGES:
        yield Site(code.strip(), _at_the_start(experiment, code), also=(CONFIG,))


@operator("child-process", 2)
def child_process(experiment: Experiment) -> Iterator[Site]:
    """Main trains in a child process: in the wrong place, without an override, or with one that does not exist."""
    source, train = experiment.source(MAIN), experiment.source(TRAIN)
    if "__main__" in train.text:
        return
    calls = [call for call in source.calls("train") if isinstance(source.parents[call], ast.Expr)]
    last = [node for node in train.tree.body if isinstance(node, ast.ImportFrom) and node.module == "omegaconf"]
    if not calls or not last:
        return
    child = train.before(last[0], "import hydra\n") + ENTRY
    for what, (words, where) in CHILDREN.items():
        command = f"subprocess.run({COMMAND.format(**words)}, check=True{where})\n"
        text = source.instead(source.statement_of(calls[0]), f"import subprocess\n\n{command}")
        yield Site(what, {MAIN: text, TRAIN: child}, also=(CONFIG,))
