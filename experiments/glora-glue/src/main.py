"""The command line: one run configuration, one mode, one training.

    uv run python -u -m src.main run=RUN_ID results_dir=FOLDER mode=full|trial [run.training.epochs=1]

Hydra composes the root configuration and the run file; this file lifts the run file to the root, checks every key,
applies the mode, and hands over to ``src.train``.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from src.preprocess import TASKS, ExperimentError
from src.train import extremes, launch, outcome, parameter_path, search_space, train

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


DEFAULT_SEED = 42  # as in config/config.yaml: runs with it keep the bare run id

# Under `uv run` Ray would make each worker a new environment out of this folder alone, where a workspace's members
# (glora) are not to be had; a cluster's machines have the environment already.
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")


@hydra.main(version_base="1.3", config_path="../config", config_name="config")  # type: ignore[untyped-decorator]
def main(cfg: DictConfig) -> None:
    """Train one run configuration.

    Exit codes: 1 with one line where the configuration, the data or a server is at fault; 130 after Ctrl-C; 143 after
    SIGTERM, with a checkpoint of the step it came in.

    Raises:
        RunFailedError: a job of a sweep has failed; the other jobs are not affected.
    """
    asked: list[int] = []  # a scheduler's SIGTERM is noted, and acted on between two steps
    if threading.current_thread() is threading.main_thread():  # a cluster's worker may run jobs in another one
        signal.signal(signal.SIGTERM, lambda number, _frame: asked.append(number))
    codes: list[int] = []
    # A job of a sweep in a process of its own ends with the sweep, whose next start begins the same run again.
    parent = None if multiprocessing.current_process().name == "MainProcess" else os.getppid()

    def orphaned() -> bool:
        return parent is not None and os.getppid() != parent

    def action() -> None:
        prepared = prepare(cfg)
        if prepared.launcher.num_processes > 1 and os.environ.get("WORLD_SIZE", "1") == "1":
            codes.append(launch(prepared, asked=asked))
        else:
            train(prepared, stop_requested=lambda: bool(asked) or orphaned())

    code, message = outcome(action)
    if message:
        print(message, file=sys.stderr, flush=True)
    code = code or next(iter(codes), 0)
    if orphaned():
        os._exit(code)  # nobody is left to give the job's result to, and its process would wait for the next one
    if code == 1 and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise RunFailedError(f"{cfg.get('run', {}).get('run_id')} failed, see above")
    if code:
        sys.exit(code)


class RunFailedError(Exception):
    """A job of a sweep has failed, and has said why."""


def prepare(cfg: DictConfig) -> DictConfig:
    """The configuration that training reads: lifted, checked, with the mode applied.

    A seed other than the default one is part of the run's name, in W&B as in the results.
    """
    cfg = lift(cfg)
    check(cfg)
    apply_mode(cfg)
    if cfg.seed != DEFAULT_SEED:
        cfg.run_id = f"{cfg.run_id}-seed{cfg.seed}"
    return cfg


def lift(cfg: DictConfig) -> DictConfig:
    """Move ``cfg.run`` (the run file and its command-line overrides) to the root, once.

    Raises:
        ExperimentError: a key of the run file is also one of the root's own, or a mandatory value is missing.
    """
    try:
        root = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise ExperimentError(
            f"{getattr(error, 'full_key', None) or 'a mandatory key'} is not set; the command line is "
            "python -m src.main run=RUN_ID results_dir=FOLDER mode=full|trial"
        ) from error
    except OmegaConfBaseException as error:
        raise ExperimentError(f"the configuration cannot be resolved: {str(error).splitlines()[0]}") from error
    if not isinstance(root, dict) or not isinstance(root.get("run"), dict):
        raise ExperimentError("run: the run file holds no configuration")
    run = root.pop("run")
    both = sorted(set(run) & set(root))
    if both:
        raise ExperimentError(
            f"the run file sets {', '.join(both)}, which belong to config/config.yaml; remove them there"
        )
    return OmegaConf.create({**root, **run})


def apply_mode(cfg: DictConfig) -> None:
    """Set what the mode decides: ``full`` the whole configuration, ``trial`` every branch on two batches."""
    with open_dict(cfg):
        if cfg.mode == "trial":
            cfg.wandb.mode = "disabled"
            cfg.optuna.n_trials = 0
            cfg.training.epochs = 1
        else:
            cfg.wandb.mode = "online"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value else "a text"


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _one_of(*choices: Any) -> Callable[[Any], str | None]:
    return lambda value: None if value in choices else "one of " + ", ".join(map(str, choices))


def _integer(low: int) -> Callable[[Any], str | None]:
    return lambda value: (
        None
        if isinstance(value, int) and not isinstance(value, bool) and value >= low
        else f"an integer of {low} or more"
    )


def _number(
    low: float, high: float = float("inf"), *, low_open: bool = False, high_open: bool = True
) -> Callable[[Any], str | None]:
    def fits(value: Any) -> str | None:
        good = (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and (value > low if low_open else value >= low)
            and (value < high if high_open else value <= high)
        )
        return (
            None
            if good
            else f"a number {'above' if low_open else 'from'} {low:g}"
            + (f" {'below' if high_open else 'to'} {high:g}" if high != float("inf") else "")
        )

    return fits


def _or_auto(fits: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    return lambda value: None if value == "auto" or fits(value) is None else f"{fits(value)}, or auto"


def _or_null(fits: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    return lambda value: None if value is None or fits(value) is None else f"{fits(value)}, or null"


METRICS = list(dict.fromkeys(task.metrics for task in TASKS.values()))  # classes, scores: the primary metric first


def _measures(metrics: list[str], names: tuple[str, ...]) -> bool:
    return names[0] in metrics and set(metrics) <= set(names)


def _anything(value: Any) -> str | None:  # noqa: ARG001
    return None


# Every key that a configuration may have, and what its value must be. A key in OPTIONAL may be left out.
ROOT: Mapping[str, Callable[[Any], str | None]] = {
    "mode": _one_of("full", "trial"),
    "results_dir": _text,
    "wandb.entity": _text,
    "wandb.project": _text,
    "wandb.mode": _one_of("online", "disabled"),
    "seed": _integer(0),
    "overwrite": _flag,
    "study.storage": _or_null(_text),
    "study.selection_fraction": _number(0, 1, low_open=True),
    "launcher.num_processes": _integer(1),
    "launcher.device": _text,
    "launcher.num_workers": _integer(0),
    "launcher.precision": _one_of("fp32", "bf16", "fp16"),
    "launcher.attention": _one_of("auto", "eager", "sdpa"),
}
RUN: Mapping[str, Callable[[Any], str | None]] = {
    "run_id": _text,
    "method": _text,
    "method_name": _one_of("GLoRA", "AdaLoRA", "LoRA"),
    "model.backbone": _text,
    "model.peft.type": _one_of("lora", "adalora"),
    "model.peft.init_rank": _integer(1),
    "model.hidden_size": _integer(1),
    "model.num_layers": _integer(1),
    "model.num_parameters": _text,
    "dataset.name": _text,
    "dataset.max_length": _integer(4),
    "dataset.batch_size": _integer(1),
    "dataset.train_split": _text,
    "dataset.eval_split": _text,
    "dataset.train_rows": _or_null(_integer(2)),
    "training.epochs": _integer(1),
    "training.optimizer": _one_of("adamw"),
    "training.learning_rate": _number(0, low_open=True),
    "training.weight_decay": _number(0),
    "training.lr_scheduler": _one_of("linear", "cosine", "constant_with_warmup"),
    "training.lr_warmup_steps": _integer(0),
    "training.max_grad_norm": _number(0, low_open=True),
    "training.gradient_checkpointing": _flag,
    "evaluation.metrics": lambda value: (
        None
        if isinstance(value, list) and any(_measures(value, names) for names in METRICS)
        else "a list of " + ", or of ".join(f"{first}, and {more} if wanted" for first, more in METRICS)
    ),
    "evaluation.track_training_time": _flag,
    "hardware.gpu_type": _text,
    "hardware.num_gpus": _integer(0),
    "optuna.n_trials": _integer(0),
    "optuna.direction": _one_of("maximize", "minimize"),
    "optuna.metric": _one_of("validation_loss", *(f"validation_{name}" for names in METRICS for name in names)),
    "optuna.search_space": _anything,  # its names, forms and values are checked once all else is right
}
METHOD: Mapping[str, Mapping[str, Callable[[Any], str | None]]] = {
    "GLoRA": {
        "glo_ra.total_rank_budget": _or_auto(_integer(1)),
        "glo_ra.beta_ema": _number(0, 1),
        "glo_ra.warmup_steps": _integer(1),
        "glo_ra.min_rank": _integer(0),
        "glo_ra.max_rank": _or_null(_integer(1)),
        "glo_ra.signal": _one_of("delta", "lora_B", "exact"),
        "glo_ra.keep": _one_of("magnitude", "first"),
        "glo_ra.budget_unit": _one_of("ranks", "parameters"),
        "glo_ra.control": _one_of("none", "shuffled", "reversed", "equal"),
        "glo_ra.growth": _one_of("random", "gradient"),
        "glo_ra.cost_exponent": _number(0, 2, high_open=False),
        "glo_ra.uniform_share": _number(0, 1, high_open=False),
        "glo_ra.drop_fraction": _number(0, 1),
    },
    "AdaLoRA": {
        "adalora.total_rank_budget": _or_auto(_integer(1)),
        "adalora.init_rank": _or_auto(_integer(1)),
        "adalora.beta1": _number(0, 1, low_open=True),
        "adalora.beta2": _number(0, 1, low_open=True),
        "adalora.orth_reg_weight": _number(0),
        "adalora.adaptation_start_step": _integer(0),
    },
    "LoRA": {"lora.total_rank_budget": _or_auto(_integer(1))},
}
OPTIONAL = {
    "dataset.train_split",
    "dataset.eval_split",
    "dataset.train_rows",
    "glo_ra.min_rank",
    "glo_ra.max_rank",
    "glo_ra.signal",
    "glo_ra.keep",
    "glo_ra.budget_unit",
    "glo_ra.control",
    "glo_ra.growth",
    "glo_ra.cost_exponent",
    "glo_ra.uniform_share",
    "glo_ra.drop_fraction",
    "optuna.search_space",
}


def check(cfg: DictConfig) -> None:
    """Hold every key against the tables above and report all that is wrong at once.

    Raises:
        ExperimentError: keys that nothing reads, keys that are missing, values that do not fit.
    """
    container: Any = OmegaConf.to_container(cfg)
    found = dict(_leaves(container))
    name = found.get("method_name")
    known = {**ROOT, **RUN, **METHOD.get(str(name), {})}
    problems = [f"{key} is read by nothing in a {name} run: remove it" for key in found if key not in known]
    problems += [f"{key} is missing" for key in known if key not in found and key not in OPTIONAL]
    for key, value in found.items():
        if key in known and (wanted := known[key](value)) is not None:
            problems.append(f"{key} is {value!r}, it must be {wanted}")
    if name in METHOD and found.get("model.peft.type") not in {None, "adalora" if name == "AdaLoRA" else "lora"}:
        problems.append(f"model.peft.type is {found['model.peft.type']!r}, which is not what {name} trains")
    metric, measured = str(found.get("optuna.metric")), found.get("evaluation.metrics")
    task = TASKS.get(str(found.get("dataset.name")))
    if task and isinstance(measured, list) and not _measures(measured, task.metrics):
        problems.append(
            f"evaluation.metrics is {measured}, and {found['dataset.name']} is measured by {' and '.join(task.metrics)}"
        )
    if isinstance(measured, list) and metric.removeprefix("validation_") not in {"loss", *measured}:
        problems.append(f"optuna.metric is {metric!r}, which evaluation.metrics does not measure")
    if (metric == "validation_loss") is not (found.get("optuna.direction") == "minimize"):
        problems.append(f"optuna.direction is {found.get('optuna.direction')!r}, the wrong way for {metric}")
    if not problems and (cfg.optuna.n_trials > 0 or cfg.optuna.get("search_space")):
        # Also in a trial run: a space that cannot be searched is better known before the full one.
        for searched, form in search_space(cfg).items():
            path = parameter_path(cfg, searched)
            problems += [
                f"optuna.search_space.{searched} offers {value!r}, and {path} must be {wanted}"
                for value in extremes(form)
                if (wanted := known[path](value)) is not None
            ]
    if problems:
        raise ExperimentError(f"{found.get('run_id', 'the run file')}: " + "; ".join(problems))


def _leaves(node: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Dotted names of all values; the search space counts as one."""
    leaves: list[tuple[str, Any]] = []
    for key, value in node.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value and name != "optuna.search_space":
            leaves += _leaves(value, f"{name}.")
        else:
            leaves.append((name, value))
    return leaves


if __name__ == "__main__":
    main()
