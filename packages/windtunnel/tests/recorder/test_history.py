from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from graphql import GraphQLError

from windtunnel.recorder import Store
from windtunnel.recorder.filestream import StreamPost
from windtunnel.recorder.history import History

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 30_000


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """A history of many rows, every thousandth of which has a key of its own."""
    store = Store(tmp_path_factory.mktemp("history") / "store.sqlite")
    run, _ = store.upsert("e", "p", "r", fields={}, starts=True)
    rows = ({"_step": i, "loss": i / 7, **({"rare": {"key": i}} if i % 1000 == 0 else {})} for i in range(ROWS))
    store.apply(run.key, StreamPost({"wandb-history.jsonl": (0, [json.dumps(row) for row in rows])}))
    yield History(store.streams, run.key)
    store.close()


@pytest.mark.parametrize(
    "question",
    [
        lambda long: long.sampled_texts(500),
        lambda long: long.sampled({"keys": ["loss"], "samples": 500}),
        lambda long: long.sampled({"keys": ["rare.key"]}),
        lambda long: long.texts_between(ROWS - 1000, ROWS),
        lambda long: long.statistics(),
    ],
    ids=["sample", "sample of a key", "sample of a rare key", "page", "statistics"],
)
def test_memory_does_not_grow_with_the_history(long: History, question: Any) -> None:
    tracemalloc.start()
    try:
        question(long)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 << 20  # the rows take 10 MiB as Python objects


def test_a_key_that_few_rows_have_is_found_in_all_of_these(long: History) -> None:
    rows = long.sampled({"keys": ["rare.key"], "samples": 500})
    assert [row["rare.key"] for row in rows] == list(range(0, ROWS, 1000))
    assert long.statistics()["keys"]["rare.key"]["typeCounts"] == [{"type": "number", "count": ROWS // 1000}]


@pytest.mark.parametrize(
    ("spec", "steps"),
    [
        ({"keys": ["loss"], "minStep": 10, "maxStep": 12, "samples": 2}, [10, 11]),  # before 0.27
        ({"keys": ["_step", "loss"], "minStep": 10, "maxStep": 11, "samples": 2}, [10, 11]),  # since
        ({"keys": ["_step", "loss"], "minStep": 10, "maxStep": 12, "samples": 2}, [10, 11]),
        ({"keys": ["_step", "loss"], "minStep": 10, "maxStep": 10, "samples": 2}, [10]),
        ({"keys": ["loss"], "minStep": ROWS, "maxStep": ROWS + 2, "samples": 2}, []),
    ],
)
def test_a_page_of_a_scan_ends_where_the_client_means_it_to(
    long: History, spec: dict[str, Any], steps: list[int]
) -> None:
    assert [row["loss"] for row in long.sampled(spec)] == [step / 7 for step in steps]


@pytest.mark.parametrize(
    "spec", [{"keys": [1]}, {"keys": "loss"}, {"samples": 1.5}, {"minStep": 2**70}, {"maxStep": True}]
)
def test_what_is_no_specification_is_an_error(long: History, spec: dict[str, Any]) -> None:
    with pytest.raises(GraphQLError):
        long.sampled(spec)
