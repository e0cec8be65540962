from __future__ import annotations

import pytest

EVALUATE = "src/evaluate.py"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("folder = results / run_id", 'folder = results / "runs" / run_id'),
        ("folder = results / run_id", 'folder = results / "figures"'),
        ("folder = results / run_id", "folder = results"),
        ('results / "comparison"', 'results / "summary"'),
        ('results / "comparison"', "results"),
    ],
)
def test_results_elsewhere_are_found(found, old: str, new: str):
    (finding,) = found("EVA009", {EVALUATE: (old, new)})
    assert finding.place.path == EVALUATE
    assert "belongs in {results_dir}/" in finding.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("folder = results / run_id", "folder = results / run.id"),
        ("folder = results / run_id", 'folder = Path(f"{results}/{run_id}")'),
    ],
)
def test_results_in_their_place_are_left_alone(found, old: str, new: str):
    assert found("EVA009") == []
    assert found("EVA009", {EVALUATE: (old, new)}) == []
