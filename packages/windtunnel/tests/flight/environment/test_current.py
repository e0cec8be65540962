from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.flight.environment import Environment, prepare

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = '[project]\nname = "x"\nversion = "1"\ndependencies = [\n  {}\n]\n'


def test_the_reviewers_own_environment_serves_what_it_has_and_says_what_that_cannot_show(
    project: Callable[[str], Path],
) -> None:
    environment = prepare("current", project(PROJECT.format('"pytest>=8", "PyYAML"')))
    assert isinstance(environment, Environment)
    assert (environment.python, environment.kind) == (Path(sys.executable), "current")
    assert "pyyaml" in environment.versions
    assert "--env project" in environment.notes[0]


def test_a_declared_package_that_is_missing_here_is_named_with_its_line(project: Callable[[str], Path]) -> None:
    (trouble,) = prepare("current", project(PROJECT.format('"pytest",\n  "no-such-package>=2"')))  # type: ignore[misc]
    assert (trouble.kind, trouble.message, trouble.line) == ("missing", "no-such-package is not installed here", 6)


def test_another_version_than_the_declared_one_is_missing_too(project: Callable[[str], Path]) -> None:
    (trouble,) = prepare("current", project(PROJECT.format('"pytest<1"')))  # type: ignore[misc]
    assert trouble.kind == "missing"
    assert "pytest<1 is declared" in trouble.message


def test_markers_of_other_machines_and_lines_that_are_no_requirement_do_not_count(
    project: Callable[[str], Path],
) -> None:
    text = PROJECT.format("""'no-such-package; sys_platform == "win32"', "pandas ^2", 'other; extra == "x"'""")
    assert isinstance(prepare("current", project(text)), Environment)
