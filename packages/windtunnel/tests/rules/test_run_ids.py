from __future__ import annotations

RUN = "config/run/baseline-bert-sst2.yaml"


def test_a_run_that_calls_itself_like_another_is_found(found):
    (finding,) = found("CFG006", {RUN: ("run_id: baseline-bert-sst2", "run_id: proposed-bert-sst2")})
    assert finding.place.path == RUN
    assert [place.path for place in finding.related] == ["config/run/proposed-bert-sst2.yaml"]


def test_a_run_called_like_its_file_or_not_at_all_is_left_alone(found):
    assert found("CFG006") == []
    assert found("CFG006", {RUN: ("run_id: baseline-bert-sst2\n", "")}) == []
