import pytest

from windtunnel.findings import Severity

WRITE = '    (folder / "aggregated_metrics.json").write_text(json.dumps(aggregated))\n'


def dumped(line: str) -> dict[str, tuple[str, str]]:
    return {"src/evaluate.py": (WRITE, f"    {line}\n{WRITE}")}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("t, p = stats.ttest_ind([1, 2], [3, 4]); json.dumps({'significant': p < 0.05})", "truth value"),
        ("json.dumps({'a': [stats.ttest_ind([1, 2], [3, 4]).pvalue < 0.05]})", "truth value"),
        ("json.dumps(wandb.Api().run('a').summary)", "W&B summary"),
        ("json.dumps({'config': OmegaConf.create({'a': 1})})", "DictConfig"),
        ("json.dumps({'runs': {'a', 'b'}})", "a set"),
        ("json.dumps({('a', 'b'): 1})", "tuple as key"),
    ],
)
def test_what_json_cannot_hold_is_found(found, line: str, what: str):
    (finding,) = found("EVC003", dumped(line))
    assert what in finding.message
    assert finding.severity is Severity.BLOCKER


@pytest.mark.parametrize(
    "line",
    [
        "t, p = stats.ttest_ind([1, 2], [3, 4]); json.dumps({'significant': bool(p < 0.05), 'p': float(p)})",
        "json.dumps({'p': stats.ttest_ind([1, 2], [3, 4]).pvalue})",
        "json.dumps({'runs': {'a', 'b'}}, default=str)",
        "json.dumps(wandb.Api().run('a').summary._json_dict)",
        "json.dumps(OmegaConf.to_container(OmegaConf.create({'a': 1})))",
        "json.dumps({'inside': 'a' in {'a'}})",
    ],
)
def test_what_json_can_hold_is_left_alone(found, line: str):
    assert found("EVC003", dumped(line)) == []


def test_a_dump_under_a_condition_is_a_warning(found):
    line = "if folder.exists(): json.dumps({'runs': {'a'}})"
    assert [finding.severity for finding in found("EVC003", dumped(line))] == [Severity.WARNING]
