from datetime import date
from pathlib import Path

import pytest

from windtunnel.findings import Severity
from windtunnel.repo import Repo
from windtunnel.rules.project_file import DEP005
from windtunnel.submission import load

LIST = "dependencies = [\n"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (LIST, 'dynamic = []\n\n[project.dependencies]\ntorch = "^2.1"\n\n[other]\nx = [\n', "are a table of 1 keys"),
        ('"peft>=0.17"', '"peft^0.17"', "caret"),
        ('"peft>=0.17"', '"peft >= "', "is no requirement"),
        ('"peft>=0.17"', "3", "is no requirement"),
        ("[project]", "[tool.poetry]", "Poetry"),
        ("[project]", "[unrelated]", "no [project] table"),
        ('name = "small-experiment"', 'name = "small experiment"', "name"),
        ('version = "0.1.0"\n', "", "no version"),
        ('version = "0.1.0"', 'version = "0.1.0"\nauthors = ["Somebody"]', "authors"),
    ],
)
def test_what_uv_cannot_read_is_found(found, old: str, new: str, words: str):
    findings = found("DEP001", {"pyproject.toml": (old, new)})
    assert findings
    assert any(words in finding.message for finding in findings)
    assert findings[0].place.path == "pyproject.toml"


@pytest.mark.parametrize(
    "new",
    [
        "\"peft[extra]>=0.17,<1; python_version >= '3.10'\"",
        '"peft @ https://example.org/peft-1-py3-none-any.whl"',
        '"peft~=0.17"',
    ],
)
def test_requirements_of_every_form_are_left_alone(found, new: str):
    assert found("DEP001", {"pyproject.toml": ('"peft>=0.17"', new)}) == []


@pytest.mark.parametrize("backend", ["hatchling.build", "poetry.core.masonry.api", "flit_core.buildapi", "uv_build"])
def test_a_backend_that_finds_no_package_is_found(found, backend: str):
    text = f'[build-system]\nrequires = ["x"]\nbuild-backend = "{backend}"\n\n[project]'
    assert found("DEP002", {"pyproject.toml": ("[project]", text)})


@pytest.mark.parametrize(
    "text",
    [
        '[build-system]\nrequires = ["setuptools"]\n\n[project]',
        (
            '[build-system]\nrequires = ["hatchling"]\nbuild-backend = '
            '"hatchling.build"\n\n[tool.hatch.build.targets.wheel]\npackages = ["src"]\n\n[project]'
        ),
        (
            '[tool.uv]\npackage = false\n\n[build-system]\nrequires = ["hatchling"]\nbuild-backend = '
            '"hatchling.build"\n\n[project]'
        ),
    ],
)
def test_a_backend_that_is_told_what_to_build_is_left_alone(found, text: str):
    assert found("DEP002", {"pyproject.toml": ("[project]", text)}) == []


@pytest.mark.parametrize(
    ("requirement", "severity"),
    [
        ('"torch>=99"', Severity.BLOCKER),
        ('"sklearn"', Severity.WARNING),
        ('"no-such-distribution-at-all"', Severity.UNDECIDED),
    ],
)
def test_a_requirement_that_nothing_meets_is_found(found, requirement: str, severity: Severity):
    (finding,) = found("DEP005", {"pyproject.toml": ('"peft>=0.17"', requirement)})
    assert finding.severity is severity


def test_requirements_that_an_index_meets_are_left_alone(found):
    assert found("DEP005") == []


def test_an_enclosing_workspace_and_a_folder_of_wheels_provide_what_no_index_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["packages/*", "experiments/one"]\n')
    for name in ("packages/inside", "experiments/one"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "packages/inside/pyproject.toml").write_text('[project]\nname = "inside_here"\n')
    (tmp_path / "experiments/one/pyproject.toml").write_text(
        '[project]\nname = "one"\nversion = "1"\ndependencies = ["inside-here", "in-a-wheel"]\n'
    )
    wheels = tmp_path / "wheels"
    wheels.mkdir()

    def undecided() -> list[str]:
        return [
            finding.message.split("'")[1]
            for finding in DEP005().check(Repo(load(str(tmp_path / "experiments/one")), as_of=date(2025, 12, 1)))
        ]

    assert undecided() == ["in-a-wheel"]
    (wheels / "in_a_wheel-1.0-py3-none-any.whl").touch()
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    assert undecided() == []


@pytest.mark.parametrize(
    ("asked", "wrong"), [("^3.9", True), (">=4", True), (">=3.10", False), (">=3.9,<3.13", False), ("==3.11.*", False)]
)
def test_a_python_that_does_not_exist_is_found(found, asked: str, wrong: bool):
    assert bool(found("DEP006", {"pyproject.toml": ('">=3.10"', f'"{asked}"')})) is wrong
