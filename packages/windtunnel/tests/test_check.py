from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from windtunnel.check import check
from windtunnel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo
    from windtunnel.rules.base import Rule


@pytest.fixture(autouse=True)
def rules(
    rule: Callable[..., type[Rule]], finding: Callable[..., Finding], monkeypatch: pytest.MonkeyPatch
) -> list[object]:
    """Two rules in place of all; what they were given to look at."""
    seen: list[object] = []

    def look(self: Rule, repo: Repo) -> Iterator[Finding]:
        seen.append(repo)
        yield finding(self.code())

    both = (rule("AAA001", check=look), rule("BBB001", check=look))
    for every in ("static_rules", "all_rules"):
        monkeypatch.setattr(f"windtunnel.check.{every}", lambda: both)
    return seen


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("import torch\n")
    return tmp_path


def test_all_rules_look_at_one_repository(repository: Path, rules: list[object]) -> None:
    verdict = check(repository)
    assert verdict.outcome == "not ready"
    assert [finding.code for finding in verdict.findings] == ["AAA001", "BBB001"]
    assert rules[0] is rules[1]
    assert verdict.submission.text("src/train.py") == "import torch\n"
    assert verdict.as_of == date.today()


def test_a_selected_rule_alone_runs(repository: Path, rules: list[object]) -> None:
    verdict = check(str(repository), select=["BBB"], as_of=date(2025, 12, 1))
    assert [outcome.rule.code() for outcome in verdict.outcomes] == ["BBB001"]
    assert (verdict.selection, verdict.as_of, len(rules)) == (("BBB",), date(2025, 12, 1), 1)


def test_ignored_rules_run_and_do_not_count(repository: Path, rules: list[object]) -> None:
    verdict = check(repository, ignore={"AAA001": "known", "BBB001": "known"})
    assert verdict.outcome == "ready"
    assert len(verdict.ignored) == len(rules) == 2


def test_without_time_the_verdict_is_undecided(repository: Path) -> None:
    assert check(repository, time_budget_seconds=0).outcome == "undecided"


def test_what_does_not_exist_is_refused(repository: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        check(repository / "none")
    with pytest.raises(UsageError, match="CCC"):
        check(repository, select=["CCC"])
    with pytest.raises(UsageError, match="CCC001"):
        check(repository, ignore={"CCC001": "known"})
