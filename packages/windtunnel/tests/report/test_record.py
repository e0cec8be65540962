from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from windtunnel.errors import FlightError
from windtunnel.flight.options import Options
from windtunnel.report.record import CommandRecord, open_record, read_record

if TYPE_CHECKING:
    from pathlib import Path


def test_a_report_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    record = open_record(Options(repository=tmp_path, serve={"a/b": tmp_path}), ["run"], {"a/b": {"x/train": [3, 5]}})
    record.commands["run"] = CommandRecord(name="run", argv=["x"], log="logs/run.log", status="finished", exit_code=0)
    record.data["a/b"] = f"served from {tmp_path}"
    record.finish("finished")
    record.write(tmp_path / "report.json")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["schema_version"] == 2
    assert content["environment"]["packages"]["rich"]
    again = read_record(tmp_path / "report.json")
    assert (again.commands, again.data, again.served) == (record.commands, record.data, record.served)
    assert again.served_files == record.served_files


def test_a_report_is_running_until_it_is_finished(tmp_path: Path) -> None:
    open_record(Options(repository=tmp_path), [], {}).write(tmp_path / "report.json")
    content = json.loads((tmp_path / "report.json").read_text())
    assert (content["status"], content["ended"]) == ("running", "")


@pytest.mark.parametrize("text", ["", "[]", '{"schema_version": 2}', '{"schema_version": 9, "commands": []}'])
def test_what_is_no_report_is_refused_with_a_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(FlightError, match="fly without --resume"):
        read_record(tmp_path / "report.json")


def test_a_report_that_cannot_be_written_names_its_path(tmp_path: Path) -> None:
    with pytest.raises(FlightError, match=r"report\.json could not be written.*--resume"):
        open_record(Options(repository=tmp_path), [], {}).write(tmp_path / "none" / "report.json")
