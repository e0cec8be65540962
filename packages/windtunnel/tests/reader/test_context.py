from __future__ import annotations

import json
from pathlib import Path

import pytest

from windtunnel.errors import UsageError
from windtunnel.reader import read_context

SPEC = Path(__file__).parents[5] / "shared" / "spec"
MARKDOWN = """# Hypothesis
Norms tell ranks.

# Current Research Method
Average them.

# Experimental Design
- Compare.

# Experiment Runs
- Run ID: a
  - Config Content:
```yaml
run_id: a
```
"""


def test_json_and_markdown_say_the_same(tmp_path: Path) -> None:
    one, other = tmp_path / "context.md", tmp_path / "context.json"
    one.write_text(MARKDOWN)
    runs = [{"run_id": "a", "config": {"run_id": "a"}}]
    other.write_text(
        json.dumps(
            {
                "hypothesis": "Norms tell ranks.",
                "method": "Average them.",
                "experimental_design": "- Compare.",
                "experiment_runs": runs,
            }
        )
    )
    (first, first_runs), (second, second_runs) = read_context(one), read_context(other)
    assert first == second
    assert [run.run_id for run in first_runs] == [run.run_id for run in second_runs] == ["a"]
    assert "run_id" in second_runs[0].text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Nothing here.", "headings"),
        ("{", "not JSON"),
        ('{"hypotesis": "x"}', "'hypotesis' is unknown"),
        ('{"experiment_runs": []}', "no hypothesis"),
        ('{"hypothesis": "x", "experiment_runs": {}}', "not a list"),
        ('{"hypothesis": "x", "experiment_runs": [{}]}', "no run_id"),
    ],
)
def test_what_says_nothing_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "context"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_context(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_context(tmp_path / "none.md")


@pytest.mark.skipif(not SPEC.is_dir(), reason="the recorded hypothesis is not on this machine")
def test_the_recorded_hypothesis_is_a_context() -> None:
    context, _ = read_context(SPEC / "hypothesis.md")
    assert "AdaLoRA" in context.hypothesis
    assert "Gradient-Norm" in context.method
    assert "DeBERTa" in context.design
