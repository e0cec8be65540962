from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.errors import UsageError
from windtunnel.recorder.errors import MalformedRequestError
from windtunnel.recorder.filestream import StreamPost
from windtunnel.recorder.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "store.sqlite")
    yield opened
    opened.close()


def begin(store: Store, name: str = "r", **fields: Any) -> int:
    record, _ = store.upsert("e", "p", name, fields=fields, starts=True)
    return record.key


def history(offset: int, *rows: dict[str, Any]) -> StreamPost:
    return StreamPost({"wandb-history.jsonl": (offset, [json.dumps(row) for row in rows])})


def test_a_run_goes_from_running_to_finished_or_failed(store: Store) -> None:
    for name, code, state in (("good", 0, "finished"), ("bad", 1, "failed"), ("killed", 137, "failed")):
        key = begin(store, name)
        assert store.run_by_key(key).state == "running"  # type: ignore[union-attr]
        store.apply(key, StreamPost(exit_code=code))
        record = store.run("e", "p", name)
        assert record is not None
        assert (record.state, record.exit_code) == (state, code)


def test_silence_reads_as_crashed_and_a_sign_of_life_as_running(store: Store) -> None:
    key = begin(store)
    store.heartbeat_seconds = 0.05
    time.sleep(0.1)
    assert store.runs()[0].state == "crashed"
    store.apply(key, StreamPost())
    assert store.runs()[0].state == "running"


def test_an_ended_run_never_reads_as_crashed(store: Store) -> None:
    store.apply(begin(store), StreamPost(exit_code=0))
    store.heartbeat_seconds = 0.0
    assert store.runs()[0].state == "finished"
    assert store.mark_crashed() == []


def test_a_crashed_run_that_resumes_is_running_again_with_its_rows(store: Store) -> None:
    key = begin(store, raw_config={"a": {"value": 1}})
    store.apply(key, history(0, {"_step": 0}))
    assert store.mark_crashed() == ["r"]
    resumed = store.resume(key, fields={"display_name": "again"})
    assert resumed is not None
    assert (resumed.state, resumed.display_name, resumed.config, resumed.steps) == ("running", "again", {"a": 1}, 1)


def test_a_run_begun_anew_holds_nothing_of_the_earlier_one(store: Store) -> None:
    key = begin(store, raw_config={"a": {"value": 1}})
    store.apply(key, history(0, {"_step": 0}))
    store.apply(key, StreamPost(summary={"loss": 1}, exit_code=1))
    upload = store.blobs.upload(key, "predictions.csv")
    upload.write(b"old")
    upload.finish()
    record, inserted = store.upsert("e", "p", "r", fields={}, starts=True)
    assert (record.key, inserted) == (key, False)
    assert (record.state, record.exit_code, record.config, record.summary, record.steps) == ("running", None, {}, {}, 0)
    assert store.files("e", "p", "r") == []


def test_a_later_change_keeps_what_it_does_not_name(store: Store) -> None:
    begin(store, raw_config={"a": {"value": {"b": 1}}}, display_name="n", tags=["x"], group="g")
    record, inserted = store.upsert("e", "p", "r", fields={"notes": "seen"}, starts=False)
    assert not inserted
    assert (record.display_name, record.tags, record.group, record.notes) == ("n", ("x",), "g", "seen")
    assert record.config == {"a": {"b": 1}}


def test_changing_a_finished_run_does_not_revive_it(store: Store) -> None:
    key = begin(store)
    store.apply(key, StreamPost(exit_code=0))
    changed = store.update(key, fields={"notes": "later"})
    assert changed is not None
    assert (changed.state, changed.notes) == ("finished", "later")
    assert store.update(key + 1, fields={"notes": "none"}) is None


def test_the_clients_own_configuration_entry_is_not_the_users(store: Store) -> None:
    begin(store, raw_config={"_wandb": {"value": {}}, "wandb_version": 1, "lr": {"value": 0.1}, "plain": 3})
    assert store.runs()[0].config == {"lr": 0.1, "plain": 3}


def test_a_request_with_one_bad_line_keeps_nothing_of_it(store: Store) -> None:
    key = begin(store)
    post = StreamPost(
        {"output.log": (0, ["text"]), "wandb-history.jsonl": (0, ["{}", "no json"])}, summary={"a": 1}, exit_code=0
    )
    with pytest.raises(MalformedRequestError, match="line 1 of stream history"):
        store.apply(key, post)
    assert store.streams.count(key, "output") == 0
    assert (store.runs()[0].state, store.runs()[0].summary) == ("running", {})


def test_steps_are_the_last_step_plus_one_or_the_number_of_rows(store: Store) -> None:
    store.apply(begin(store, "sparse"), history(0, {"_step": 10}, {"_step": 41}))
    store.apply(begin(store, "stepless"), history(0, {"a": 1}, {"a": 2}))
    assert [record.steps for record in store.runs()] == [42, 2]


def test_what_is_asked_of_an_unknown_run_is_a_key_error(store: Store) -> None:
    for call in (store.history, store.files):
        with pytest.raises(KeyError, match="e/p/none"):
            call("e", "p", "none")
    begin(store)
    with pytest.raises(KeyError, match="no file"):
        store.read_file("e", "p", "r", "none.txt")


def test_threads_share_a_store(store: Store) -> None:
    key = begin(store)

    def write(start: int) -> None:
        for i in range(start, start + 50):
            store.apply(key, history(i, {"_step": i}))

    threads = [threading.Thread(target=write, args=(n * 50,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row["_step"] for row in store.history("e", "p", "r")] == list(range(200))


def test_a_killed_writer_leaves_every_completed_request(tmp_path: Path) -> None:
    script = """
        import os, signal, sys
        from pathlib import Path
        from windtunnel.recorder.store import Store
        from windtunnel.recorder.filestream import StreamPost
        store = Store(Path(sys.argv[1]))
        run, _ = store.upsert("e", "p", "r", fields={}, starts=True)
        for i in range(30):
            store.apply(run.key, StreamPost({"wandb-history.jsonl": (i, ['{"_step": %d}' % i])}))
        with store.database.transaction() as connection:
            connection.execute("DELETE FROM lines")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "s.sqlite")]
    assert subprocess.run(command, check=False).returncode == -9
    store = Store(tmp_path / "s.sqlite")
    assert len(store.history("e", "p", "r")) == 30
    store.close()


def test_a_second_process_reads_while_the_first_writes(store: Store, tmp_path: Path) -> None:
    key = begin(store)
    store.apply(key, history(0, {"_step": 0}))
    with store.database.transaction() as connection:
        connection.execute("UPDATE runs SET notes = 'under way'")
        reader = sqlite3.connect(tmp_path / "store.sqlite")
        assert reader.execute("SELECT notes FROM runs").fetchone() == (None,)
        reader.close()


def test_a_database_of_another_layout_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match="layout 99"):
        Store(path)
