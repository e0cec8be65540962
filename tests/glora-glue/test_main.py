"""The command line: what is composed, lifted, checked and refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from src.main import METHOD, ROOT, RUN, apply_mode, check, lift, prepare
from src.preprocess import ExperimentError

EXPERIMENT = Path(__file__).resolve().parents[2] / "experiments" / "glora-glue"
GIVEN = EXPERIMENT.parents[2] / "shared" / "spec" / "runs"
RUN_FILES = sorted(path.stem for path in (EXPERIMENT / "config" / "run").glob("*.yaml"))


@pytest.mark.parametrize("run_id", RUN_FILES)
def test_every_run_file_composes_and_passes_the_check(composed: Any, run_id: str) -> None:
    cfg = prepare(composed(run_id, tiny=False))
    assert cfg.run_id == run_id
    assert cfg.optuna.n_trials >= 0


@pytest.mark.skipif(not GIVEN.is_dir(), reason="the given run configurations are not beside this checkout")
def test_the_given_run_files_are_unchanged() -> None:
    given = sorted(GIVEN.glob("*.yaml"))
    assert given
    for path in given:
        assert (EXPERIMENT / "config" / "run" / path.name).read_bytes() == path.read_bytes()


def test_the_folder_tracks_exactly_the_contract() -> None:
    listed = subprocess.run(["git", "ls-files", "."], cwd=EXPERIMENT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    others = {name for name in listed.stdout.split() if not name.startswith("config/run/")}
    assert others == {
        "src/main.py", "src/train.py", "src/evaluate.py", "src/preprocess.py", "src/model.py", "pyproject.toml",
        "config/config.yaml",
    }  # fmt: skip


@pytest.mark.parametrize("triple", ["all-MiniLM-L6-v2-22M--GLUE-SST-2", "auto-DeBERTa-v3-base-86M--GLUE-RTE"])
def test_the_runs_of_a_comparison_differ_in_the_method_alone(composed: Any, triple: str) -> None:
    shared = []
    for role in ("proposed", "comparative-1", "comparative-2"):
        cfg: Any = OmegaConf.to_container(lift(composed(f"{role}-{triple}", tiny=False)))
        cfg["model"]["peft"].pop("type")
        shared.append({key: cfg[key] for key in ("model", "dataset", "training", "evaluation", "hardware", "seed")})
    assert shared[0] == shared[1] == shared[2]


def test_the_run_file_is_lifted_to_the_root_with_its_overrides(composed: Any) -> None:
    cfg = lift(composed("GLoRA", "run.training.epochs=7"))
    assert cfg.training.epochs == 7
    assert "run" not in cfg
    assert cfg.glo_ra.beta_ema == 0.9


def test_trial_mode_disables_wandb_and_the_study_and_full_mode_does_not(composed: Any) -> None:
    trial = prepare(composed("GLoRA", "run.optuna.n_trials=4", mode="trial"))
    full = prepare(composed("GLoRA", "run.optuna.n_trials=4"))
    assert (trial.wandb.mode, trial.optuna.n_trials, trial.training.epochs) == ("disabled", 0, 1)
    assert (full.wandb.mode, full.optuna.n_trials, full.training.epochs) == ("online", 4, 3)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["+run.training.warm_up=3"], ["training.warm_up", "read by nothing"]),
        (["+run.adalora.beta1=0.5"], ["adalora.beta1", "GLoRA"]),
        (["~run.glo_ra.beta_ema"], ["glo_ra.beta_ema is missing"]),
        (["run.glo_ra.beta_ema=1.5"], ["glo_ra.beta_ema is 1.5", "below 1"]),
        (["run.training.optimizer=sgd"], ["training.optimizer is 'sgd'", "adamw"]),
        (["run.model.peft.type=adalora"], ["model.peft.type", "GLoRA"]),
        (["run.evaluation.metrics=[f1]"], ["evaluation.metrics", "matthews_corrcoef"]),
        (["run.method_name=DoRA"], ["method_name is 'DoRA'"]),
        (["mode=fast"], ["mode is 'fast'", "trial"]),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(composed: Any, overrides: list[str], words: list[str]) -> None:
    with pytest.raises(ExperimentError) as refusal:
        check(lift(composed("GLoRA", *overrides)))
    for word in words:
        assert word in str(refusal.value)


def test_all_problems_are_reported_at_once(composed: Any) -> None:
    with pytest.raises(ExperimentError) as refusal:
        check(lift(composed("GLoRA", "run.training.epochs=0", "run.dataset.batch_size=-1")))
    assert "training.epochs" in str(refusal.value)
    assert "dataset.batch_size" in str(refusal.value)


def test_a_run_file_cannot_set_what_the_root_owns(composed: Any) -> None:
    with pytest.raises(ExperimentError, match="seed"):
        lift(composed("GLoRA", "+run.seed=3"))


def test_the_mode_is_applied_after_the_lift_to_the_one_key(composed: Any) -> None:
    cfg = lift(composed("GLoRA", "run.optuna.n_trials=9", mode="trial"))
    apply_mode(cfg)
    assert cfg.optuna.n_trials == 0


def test_a_wrong_command_line_ends_with_one_message_and_no_traceback(tmp_path: Path) -> None:
    whole = {"run": RUN_FILES[0], "mode": "trial", "results_dir": str(tmp_path)}
    cases = [({**whole, "run": "nobody"}, ["nobody", RUN_FILES[0]])]
    cases += [({key: value for key, value in whole.items() if key != missing}, [missing]) for missing in whole]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "src.main", *(f"{key}={value}" for key, value in arguments.items())],
            cwd=EXPERIMENT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for arguments, _ in cases
    ]
    for process, (_, words) in zip(started, cases, strict=True):
        _, stderr = process.communicate()
        assert process.returncode == 1
        assert "Traceback" not in stderr
        for word in words:
            assert word in stderr


def test_every_key_of_the_tables_is_used_by_the_code() -> None:
    code = "".join(
        (EXPERIMENT / "src" / name).read_text() for name in ("train.py", "model.py", "preprocess.py", "evaluate.py")
    )
    applied = (EXPERIMENT / "src" / "main.py").read_text()
    for key in {**ROOT, **RUN, **METHOD["GLoRA"], **METHOD["AdaLoRA"], **METHOD["LoRA"]}:
        leaf = key.rpartition(".")[2]
        assert leaf in code or f"cfg.{key}" in applied or leaf in {"optimizer", "type"}, key
