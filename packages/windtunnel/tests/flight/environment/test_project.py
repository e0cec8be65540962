from __future__ import annotations

import os
import subprocess
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from windtunnel.flight.environment import Environment, prepare
from windtunnel.flight.sandbox import bubblewrap_trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Index

PROJECT = """
    [project]
    name = "experiment"
    version = "0.1"
    dependencies = [{dependencies}]
"""


def seen(environment: object, module: str, name: str) -> str:
    assert isinstance(environment, Environment), environment
    done = subprocess.run(
        [str(environment.python), "-I", "-c", f"import {module}; print({module}.{name})"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_wheels_are_installed_in_the_newest_version_and_the_environment_is_kept(
    index: Index, project: Callable[[str], Path]
) -> None:
    index.wheel("demo", "1.0")
    index.wheel("demo", "2.0")
    repository = project(PROJECT.format(dependencies='"demo"'))
    said: list[str] = []
    environment = prepare("project", repository, say=said.append)
    assert seen(environment, "demo", "VERSION") == "2.0"
    assert isinstance(environment, Environment)
    assert (environment.kind, environment.versions) == ("project", {"demo": "2.0"})
    again: list[str] = []
    assert prepare("project", repository, say=again.append) == environment
    assert len(again) == len(said) - 1  # nothing is installed again


@pytest.mark.skipif(bool(bubblewrap_trouble()), reason=bubblewrap_trouble())
def test_what_has_no_wheel_is_built_without_network_files_variables_and_kernel_settings_of_the_user(
    index: Index, project: Callable[[str], Path], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    index.source("fromsource", secrets=[str(secret), str(Path(__file__)), "/etc/shadow"])
    repository = project(PROJECT.format(dependencies='"fromsource"'))
    environment = prepare("project", repository)
    assert seen(environment, "fromsource", "SEEN") == "[]"


def test_with_consent_it_is_built_where_no_sandbox_is(index: Index, project: Callable[[str], Path]) -> None:
    index.source("fromsource", secrets=["/etc/passwd"])
    repository = project(PROJECT.format(dependencies='"fromsource"'))
    environment = prepare("project", repository, sandboxed=False)
    assert seen(environment, "fromsource", "SEEN").startswith("['/etc/passwd', 'network', 'variables'")


@pytest.mark.parametrize(
    ("text", "kind", "said", "line"),
    [
        (PROJECT.format(dependencies='"demo>=9"'), "install", "demo", 5),
        ('[project]\nname = "x"\nversion = "1"\ndependencies = ["demo ^2"]\n', "install", "", 4),
        ('[project]\nname = "x"\nversion = "1"\n[project.dependencies]\ndemo = "2"\n', "install", "dependencies", 0),
        ('[project\nname = "x"\n', "install", "TOML", 1),
        (PROJECT.format(dependencies='"nowhere-to-be-found"'), "undecided", "no index has", 5),
        (PROJECT.format(dependencies='"demo"') + '    requires-python = ">=4"\n', "undecided", "requires-python", 0),
    ],
    ids=["no such version", "caret", "a table", "no TOML", "no such package", "no such Python"],
)
def test_why_an_environment_cannot_be_made(
    index: Index, project: Callable[[str], Path], *, text: str, kind: str, said: str, line: int
) -> None:
    index.wheel("demo", "1.0")
    (trouble,) = prepare("project", project(text))  # type: ignore[misc]
    assert trouble.kind == kind, trouble
    assert said in trouble.message + trouble.evidence
    assert trouble.path == "pyproject.toml"
    assert trouble.line in {line, 0} if kind == "undecided" else True


def test_an_index_that_is_not_there_leaves_the_question_open(
    index: Index, project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    (trouble,) = prepare("project", project(PROJECT.format(dependencies='"demo"')))  # type: ignore[misc]
    assert trouble.kind == "undecided"
    assert "index cannot be reached" in trouble.message


def test_a_repository_without_a_project_file_cannot_be_installed(tmp_path: Path) -> None:
    (trouble,) = prepare("project", tmp_path)  # type: ignore[misc]
    assert (trouble.kind, trouble.path) == ("install", "pyproject.toml")


@pytest.mark.slow
def test_hydras_parser_which_has_no_wheel_is_built_and_not_replaced_by_an_older_one(
    project: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bubblewrap_trouble():
        pytest.skip(bubblewrap_trouble())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    repository = project(PROJECT.format(dependencies='"hydra-core>=1.3"'))
    environment = prepare("project", repository, as_of=date(2025, 12, 1))
    assert isinstance(environment, Environment), environment
    versions = environment.versions
    assert (versions["hydra-core"], versions["antlr4-python3-runtime"]) == ("1.3.2", "4.9.3")
    assert seen(environment, "hydra", "__version__") == "1.3.2"
    assert os.path.lexists(environment.prefix / "bin" / "python")
