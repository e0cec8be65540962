"""Evaluation from what W&B recorded."""

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import wandb
from omegaconf import OmegaConf
from scipy import stats


def main() -> None:
    """Write metrics and figures of every run, and compare them."""
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    results, run_ids = Path(given["results_dir"]), json.loads(given["run_ids"])
    settings = OmegaConf.load(Path(__file__).resolve().parent.parent / "config" / "config.yaml").wandb
    api = wandb.Api()
    accuracies, samples = {}, {}
    for run_id in run_ids:
        run = api.run(f"{settings.entity}/{settings.project}/{run_id}")
        history = run.history()
        summary = run.summary._json_dict
        folder = results / run_id
        folder.mkdir(parents=True, exist_ok=True)
        samples[run_id] = history["seed_accuracy"].dropna().tolist()
        accuracies[run_id] = summary["accuracy"]
        (folder / "metrics.json").write_text(json.dumps({"accuracy": accuracies[run_id], "seeds": samples[run_id]}))
        figure, axes = plt.subplots()
        axes.plot(history["train_loss"].dropna().tolist(), label="training loss")
        axes.legend()
        figure.tight_layout()
        figure.savefig(folder / f"{run_id}_learning_curve.pdf")
        plt.close(figure)
    compare(results / "comparison", accuracies, samples)


def compare(folder: Path, accuracies: dict, samples: dict) -> None:
    """Write the comparison of all runs with the first."""
    folder.mkdir(parents=True, exist_ok=True)
    baseline = next(iter(accuracies))
    aggregated = {
        run_id: {
            "accuracy": value,
            "improvement_rate": (value - accuracies[baseline]) / accuracies[baseline],
            "p_value": float(stats.ttest_ind(samples[run_id], samples[baseline], equal_var=False).pvalue),
        }
        for run_id, value in accuracies.items()
    }
    (folder / "aggregated_metrics.json").write_text(json.dumps(aggregated))
    figure, axes = plt.subplots()
    axes.bar(list(accuracies), list(accuracies.values()), label="accuracy")
    axes.legend()
    figure.tight_layout()
    figure.savefig(folder / "comparison_accuracy_bar_chart.pdf")
    plt.close(figure)


if __name__ == "__main__":
    main()
