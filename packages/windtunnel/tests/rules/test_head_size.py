from __future__ import annotations

import pytest

from windtunnel.findings import Severity

MODEL = "src/model.py"


@pytest.mark.parametrize(("outputs", "severity"), [("3", Severity.WARNING), ("5", Severity.WARNING)])
def test_a_head_with_more_outputs_than_classes_is_a_warning(found, outputs: str, severity: Severity):
    (finding,) = found("MOD007", {MODEL: ("num_labels=2", f"num_labels={outputs}")})
    assert finding.severity is severity


def test_a_head_with_fewer_outputs_than_classes_is_a_blocker(found):
    mnli = {f"config/run/{name}-bert-sst2.yaml": ("config: sst2", "config: mnli") for name in ("baseline", "proposed")}
    (finding,) = found("MOD007", mnli)
    assert finding.severity is Severity.BLOCKER
    assert "3 classes" in finding.message


@pytest.mark.parametrize("outputs", ["2", "1", "cfg.model.rank // 4"])
def test_a_head_that_fits_and_one_for_scores_are_left_alone(found, outputs: str):
    assert found("MOD007", {MODEL: ("num_labels=2", f"num_labels={outputs}")}) == []
