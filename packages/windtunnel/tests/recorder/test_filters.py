from __future__ import annotations

from typing import Any

import pytest

from windtunnel.recorder.errors import MalformedRequestError
from windtunnel.recorder.filters import of_run, selected
from windtunnel.recorder.records import RunRecord


def run(name: str, **changes: Any) -> RunRecord:
    values: dict[str, Any] = {
        "key": ord(name[0]),
        "entity": "e",
        "project": "p",
        "name": name,
        "display_name": name.upper(),
        "state": "finished",
        "config": {},
        "summary": {},
        "created_at": float(ord(name[0])),
        "heartbeat_at": 0.0,
        "steps": 0,
    }
    return RunRecord(**(values | changes))


def matches(record: RunRecord, query: dict[str, Any]) -> bool:
    return selected([record], query=query, value=of_run) == [record]


RUN = run(
    "a",
    config={"lr": 0.1, "opt": {"name": "adam", "value": 3}, "x": {"y": None}},
    summary={"acc": 0.8, "best/acc": 0.9},
    tags=("t", "u"),
)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"state": "finished"},
        {"state": {"$ne": "running"}},
        {"state": {"$in": ["finished", "failed"]}},
        {"display_name": {"$regex": "^A"}},
        {"displayName": "A"},
        {"config.lr": 0.1},
        {"config.lr.value": {"$gte": 0.1, "$lt": 0.2}},
        {"config.opt.name": "adam"},
        {"config.opt.value": 3},
        {"config.x.y": None},
        {"config.absent": {"$exists": False}},
        {"config.absent": None},
        {"summary_metrics.acc": {"$gt": 0.7}},
        {"summary_metrics.best/acc": 0.9},
        {"tags": "t"},
        {"tags": {"$in": ["u", "z"]}},
        {"$or": [{"state": "running"}, {"name": "a"}]},
        {"$and": [{"state": "finished"}, {"$nor": [{"name": "b"}]}]},
        {"name": {"$not": {"$eq": "b"}}},
        {"createdAt": {"$lt": "2000-01-01"}},
    ],
)
def test_the_run_matches(query: dict[str, Any]) -> None:
    assert matches(RUN, query)


@pytest.mark.parametrize(
    "query",
    [
        {"state": "running"},
        {"state": {"$nin": ["finished"]}},
        {"config.absent": {"$exists": True}},
        {"config.absent": 3},
        {"config.absent": {"$gt": 3}},
        {"config.lr": {"$gt": "text"}},
        {"config.opt.name.deeper": 1},
        {"summary_metrics.acc": {"$lte": 0.7}},
        {"tags": "z"},
        {"$nor": [{"name": "a"}]},
        {"state": "finished", "name": "b"},
    ],
)
def test_the_run_does_not_match(query: dict[str, Any]) -> None:
    assert not matches(RUN, query)


@pytest.mark.parametrize(
    "query",
    [
        {"unknown": 1},
        {"state": {"$near": 1}},
        {"$where": "1"},
        {"state": {"$in": "finished"}},
        {"$or": {"state": "finished"}},
        {"name": {"$regex": "("}},
    ],
)
def test_what_is_not_understood_is_an_error(query: dict[str, Any]) -> None:
    with pytest.raises(MalformedRequestError):
        matches(RUN, query)


def test_runs_are_ordered_and_those_without_the_value_come_last() -> None:
    runs = [run("b", summary={"m": 2}), run("a", summary={"m": 1.5}), run("c")]

    def names(order: str | None) -> str:
        return "".join(record.name for record in selected(runs, query={}, order=order, value=of_run))

    assert names(None) == "abc"
    assert names("-created_at") == "cba"
    assert names("+summary_metrics.m") == "abc"
    assert names("-summary_metrics.m") == "bac"
