"""What the finished runs show: metrics, significance and figures, from W&B alone.

    uv run python -m src.evaluate results_dir=FOLDER run_ids='["run-1", "run-2"]'

Independent of training: it reads configuration, summary, history and predictions of finished W&B runs and writes
``{results_dir}/{run_id}/`` (metrics.json, learning curve, confusion matrix, rank allocation) and
``{results_dir}/comparison/`` (aggregated_metrics.json, a table, figures). Nothing is put in place before everything
has been made, so a failed evaluation leaves nothing that looks finished.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import wandb
from matplotlib.ticker import MaxNLocator
from omegaconf import OmegaConf
from scipy import stats
from sklearn.metrics import classification_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parent.parent
STEP_KEYS = ["optimizer_step", "train_loss", "learning_rate", "gradient_norm", "step_seconds"]
EPOCH_KEYS = ["optimizer_step", "epoch", "validation_loss"]
SUMMARY_KEYS = [
    "final_validation_loss", "best_epoch", "trainable_parameters", "adapter_parameters", "total_rank",
    "initial_ranks", "ranks", "peak_memory_bytes",
]  # fmt: skip
OPTIONAL_SUMMARY_KEYS = [
    "final_validation_matthews_corrcoef", "best_validation_matthews_corrcoef", "final_validation_spearman",
    "best_validation_spearman", "final_validation_mismatched_accuracy", "training_seconds",
]  # fmt: skip
# What a run must have besides, by its primary metric.
KIND_KEYS = {
    "accuracy": [
        "final_validation_accuracy", "best_validation_accuracy", "majority_class_accuracy", "confusion_matrix",
    ],
    "pearson": ["final_validation_pearson", "best_validation_pearson"],
}  # fmt: skip
# Name in the comparison -> name in the summary.
METRICS = {
    "accuracy": "final_validation_accuracy",
    "matthews_corrcoef": "final_validation_matthews_corrcoef",
    "mismatched_accuracy": "final_validation_mismatched_accuracy",
    "pearson": "final_validation_pearson",
    "spearman": "final_validation_spearman",
    "loss": "final_validation_loss",
    "best_accuracy": "best_validation_accuracy",
    "best_pearson": "best_validation_pearson",
    "best_epoch": "best_epoch",
    "training_seconds": "training_seconds",
    "trainable_parameters": "trainable_parameters",
    "adapter_parameters": "adapter_parameters",
    "total_rank": "total_rank",
    "peak_memory_bytes": "peak_memory_bytes",
    "majority_class_accuracy": "majority_class_accuracy",
}
DESCRIPTIVE = {"best_epoch", "total_rank", "majority_class_accuracy"}  # no improvement to speak of
LOWER_IS_BETTER = {"loss", "training_seconds", "trainable_parameters", "adapter_parameters", "peak_memory_bytes"}
NAMES = {"accuracy": "accuracy", "matthews_corrcoef": "Matthews correlation", "pearson": "Pearson's r"}
RESAMPLES = 2_000
SEED = 0
SAME = 1e-9  # values of a metric that differ by less are one value
STEP_SAMPLES = 2_000  # rows of a step history that a figure can show
EPOCH_SAMPLES = 10_000  # above any number of epochs: every epoch's row is wanted
COLORS = {"GLoRA": "#0072B2", "AdaLoRA": "#D55E00", "LoRA": "#009E73"}  # Okabe and Ito: told apart by all readers
OTHER_COLORS = ["#CC79A7", "#56B4E9", "#E69F00", "#000000"]


class EvaluationError(Exception):
    """What the user can put right: printed in one line, with a non-zero exit and without a traceback."""


@dataclass(frozen=True)
class Run:
    """One finished run as W&B knows it."""

    run_id: str
    config: dict[str, Any]
    summary: dict[str, Any]
    steps: pd.DataFrame  # one row a step, sampled
    epochs: pd.DataFrame  # one row an epoch, all of them
    predictions: pd.DataFrame  # row, label, prediction, confidence (empty for a regression); one row an example

    @property
    def method_name(self) -> str:
        """What figures call the method."""
        return str(self.config.get("method_name", self.config.get("method", "?")))

    @property
    def proposed(self) -> bool:
        """Whether this is the proposed method; everything else is a baseline."""
        return str(self.config.get("method", "")).startswith("proposed")

    @property
    def task(self) -> str:
        """What was trained on what, and measured where: only runs that share all of it are compared."""
        data, splits = self.config["dataset"], str(self.config["data_splits"])
        backbone = str(self.config["model"]["backbone"]).rpartition("/")[2]
        measured = splits.rpartition(" -> ")[2].partition("[")[0]
        return f"{backbone} on {data['name']} {measured} ({self.config['data_source']})"

    @property
    def recipe(self) -> str:
        """All of the configuration but the run's name and seed: runs with one recipe are repetitions.

        What a study chose is not the recipe, the study is: with another seed it may choose otherwise.
        """
        sections = ("model", "dataset", "training", "glo_ra", "adalora", "lora", "data_source")
        chosen = {str(name).rpartition(".")[2] for name in self.config.get("optuna_chosen") or {}}
        told = {"method_name": self.method_name, **{key: _without(self.config.get(key), chosen) for key in sections}}
        told["precision"] = (self.config.get("launcher") or {}).get("precision")
        if chosen:
            told["optuna"] = self.config.get("optuna")
        return json.dumps(told, sort_keys=True)

    @property
    def primary(self) -> str:
        """The metric that is compared: accuracy, or Pearson's correlation for a regression, which has no labels."""
        return "accuracy" if self.config["label_names"] else "pearson"

    @property
    def correct(self) -> np.ndarray[Any, Any]:
        """(rows,) 1.0 where the prediction is the label."""
        return (self.predictions["label"] == self.predictions["prediction"]).to_numpy(dtype=float)

    def metric(self, name: str) -> float | None:
        """A metric of the comparison, or None where the run did not record it."""
        value = self.summary.get(METRICS[name])
        return None if value is None else float(value)


def _without(node: Any, leaves: set[str]) -> Any:
    """``node`` without the keys named in ``leaves``, at any depth."""
    if not isinstance(node, dict):
        return node
    return {key: _without(value, leaves) for key, value in node.items() if key not in leaves}


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate the runs named on the command line; returns the exit code."""
    try:
        results_dir, run_ids = parse_arguments(sys.argv[1:] if argv is None else argv)
        entity, project = wandb_project(ROOT / "config" / "config.yaml")
        runs = fetch_all(entity, project, run_ids)
        for repeated, counted in duplicates(runs).items():
            told = f"{repeated} has the recipe and the seed of {counted}, which alone counts in the statistics"
            print(f"warning: {told}", file=sys.stderr)
        for path in write(results_dir, runs):
            print(path)
    except EvaluationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def parse_arguments(argv: Sequence[str]) -> tuple[Path, list[str]]:
    """Read ``results_dir=FOLDER run_ids='["run-1", "run-2"]'``, in any order."""
    parser = argparse.ArgumentParser(
        prog="python -m src.evaluate", usage="%(prog)s results_dir=FOLDER run_ids='[\"run-1\", \"run-2\"]'",
        description="Metrics, significance tests and figures of finished W&B runs.",
    )  # fmt: skip
    parser.add_argument("pairs", nargs="+", metavar="key=value", help="results_dir and run_ids")
    pairs = parser.parse_args(argv).pairs
    args = argparse.Namespace(**dict(pair.partition("=")[::2] for pair in pairs))
    unknown = sorted(set(vars(args)) - {"results_dir", "run_ids"})
    missing = sorted({"results_dir", "run_ids"} - set(vars(args)))
    if unknown or missing:
        parser.error(
            "; ".join([*(f"unknown key {key!r}" for key in unknown), *(f"{key}= is missing" for key in missing)])
        )
    if not args.results_dir:
        parser.error("results_dir= has no value; give a folder")
    try:
        run_ids = json.loads(args.run_ids)
    except json.JSONDecodeError as error:
        parser.error(f"run_ids is no JSON list: {args.run_ids!r} ({error})")
    if not isinstance(run_ids, list) or not run_ids or not all(isinstance(run_id, str) for run_id in run_ids):
        parser.error(f"run_ids must be a JSON list of run ids, it is {args.run_ids!r}")
    return Path(args.results_dir), list(dict.fromkeys(run_ids))


def wandb_project(path: Path) -> tuple[str, str]:
    """W&B entity and project from the root configuration."""
    try:
        cfg = OmegaConf.load(path)
        return str(cfg.wandb.entity), str(cfg.wandb.project)
    except (OSError, AttributeError) as error:
        raise EvaluationError(f"{path} names no wandb.entity and wandb.project ({error})") from error


def fetch_all(entity: str, project: str, run_ids: list[str]) -> list[Run]:
    """All runs, or one error that lists what is wrong with each of those that cannot be used."""
    runs: list[Run] = []
    problems: list[str] = []
    try:
        api = wandb.Api(timeout=30)
    except (wandb.errors.Error, OSError, ValueError) as error:
        raise EvaluationError(
            f"W&B cannot be reached ({_first_line(error)}); check WANDB_API_KEY and WANDB_BASE_URL"
        ) from error
    for run_id in run_ids:
        try:
            runs.append(fetch(api, f"{entity}/{project}/{run_id}", run_id))
        except EvaluationError as error:
            problems.append(str(error))
        except (wandb.errors.Error, OSError, ValueError) as error:
            problems.append(f"{run_id}: cannot be read from {entity}/{project} ({_first_line(error)})")
    if problems:
        raise EvaluationError("; ".join(problems))
    return runs


def fetch(api: wandb.Api, path: str, run_id: str) -> Run:
    """One run: configuration, summary, histories asked for by key, and the predictions it uploaded.

    Raises:
        EvaluationError: the run is not finished, or lacks what training logs.
    """
    run = api.run(path)
    if run.state != "finished":
        raise EvaluationError(f"{run_id}: its state is {run.state!r}; only finished runs are evaluated")
    config, summary = dict(run.config), dict(run.summary._json_dict)
    kind = "accuracy" if config.get("label_names", True) else "pearson"
    missing = [key for key in (*SUMMARY_KEYS, *KIND_KEYS[kind]) if key not in summary]
    missing += [
        key
        for key in (
            "method",
            "method_name",
            "dataset",
            "evaluation",
            "data_source",
            "label_names",
            "data_splits",
            "model",
            "training",
            "seed",
        )
        if key not in config
    ]
    if missing:
        raise EvaluationError(f"{run_id}: {', '.join(missing)} is not recorded; was it trained by src/train.py?")
    epoch_keys = EPOCH_KEYS + [f"validation_{name}" for name in config["evaluation"]["metrics"]]
    step_keys = STEP_KEYS + ["train_accuracy"] * (kind == "accuracy")
    # Without keys, history() samples 500 rows of all, and the few epoch rows of a long run vanish.
    steps = run.history(keys=step_keys, samples=STEP_SAMPLES)
    epochs = run.history(keys=epoch_keys, samples=EPOCH_SAMPLES)
    for name, frame, keys in (("step", steps, step_keys), ("epoch", epochs, epoch_keys)):
        if len(frame) == 0:
            raise EvaluationError(
                f"{run_id}: no {name} row has {', '.join(keys)}; src/train.py and src/evaluate.py disagree"
            )
    try:
        with tempfile.TemporaryDirectory() as folder, run.file("predictions.csv").download(root=folder) as file:
            predictions = pd.read_csv(file)
    except Exception as error:  # the client has several ways to say that there is none
        raise EvaluationError(
            f"{run_id}: W&B has no predictions.csv of it that could be read ({_first_line(error)}); train it again "
            "with overwrite=true"
        ) from error
    if list(predictions.columns) != ["row", "label", "prediction", "confidence"] or predictions.empty:
        raise EvaluationError(
            f"{run_id}: predictions.csv has the columns {list(predictions.columns)} and {len(predictions)} rows"
        )
    # W&B sends values that are not finite as text; the rows of a run that was resumed come in any order.
    steps, epochs = (
        frame.apply(pd.to_numeric).drop_duplicates("optimizer_step").sort_values("optimizer_step", ignore_index=True)
        for frame in (steps, epochs)
    )
    if list(epochs["epoch"]) != list(range(1, config["training"]["epochs"] + 1)):
        raise EvaluationError(
            f"{run_id}: W&B has the epochs {epochs['epoch'].tolist()} of {config['training']['epochs']}; "
            "train it again with overwrite=true"
        )
    return Run(run_id, config, summary, steps, epochs, predictions)


def write(results_dir: Path, runs: list[Run]) -> list[Path]:
    """Make everything in a folder beside its place, then put it there; returns the paths, comparison last."""
    try:
        results_dir.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".evaluate-", dir=results_dir))
    except OSError as error:
        raise EvaluationError(f"results_dir: nothing can be written to {results_dir} ({error.strerror})") from error
    try:
        plt.rcParams.update(
            {"font.size": 9, "axes.grid": True, "grid.alpha": 0.3, "pdf.fonttype": 42, "axes.axisbelow": True}
        )
        for run in runs:
            write_run(staging / run.run_id, run)
        write_comparison(staging / "comparison", runs)
        made = sorted(path.relative_to(staging) for path in staging.rglob("*") if path.is_file())
        made.sort(key=lambda path: path.parts[0] == "comparison")
        if (results_dir / "comparison").is_dir():  # of other runs, perhaps: its figures must not stand beside these
            (results_dir / "comparison").replace(staging / ".comparison-before")
        for path in made:
            (results_dir / path).parent.mkdir(parents=True, exist_ok=True)
            (staging / path).replace(results_dir / path)
    except OSError as error:
        raise EvaluationError(f"results_dir: {results_dir} cannot be written ({error.strerror}); free space") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return [results_dir / path for path in made]


# Step 1: every run on its own.


def write_run(folder: Path, run: Run) -> None:
    """metrics.json and the figures of one run."""
    folder.mkdir(parents=True)
    names = run.config["label_names"]
    report = None
    if names:
        report = classification_report(
            run.predictions["label"], run.predictions["prediction"], labels=range(len(names)), target_names=names,
            output_dict=True, zero_division=0,
        )  # fmt: skip
    _write_json(
        folder / "metrics.json",
        {
            "run_id": run.run_id,
            "method": run.config["method"],
            "method_name": run.method_name,
            "data": run.config["data_source"],
            "metrics": {name: run.metric(name) for name in METRICS},
            "summary": {
                key: run.summary.get(key) for key in (*SUMMARY_KEYS, *KIND_KEYS[run.primary], *OPTIONAL_SUMMARY_KEYS)
            },
            "per_class": report,
            "epochs": run.epochs.to_dict(orient="records"),
            "config": run.config,
        },
    )
    _save(plot_learning_curve(run), folder / f"{run.run_id}_learning_curve.pdf")
    if names:
        _save(plot_confusion_matrix(run), folder / f"{run.run_id}_confusion_matrix.pdf")
    else:
        _save(plot_scores(run), folder / f"{run.run_id}_predicted_scores.pdf")
    _save(plot_ranks(run), folder / f"{run.run_id}_rank_allocation.pdf")


def plot_learning_curve(run: Run) -> Figure:
    """Training values, smoothed, and the validation points, against the step; loss and primary metric side by side."""
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.1), layout="constrained")
    color = COLORS.get(run.method_name, OTHER_COLORS[0])
    window = max(1, len(run.steps) // 30)
    pairs = zip(
        axes,
        (("train_loss", "validation_loss"), ("train_accuracy", f"validation_{run.primary}")),
        ("loss", NAMES[run.primary]),
        strict=True,
    )
    for axis, (train, validation), name in pairs:
        if train in run.steps:
            axis.plot(run.steps["optimizer_step"], run.steps[train], color=color, alpha=0.2, linewidth=0.6)
            smooth = run.steps[train].rolling(window, min_periods=1).mean()
            axis.plot(run.steps["optimizer_step"], smooth, color=color, label=f"training, mean of {window} points")
        if validation in run.epochs:
            axis.plot(
                run.epochs["optimizer_step"],
                run.epochs[validation],
                "ko-",
                markersize=4,
                linewidth=1,
                label="validation, each epoch",
            )
        axis.set(xlabel="optimizer step", ylabel=name)
        axis.margins(y=0.15)
    _legend_below(figure, axes[0])
    last, before = run.epochs.iloc[-1], run.epochs.iloc[-2:].iloc[0]
    if (validation := f"validation_{run.primary}") in run.epochs:
        place = (last["optimizer_step"], last[validation])
        away = 7 if place[1] >= before[validation] else -14  # on the side that the line does not come from
        axes[1].annotate(
            f"{place[1]:.3f}", place, xytext=(-2, away), textcoords="offset points", ha="right", fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1},
        )  # fmt: skip
    figure.suptitle(_lines(f"{run.method_name}, {run.task}"))
    return figure


def plot_confusion_matrix(run: Run) -> Figure:
    """Counts, and the share of each true class in brackets."""
    names = run.config["label_names"]
    counts = np.asarray(run.summary["confusion_matrix"], dtype=int)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cells = [[f"{n}\n({share:.1%})" for n, share in zip(*row, strict=True)] for row in zip(counts, shares, strict=True)]
    figure, axis = plt.subplots(figsize=(1.6 + 0.95 * len(names), 1.1 + 0.8 * len(names)))
    sns.heatmap(
        shares, annot=np.array(cells), fmt="", cmap="Blues", vmin=0, vmax=1, xticklabels=names, yticklabels=names,
        ax=axis, cbar_kws={"label": "share of the true class"},
    )  # fmt: skip
    axis.set(xlabel="predicted", ylabel="true")
    figure.suptitle(_lines(f"{run.method_name}\n{run.task}"), fontsize=7)
    return figure


def plot_scores(run: Run) -> Figure:
    """Every example's predicted score against its true one."""
    figure, axis = plt.subplots(figsize=(3.6, 3.4))
    low, high = run.predictions["label"].min(), run.predictions["label"].max()
    axis.plot([low, high], [low, high], "k--", linewidth=1, label="predicted = true")
    color = COLORS.get(run.method_name, OTHER_COLORS[0])
    axis.plot(run.predictions["label"], run.predictions["prediction"], ".", color=color, markersize=3, alpha=0.5)
    axis.set(xlabel="true score", ylabel="predicted score")
    axis.legend(fontsize=8)
    figure.suptitle(_lines(f"{run.method_name}\n{run.task}"), fontsize=7)
    return figure


def plot_ranks(run: Run) -> Figure:
    """Ranks by layer and kind of matrix, at the start and at the end."""
    grids = [_rank_grid(run.summary[key]) for key in ("initial_ranks", "ranks")]
    high = max(1, *(int(grid.to_numpy().max()) for grid in grids))
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 1.5 + 0.22 * len(grids[0].columns)), sharey=True)
    for axis, grid, when in zip(axes, grids, ("at the start", "at the end"), strict=True):
        sns.heatmap(
            grid.T, annot=len(grid) <= 12, fmt="g", cmap="viridis", vmin=0, vmax=high, ax=axis, cbar=axis is axes[1],
            cbar_kws={"label": "rank"}, annot_kws={"fontsize": 7},
        )  # fmt: skip
        axis.set(xlabel="layer", ylabel="")
        axis.set_title(f"{when}: {int(grid.to_numpy().sum())} in total", fontsize=9)
    figure.suptitle(_lines(f"Ranks of {run.method_name}, {run.task}"))
    return figure


def _rank_grid(ranks: dict[str, Any]) -> pd.DataFrame:
    """(layers, kinds of matrix) ranks, from names like layer_3_attention_self_query."""
    rows = [
        (int(found[1]), found[2], int(rank))
        for name, rank in ranks.items()
        if (found := re.match(r"layer_(\d+)_(.+)", name))
    ]
    if len(rows) != len(ranks):
        odd = next(name for name in ranks if not re.match(r"layer_(\d+)_(.+)", name))
        raise EvaluationError(f"ranks: {odd!r} names no layer; src/train.py and src/evaluate.py disagree")
    frame = pd.DataFrame(rows, columns=["layer", "matrix", "rank"])
    frame["matrix"] = frame["matrix"].str.replace("_", " ").str.removesuffix(" dense")
    # W&B keeps no order of keys; a layer's own is shown, attention first.
    order = sorted(set(frame["matrix"]), key=_place_in_layer)
    return frame.pivot_table(index="layer", columns="matrix", values="rank")[order]


def _place_in_layer(matrix: str) -> tuple[int, str]:
    parts = ("query", "key", "value", "attention output", "intermediate", "output")
    return next((place for place, part in enumerate(parts) if part in matrix), len(parts)), matrix


# Step 2: the runs beside each other.


def write_comparison(folder: Path, runs: list[Run]) -> None:
    """aggregated_metrics.json, the table and the comparison figures."""
    folder.mkdir(parents=True)
    resamples = {run.run_id: accuracies for group in by_task(runs).values() for run, accuracies in resample(group)}
    _write_json(folder / "aggregated_metrics.json", aggregate(runs, resamples))
    table = pd.DataFrame(
        [
            {
                "run_id": run.run_id,
                "method": run.method_name,
                "data": run.task,
                **{name: run.metric(name) for name in METRICS},
            }
            for run in runs
        ]
    )
    table.to_csv(folder / "comparison_metrics_table.csv", index=False)
    (folder / "comparison_metrics_table.tex").write_text(latex_table(runs))
    groups = by_task(runs)
    for number, group in enumerate(groups.values(), start=1):
        # One figure a task: names stay unique by the dataset, and by a number where two tasks share it.
        condition = f"_{_slug(group[0].config['dataset']['name'])}_{number}" if len(groups) > 1 else ""
        write_comparison_figures(folder, group, resamples, condition)
    if len(groups) > 1:
        _save(plot_by_dataset(groups, resamples), folder / "comparison_by_dataset.pdf")


def latex_table(runs: list[Run]) -> str:
    """The table as a tabular for a paper: one row a recipe, mean and standard deviation where it has several seeds."""
    scored = any(run.primary == "pearson" for run in runs)
    names = ["accuracy", "matthews_corrcoef", *(("pearson", "spearman") if scored else ())]
    names += ["training_seconds", "trainable_parameters", "total_rank"]
    heads = ["accuracy", "MCC", *(("Pearson", "Spearman") if scored else ()), "time (s)", "parameters", "total rank"]
    digits = [*(3 for _ in names[:-3]), 1, 0, 0]
    lines = [rf"\begin{{tabular}}{{ll{'r' * len(names)}}}", r"\hline"]
    lines += [" & ".join(["data", "method", *heads]) + r" \\", r"\hline"]
    for task, group in by_task(runs).items():
        for recipe in by_recipe(group):
            cells = [
                _spread([run.metric(name) for run in recipe], places)
                for name, places in zip(names, digits, strict=True)
            ]
            lines.append(" & ".join([_tex(task), _tex(recipe[0].method_name), *cells]) + r" \\")
        if group[0].primary == "accuracy":
            majority = _spread([group[0].metric("majority_class_accuracy")], 3)
            lines.append(" & ".join([_tex(task), "majority class", majority, *["--"] * (len(names) - 1)]) + r" \\")
    return "\n".join([*lines, r"\hline", r"\end{tabular}", ""])


def _spread(values: list[float | None], digits: int) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "--"
    mean = f"{np.mean(known):,.{digits}f}"
    return mean if len(known) == 1 or not np.std(known) else rf"${mean} \pm {np.std(known, ddof=1):,.{digits}f}$"


def _tex(text: str) -> str:
    return re.sub(r"([&%$#_{}])", r"\\\1", text)


def write_comparison_figures(
    folder: Path, runs: list[Run], resamples: dict[str, np.ndarray[Any, Any]], condition: str
) -> None:
    """The figures that set the runs of one task beside each other."""
    labels = run_labels(runs)

    def save(figure: Figure, topic: str) -> None:
        _save(figure, folder / f"comparison_{topic}{condition}.pdf")

    primary = runs[0].primary
    save(plot_bars(runs, labels, primary, resamples), f"{primary}_bar_chart")
    if any(len(recipe) > 1 for recipe in by_recipe(runs)):
        save(plot_seeds(runs), f"{primary}_over_seeds")
    if all(run.metric("matthews_corrcoef") is not None for run in runs):
        save(plot_bars(runs, labels, "matthews_corrcoef", None), "matthews_corrcoef_bar_chart")
    if all(run.metric("training_seconds") is not None for run in runs):
        save(plot_bars(runs, labels, "training_seconds", None), "training_time_bar_chart")
        save(plot_against_time(runs), f"{primary}_against_time")
    save(plot_boxes(runs, labels, resamples), f"{primary}_box_plot")
    save(plot_curves(runs, labels), "learning_curves")


def _slug(text: str) -> str:
    return re.sub(r"\W+", "_", text)


def by_task(runs: list[Run]) -> dict[str, list[Run]]:
    """Runs grouped by what they were measured on."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.task, []).append(run)
    return groups


def resample(group: list[Run]) -> list[tuple[Run, np.ndarray[Any, Any]]]:
    """Bootstrap values (RESAMPLES,) of the primary metric of runs on the same examples, resampled together as pairs."""
    rows = len(group[0].predictions)
    odd = [run.run_id for run in group if not np.array_equal(run.predictions["label"], group[0].predictions["label"])]
    if odd:
        raise EvaluationError(
            f"{', '.join(odd)}: evaluated on other examples than {group[0].run_id}, on the same {group[0].task}"
        )
    generator = np.random.default_rng(SEED)
    if group[0].primary == "accuracy":
        correct = np.stack([run.correct for run in group], axis=1)  # (rows, runs)
        drawn = [correct[generator.integers(rows, size=rows)].mean(axis=0) for _ in range(RESAMPLES)]
    else:
        labels = group[0].predictions["label"].to_numpy(dtype=float)
        predicted = np.stack([run.predictions["prediction"].to_numpy(dtype=float) for run in group], axis=1)
        drawn = [
            _pearson(labels[chosen], predicted[chosen])
            for chosen in (generator.integers(rows, size=rows) for _ in range(RESAMPLES))
        ]
    values = np.stack(drawn)  # (RESAMPLES, runs)
    return [(run, values[:, column]) for column, run in enumerate(group)]


def _pearson(labels: np.ndarray[Any, Any], predicted: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """(runs,) correlation of labels (rows,) with each run's predictions (rows, runs); 0 where one is constant."""
    left, right = labels - labels.mean(), predicted - predicted.mean(axis=0)
    norm = np.sqrt((left @ left) * (right * right).sum(axis=0))
    correlation: np.ndarray[Any, Any] = np.divide(left @ right, norm, out=np.zeros_like(norm), where=norm > 0)
    return correlation


def aggregate(runs: list[Run], resamples: dict[str, np.ndarray[Any, Any]]) -> dict[str, Any]:
    """The comparison as data; a gap is in percent over the best baseline, positive where the proposed is better."""
    tasks = {task: compare(group, resamples) for task, group in by_task(runs).items()}
    correct_for_several([entry for told in tasks.values() for entry in told["significance"].values()])
    only = next(iter(tasks.values())) if len(tasks) == 1 else None
    several = "the runs cover several datasets: see by_task"
    return {
        "primary_metric": runs[0].primary if len({run.primary for run in runs}) == 1 else "see by_task",
        "metrics": {
            name: {run.run_id: value for run in runs if (value := run.metric(name)) is not None} for name in METRICS
        },
        "methods": {run.run_id: run.method_name for run in runs},
        "data": {run.run_id: run.config["data_source"] for run in runs},
        "interval_95": {run_id: np.percentile(values, [2.5, 97.5]).tolist() for run_id, values in resamples.items()},
        "best_proposed": only["best_proposed"] if only else None,
        "best_baseline": only["best_baseline"] if only else None,
        "gap": only["gap"] if only else None,
        "gap_over": only["gap_over"] if only else None,
        "gap_note": only["gap_note"] if only else several,
        "improvement_rates": only["improvement_rates"] if only else None,
        "duplicates": duplicates(runs),
        "by_task": tasks,
    }


def compare(group: list[Run], resamples: dict[str, np.ndarray[Any, Any]]) -> dict[str, Any]:
    """One dataset's comparison: best runs, gap, improvement rates, tests not yet corrected for their number."""
    proposed, baselines = [run for run in group if run.proposed], [run for run in group if not run.proposed]
    best_proposed, best_baseline = _best(proposed), _best(baselines)
    ours_by_recipe, theirs_by_recipe = by_recipe(proposed), by_recipe(baselines)
    gap, rival, note = gap_over_baselines(ours_by_recipe, theirs_by_recipe)
    pairs = [(ours, theirs) for ours in proposed for theirs in baselines]
    comparisons = {
        f"{ours[0].run_id} against {theirs[0].run_id}": compare_recipes(ours, theirs, resamples)
        for ours in ours_by_recipe
        for theirs in theirs_by_recipe
    }
    return {
        "primary_metric": group[0].primary,
        "best_proposed": _value(best_proposed),
        "best_baseline": _value(best_baseline),
        "gap": None if gap is None else 100 * gap,
        "gap_over": None if rival is None else {"run_id": rival[0].run_id, "value": _mean(rival)},
        "gap_note": note,
        "budgets": {run.run_id: run.metric("total_rank") for run in group},
        "improvement_rates": {
            f"{ours.run_id} over {theirs.run_id}": {
                name: rate
                for name in METRICS
                if name not in DESCRIPTIVE and (rate := improvement(ours, theirs, name)[0]) is not None
            }
            for ours, theirs in pairs
        },
        "recipes": {recipe[0].run_id: over_seeds(recipe) for recipe in by_recipe(group)},
        "significance": comparisons,
    }


def gap_over_baselines(proposed: list[list[Run]], baselines: list[list[Run]]) -> tuple[float | None, Any, str]:
    """(best proposed - best baseline) / |best baseline| of recipes' means over seeds, that baseline, and a note.

    Means, because the best of many seeds is better than the best of few.
    """
    if not proposed or not baselines:
        return None, None, "needs a proposed and a baseline run"
    ours, theirs = max(proposed, key=_mean), max(baselines, key=_mean)
    # A baseline of another budget takes no part in the gap, and does not take it from the others either.
    rival = max((recipe for recipe in baselines if not budgets_differ(ours[0], recipe[0])), key=_mean, default=None)
    if rival is None:
        return None, None, budgets_differ(ours[0], theirs[0])
    name = ours[0].primary
    gap, reason = _relative(_mean(ours), _mean(rival), name)
    seeds = f", means over {len(ours)} and {len(rival)} seeds" if max(len(ours), len(rival)) > 1 else ""
    note = f"percent over the best {NAMES[name]} of a baseline at the same total rank{seeds}"
    return gap, rival, reason or note


def _mean(recipe: list[Run]) -> float:
    return float(np.mean([_number(run, run.primary) for run in recipe]))


def by_recipe(runs: list[Run]) -> list[list[Run]]:
    """Runs grouped into repetitions: the same recipe, one run for each seed."""
    groups: dict[str, dict[int, Run]] = {}
    for run in runs:
        groups.setdefault(run.recipe, {}).setdefault(int(run.config["seed"]), run)
    return [list(group.values()) for group in groups.values()]


def duplicates(runs: list[Run]) -> dict[str, str]:
    """Runs that repeat another's recipe and seed, and so tell nothing new, by the run that counts in their place."""
    counted = {(recipe[0].recipe, int(run.config["seed"])): run for recipe in by_recipe(runs) for run in recipe}
    kept = {run.run_id: counted[run.recipe, int(run.config["seed"])].run_id for run in runs}
    return {run_id: other for run_id, other in kept.items() if run_id != other}


def budgets_differ(ours: Run, theirs: Run) -> str:
    """Why two runs' accuracies say nothing about their methods, or nothing."""
    if ours.metric("total_rank") == theirs.metric("total_rank"):
        return ""
    return (
        f"no gap: {ours.run_id} has a total rank of {ours.metric('total_rank'):g}, "
        f"{theirs.run_id} of {theirs.metric('total_rank'):g}"
    )


def improvement(ours: Run, theirs: Run, metric: str) -> tuple[float | None, str]:
    """(ours - theirs) / |theirs|, its sign turned where less is better; None and the reason where it says nothing."""
    if reason := budgets_differ(ours, theirs):
        return None, reason
    return _relative(ours.metric(metric), theirs.metric(metric), metric)


def _relative(mine: float | None, other: float | None, metric: str) -> tuple[float | None, str]:
    """(mine - other) / |other|, its sign turned where less is better; None and the reason where it says nothing."""
    if mine is None or other is None or not other or not math.isfinite(mine) or not math.isfinite(other):
        return None, f"no gap: {metric} is {mine} and {other}"
    rate = (mine - other) / abs(other)
    return (-rate if metric in LOWER_IS_BETTER else rate), ""


def paired_tests(ours: Run, theirs: Run, resamples: dict[str, np.ndarray[Any, Any]]) -> dict[str, Any]:
    """Paired bootstrap of the primary metric's difference, and for classes McNemar's exact test; or why not."""
    if reason := budgets_differ(ours, theirs):
        return {"difference": None, "reason": reason}
    difference = resamples[ours.run_id] - resamples[theirs.run_id]
    low, high = np.percentile(difference, [2.5, 97.5])
    mine, other = ours.metric(ours.primary), theirs.metric(theirs.primary)
    told: dict[str, Any] = {
        "difference": None if mine is None or other is None else mine - other,
        "paired_bootstrap": {
            "resamples": RESAMPLES,
            "interval_95": [float(low), float(high)],
            "excludes_zero": bool(low > 0 or high < 0),
        },
    }
    if ours.primary != "accuracy":
        return told
    only_ours = int(((ours.correct == 1) & (theirs.correct == 0)).sum())
    only_theirs = int(((ours.correct == 0) & (theirs.correct == 1)).sum())
    discordant = only_ours + only_theirs
    return told | {
        "mcnemar_exact": {
            "only_proposed_correct": only_ours,
            "only_baseline_correct": only_theirs,
            "p_value": float(stats.binomtest(only_ours, discordant, 0.5).pvalue) if discordant else 1.0,
        },
    }


def over_seeds(recipe: list[Run]) -> dict[str, Any]:
    """Mean primary metric of one recipe with its 95 % interval over seeds (Student's t), or why there is none."""
    values = np.array([run.metric(run.primary) for run in recipe], dtype=float)
    told: dict[str, Any] = {
        "method": recipe[0].method_name,
        "runs": [run.run_id for run in recipe],
        "seeds": [int(run.config["seed"]) for run in recipe],
        "mean": float(values.mean()),
    }
    if len(values) < 2:
        return told | {"standard_deviation": None, "interval_95": None, "reason": "one seed has no spread"}
    half = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
    spread = float(values.std(ddof=1))
    return told | {"standard_deviation": spread, "interval_95": [told["mean"] - half, told["mean"] + half]}


def compare_recipes(ours: list[Run], theirs: list[Run], resamples: dict[str, np.ndarray[Any, Any]]) -> dict[str, Any]:
    """Two recipes: examples paired within each seed that both have, and their seeds against each other.

    The test that counts is Welch's over seeds where both have two or more, else McNemar's on the one seed they share.
    """
    by_seed = {int(run.config["seed"]): run for run in theirs}
    shared = {
        int(run.config["seed"]): (run, by_seed[seed]) for run in ours if (seed := int(run.config["seed"])) in by_seed
    }
    per_seed = {str(seed): paired_tests(*pair, resamples) for seed, pair in sorted(shared.items())}
    over = welch(ours, theirs)
    told: dict[str, Any] = {"per_seed": per_seed, "welch": over, "effect_size": effect_size(ours, theirs)}
    if over["p_value"] is not None:
        return told | {"test": "welch", "p_value": over["p_value"]}
    alone = [tests["mcnemar_exact"]["p_value"] for tests in per_seed.values() if "mcnemar_exact" in tests]
    if len(alone) == 1:
        return told | {"test": "mcnemar_exact", "p_value": alone[0]}
    return told | {"test": None, "p_value": None, "reason": over["reason"]}


def correct_for_several(comparisons: Sequence[dict[str, Any]]) -> None:
    """Enter Holm's correction over all comparisons, of all datasets, and whether a difference is significant then."""
    tested = sorted(
        (entry for entry in comparisons if entry["p_value"] is not None), key=lambda entry: entry["p_value"]
    )
    reached = 0.0
    for place, entry in enumerate(tested):
        reached = max(reached, min(1.0, (len(tested) - place) * entry["p_value"]))
        entry["p_value_holm"] = reached
        entry["significant_at_5_percent"] = reached < 0.05
    for entry in comparisons:
        entry.setdefault("p_value_holm", None)
        entry.setdefault("significant_at_5_percent", False)  # what was not tested is not significant


def effect_size(ours: list[Run], theirs: list[Run]) -> dict[str, Any]:
    """Hedges' g of the primary metric over seeds (bias-corrected standardised difference), or why there is none."""
    mine, other, reason = _two_samples(ours, theirs)
    if reason:
        return {"hedges_g": None, "reason": reason}
    freedom = len(mine) + len(other) - 2
    pooled = math.sqrt(((len(mine) - 1) * mine.var(ddof=1) + (len(other) - 1) * other.var(ddof=1)) / freedom)
    return {"hedges_g": float((mine.mean() - other.mean()) / pooled * (1 - 3 / (4 * freedom - 1)))}


def welch(ours: list[Run], theirs: list[Run]) -> dict[str, Any]:
    """Welch's t-test over the seeds of two recipes, or the reason why there is none."""
    mine, other, reason = _two_samples(ours, theirs)
    if reason:
        return {"p_value": None, "reason": reason}
    result = stats.ttest_ind(mine, other, equal_var=False)
    return {"p_value": float(result.pvalue), "statistic": float(result.statistic), "runs": [len(mine), len(other)]}


def _two_samples(ours: list[Run], theirs: list[Run]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], str]:
    """The primary metric over seeds of two recipes, and why they cannot be compared, or nothing."""
    mine, other = (np.array([run.metric(run.primary) for run in side], dtype=float) for side in (ours, theirs))
    differ = next((why for run in ours for rival in theirs if (why := budgets_differ(run, rival))), "")
    if differ:
        return mine, other, differ
    if len(mine) < 2 or len(other) < 2:
        return mine, other, f"needs two or more seeds of each, has {len(mine)} and {len(other)}"
    if max(np.ptp(mine), np.ptp(other)) < SAME:  # equal values differ in their last bits once they are averaged
        return mine, other, f"the runs of each method all have the same {NAMES[ours[0].primary]}"
    return mine, other, ""


def _best(runs: list[Run]) -> Run | None:
    return max(runs, key=lambda run: _number(run, run.primary), default=None)


def _value(run: Run | None) -> dict[str, Any] | None:
    return None if run is None else {"run_id": run.run_id, "value": run.metric(run.primary)}


def _number(run: Run, metric: str) -> float:
    """A metric that every finished run has, or has been asked whether it has."""
    value = run.metric(metric)
    if value is None:
        raise EvaluationError(f"{run.run_id}: {METRICS[metric]} is not recorded")
    return value


def run_labels(runs: list[Run]) -> dict[str, str]:
    """What figures call each run: its method, with the total rank where it differs, and the id as a last resort."""
    names = {run.run_id: run.method_name for run in runs}
    if len(set(names.values())) < len(runs) or len({run.metric("total_rank") for run in runs}) > 1:
        names = {run.run_id: f"{run.method_name}\nrank {run.metric('total_rank'):g}" for run in runs}
    if len(set(names.values())) < len(runs):
        names = {
            run.run_id: f"{run.method_name}\nrank {run.metric('total_rank'):g}\nseed {run.config['seed']}"
            for run in runs
        }
    if len(set(names.values())) < len(runs):
        names = {run.run_id: f"{run.method_name}\n{run.run_id}" for run in runs}
    return names


def _colors(runs: list[Run]) -> list[str]:
    spare = iter(OTHER_COLORS * len(runs))
    return [COLORS.get(run.method_name) or next(spare) for run in runs]


def plot_bars(
    runs: list[Run], labels: dict[str, str], metric: str, resamples: dict[str, np.ndarray[Any, Any]] | None
) -> Figure:
    """One bar a run; the primary metric with its 95 % bootstrap interval, accuracy with the majority class."""
    values = [_number(run, metric) for run in runs]
    figure, axis = _comparison_axis(runs)
    places = np.arange(len(runs))
    bars = axis.bar(places, values, width=0.6, color=_colors(runs))
    text = [f"{value:.1f} s" if metric == "training_seconds" else f"{value:.3f}" for value in values]
    if resamples is not None:
        ends = np.array([np.percentile(resamples[run.run_id], [2.5, 97.5]) for run in runs])
        axis.errorbar(
            places,
            values,
            yerr=np.abs(ends.T - values),
            fmt="none",
            color="black",
            capsize=4,
            label="95 % bootstrap interval",
        )
    high = max(values)
    for bar, value, words in zip(bars, values, text, strict=True):  # at the foot, clear of interval and majority line
        short = value < 0.15 * high or value <= 0  # no room inside the bar
        axis.annotate(
            words, (bar.get_x() + bar.get_width() / 2, 0), xytext=(0, 6), textcoords="offset points",
            ha="center", color="black" if short else "white", fontweight="bold",
        )  # fmt: skip
    if metric == "accuracy":
        for place, run in zip(places, runs, strict=True):
            axis.hlines(
                _number(run, "majority_class_accuracy"), place - 0.4, place + 0.4, colors="black", linestyles="--",
                linewidth=1, label="majority class" if place == 0 else "_",
            )  # fmt: skip
    if resamples is not None:
        axis.set_ylim(min(0, *ends.flat), 1)
        _legend_below(figure, axis)
    axis.set_xticks(places, [labels[run.run_id] for run in runs])
    axis.set_ylabel("training time (s)" if metric == "training_seconds" else f"final validation {NAMES[metric]}")
    return figure


def plot_seeds(runs: list[Run]) -> Figure:
    """Every seed's primary metric and, where a recipe has two or more, their mean with its 95 % interval."""
    recipes = by_recipe(runs)
    told = [over_seeds(recipe) for recipe in recipes]
    labels = run_labels([recipe[0] for recipe in recipes])
    figure, axis = _comparison_axis([recipe[0] for recipe in recipes])
    for place, (recipe, found, color) in enumerate(
        zip(recipes, told, _colors([recipe[0] for recipe in recipes]), strict=True)
    ):
        values = [_number(run, run.primary) for run in recipe]
        spots = place + np.linspace(-0.12, 0.12, len(values)) if len(values) > 1 else [place]
        axis.plot(spots, values, "o", color=color, markersize=4, alpha=0.7, label="one seed" if place == 0 else "_")
        if found["interval_95"] is not None:
            low, high = found["interval_95"]
            name = "_" if "mean, 95 % interval" in axis.get_legend_handles_labels()[1] else "mean, 95 % interval"
            axis.errorbar(
                [place + 0.25], [found["mean"]], yerr=[[found["mean"] - low], [high - found["mean"]]], fmt="D",
                color="black", markersize=5, capsize=4, label=name,
            )  # fmt: skip
    axis.set_xticks(range(len(recipes)), [labels[recipe[0].run_id] for recipe in recipes])
    axis.set_xlim(-0.5, len(recipes) - 0.3)
    axis.set_ylabel(f"final validation {NAMES[runs[0].primary]}")
    _legend_below(figure, axis)
    return figure


def plot_by_dataset(groups: dict[str, list[Run]], resamples: dict[str, np.ndarray[Any, Any]]) -> Figure:
    """Each recipe on each dataset: the mean with its interval over seeds, or one run with its bootstrap interval."""
    figure, axis = plt.subplots(figsize=(max(3.6, 1.2 + 1.5 * len(groups)), 3.4))
    shown: set[str] = set()
    for place, group in enumerate(groups.values()):
        recipes = by_recipe(group)
        spots = place + (np.arange(len(recipes)) - (len(recipes) - 1) / 2) * min(0.2, 0.7 / len(recipes))
        for spot, recipe, color in zip(spots, recipes, _colors([recipe[0] for recipe in recipes]), strict=True):
            told, name = over_seeds(recipe), recipe[0].method_name
            low, high = told["interval_95"] or np.percentile(resamples[recipe[0].run_id], [2.5, 97.5])
            marker = "D" if told["interval_95"] else "o"
            axis.errorbar(
                [spot], [told["mean"]], yerr=[[max(0.0, told["mean"] - low)], [max(0.0, high - told["mean"])]],
                fmt=marker, color=color, markersize=5, capsize=3, label="_" if name in shown else name,
            )  # fmt: skip
            shown.add(name)
    axis.set_xticks(
        range(len(groups)),
        [_lines(task).replace(" on ", "\non ") + f"\n{NAMES[group[0].primary]}" for task, group in groups.items()],
        fontsize=7,
    )
    axis.set_xlim(-0.5, len(groups) - 0.5)
    axis.set_ylabel("final validation metric")
    axis.set_title("95 % intervals: over seeds (diamonds) or of the examples (circles)", fontsize=7)
    axis.legend(fontsize=8)
    return figure


def plot_boxes(runs: list[Run], labels: dict[str, str], resamples: dict[str, np.ndarray[Any, Any]]) -> Figure:
    """The spread of each run's primary metric over bootstrap resamples of the evaluated examples (not over seeds)."""
    figure, axis = _comparison_axis(runs)
    parts = axis.boxplot(
        [resamples[run.run_id] for run in runs],
        tick_labels=[labels[run.run_id] for run in runs],
        patch_artist=True,
        widths=0.5,
        showfliers=False,
        medianprops={"color": "black"},
    )
    for box, color in zip(parts["boxes"], _colors(runs), strict=True):
        box.set(facecolor=color, alpha=0.7)
    axis.set_ylabel(f"final validation {NAMES[runs[0].primary]}")
    axis.set_xlabel(f"{RESAMPLES} resamples of the examples, one run each", fontsize=8)
    return figure


def plot_against_time(runs: list[Run]) -> Figure:
    """What a run costs and what it reaches; a mark for each seed, one colour and shape for each recipe."""
    figure, axis = plt.subplots(figsize=(3.8, 3.4), layout="constrained")
    figure.suptitle(_lines(" and ".join(by_task(runs))), fontsize=8)
    recipes = by_recipe(runs)
    names = run_labels([recipe[0] for recipe in recipes])
    for recipe, color, marker in zip(recipes, _colors([recipe[0] for recipe in recipes]), cycle("osD^vPX")):
        seeds = f", {len(recipe)} seeds" if len(recipe) > 1 else ""
        axis.plot(
            [_number(run, "training_seconds") for run in recipe],
            [_number(run, run.primary) for run in recipe],
            marker,
            color=color,
            markersize=7,
            alpha=0.8,
            label=names[recipe[0].run_id].replace("\n", ", ") + seeds,
        )
    axis.set(xlabel="training time (s)", ylabel=f"final validation {NAMES[runs[0].primary]}")
    axis.margins(0.25)
    _legend_below(figure, axis)
    return figure


def plot_curves(runs: list[Run], labels: dict[str, str]) -> Figure:
    """Primary metric and loss of all runs on the evaluated split, epoch by epoch."""
    rows = math.ceil(len(runs) / 3)
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.9 + 0.16 * rows), layout="constrained")
    # Shrinking markers and changing dashes: runs that agree lie on top of each other and must still be seen.
    looks = cycle(zip("osD^vPX", ("-", "--", ":", "-.") * 2, (9, 7, 5, 8, 6, 4, 3), strict=False))
    for run, color, (marker, line, size) in zip(runs, _colors(runs), looks, strict=False):
        for axis, key in zip(axes, (f"validation_{run.primary}", "validation_loss"), strict=True):
            if key in run.epochs:
                axis.plot(
                    run.epochs["epoch"],
                    run.epochs[key],
                    marker=marker,
                    markersize=size,
                    linestyle=line,
                    color=color,
                    label=labels[run.run_id].replace("\n", ", "),
                )
    for axis, name in zip(axes, (f"validation {NAMES[runs[0].primary]}", "validation loss"), strict=True):
        axis.set(xlabel="epoch", ylabel=name)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend_below(figure, axes[1], columns=3)
    figure.suptitle(_lines(" and ".join(by_task(runs))))
    return figure


def _comparison_axis(runs: list[Run]) -> tuple[Figure, Axes]:
    figure, axis = plt.subplots(figsize=(max(3.6, 0.8 + 0.9 * len(runs)), 3.4), layout="constrained")
    figure.suptitle(_lines(" and ".join(by_task(runs))), fontsize=8)
    return figure, axis


def _legend_below(figure: Figure, axis: Axes, columns: int = 2) -> None:
    """A legend that lies under the labels of the axis, however tall they are, and covers nothing."""
    figure.legend(
        *axis.get_legend_handles_labels(), loc="outside lower center", ncols=columns, fontsize=8, frameon=False
    )


def _lines(title: str) -> str:
    """A title in lines that fit a narrow figure: where the rows come from stands below what they are."""
    return title.replace(" (", "\n(")


def _save(figure: Figure, path: Path) -> None:
    if figure.get_layout_engine() is None:
        figure.tight_layout()
    figure.savefig(path, metadata={"CreationDate": None})
    plt.close(figure)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(_plain(value), indent=2, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    """JSON's own types; what is not finite becomes null, since JSON has no word for it."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


if __name__ == "__main__":
    sys.exit(main())
