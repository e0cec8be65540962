from __future__ import annotations

from windtunnel.report.closing import data_heading


def test_the_heading_says_what_is_generated() -> None:
    assert data_heading({"data": {"a": "generated"}}, {"nyu-mll/glue": "generated"}) == "nyu-mll/glue (generated)"


def test_the_heading_says_what_was_served_and_its_revision() -> None:
    comparison = {"data": {"a": "nyu-mll/glue@abc1234", "b": "nyu-mll/glue@abc1234"}}
    heading = data_heading(comparison, {"nyu-mll/glue": "served from /data/glue"})
    assert heading == "nyu-mll/glue@abc1234 (served from /data/glue)"


def test_the_heading_keeps_what_only_evaluate_knows() -> None:
    assert data_heading({"data": {"a": "generated"}}, {}) == "generated"
    assert data_heading({"data": {"a": "x/y@1"}}, {"z/w": "generated"}) == "z/w (generated), x/y@1"
    assert data_heading({}, {}) == "data that evaluate does not name"
