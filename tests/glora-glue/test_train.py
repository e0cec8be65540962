"""Training: budgets hold, a resumed run is the uninterrupted one, searches reach what they name."""

from __future__ import annotations

import dataclasses
import math
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
import torch

from src import train as training
from src.main import lift, prepare
from src.preprocess import ExperimentError
from src.train import Checkpoint, Fit, mismatches, parameter_path, search, with_parameters

RUN_FILES = sorted(
    path.stem for path in (Path(__file__).resolve().parents[2] / "experiments/glora-glue/config/run").glob("*.yaml")
)


def study_of(cfg: Any, folder: Path) -> optuna.Study:
    storage = training._storage(cfg, folder)
    (name,) = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage)


def silent(_row: dict[str, Any], _step: int) -> None:
    """A log that keeps nothing."""


def finish(fit: Fit) -> Any:
    result = None
    while fit.epoch < fit.cfg.training.epochs:
        result = fit.run_epoch()
    return result


@pytest.mark.parametrize("method", ["GLoRA", "AdaLoRA", "LoRA"])
def test_a_run_learns_logs_every_step_and_ends_at_its_budget(composed: Any, data: Any, method: str) -> None:
    rows: dict[int, dict[str, Any]] = {}
    cfg = prepare(composed(method, "run.training.learning_rate=0.05", "run.training.epochs=6"))
    fit = Fit(cfg, data, log=lambda row, step: rows.setdefault(step, {}).update(row))
    result = finish(fit)
    assert sorted(rows) == list(range(1, 49))
    for row in rows.values():
        assert {"train_loss", "train_accuracy", "learning_rate", "gradient_norm", "step_seconds"} <= set(row)
    epochs = [row for row in rows.values() if "validation_accuracy" in row]
    assert [row["epoch"] for row in epochs] == [1, 2, 3, 4, 5, 6]
    losses = [rows[step]["train_loss"] for step in sorted(rows)]
    assert np.mean(losses[-8:]) < np.mean(losses[:8]) - 0.02
    assert sum(fit.method.ranks().values()) == 24
    assert result.metrics["validation_accuracy"] == epochs[-1]["validation_accuracy"]
    changed = {key for row in rows.values() for key in row if key.startswith("rank/")}
    assert bool(changed) is (method != "LoRA")
    if method == "GLoRA":
        (moment,) = [row for row in rows.values() if "beta_ema" in row]
        assert len([key for key in moment if key.startswith("signal/")]) == 12


@pytest.mark.parametrize("method", ["GLoRA", "AdaLoRA", "LoRA"])
@pytest.mark.parametrize("stop", [1, 2])
def test_a_resumed_run_is_bit_equal_to_the_uninterrupted_one(
    composed: Any, data: Any, tmp_path: Path, method: str, stop: int
) -> None:
    cfg = prepare(composed(method))
    whole = Fit(cfg, data, log=silent)
    expected = finish(whole)
    first = Fit(cfg, data, log=silent)
    for _ in range(stop):
        first.run_epoch()
    checkpoint = Checkpoint(tmp_path / "checkpoint.pt", cfg)
    checkpoint.save({**first.state_dict(), "finished": False})
    del first
    torch.manual_seed(99)  # what another process would have drawn in between
    random.seed(99)
    resumed = Fit(cfg, data, log=silent, state=checkpoint.load(required=True))
    assert resumed.step == stop * 8
    result = finish(resumed)
    assert resumed.method.ranks() == whole.method.ranks()
    weights = dict(whole.model.named_parameters())
    assert set(weights) == {name for name, _ in resumed.model.named_parameters()}
    assert all(torch.equal(p, weights[name]) for name, p in resumed.model.named_parameters())
    assert result.metrics == expected.metrics


def test_two_runs_with_one_seed_are_bit_equal_and_another_seed_differs(composed: Any, data: Any) -> None:
    runs = []
    for seed in (1, 1, 2):
        fit = Fit(prepare(composed("GLoRA", f"seed={seed}")), data, log=silent)
        finish(fit)
        runs.append(torch.cat([p.detach().flatten() for p in fit.model.parameters() if p.requires_grad]))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_predictions_come_in_the_order_of_the_split(composed: Any, data: Any) -> None:
    result = Fit(prepare(composed("LoRA")), data, log=silent).evaluate()
    assert result.labels.tolist() == list(data.evaluation["labels"])
    assert np.sum(result.confusion) == len(data.evaluation)
    agreed = float((result.predictions == result.labels).mean())
    assert result.metrics["validation_accuracy"] == pytest.approx(agreed)


def test_training_time_leaves_out_evaluation(composed: Any, data: Any, monkeypatch: Any) -> None:
    fit = Fit(prepare(composed("LoRA")), data, log=silent)
    evaluate = fit.evaluate

    def slow() -> Any:
        import time

        time.sleep(2)
        return evaluate()

    monkeypatch.setattr(fit, "evaluate", slow)
    import time

    started = time.perf_counter()
    fit.run_epoch()
    assert fit.training_seconds < time.perf_counter() - started - 1.9


@pytest.mark.parametrize("overrides", [["LoRA"], ["GLoRA", "run.glo_ra.warmup_steps=1"]])
def test_a_loss_that_is_not_finite_stops_the_run(composed: Any, data: Any, overrides: list[str]) -> None:
    fit = Fit(prepare(composed(*overrides)), data, log=silent)
    with torch.no_grad():
        next(p for p in fit.model.parameters() if p.requires_grad).fill_(math.nan)
    with pytest.raises(ExperimentError, match=r"the loss is nan at step 1 of 24; lower training.learning_rate"):
        fit.run_epoch()


def test_mismatches_between_the_file_and_the_world_are_said(composed: Any, data: Any) -> None:
    fit = Fit(prepare(composed("GLoRA")), data, log=silent)
    said = " | ".join(mismatches(fit.cfg, fit))
    assert "model.hidden_size is 384 in the run file, 32" in said
    assert "model.num_layers is 6 in the run file, 2" in said
    assert "model.num_parameters is 22M" in said
    assert "warmup_steps does not fit 24 steps" in said


@pytest.mark.parametrize(("precision", "quick", "warned"), [("bf16", False, 1), ("bf16", True, 0), ("fp32", False, 0)])
def test_a_precision_without_instructions_for_it_is_warned_of(
    composed: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    precision: str,
    quick: bool,
    warned: int,
) -> None:
    answering = SimpleNamespace(_is_mkldnn_bf16_supported=lambda: quick, _is_mkldnn_fp16_supported=lambda: quick)
    monkeypatch.setattr(torch.ops, "mkldnn", answering)
    training._warn_of_precision(prepare(composed("LoRA", f"launcher.precision={precision}")))
    assert capsys.readouterr().out.count(f"warning: launcher.precision={precision}") == warned


class TestCheckpoint:
    def test_another_configuration_is_refused(self, composed: Any, tmp_path: Path) -> None:
        path = tmp_path / "checkpoint.pt"
        Checkpoint(path, prepare(composed("LoRA"))).save({"finished": False})
        with pytest.raises(ExperimentError, match=r"another configuration .*overwrite=true"):
            Checkpoint(path, prepare(composed("LoRA", "run.training.learning_rate=0.5"))).load()

    def test_where_it_runs_may_change(self, composed: Any, tmp_path: Path) -> None:
        path = tmp_path / "checkpoint.pt"
        Checkpoint(path, prepare(composed("LoRA"))).save({"finished": False})
        assert Checkpoint(path, prepare(composed("LoRA", "launcher.num_workers=2"))).load() is not None

    def test_a_cut_file_is_named(self, composed: Any, tmp_path: Path) -> None:
        path = tmp_path / "checkpoint.pt"
        checkpoint = Checkpoint(path, prepare(composed("LoRA")))
        checkpoint.save({"finished": False})
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(ExperimentError, match=r"checkpoint.pt cannot be read"):
            checkpoint.load()

    def test_what_a_run_cannot_go_on_from_is_obsolete(self, composed: Any, tmp_path: Path) -> None:
        """What overwrite=true discards: it lets an unfinished run of this configuration go on."""
        path = tmp_path / "checkpoint.pt"
        checkpoint = Checkpoint(path, prepare(composed("LoRA")))
        assert not checkpoint.obsolete()
        checkpoint.save({"finished": False})
        assert not checkpoint.obsolete()
        assert Checkpoint(path, prepare(composed("LoRA", "run.training.weight_decay=0.5"))).obsolete()
        checkpoint.save({"finished": True})
        assert checkpoint.obsolete()
        path.write_bytes(path.read_bytes()[:100])
        assert checkpoint.obsolete()

    def test_a_full_disk_keeps_the_old_file_and_leaves_no_part(
        self, composed: Any, tmp_path: Path, monkeypatch: Any
    ) -> None:
        checkpoint = Checkpoint(tmp_path / "checkpoint.pt", prepare(composed("LoRA")))
        checkpoint.save({"finished": False, "epoch": 1})

        def full(*_: Any, **__: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(torch, "save", full)
        with pytest.raises(ExperimentError, match="No space left on device"):
            checkpoint.save({"finished": False, "epoch": 2})
        assert (checkpoint.load() or {})["epoch"] == 1
        assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["checkpoint.pt"]


class TestSearch:
    @pytest.mark.parametrize("run_id", RUN_FILES)
    def test_every_name_of_every_search_space_changes_exactly_what_it_names(self, composed: Any, run_id: str) -> None:
        from omegaconf import OmegaConf

        cfg = prepare(composed(run_id, tiny=False))
        for name in cfg.optuna.search_space:
            path = parameter_path(cfg, name)
            assert path.rpartition(".")[2] == name
            changed = with_parameters(cfg, {name: 77})
            assert OmegaConf.select(changed, path) == 77
            back = with_parameters(changed, {name: OmegaConf.select(cfg, path)})
            assert back == cfg

    @pytest.mark.parametrize(
        ("name", "words"), [("init_rank", "adalora.init_rank or model.peft.init_rank"), ("dropout", "is none of")]
    )
    def test_an_ambiguous_or_unknown_name_lists_the_candidates(self, composed: Any, name: str, words: str) -> None:
        with pytest.raises(ExperimentError, match=words):
            parameter_path(prepare(composed("AdaLoRA")), name)

    def test_a_dotted_name_settles_an_ambiguity(self, composed: Any) -> None:
        assert parameter_path(prepare(composed("AdaLoRA")), "adalora.init_rank") == "adalora.init_rank"

    @pytest.mark.parametrize("mode", ["full", "trial"])
    @pytest.mark.parametrize(
        ("override", "words"),
        [
            ("run.optuna.search_space.learning_rate.type=normal", r"search_space.learning_rate .*loguniform"),
            ("run.optuna.search_space.learning_rate.low=0", r"low above 0"),
            ("run.optuna.search_space.learning_rate.low=1", r"low below high"),
            ("run.optuna.search_space.learning_rate.low=a", r"low below high"),
            ("+run.optuna.search_space.dropout={type:uniform,low:0,high:1}", r"dropout is none of"),
            (
                "+run.optuna.search_space.max_length={type:int,low:8,high:16}",
                r"max_length is none of dataset.batch_size",
            ),
            ("+run.optuna.search_space.optimizer={type:categorical,choices:[sgd]}", r"optimizer is none of"),
            (
                "+run.optuna.search_space.batch_size={type:categorical,choices:[0,8]}",
                r"batch_size offers 0, .*1 or more",
            ),
            ("+run.optuna.search_space.lr_scheduler={type:categorical,choices:[foo]}", r"lr_scheduler offers 'foo'"),
            ("+run.optuna.search_space.batch_size={type:categorical,choices:[]}", r"a list of choices"),
            ("run.optuna.search_space=3", r"search_space is 3"),
        ],
    )
    def test_a_space_that_cannot_be_searched_is_refused_in_either_mode(
        self, composed: Any, mode: str, override: str, words: str
    ) -> None:
        with pytest.raises(ExperimentError, match=words):
            prepare(composed("LoRA", override, mode=mode))

    @pytest.mark.parametrize("url", ["nonsense", "sqlite:////nonexistent/folder/x.db"])
    def test_a_storage_that_cannot_be_opened_is_named(self, searching: Any, tmp_path: Path, url: str) -> None:
        cfg, _ = searching
        cfg.study.storage = url
        with pytest.raises(ExperimentError, match=r"study.storage: .*cannot be opened .*postgresql"):
            search(cfg, tmp_path)

    @pytest.fixture
    def searching(self, composed: Any, data: Any, monkeypatch: Any) -> Any:
        asked: list[bool] = []

        def load(_cfg: Any, *, selection: bool = False) -> Any:
            asked.append(selection)
            return data

        monkeypatch.setattr(training, "load_data", load)
        fine = ["run.optuna.metric=validation_loss", "run.optuna.direction=minimize"]  # no two trials end alike
        return prepare(composed("GLoRA", *fine, "run.training.epochs=2", "run.optuna.n_trials=3")), asked

    def test_a_study_counts_finished_trials_and_goes_on_where_it_stopped(
        self, searching: Any, tmp_path: Path, capsys: Any
    ) -> None:
        cfg, asked = searching
        chosen = search(cfg, tmp_path)
        assert set(chosen) == {"learning_rate", "beta_ema"}
        assert asked == [True]  # a slice of the training rows, never the reported split
        assert "3 trials x 2 epochs x 8 steps = 48 steps" in capsys.readouterr().out
        again = search(cfg, tmp_path)
        assert again == chosen
        cfg.optuna.n_trials = 4
        search(cfg, tmp_path)
        (study,) = optuna.get_all_study_summaries(training._storage(cfg, tmp_path))
        assert study.n_trials == 4

    def test_a_password_is_not_shown(self, searching: Any, tmp_path: Path) -> None:
        cfg, _ = searching
        cfg.study.storage = "postgresql+psycopg://me:s3cr/e@t@127.0.0.1:9/studies"
        with pytest.raises(ExperimentError, match=r"postgresql\+psycopg://me:\*\*\*@127.0.0.1:9") as refusal:
            search(cfg, tmp_path)
        assert "s3cr" not in str(refusal.value)
        assert refusal.value.__cause__ is None

    def test_of_the_machines_that_share_a_study_one_trains_the_final_run(
        self, searching: Any, tmp_path: Path, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(training.claim_final_run, "__kwdefaults__", {"settle": 0})
        cfg, _ = searching
        cfg.study.storage = f"sqlite:///{tmp_path}/studies.db"
        chosen = search(cfg, tmp_path / "here")
        with pytest.raises(ExperimentError, match=r"its final run is trained by .*/here; nothing is left to do here"):
            search(cfg, tmp_path / "there")
        assert search(cfg, tmp_path / "here") == chosen  # a machine that was stopped goes on

    @pytest.mark.parametrize(
        ("state", "hours", "taken"),
        [("running", 5, False), ("finished", 5, False), ("crashed", 0, True), ("failed", 0, True), (None, 0, False),
         (None, 1, True)],
    )  # fmt: skip
    def test_a_final_run_whose_machine_is_gone_is_taken_over(
        self, searching: Any, monkeypatch: Any, state: str | None, hours: float, taken: bool
    ) -> None:
        cfg, _ = searching
        monkeypatch.setattr(training, "wandb_state", lambda _cfg: state)
        study = optuna.create_study()
        training.claim_final_run(study, "gone", abandoned=lambda _since: False, settle=0)
        study.set_user_attr("final_run_since", study.user_attrs["final_run_since"] - 3600 * hours)

        def claim() -> None:
            training.claim_final_run(study, "here", abandoned=lambda since: training._abandoned(cfg, since), settle=0)

        if taken:
            claim()
        else:
            with pytest.raises(ExperimentError, match=r"trained by gone; nothing is left to do"):
                claim()
        assert study.user_attrs["final_run"] == ("here" if taken else "gone")

    def test_a_journal_without_the_end_of_its_last_line_goes_on(self, searching: Any, tmp_path: Path) -> None:
        """A full disk, or a power cut, in the middle of a write."""
        cfg, _ = searching
        search(cfg, tmp_path)
        journal = tmp_path / "study.journal"
        journal.write_bytes(journal.read_bytes()[:-20])
        cfg.optuna.n_trials = 4
        search(cfg, tmp_path)
        search(cfg, tmp_path)
        assert len([trial for trial in study_of(cfg, tmp_path).trials if trial.state.name == "COMPLETE"]) == 4

    def test_a_journal_that_is_damaged_is_named(self, searching: Any, tmp_path: Path) -> None:
        cfg, _ = searching
        search(cfg, tmp_path)
        journal = tmp_path / "study.journal"
        journal.write_bytes(b"{broken\n" + journal.read_bytes())
        with pytest.raises(ExperimentError, match=r"study.journal cannot be opened"):
            search(cfg, tmp_path)

    def test_another_configuration_is_another_study_and_what_is_finished_is_discarded(
        self, searching: Any, tmp_path: Path
    ) -> None:
        cfg, _ = searching
        search(cfg, tmp_path)
        other = cfg.copy()
        other.training.weight_decay = 0.5
        search(other, tmp_path)
        training.discard_study(other, tmp_path)
        (study,) = optuna.get_all_study_summaries(training._storage(cfg, tmp_path))
        assert study.study_name == study_of(cfg, tmp_path).study_name

    def test_the_cost_is_a_range_where_the_batch_size_is_searched(self, composed: Any) -> None:
        cfg = prepare(composed("proposed-DeBERTa-v3-base-86M--GLUE-MNLI", tiny=False))
        assert training.study_cost(cfg, 6400) == "25 trials x 3 epochs x 100 to 400 steps = 7500 to 30000 steps"

    def test_the_cost_is_a_range_where_epochs_are_searched_too_and_names_are_dotted(self, composed: Any) -> None:
        space = "+run.optuna.search_space.epochs={type:int,low:1,high:9}"
        sizes = "+run.optuna.search_space={dataset.batch_size:{type:categorical,choices:[8,16]}}"
        cfg = prepare(composed("LoRA", "run.optuna.n_trials=4", space, sizes))
        assert training.study_cost(cfg, 64) == "4 trials x 1 to 9 epochs x 4 to 8 steps = 16 to 288 steps"

    def test_one_seed_gives_one_search(self, searching: Any, tmp_path: Path) -> None:
        cfg, _ = searching
        folders = [tmp_path / "a", tmp_path / "b"]
        for folder in folders:
            folder.mkdir()
        assert search(cfg, folders[0]) == search(cfg, folders[1])

    def test_trials_that_all_fail_end_with_an_error(self, searching: Any, tmp_path: Path, monkeypatch: Any) -> None:
        cfg, _ = searching

        def fail(_self: Fit) -> None:
            raise ExperimentError("the loss is nan at step 1")

        monkeypatch.setattr(Fit, "run_epoch", fail)
        with pytest.raises(ExperimentError, match=r"none of 5 trials finished; .*the loss is nan at step 1"):
            search(cfg, tmp_path)

    def test_trials_that_end_with_nan_are_failures_and_all_of_them_an_error(
        self, searching: Any, tmp_path: Path, monkeypatch: Any
    ) -> None:
        cfg, _ = searching
        original = Fit.evaluate

        def broken(self: Fit) -> Any:
            result = original(self)
            result.metrics["validation_loss"] = math.nan
            return result

        monkeypatch.setattr(Fit, "evaluate", broken)
        with pytest.raises(ExperimentError, match=r"none of 5 trials .*the validation_loss is nan at step 8 of "):
            search(cfg, tmp_path)

    def test_a_failed_trial_is_recorded_replaced_and_does_not_end_the_study(
        self, searching: Any, tmp_path: Path, monkeypatch: Any, capsys: Any
    ) -> None:
        cfg, _ = searching
        original, calls = Fit.run_epoch, iter(range(100))

        def second_fails(self: Fit) -> Any:
            if next(calls) == 2:
                raise RuntimeError("CUDA out of memory")
            return original(self)

        monkeypatch.setattr(Fit, "run_epoch", second_fails)
        search(cfg, tmp_path)
        trials = study_of(cfg, tmp_path).trials
        assert [trial.state.name for trial in trials].count("FAIL") == 1
        assert trials[1].user_attrs["error"] == "CUDA out of memory"
        assert len([trial for trial in trials if trial.state.name != "FAIL"]) == 3
        assert "trial 1: failed with" in capsys.readouterr().out

    @pytest.mark.parametrize("database", [False, True])
    @pytest.mark.parametrize("how", ["killed", "stopped"])
    def test_an_interrupted_study_chooses_what_it_would_have_chosen(
        self, searching: Any, tmp_path: Path, monkeypatch: Any, how: str, database: bool
    ) -> None:
        """The interrupted trial is run again with its own parameters, and what follows is drawn as before."""
        monkeypatch.setattr(training.claim_final_run, "__kwdefaults__", {"settle": 0})
        journals, _ = searching
        cfg = journals.copy()

        def search(cfg: Any, folder: Path) -> Any:
            cfg.study.storage = f"sqlite:///{folder}/studies.db" if database else None
            return training.search(cfg, folder)

        cfg.optuna.n_trials = 12  # TPE draws at random until it has ten
        for folder in ("whole", "cut"):
            (tmp_path / folder).mkdir()
        calls = iter(range(1000))

        def cheap(self: Fit) -> Any:
            """One evaluation: what a trial is worth depends on what was chosen."""
            self.epoch += 1
            rate = self.cfg.training.learning_rate
            return SimpleNamespace(metrics={"validation_loss": abs(math.log(rate / 3e-3))})

        monkeypatch.setattr(Fit, "run_epoch", cheap)
        expected = search(cfg, tmp_path / "whole")

        def interrupted(self: Fit) -> Any:
            if next(calls) == 9:
                raise Killed if how == "killed" else training.Stopped("at step 9")
            return cheap(self)

        class Killed(BaseException):
            """Nothing that Optuna writes down."""

        monkeypatch.setattr(Fit, "run_epoch", interrupted)
        with pytest.raises((Killed, training.Stopped)):
            search(cfg, tmp_path / "cut")
        assert search(cfg, tmp_path / "cut") == expected
        trials = {}
        for folder in ("whole", "cut"):
            cfg.study.storage = f"sqlite:///{tmp_path / folder}/studies.db" if database else None
            trials[folder] = study_of(cfg, tmp_path / folder).trials
        parameters = [[trial.params for trial in found if trial.state.name != "FAIL"] for found in trials.values()]
        assert parameters[0] == parameters[1]
        assert len(trials["cut"]) == len(parameters[0]) + 1

    def test_a_trial_that_is_behind_after_an_epoch_is_pruned(
        self, searching: Any, tmp_path: Path, monkeypatch: Any
    ) -> None:
        cfg, _ = searching
        cfg.optuna.n_trials = 6
        values = iter([0.3, 0.2] * 4 + [0.3, 0.1] + [0.9])

        def cheap(self: Fit) -> Any:
            self.epoch += 1
            return SimpleNamespace(metrics={"validation_loss": next(values)})

        monkeypatch.setattr(Fit, "run_epoch", cheap)
        search(cfg, tmp_path)
        states = [trial.state.name for trial in study_of(cfg, tmp_path).trials]
        assert states == ["COMPLETE"] * 5 + ["PRUNED"]  # one epoch of two: the sixth value was the last
        assert next(values, None) is None

    def test_trials_that_all_end_alike_found_nothing(self, searching: Any, tmp_path: Path, monkeypatch: Any) -> None:
        cfg, _ = searching
        original = Fit.run_epoch

        def constant(self: Fit) -> Any:
            result = original(self)
            result.metrics["validation_loss"] = 0.5
            return result

        monkeypatch.setattr(Fit, "run_epoch", constant)
        with pytest.raises(ExperimentError, match=r"all 3 trials ended with validation_loss 0.5"):
            search(cfg, tmp_path)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("method", ["GLoRA", "AdaLoRA"])
def test_lower_precision_trains_with_everything_that_is_kept_in_single(
    composed: Any, data: Any, method: str, precision: str
) -> None:
    fit = Fit(prepare(composed(method, f"launcher.precision={precision}")), data, log=silent)
    seen: set[torch.dtype] = set()
    layer = next(module for name, module in fit.model.named_modules() if name.endswith("query.base_layer"))
    layer.register_forward_hook(lambda *args: seen.add(args[2].dtype))
    result = finish(fit)
    assert seen == {torch.bfloat16 if precision == "bf16" else torch.float16}
    assert {p.dtype for p in fit.model.parameters()} == {torch.float32}
    assert {value.dtype for state in fit.optimizer.state.values() for value in state.values()} == {torch.float32}
    assert sum(fit.method.ranks().values()) == 24
    assert math.isfinite(result.metrics["validation_loss"])
    assert fit.scaler.is_enabled() is (precision == "fp16")


def test_a_step_that_overflows_in_half_precision_is_left_out(composed: Any, data: Any) -> None:
    fit = Fit(prepare(composed("AdaLoRA", "launcher.precision=fp16")), data, log=silent)
    fit.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**120)
    before = [p.detach().clone() for p in fit.model.parameters() if p.requires_grad]
    batch = next(iter(training.train_loader(data, 8, seed=1, epoch=0, num_workers=0)))
    fit._optimize(dict(batch))
    after = [p for p in fit.model.parameters() if p.requires_grad]
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))
    assert fit.scaler.get_scale() == 2.0**119
    assert all(torch.isfinite(value).all() for value in fit.method._allocator.ipt.values())


def test_long_epochs_are_stored_now_and_then(composed: Any, data: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(training, "LOG_EVERY", 3)
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1)
    stored: list[tuple[int, float]] = []
    fit = Fit(
        prepare(composed("LoRA")), data, log=silent, store=lambda: stored.append((fit.step, fit.training_seconds))
    )
    fit.run_epoch()
    assert [step for step, _ in stored] == [3, 6]
    assert 0 < stored[0][1] < stored[1][1] < fit.training_seconds


class TestChecks:
    """What would make a run worthless is said in its first steps."""

    def test_a_parameter_that_the_loss_does_not_reach(self, composed: Any, data: Any) -> None:
        fit = Fit(prepare(composed("LoRA")), data, log=silent)
        fit.model.register_parameter("stray", torch.nn.Parameter(torch.ones(2)))
        with pytest.raises(ExperimentError, match=r"reaches 1 trainable parameters not at all, stray first"):
            fit.run_epoch()

    def test_a_step_that_changes_nothing(self, composed: Any, data: Any, monkeypatch: Any) -> None:
        fit = Fit(prepare(composed("LoRA")), data, log=silent)
        for group in fit.optimizer.param_groups:
            group["params"] = [p.requires_grad_() for p in group["params"]]
        monkeypatch.setattr(fit.optimizer, "step", lambda: None)
        with pytest.raises(ExperimentError, match=r"left the adapters as they were: nothing is trained"):
            fit.run_epoch()

    def test_logits_of_another_number_of_classes(self, composed: Any, data: Any) -> None:
        fit = Fit(prepare(composed("LoRA")), data, log=silent)
        data.label_names.append("neutral")
        with pytest.raises(ExperimentError, match=r"have the shape \(8, 2\), and \(8, 3\) fits"):
            fit.run_epoch()

    def test_a_gradient_that_is_not_finite(self, composed: Any, data: Any) -> None:
        fit = Fit(prepare(composed("LoRA")), data, log=silent)
        parameter = next(p for p in fit.model.parameters() if p.requires_grad)
        parameter.register_hook(lambda gradient: gradient * math.inf)
        with pytest.raises(ExperimentError, match=r"the gradient norm is (nan|inf) at step 1"):
            fit.run_epoch()

    def test_a_reallocation_that_changes_no_rank(self, composed: Any, data: Any) -> None:
        bounds = ["+run.glo_ra.min_rank=2", "+run.glo_ra.max_rank=2"]
        fit = Fit(prepare(composed("GLoRA", *bounds)), data, log=silent)
        with pytest.raises(ExperimentError, match=r"left every one of 12 matrices at rank 2, so this"):
            finish(fit)

    def test_a_budget_that_pruning_does_not_reach(self, composed: Any, data: Any, monkeypatch: Any) -> None:
        fit = Fit(prepare(composed("AdaLoRA")), data, log=silent)
        monkeypatch.setattr(fit.model.base_model, "update_and_allocate", lambda _step: None)
        with pytest.raises(ExperimentError, match=r"total rank is 36 after the last pruning, step \d+, and not 24"):
            finish(fit)


class TestRegression:
    @pytest.fixture
    def scored(self, data: Any) -> Any:
        from datasets import Value

        def as_scores(rows: Any) -> Any:
            return rows.cast_column("labels", Value("float32"))

        return dataclasses.replace(
            data, train=as_scores(data.train), evaluation=as_scores(data.evaluation), label_names=[]
        )

    @pytest.fixture
    def regression(self, composed: Any) -> Any:
        overrides = [
            "run.dataset.name=glue_stsb", "run.evaluation.metrics=[pearson,spearman]",
            "run.optuna.metric=validation_pearson", "run.training.learning_rate=0.01", "run.training.epochs=8",
        ]  # fmt: skip
        return lambda method: prepare(composed(method, *overrides))

    @pytest.mark.parametrize("method", ["GLoRA", "AdaLoRA", "LoRA"])
    def test_scores_are_learnt_and_measured_by_their_correlation(
        self, regression: Any, scored: Any, method: str
    ) -> None:
        from scipy.stats import pearsonr

        rows: list[dict[str, Any]] = []
        fit = Fit(regression(method), scored, log=lambda row, _step: rows.append(row))
        result = finish(fit)
        expected = pearsonr(scored.evaluation["labels"], result.predictions).statistic
        assert result.metrics["validation_pearson"] == pytest.approx(expected)
        assert result.confusion is None
        assert scored.majority_accuracy is None
        losses = [row["train_loss"] for row in rows if "train_loss" in row]
        assert not any("train_accuracy" in row for row in rows)
        assert np.mean(losses[-8:]) < np.mean(losses[:8]) / 3

    def test_a_constant_is_correlated_with_nothing(self) -> None:
        result = training.Evaluated(
            np.ones((4, 1), dtype=np.float32), np.array([0, 1, 2, 3], dtype=np.float32), ["pearson", "spearman"]
        )
        assert result.metrics == {"validation_loss": 1.5, "validation_pearson": 0.0, "validation_spearman": 0.0}

    def test_predictions_are_written_as_scores(self, tmp_path: Path) -> None:
        result = training.Evaluated(np.array([[0.25]], dtype=np.float32), np.array([4.2], dtype=np.float32), [])
        training._save_predictions(tmp_path / "predictions.csv", result)
        assert (tmp_path / "predictions.csv").read_text().splitlines() == [
            "row,label,prediction,confidence",
            "0,4.2,0.25,",
        ]


def test_starting_afresh_leaves_nothing_of_the_earlier_run(tmp_path: Path) -> None:
    names = [
        "checkpoint.pt",
        "predictions.csv",
        "metrics.json",
        "run[1]_learning_curve.pdf",
        "adapter/weights",
        "notes.txt",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    training.discard_outputs(tmp_path, "run[1]")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_the_signal_is_logged_through_the_warm_up(composed: Any, data: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(training, "LOG_EVERY", 3)
    logged: list[tuple[dict[str, Any], int]] = []
    fit = Fit(prepare(composed("GLoRA")), data, log=lambda row, step: logged.append((row, step)))
    finish(fit)
    steps = [step for row, step in logged if "signal/layer_0_attention_self_query" in row]
    assert steps == [3, 6, 8]  # the allocation's own step is 8, the end of the first epoch
    assert all(row["beta_ema"] == 0.9 for row, step in logged if step in steps and "train_loss" in row)


@pytest.mark.parametrize("method", ["GLoRA", "AdaLoRA", "LoRA"])
def test_the_adapter_that_is_saved_loads_with_peft_alone(
    composed: Any, data: Any, tmp_path: Path, method: str, backbone: str
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    budget = {"GLoRA": "glo_ra", "AdaLoRA": "adalora", "LoRA": "lora"}[method]
    fit = Fit(prepare(composed(method, f"run.{budget}.total_rank_budget=12")), data, log=silent)
    expected = finish(fit)
    fit.method.save(tmp_path / "adapter")
    if method == "AdaLoRA":
        assert 0 in fit.method.ranks().values()
    base = AutoModelForSequenceClassification.from_pretrained(backbone, num_labels=2, dtype=torch.float32)
    fit.model = PeftModel.from_pretrained(base, tmp_path / "adapter")
    again = fit.evaluate()
    assert np.abs(again.confidence - expected.confidence).max() < 1e-5
    assert (again.predictions == expected.predictions).all()


def test_a_further_split_is_measured_once_by_the_final_model(
    composed: Any, data: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    more = dataclasses.replace(data, further=("validation_mismatched", data.train))
    monkeypatch.setattr(training, "load_data", lambda _cfg: more)
    summary: dict[str, Any] = {}
    monkeypatch.setattr(training.wandb, "summary", summary)
    monkeypatch.setattr(training.wandb, "log", lambda *_, **__: None)
    monkeypatch.setattr(training.wandb, "save", lambda *_, **__: None)
    run = SimpleNamespace(
        starting_step=0, define_metric=lambda *_, **__: None, config=SimpleNamespace(update=lambda *_, **__: None)
    )
    cfg = prepare(composed("LoRA"))
    fit = training.final_run(
        cfg, run, Checkpoint(tmp_path / "checkpoint.pt", cfg), None, {}, stop_requested=lambda: False
    )
    expected = fit.evaluate(data.train).metrics
    assert summary["final_validation_mismatched_accuracy"] == expected["validation_accuracy"]
    assert summary["final_validation_accuracy"] == fit.evaluate().metrics["validation_accuracy"]


def test_results_that_cannot_be_written_are_named(composed: Any, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    cfg = lift(composed("LoRA", f"results_dir={blocker}/below"))
    with pytest.raises(ExperimentError, match=r"results_dir: .*file"):
        training.train(cfg)


def test_a_wandb_server_that_is_down_ends_with_one_line(composed: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setattr(training, "INIT_SECONDS", 4)
    with pytest.raises(ExperimentError, match=r"cannot be started .*WANDB_BASE_URL"):
        training.train(prepare(composed("LoRA")))


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ExperimentError("lr is 0"), 1, "error: lr is 0"),
        (OSError(28, "No space left on device"), 1, "No space left on device; free space, or mend what it names"),
        (ConnectionResetError("Connection lost"), 1, "is gone (Connection lost); the same command goes on"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_a_run_that_ends_says_why_in_one_line(error: BaseException, code: int, words: str) -> None:
    def fail() -> None:
        raise error

    found, message = training.outcome(fail)
    assert found == code
    assert words in message
    assert "\n" not in message


def test_a_second_process_is_kept_out_of_a_run_s_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "LOCK_SECONDS", 0)
    with training.alone(tmp_path), pytest.raises(ExperimentError, match="another process is training this run"):  # noqa: SIM117
        with training.alone(tmp_path):
            pass
    with training.alone(tmp_path):
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:s3:cr/e@t@host/db", "postgresql://me:***@host/db"),
        ("postgresql://host/db?user=me&password=s3cret&sslmode=require", "postgresql://host/db?user=me&password=***&sslmode=require"),
        ("sqlite:///here.db", "sqlite:///here.db"),
    ],
)  # fmt: skip
def test_passwords_are_left_out(text: str, shown: str) -> None:
    assert training.without_password(text) == shown


def test_an_evaluation_that_is_not_finite_ends_the_run(composed: Any, data: Any, monkeypatch: Any) -> None:
    """The largest of values that are no numbers is a class like another: accuracy alone would look like a result."""
    fit = Fit(prepare(composed("LoRA")), data, log=silent)
    forward = fit.model.forward

    def broken(*args: Any, **kwargs: Any) -> Any:
        output = forward(*args, **kwargs)
        return output if fit.model.training else SimpleNamespace(logits=output.logits * math.nan)

    monkeypatch.setattr(fit.model, "forward", broken)
    with pytest.raises(ExperimentError, match="the validation_loss is nan at step 8 of 24"):
        fit.run_epoch()
