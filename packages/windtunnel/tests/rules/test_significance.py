from pathlib import Path

import pytest

TEST = "float(stats.ttest_ind(samples[run_id], samples[baseline], equal_var=False).pvalue)"


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("1.0", "no statistical significance test"),
        ("float(stats.ttest_ind([value], [accuracies[baseline]]).pvalue)", "one value per group"),
        (
            "float(stats.ttest_ind(samples[run_id], samples[baseline]).pvalue) if run_id == 'x' else 1.0",
            "never reached",
        ),
    ],
)
def test_a_test_that_says_nothing_is_found(found, new: str, words: str):
    changed = {"src/evaluate.py": (f'"p_value": {TEST}', f'"chance": {new}')}
    (finding,) = found("EVA003", changed)
    assert words in finding.message


def test_a_test_over_seeds_is_left_alone(found):
    assert found("EVA003") == []


def of_summaries(test: str) -> dict[str, tuple[str, str]]:
    call = '    compare(results / "comparison", accuracies, samples)\n'
    gathered = (
        "    groups = {}\n"
        "    for run_id in run_ids:\n"
        "        for key, value in api.run(run_id).summary.items():\n"
        "            groups.setdefault(key, {})[run_id] = float(value)\n"
        '    proposed = [value for name, value in groups["accuracy"].items() if "proposed" in name]\n'
        '    others = [value for name, value in groups["accuracy"].items() if "baseline" in name]\n'
    )
    return {"src/evaluate.py": (call, f"{gathered}    {test}\n{call}")}


EXPERIMENT = Path(__file__).parent / "experiment"


@pytest.fixture
def evaluation() -> str:
    return (EXPERIMENT / "src" / "evaluate.py").read_text()


def alone(text: str) -> str:
    """The evaluation without the test that it makes over seeds."""
    return text.replace(TEST, "1.0")


@pytest.mark.parametrize(
    "test",
    [
        "stats.ttest_ind(proposed, others, equal_var=False)",
        "if proposed and others: stats.mannwhitneyu(proposed, others)",
        "if len(proposed) > 1 and len(others) > 1: stats.ttest_ind(proposed, others)",
    ],
)
def test_a_test_on_one_value_per_run_is_found(found, evaluation: str, test: str):
    ((path, (old, new)),) = of_summaries(test).items()
    (finding,) = found("EVA003", {path: alone(evaluation.replace(old, new))})
    assert "value" in finding.message


def test_a_test_on_histories_is_left_alone(found, evaluation: str):
    line = 'stats.ttest_ind(api.run("a").history()["loss"], api.run("b").history()["loss"])'
    ((path, (old, new)),) = of_summaries(line).items()
    assert found("EVA003", {path: alone(evaluation.replace(old, new))}) == []


def test_several_runs_of_each_method_are_left_alone(found, evaluation: str):
    ((path, (old, new)),) = of_summaries("stats.ttest_ind(proposed, others)").items()
    more = {
        f"config/run/{run_id}-{seed}.yaml": (EXPERIMENT / f"config/run/{run_id}.yaml")
        .read_text()
        .replace(run_id, f"{run_id}-{seed}")
        for run_id in ("proposed-bert-sst2", "baseline-bert-sst2")
        for seed in (1, 2)
    }
    assert found("EVA003", {path: alone(evaluation.replace(old, new)), **more}) == []


def test_a_test_on_single_values_is_found_beside_others(found):
    both = "stats.ttest_ind([value], [accuracies[baseline]]).pvalue + stats.binomtest(3, 5).pvalue"
    (finding,) = found(
        "EVA003",
        {"src/evaluate.py": ("stats.ttest_ind(samples[run_id], samples[baseline], equal_var=False).pvalue", both)},
    )
    assert "one value per group" in finding.message
