from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from windtunnel.flight.sandbox import editable_sources
from windtunnel.flight.sandbox.interpreter import site_packages


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    folder = tmp_path / "environment"
    (folder / "lib" / "python3.12" / "site-packages").mkdir(parents=True)
    return folder


@pytest.fixture
def site(prefix: Path) -> Path:
    return prefix / "lib" / "python3.12" / "site-packages"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "src"
    (folder / "package").mkdir(parents=True)
    (folder / "module.py").write_text("")
    return folder


def sources(prefix: Path) -> list[Path]:
    return editable_sources(prefix, Path("/usr"))


def test_a_path_file_names_folders_and_its_code_is_passed_over(prefix: Path, site: Path, source: Path) -> None:
    lines = ["# a comment", "import os; os.abort()", str(source), str(source / "not there"), ""]
    (site / "_editable_impl_package.pth").write_text("\n".join(lines))
    assert sources(prefix) == [source]


def test_a_path_file_may_name_a_folder_from_where_it_lies(prefix: Path, site: Path, source: Path) -> None:
    (site / "relative.pth").write_text("../../../../project/src\n")
    assert [path.resolve() for path in sources(prefix)] == [source]


def test_what_lies_in_the_environment_is_no_source(prefix: Path, site: Path) -> None:
    (site / "nested").mkdir()
    (site / "nested.pth").write_text("nested\n")
    assert sources(prefix) == []


def test_a_finder_of_setuptools_names_packages_and_modules(prefix: Path, site: Path, source: Path) -> None:
    mapping = {"package": str(source / "package"), "module": str(source / "module")}
    namespaces = {"space": [str(source)]}
    code = f"import sys\nMAPPING: dict[str, str] = {mapping!r}\nNAMESPACES = {namespaces!r}\nPATH = compute()\n"
    (site / "__editable___project_1_0_finder.py").write_text(code)
    assert sources(prefix) == [source / "package", source / "module.py", source]


@pytest.mark.parametrize("code", ["MAPPING = {", "MAPPING = read()", "MAPPING = 3", "\0"])
def test_a_finder_that_cannot_be_read_is_passed_over(prefix: Path, site: Path, code: str) -> None:
    (site / "__editable___project_1_0_finder.py").write_text(code)
    assert sources(prefix) == []


def write_direct_url(site: Path, name: str, content: object) -> None:
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir()
    (folder / "direct_url.json").write_text(content if isinstance(content, str) else json.dumps(content))


def test_a_project_with_a_loader_of_its_own_is_shown_as_a_whole(prefix: Path, site: Path, tmp_path: Path) -> None:
    project = tmp_path / "my project"
    project.mkdir()
    write_direct_url(site, "project", {"url": project.as_uri(), "dir_info": {"editable": True}})
    assert sources(prefix) == [project]


def test_a_project_whose_sources_are_known_is_not_shown_as_a_whole(prefix: Path, site: Path, source: Path) -> None:
    (site / "project.pth").write_text(f"{source}\n")
    write_direct_url(site, "project", {"url": source.parent.as_uri(), "dir_info": {"editable": True}})
    assert sources(prefix) == [source]


@pytest.mark.parametrize(
    "content", ["{", [], {"url": "file:///", "dir_info": {}}, {"url": "https://x/", "vcs_info": {}}]
)
def test_other_origins_are_no_sources(prefix: Path, site: Path, content: object) -> None:
    write_direct_url(site, "project", content)
    assert sources(prefix) == []


def test_an_environment_on_top_of_its_base_uses_the_packages_of_both(prefix: Path, site: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    below = base / "lib" / "python3" / "dist-packages"
    below.mkdir(parents=True)
    assert site_packages(prefix, base) == [site]
    (prefix / "pyvenv.cfg").write_text("include-system-site-packages = true\n")
    assert site_packages(prefix, base) == [site, below]


def test_the_environment_of_the_tests_is_understood() -> None:
    import windtunnel

    found = editable_sources(Path(sys.prefix), Path(sys.base_prefix))
    here = Path(windtunnel.__file__).parents[1]
    inside = any(here.is_relative_to(Path(prefix)) for prefix in (sys.prefix, sys.base_prefix))
    assert inside or any(here.is_relative_to(path) for path in found) or str(here) in sys.path
