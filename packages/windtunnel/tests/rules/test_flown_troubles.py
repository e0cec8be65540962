from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.evidence import CommandFlown, Trouble, UnknownId
from windtunnel.findings import Place, Severity

from .test_flown_crashes import findings, flown

if TYPE_CHECKING:
    from collections.abc import Callable


def command(name: str = "proposed-a", **changes: Any) -> CommandFlown:
    return CommandFlown(**{"name": name, "argv": (), "again": "again", "status": "finished", **changes})


def test_dependencies_that_cannot_be_installed_block_at_their_line() -> None:
    trouble = Trouble(
        "install", "six 99 does not exist", "ask for another", "no version of six==99", "pyproject.toml", 7
    )
    (finding,) = findings(flown(troubles=(trouble,)))
    assert (finding.code, finding.severity, finding.place) == ("FLY017", Severity.BLOCKER, Place("pyproject.toml", 7))


@pytest.mark.parametrize("kind", ["missing", "undecided"])
def test_what_the_tunnel_lacks_leaves_the_question_open(kind: Any) -> None:
    (finding,) = findings(flown(troubles=(Trouble(kind, "vllm is not installed here", "fly with --env project"),)))
    assert (finding.code, finding.severity) == ("FLY018", Severity.UNDECIDED)
    assert "vllm is not installed here" in finding.message


def test_an_unknown_id_is_told_with_the_lines_that_add_it_where_the_code_names_it() -> None:
    (finding,) = findings(flown(command(), unknown=(UnknownId("dataset", "import torch", "{}"),)))
    assert finding.code == "FLY019"
    assert finding.place.path.startswith("src/")
    assert finding.place.line > 0


@pytest.mark.parametrize(
    ("limit", "severity"),
    [
        ("memory", Severity.UNDECIDED),
        ("disk", Severity.BLOCKER),
        ("processes", Severity.BLOCKER),
        ("time", Severity.UNDECIDED),
    ],
)
def test_a_limit_blocks_unless_more_may_be_given(limit: str, severity: Severity) -> None:
    (finding,) = findings(flown(command(status="failed", limit=limit, reason="ended at its limit")))
    assert (finding.code, finding.severity) == ("FLY020", severity)


def test_a_failure_without_an_exception_shows_its_last_words() -> None:
    failed = command(status="failed", reason="exit code 3", exit_code=3, output=("all went", "wrong"))
    (finding,) = findings(flown(failed))
    assert (finding.code, finding.evidence) == ("FLY021", "all went\nwrong")
    assert "exit code 3" in finding.message


def test_a_run_that_was_not_flown_leaves_the_question_open() -> None:
    (finding,) = findings(flown(command(), run_ids=("proposed-a", "comparative-1-b")))
    assert (finding.code, finding.severity) == ("FLY022", Severity.UNDECIDED)
    assert "comparative-1-b" in finding.message
    assert findings(flown(command())) == []


def test_processes_left_behind_are_a_warning() -> None:
    (finding,) = findings(flown(command(leftover_processes=2)))
    assert (finding.code, finding.severity) == ("FLY023", Severity.WARNING)


@pytest.mark.parametrize("make", [lambda: flown(command(), run_ids=("proposed-a",))])
def test_a_flight_that_went_well_is_not_mentioned(make: Callable[[], Any]) -> None:
    assert findings(make()) == []
