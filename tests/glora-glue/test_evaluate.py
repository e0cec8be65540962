"""Evaluation: what is asked of W&B, what is compared with what, and how it looks."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pypdf import PdfReader
from scipy import stats

from src import evaluate
from src.evaluate import EvaluationError, Run, aggregate, by_task, improvement, paired_tests, parse_arguments, resample

ROWS = 200
SST2, RTE = "tiny on glue_sst2 validation (generated)", "tiny on glue_rte validation (generated)"
MATRICES = [f"layer_{layer}_{kind}" for layer in range(3) for kind in ("attention_self_query", "output_dense")]


def make_run(
    run_id: str, method: str, name: str, *, accuracy: float, rank: int = 12, seed: int = 0, task: str = "glue_sst2",
    source: str = "generated", labels: np.ndarray[Any, Any] | None = None,
) -> Run:  # fmt: skip
    generator = np.random.default_rng(seed)
    truth = np.arange(ROWS) % 2 if labels is None else labels
    wrong = generator.permutation(ROWS) < round((1 - accuracy) * ROWS)
    predicted = np.where(wrong, 1 - truth, truth)
    confusion = [[int(((truth == t) & (predicted == p)).sum()) for p in (0, 1)] for t in (0, 1)]
    ranks = dict.fromkeys(MATRICES, rank // len(MATRICES))
    summary = {
        "final_validation_accuracy": float((predicted == truth).mean()),
        "final_validation_matthews_corrcoef": 2 * accuracy - 1,
        "final_validation_loss": 1 - accuracy,
        "best_validation_accuracy": accuracy,
        "best_epoch": 3,
        "majority_class_accuracy": 0.5,
        "confusion_matrix": confusion,
        "trainable_parameters": 1000,
        "adapter_parameters": 900,
        "total_rank": rank,
        "initial_ranks": ranks,
        "ranks": ranks,
        "peak_memory_bytes": 10**9,
        "training_seconds": 12.5 + seed,
    }
    config = {
        "method": method, "method_name": name, "dataset": {"name": task}, "data_source": source, "seed": 42,
        "evaluation": {"metrics": ["accuracy", "matthews_corrcoef"]}, "label_names": ["negative", "positive"],
        "data_splits": "train[600 rows] -> validation[200 rows]", "model": {"backbone": "org/tiny"},
        "training": {"epochs": 3}, "total_rank_budget": rank,
    }  # fmt: skip
    steps = pd.DataFrame(
        {
            "optimizer_step": range(1, 61),
            "train_loss": np.linspace(1, 0.3, 60),
            "train_accuracy": np.linspace(0.5, 0.9, 60),
        }
    )
    epochs = pd.DataFrame(
        {"optimizer_step": [20, 40, 60], "epoch": [1, 2, 3], "validation_loss": [0.8, 0.5, 0.4],
         "validation_accuracy": [0.6, 0.8, accuracy], "validation_matthews_corrcoef": [0.2, 0.6, 0.7]}
    )  # fmt: skip
    predictions = pd.DataFrame({"row": range(ROWS), "label": truth, "prediction": predicted, "confidence": 0.9})
    return Run(run_id, config, summary, steps, epochs, predictions)


@pytest.fixture
def triple() -> list[Run]:
    return [
        make_run("comparative-2-x", "comparative-2", "LoRA", accuracy=0.80, seed=1),
        make_run("proposed-x", "proposed", "GLoRA", accuracy=0.88, seed=2),
        make_run("comparative-1-x", "comparative-1", "AdaLoRA", accuracy=0.84, seed=3),
    ]


def scored(run: Run, *, noise: float, seed: int) -> Run:
    """The run as a regression: scores in place of classes."""
    generator = np.random.default_rng(seed)
    truth = np.random.default_rng(99).uniform(0, 5, ROWS)
    predicted = truth + noise * generator.normal(size=ROWS)
    pearson = float(np.corrcoef(truth, predicted)[0, 1])
    summary = {key: value for key, value in run.summary.items() if "accuracy" not in key and "matthews" not in key}
    del summary["confusion_matrix"]
    summary |= {"final_validation_pearson": pearson, "best_validation_pearson": pearson}
    summary |= {"final_validation_spearman": pearson - 0.01}
    config = {
        **run.config,
        "label_names": [],
        "dataset": {"name": "glue_stsb"},
        "evaluation": {"metrics": ["pearson", "spearman"]},
    }
    predictions = pd.DataFrame({"row": range(ROWS), "label": truth, "prediction": predicted, "confidence": np.nan})
    epochs = run.epochs.drop(columns=["validation_accuracy", "validation_matthews_corrcoef"])
    epochs["validation_pearson"] = [0.2, 0.5, pearson]
    return Run(run.run_id, config, summary, run.steps.drop(columns="train_accuracy"), epochs, predictions)


def repeated(run: Run, accuracies: list[float]) -> list[Run]:
    """The recipe of ``run`` with the seeds 0, 1, ... and what each reached."""
    return [
        dataclasses.replace(
            run,
            run_id=f"{run.run_id}-{seed}",
            summary={**run.summary, "final_validation_accuracy": accuracy},
            config={**run.config, "seed": seed},
        )
        for seed, accuracy in enumerate(accuracies)
    ]


def compared(runs: list[Run]) -> dict[str, Any]:
    return aggregate(runs, {run.run_id: values for group in by_task(runs).values() for run, values in resample(group)})


class TestCommandLine:
    def test_pairs_come_in_any_order(self) -> None:
        assert parse_arguments(['run_ids=["a", "b"]', "results_dir=out/x=y"]) == (Path("out/x=y"), ["a", "b"])

    @pytest.mark.parametrize(
        ("argv", "words"),
        [
            (["results_dir=x"], "run_ids= is missing"),
            (["results_dir=x", "run_ids=a,b"], "no JSON list"),
            (["results_dir=x", "run_ids=[]"], "must be a JSON list of run ids"),
            (["results_dir=x", 'run_ids=["a"]', "mode=full"], "unknown key 'mode'"),
            (["results_dir=", 'run_ids=["a"]'], "results_dir= has no value"),
            (["results_dir", 'run_ids=["a"]'], "results_dir= has no value"),
        ],
    )
    def test_what_is_wrong_is_said(self, argv: list[str], words: str, capsys: Any) -> None:
        with pytest.raises(SystemExit) as stop:
            parse_arguments(argv)
        assert stop.value.code == 2
        assert words in capsys.readouterr().err


class TestComparison:
    def test_baselines_are_found_by_method_not_by_position(self, triple: list[Run]) -> None:
        result = compared(triple)
        assert result["best_proposed"] == {"run_id": "proposed-x", "value": 0.88}
        assert result["best_baseline"] == {"run_id": "comparative-1-x", "value": 0.84}
        assert result["gap"] == pytest.approx(100 * 0.04 / 0.84)
        assert result["metrics"]["accuracy"] == {"comparative-2-x": 0.80, "proposed-x": 0.88, "comparative-1-x": 0.84}

    def test_less_is_better_turns_the_sign(self, triple: list[Run]) -> None:
        lora, glora, _ = triple
        rate, _ = improvement(glora, lora, "loss")
        assert rate == pytest.approx((0.2 - 0.12) / 0.2)

    def test_runs_with_other_budgets_have_no_gap(self, triple: list[Run]) -> None:
        triple[2] = make_run("comparative-1-x", "comparative-1", "AdaLoRA", accuracy=0.84, rank=24, seed=3)
        result = compared(triple)
        assert result["best_baseline"]["run_id"] == "comparative-1-x"
        assert result["gap_over"]["run_id"] == "comparative-2-x"  # the one that can be compared
        assert result["gap"] == pytest.approx(100 * 0.08 / 0.80)
        rates = result["improvement_rates"]
        assert rates["proposed-x over comparative-1-x"] == {}
        assert "accuracy" in rates["proposed-x over comparative-2-x"]
        tests = result["by_task"][SST2]["significance"]["proposed-x against comparative-1-x"]
        assert tests["per_seed"]["42"]["difference"] is None
        assert (tests["p_value"], tests["p_value_holm"], tests["significant_at_5_percent"]) == (None, None, False)
        alone = compared(triple[1:])
        assert alone["gap"] is None
        assert alone["gap_over"] is None
        assert re.search(r"proposed-x has a total rank of 12, comparative-1-x of 24", alone["gap_note"])

    def test_datasets_are_kept_apart(self, triple: list[Run]) -> None:
        result = compared([*triple, make_run("proposed-y", "proposed", "GLoRA", accuracy=0.7, task="glue_rte")])
        assert result["gap"] is None
        assert set(result["by_task"]) == {SST2, RTE}
        assert result["by_task"][RTE]["best_baseline"] is None

    def test_backbones_and_evaluated_splits_are_kept_apart(self, triple: list[Run]) -> None:
        lora, glora, adalora = triple
        lora.config["model"] = {"backbone": "org/large"}
        adalora.config["data_splits"] = "train[600 rows] -> test[200 rows]"
        assert len(by_task(triple)) == 3
        assert by_task(triple)[SST2] == [glora]

    def test_other_examples_are_not_paired(self, triple: list[Run]) -> None:
        triple[0] = make_run("comparative-2-x", "comparative-2", "LoRA", accuracy=0.8, labels=np.zeros(ROWS, dtype=int))
        with pytest.raises(EvaluationError, match="other examples"):
            compared(triple)

    def test_mcnemar_is_the_exact_binomial_test(self, triple: list[Run]) -> None:
        lora, glora, _ = triple
        resamples = {run.run_id: values for run, values in resample(triple)}
        tests = paired_tests(glora, lora, resamples)["mcnemar_exact"]
        ours, theirs = tests["only_proposed_correct"], tests["only_baseline_correct"]
        assert ours - theirs == round(0.08 * ROWS)
        assert tests["p_value"] == pytest.approx(stats.binomtest(ours, ours + theirs).pvalue)

    def test_runs_that_agree_everywhere_do_not_differ(self, triple: list[Run]) -> None:
        glora = triple[1]
        resamples = {run.run_id: values for run, values in resample([glora])}
        tests = paired_tests(glora, glora, resamples)
        assert tests["mcnemar_exact"]["p_value"] == 1.0
        assert tests["paired_bootstrap"]["excludes_zero"] is False

    def test_the_bootstrap_is_paired_and_repeats(self, triple: list[Run]) -> None:
        first, second = ({run.run_id: values for run, values in resample(triple)} for _ in range(2))
        assert all(np.array_equal(first[run_id], second[run_id]) for run_id in first)
        drawn = np.stack(list(first.values()))
        assert drawn.std(axis=1).min() > 0
        twin = make_run("twin", "proposed", "GLoRA", accuracy=0.88, seed=2)
        ours, theirs = (values for _, values in resample([triple[1], twin]))
        assert np.array_equal(ours, theirs)  # the same examples in every resample, so equal runs stay equal
        assert np.abs(drawn.mean(axis=1) - [0.80, 0.88, 0.84]).max() < 0.01

    def test_welch_and_the_effect_size_need_two_runs_of_each_and_say_so(self, triple: list[Run]) -> None:
        alone = compared(triple)["by_task"][SST2]["significance"]["proposed-x against comparative-2-x"]
        assert alone["welch"]["p_value"] is None
        assert alone["effect_size"]["hedges_g"] is None
        assert "has 1 and 1" in alone["welch"]["reason"]
        assert alone["test"] == "mcnemar_exact"
        tested = self.seeds(triple)["by_task"][SST2]["significance"]["proposed-x against comparative-2-x"]
        expected = stats.ttest_ind([0.88, 0.89], [0.80, 0.81], equal_var=False).pvalue
        assert tested["test"] == "welch"
        assert tested["p_value"] == pytest.approx(expected)
        pooled = np.sqrt((np.var([0.88, 0.89], ddof=1) + np.var([0.80, 0.81], ddof=1)) / 2)
        assert tested["effect_size"]["hedges_g"] == pytest.approx(0.08 / pooled * (1 - 3 / 7), rel=1e-6)
        assert set(tested["per_seed"]) == {"1", "42"}  # examples are paired within a seed only

    def seeds(self, triple: list[Run]) -> dict[str, Any]:
        more = [
            *triple,
            make_run("proposed-x-seed1", "proposed", "GLoRA", accuracy=0.89, seed=4),
            make_run("comparative-2-x-seed1", "comparative-2", "LoRA", accuracy=0.81, seed=5),
        ]
        for run in more[3:]:
            run.config["seed"] = 1
        return compared(more)

    def test_the_interval_over_seeds_is_student_s(self, triple: list[Run]) -> None:
        recipes = self.seeds(triple)["by_task"][SST2]["recipes"]
        glora = recipes["proposed-x"]
        half = stats.t.ppf(0.975, 1) * np.std([0.88, 0.89], ddof=1) / np.sqrt(2)
        assert (glora["seeds"], glora["runs"]) == ([42, 1], ["proposed-x", "proposed-x-seed1"])
        assert glora["interval_95"] == pytest.approx([0.885 - half, 0.885 + half])
        assert recipes["comparative-1-x"]["interval_95"] is None

    @pytest.mark.parametrize(
        ("values", "adjusted"),
        [
            ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),  # Holm (1979), steps of 3, 2 and 1, never falling
            ([0.2, None, 0.04], [0.2, None, 0.08]),
            ([0.9, 0.8], [1.0, 1.0]),
        ],
    )
    def test_several_comparisons_are_corrected_by_holm(
        self, values: list[float | None], adjusted: list[float | None]
    ) -> None:
        entries: list[dict[str, Any]] = [{"p_value": value} for value in values]
        evaluate.correct_for_several(entries)
        assert [entry["p_value_holm"] for entry in entries] == pytest.approx(adjusted)
        expected = [value is not None and value < 0.05 for value in adjusted]
        assert [entry["significant_at_5_percent"] for entry in entries] == expected

    def test_rounding_is_no_difference_between_seeds(self, triple: list[Run]) -> None:
        """800 and 799 right of 872, three seeds each: the values of a side differ in no bit, their mean does."""
        runs = [*repeated(triple[1], [800 / 872] * 3), *repeated(triple[0], [799 / 872] * 3)]
        (tested,) = compared(runs)["by_task"][SST2]["significance"].values()
        assert (tested["p_value"], tested["significant_at_5_percent"]) == (None, False)
        assert tested["effect_size"]["hedges_g"] is None
        assert "all have the same accuracy" in tested["reason"]

    def test_the_gap_is_between_means_where_there_are_several_seeds(self, triple: list[Run]) -> None:
        """The best of three seeds says more about three than about the method."""
        result = compared([*repeated(triple[1], [0.80, 0.81, 0.94]), *repeated(triple[0], [0.89, 0.90, 0.91])])
        assert result["best_proposed"]["value"] == 0.94
        assert result["gap"] == pytest.approx(100 * (0.85 - 0.90) / 0.90)
        assert result["gap_over"]["value"] == pytest.approx(0.90)
        assert result["gap_note"].endswith("means over 3 and 3 seeds")

    def test_a_run_that_repeats_recipe_and_seed_is_named(self, triple: list[Run]) -> None:
        again = dataclasses.replace(triple[0], run_id="comparative-3-x")
        result = compared([*triple, again])
        assert result["duplicates"] == {"comparative-3-x": "comparative-2-x"}
        assert result["by_task"][SST2]["recipes"]["comparative-2-x"]["runs"] == ["comparative-2-x"]

    def test_every_dataset_counts_among_the_comparisons(self, triple: list[Run]) -> None:
        """Two baselines on two datasets are four chances of a false claim, not two."""
        more = [
            make_run(f"{run.run_id}-rte", run.config["method"], run.method_name, accuracy=0.8, seed=k, task="glue_rte")
            for k, run in enumerate(triple)
        ]
        tasks = compared([*triple, *more])["by_task"]
        entries = [entry for told in tasks.values() for entry in told["significance"].values()]
        assert len(entries) == 4
        least = min(entries, key=lambda entry: entry["p_value"])
        assert least["p_value_holm"] == pytest.approx(min(1, 4 * least["p_value"]))

    def test_equal_methods_are_seldom_called_different(self) -> None:
        """Five seeds of three methods that are one: the share of false claims stays near 5 %."""
        generator, false = np.random.default_rng(0), 0
        for _ in range(200):
            entries = [
                {"p_value": float(stats.ttest_ind(*generator.normal(0.85, 0.01, (2, 5)), equal_var=False).pvalue)}
                for _ in range(3)
            ]
            evaluate.correct_for_several(entries)
            false += any(entry["significant_at_5_percent"] for entry in entries)
        assert false <= 20

    def test_seeds_whose_studies_chose_otherwise_are_repetitions(self, triple: list[Run]) -> None:
        lora, glora, _ = triple
        runs = []
        for number, (run, rate) in enumerate([(lora, 1.0), (lora, 2.0), (glora, 3.0), (glora, 4.0)]):
            copy = make_run(f"{run.run_id}-{number}", run.config["method"], run.method_name, accuracy=0.8, seed=number)
            copy.config.update(
                seed=number,
                training={"epochs": 3, "learning_rate": rate},
                optuna_chosen={"learning_rate": rate},
                optuna={"search_space": {"learning_rate": {"low": 1.0, "high": 5.0}}},
            )
            copy.summary["final_validation_accuracy"] += number / 100
            runs.append(copy)
        (tested,) = compared(runs)["by_task"][SST2]["significance"].values()
        assert tested["welch"]["runs"] == [2, 2]
        runs[0].config["optuna"] = {"search_space": {"learning_rate": {"low": 1.0, "high": 9.0}}}
        assert len(compared(runs)["by_task"][SST2]["significance"]) == 2

    def test_seeds_that_chose_other_budgets_are_not_tested(self, triple: list[Run]) -> None:
        more = [*triple]
        for number, rank in ((4, 12), (5, 24)):
            run = make_run(f"proposed-x-{number}", "proposed", "GLoRA", accuracy=0.9, seed=number, rank=rank)
            run.config.update(seed=number, optuna_chosen={"total_rank_budget": rank})
            more.append(run)
        found = compared(more)["by_task"][SST2]["significance"].values()
        assert any("proposed-x-5 has a total rank of 24" in entry["welch"].get("reason", "") for entry in found)

    def test_one_run_twice_and_other_recipes_are_no_repetitions(self, triple: list[Run]) -> None:
        again = make_run("proposed-x-copy", "proposed", "GLoRA", accuracy=0.88, seed=2)
        other = make_run("proposed-z", "proposed", "GLoRA", accuracy=0.9, seed=7)
        other.config.update(seed=7, training={"epochs": 3, "learning_rate": 1.0})
        found = compared([*triple, again, other])["by_task"][SST2]["significance"]
        assert all(entry["welch"]["p_value"] is None for entry in found.values())


class TestRegression:
    @pytest.fixture
    def scores(self, triple: list[Run]) -> list[Run]:
        return [
            scored(run, noise=noise, seed=place)
            for place, (run, noise) in enumerate(zip(triple, (3, 1, 2), strict=True))
        ]

    def test_the_correlation_is_what_is_compared(self, scores: list[Run]) -> None:
        told = compared(scores)
        assert told["primary_metric"] == "pearson"
        assert told["best_proposed"]["value"] == scores[1].summary["final_validation_pearson"]
        assert told["best_baseline"]["run_id"] == "comparative-1-x"
        rate = told["best_proposed"]["value"] / told["best_baseline"]["value"] - 1
        assert told["gap"] == pytest.approx(100 * rate)
        tests = told["by_task"]["tiny on glue_stsb validation (generated)"]["significance"]
        entry = tests["proposed-x against comparative-1-x"]["per_seed"]["42"]
        assert "mcnemar_exact" not in entry
        assert entry["paired_bootstrap"]["excludes_zero"]
        assert tests["proposed-x against comparative-1-x"]["significant_at_5_percent"] is False  # one seed, no test
        low, high = told["interval_95"]["proposed-x"]
        assert low < told["best_proposed"]["value"] < high

    def test_a_resample_s_correlation_is_numpy_s(self) -> None:
        generator = np.random.default_rng(3)
        labels, predicted = generator.normal(size=50), generator.normal(size=(50, 3))
        predicted[:, 2] = 7.0
        expected = [np.corrcoef(labels, predicted[:, column])[0, 1] for column in (0, 1)]
        assert np.allclose(evaluate._pearson(labels, predicted), [*expected, 0.0])

    def test_its_files_are_named_and_say_what_they_show(self, scores: list[Run], tmp_path: Path) -> None:
        made = {str(path.relative_to(tmp_path)) for path in evaluate.write(tmp_path, scores)}
        assert "proposed-x/proposed-x_predicted_scores.pdf" in made
        assert not any("confusion" in name or "accuracy" in name for name in made)
        bars = PdfReader(tmp_path / "comparison" / "comparison_pearson_bar_chart.pdf").pages[0].extract_text()
        assert "final validation Pearson's r" in bars
        metrics = json.loads((tmp_path / "proposed-x" / "metrics.json").read_text())
        assert metrics["metrics"]["pearson"] == scores[1].summary["final_validation_pearson"]
        assert metrics["metrics"]["accuracy"] is None

    def test_classes_and_scores_stand_in_one_table(self, scores: list[Run], triple: list[Run], tmp_path: Path) -> None:
        for run in triple:
            run.config["dataset"] = {"name": "glue_sst2"}
        renamed = [
            Run(f"{run.run_id}-stsb", run.config, run.summary, run.steps, run.epochs, run.predictions) for run in scores
        ]
        table = evaluate.latex_table([*triple, *renamed])
        assert "MCC & Pearson & Spearman & time" in table
        assert len({line.count("&") for line in table.splitlines() if "&" in line}) == 1
        assert compared([*triple, *renamed])["primary_metric"] == "see by_task"
        evaluate.write(tmp_path, [*triple, *renamed])
        page = PdfReader(tmp_path / "comparison" / "comparison_by_dataset.pdf").pages[0].extract_text()
        for word in ("GLoRA", "AdaLoRA", "Pearson's r", "accuracy", "95 % intervals"):
            assert word in page


class TestFiles:
    def test_the_contract_s_names_and_nothing_else(self, triple: list[Run], tmp_path: Path) -> None:
        made = {str(path.relative_to(tmp_path)) for path in evaluate.write(tmp_path, triple)}
        per_run = {
            f"{run.run_id}/{name}"
            for run in triple
            for name in (
                "metrics.json", f"{run.run_id}_learning_curve.pdf", f"{run.run_id}_confusion_matrix.pdf",
                f"{run.run_id}_rank_allocation.pdf",
            )
        }  # fmt: skip
        assert per_run <= made
        others = {name for name in made - per_run if name != "comparison/aggregated_metrics.json"}
        assert all(re.fullmatch(r"comparison/comparison_\w+\.(pdf|csv|tex)", name) for name in others)
        assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()} == made

    def test_the_aggregated_file_is_strict_json_with_its_keys(self, triple: list[Run], tmp_path: Path) -> None:
        triple[0].summary["final_validation_loss"] = float("nan")
        evaluate.write(tmp_path, triple)
        text = (tmp_path / "comparison" / "aggregated_metrics.json").read_text()
        assert "NaN" not in text
        assert {"primary_metric", "metrics", "best_proposed", "best_baseline", "gap"} <= set(json.loads(text))

    def test_a_comparison_of_other_runs_leaves_no_figures_beside_this_one(
        self, triple: list[Run], tmp_path: Path
    ) -> None:
        more = make_run("proposed-y", "proposed", "GLoRA", accuracy=0.5, task="glue_rte")
        evaluate.write(tmp_path, [*triple, more])
        made = {path for path in evaluate.write(tmp_path, triple) if path.parent.name == "comparison"}
        assert set((tmp_path / "comparison").iterdir()) == made
        assert not list(tmp_path.glob(".*"))

    def test_the_table_is_latex_with_means_over_seeds(self, triple: list[Run]) -> None:
        more = make_run("proposed-x-seed1", "proposed", "GLoRA", accuracy=0.89, seed=4)
        more.config["seed"] = 1
        table = evaluate.latex_table([*triple, more])
        rows = [line for line in table.splitlines() if line.startswith("tiny")]
        assert rows[1].startswith(r"tiny on glue\_sst2 validation (generated) & GLoRA & $0.885 \pm 0.007$ & ")
        assert rows[0].split(" & ")[2] == "0.800"
        assert "majority class & 0.500" in rows[-1]
        assert len({line.count("&") for line in table.splitlines() if "&" in line}) == 1

    def test_several_seeds_have_a_figure_of_their_own(self, triple: list[Run], tmp_path: Path) -> None:
        assert not any("over_seeds" in path.name for path in evaluate.write(tmp_path / "one", triple))
        more = make_run("proposed-x-seed1", "proposed", "GLoRA", accuracy=0.89, seed=4)
        more.config["seed"] = 1
        evaluate.write(tmp_path / "two", [*triple, more])
        text = PdfReader(tmp_path / "two" / "comparison" / "comparison_accuracy_over_seeds.pdf").pages[0].extract_text()
        assert "mean, 95 % interval" in text
        assert "AdaLoRA" in text

    def test_a_failure_leaves_nothing_behind(self, triple: list[Run], tmp_path: Path, monkeypatch: Any) -> None:
        def full(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(evaluate, "write_comparison", full)
        with pytest.raises(EvaluationError, match="No space left"):
            evaluate.write(tmp_path, triple)
        assert list(tmp_path.iterdir()) == []

    def test_several_tasks_have_figures_of_their_own(self, triple: list[Run], tmp_path: Path) -> None:
        more = [make_run("proposed-y", "proposed", "GLoRA", accuracy=0.5, task="glue_rte")]
        more[0].summary["final_validation_matthews_corrcoef"] = -0.1
        made = {path.name for path in evaluate.write(tmp_path, [*triple, *more])}
        assert {"comparison_accuracy_bar_chart_glue_sst2_1.pdf", "comparison_accuracy_bar_chart_glue_rte_2.pdf"} <= made
        text = PdfReader(tmp_path / "comparison" / "comparison_matthews_corrcoef_bar_chart_glue_rte_2.pdf")
        assert "0.100" in text.pages[0].extract_text()

    def test_nothing_of_a_figure_lies_outside_its_page(
        self, triple: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With the longest names there are: a tight bounding box that is larger than the figure is cut off."""
        for run in triple:
            run.config.update(
                model={"backbone": "microsoft/deberta-v3-base"},
                dataset={"name": "glue_mnli"},
                data_source="nyu-mll/glue@36a37e6",
                data_splits="train[600 rows] -> validation_mismatched[200 rows]",
            )
        seen = []

        def measured(figure: Any, path: Path) -> None:
            if figure.get_layout_engine() is None:
                figure.tight_layout()
            figure.canvas.draw()
            seen.append(path.name)
            box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
            assert box.x0 >= -0.01, path
            assert box.y0 >= -0.01, path
            assert box.x1 <= width + 0.01, path
            assert box.y1 <= height + 0.01, path
            path.touch()

        monkeypatch.setattr(evaluate, "_save", measured)
        evaluate.write(tmp_path / "one", triple)
        assert len(seen) == 15
        more = make_run("proposed-x-seed1", "proposed", "GLoRA", accuracy=0.89, seed=4)
        more.config.update({**triple[1].config, "seed": 1})
        scores = [
            scored(
                Run(f"{run.run_id}-s", run.config, run.summary, run.steps, run.epochs, run.predictions), noise=2, seed=3
            )
            for run in triple
        ]
        seen.clear()
        evaluate.write(tmp_path / "several", [*triple, more, *scores])
        assert {"comparison_by_dataset.pdf", "proposed-x-s_predicted_scores.pdf"} <= set(seen)
        assert "comparison_accuracy_over_seeds_glue_mnli_1.pdf" in seen

    def test_figures_say_what_they_show(self, triple: list[Run], tmp_path: Path) -> None:
        evaluate.write(tmp_path, triple)
        for path in tmp_path.rglob("*.pdf"):
            text = PdfReader(path).pages[0].extract_text()
            assert "generated" in text, path
        bars = PdfReader(tmp_path / "comparison" / "comparison_accuracy_bar_chart.pdf").pages[0].extract_text()
        for word in ("GLoRA", "AdaLoRA", "LoRA", "majority class", "0.880", "final validation accuracy"):
            assert word in bars
