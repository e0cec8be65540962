"""Experiments with and without the defects that only whole flights show, flown from the command line to the verdict."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.cli import main

if TYPE_CHECKING:
    from pathlib import Path

# a bag of words, and a linear layer on it: an experiment of seconds that learns what the hub's rows tell
TRAIN = """
import sys
import zlib

import hydra
import torch
import wandb
from datasets import load_dataset

WORDS = 4096


def batches(rows, size):
    features = torch.zeros(len(rows), WORDS)
    for place, text in enumerate(rows["text"]):
        for word in text.split():
            features[place, zlib.crc32(word.encode()) % WORDS] += 1
    data = torch.utils.data.TensorDataset(features, torch.tensor(rows["label"]))
    return torch.utils.data.DataLoader(data, batch_size=size, shuffle=True)


@hydra.main(config_path="../config", config_name="config", version_base="1.3")
def main(cfg):
    cfg = cfg.run
    torch.manual_seed(cfg.seed)
    data = load_dataset("fancyzhx/ag_news")
    train = data["train"].select(range(cfg.rows))
    validation = data["test"]
    if cfg.leak:
        from datasets import concatenate_datasets
        train = concatenate_datasets([train, validation, validation])
    model = torch.nn.Linear(WORDS, 4)
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.rate, weight_decay=cfg.decay if cfg.effect else 0.0)
    run = wandb.init(entity="e", project="p", id=cfg.run_id)
    for epoch in range(cfg.epochs):
        for features, labels in batches(train, 16):
            loss = torch.nn.functional.cross_entropy(model(features), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        right = sum((model(f).argmax(-1) == y).sum().item() for f, y in batches(validation, 64))
        run.log({"train_loss": loss.item(), "val_accuracy": right / len(validation)})
    run.finish()


if __name__ == "__main__":
    main()
"""
EVALUATE = """
import json, os, pathlib, sys
import wandb

arguments = dict(argument.split("=", 1) for argument in sys.argv[1:])
folder = pathlib.Path(arguments["results_dir"])
found = {}
for run_id in json.loads(arguments["run_ids"]):
    run = wandb.Api().run(f"e/p/{run_id}")
    found[run_id] = run.summary["val_accuracy"]
    (folder / run_id).mkdir(parents=True, exist_ok=True)
    (folder / run_id / "metrics.json").write_text(json.dumps({"val_accuracy": OWN or found[run_id]}))
(folder / "comparison").mkdir(exist_ok=True)
(folder / "comparison" / "aggregated_metrics.json").write_text(json.dumps({"metrics": {"val_accuracy": found}}))
"""


def flown(folder: Path, *, leak: bool, effect: bool, own: str = "None") -> dict[str, Any]:
    files = {
        "src/main.py": TRAIN,
        "src/evaluate.py": EVALUATE.replace("OWN", own),
        "config/config.yaml": "defaults:\n  - _self_\n  - run: null\nmode: full\nresults_dir: results\n",
        "pyproject.toml": '[project]\nname = "x"\nversion = "0.1"\ndependencies = []\n',
    }
    for run, decay in (("proposed-bag", 0.5), ("comparative-1-bag", 0.0)):
        settings = {"rows": 600, "leak": leak, "effect": effect, "seed": 1, "rate": 0.01, "decay": decay, "epochs": 6}
        files[f"config/run/{run}.yaml"] = json.dumps({"run_id": run, **settings})
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    report = folder / "report.json"
    options = ("--mode", "full", "--probes", "--sandbox", "none", "--results-dir", str(folder / "results"))
    main(["fly", str(folder), *options, "--format", "json", "--output", str(report)])
    content: dict[str, Any] = json.loads(report.read_text())
    return content


def codes(report: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in report["findings"]}


@pytest.fixture(autouse=True)
def _in_a_cache_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_sound_experiment_has_none_of_the_defects(tmp_path: Path) -> None:
    report = flown(tmp_path, leak=False, effect=True)
    assert not codes(report) & {"FLY048", "FLY055", "FLY060", "FLY070", "FLY071", "FLY072"}, report["findings"]
    skipped = {skip["code"] for skip in report["rules"]["skipped"]}
    assert not skipped & {"FLY048", "FLY055", "FLY060", "FLY070", "FLY071", "FLY072"}  # they did look


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_leak_a_method_without_effect_and_invented_numbers_are_found(tmp_path: Path) -> None:
    report = flown(tmp_path, leak=True, effect=False, own="0.987654")
    assert {"FLY055", "FLY060", "FLY071", "FLY072"} <= codes(report)
    assert report["is_code_ready"] is False
