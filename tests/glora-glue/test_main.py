"""The command line: what is composed, lifted, checked and refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from omegaconf import DictConfig, OmegaConf

from src import preprocess
from src import train as training
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
        (["run.evaluation.metrics=[matthews_corrcoef]"], ["evaluation.metrics", "a list of accuracy"]),
        (["run.optuna.metric=validation_loss"], ["optuna.direction is 'maximize', the wrong way"]),
        (["run.method_name=DoRA"], ["method_name is 'DoRA'"]),
        (["mode=fast"], ["mode is 'fast'", "trial"]),
        (["+run.extra={}", "+run.training.more={}"], ["extra is read by nothing", "training.more is read by nothing"]),
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


def test_a_seed_of_its_own_is_part_of_the_run_s_name(composed: Any) -> None:
    assert prepare(composed("GLoRA", "seed=7")).run_id.endswith("SST-2-seed7")
    assert prepare(composed("GLoRA", "seed=42")).run_id.endswith("SST-2")


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


def test_every_key_of_the_tables_is_read_where_it_takes_effect(
    composed: Any, data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: set[str] = set()
    get = DictConfig._get_impl

    def recording(self: DictConfig, key: Any, default_value: Any, validate_key: bool = True) -> Any:
        read.add(self._get_full_key(key))
        return get(self, key, default_value, validate_key)

    split = Dataset.from_dict(
        {"sentence": ["the film is fine", "the plot is dull"] * 16, "label": [1, 0] * 16},
        features=Features({"sentence": Value("string"), "label": ClassLabel(names=["negative", "positive"])}),
    )
    source = preprocess.Source(tmp_path, {}, name="generated", about="")
    monkeypatch.setattr(preprocess, "_fetch", lambda _task: source)
    monkeypatch.setattr(preprocess, "_read", lambda _source, _task: DatasetDict(train=split, validation=split))
    options = ["+run.glo_ra.min_rank=0", "+run.glo_ra.max_rank=8", "+run.glo_ra.signal=delta", "+run.glo_ra.keep=first"]
    splits = ["+run.dataset.train_split=train", "+run.dataset.eval_split=validation"]
    configurations = [
        prepare(composed(method, *splits, *(options if method == "GLoRA" else []), mode="trial"))
        for method in ("GLoRA", "AdaLoRA", "LoRA")
    ]
    study = prepare(composed("LoRA", "run.optuna.n_trials=1", "run.training.epochs=1"))
    monkeypatch.setattr(DictConfig, "_get_impl", recording)
    for cfg in configurations:
        training.train(cfg)
    monkeypatch.setattr(training, "load_data", lambda _cfg, *, selection: data if selection else None)
    training.search(study, tmp_path)
    # Told apart when the configuration is checked, or recorded in W&B as they are.
    elsewhere = {
        "model.peft.type",
        "training.optimizer",
        "method",
        "study.selection_fraction",
        "launcher.num_processes",
    }
    keys = {*ROOT, *RUN, *METHOD["GLoRA"], *METHOD["AdaLoRA"], *METHOD["LoRA"]}
    assert keys - read - elsewhere == set()
