"""pyproject.toml by itself: whether uv reads, builds and installs it (criterion 5)."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from windtunnel.findings import Place, Severity
from windtunnel.knowledge.distributions import (
    impossible,
    known,
    meant_by,
)
from windtunnel.requirements import declared
from windtunnel.rules.base import Doc, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.reading.pyproject import Pyproject
    from windtunnel.repo import Repo


class DEP001(Rule):
    """The dependencies are not written as uv reads them."""

    name = "dependencies-not-pep-621"
    criterion = 5
    categories: ClassVar[tuple[str, ...]] = ("deps-not-pep621", "build-backend")
    doc = Doc(
        what="`[project.dependencies]` as a table, Poetry's own tables without `[project]`, caret ranges, strings "
        "that are no requirement, a `[project]` without name or version.",
        why="`uv run` installs before it starts anything: it stops here. It is the most frequent first failure on "
        "record.",
        example='[project.dependencies]\ntorch = "^2.1"',
        instead='[project]\nname = "experiment"\nversion = "0.1.0"\ndependencies = ["torch>=2.1,<3"]',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        pyproject = repo.pyproject
        related = tuple(Place(run.path) for run in repo.runs)
        for keys, message, fix in _mistakes(pyproject):
            place = pyproject.place(*keys) if not keys or keys[-1] != "" else pyproject.place(*keys[:-1])
            yield self.finding(message, place, evidence=pyproject.quote(place), fix=fix, related=related)
        listed = pyproject.get("project", "dependencies")
        for text in listed if isinstance(listed, list) else ():
            problem = _requirement_problem(text)
            if problem:
                place = pyproject.place_of_item(str(text), "project", "dependencies")
                yield self.finding(
                    f"{text!r} is no requirement: {problem}",
                    place,
                    evidence=pyproject.quote(place),
                    fix="write it as PEP 508 has it, such as 'torch>=2.1,<3'",
                    related=related,
                )


class DEP002(Rule):
    """The build backend finds nothing to build."""

    name = "unbuildable-project"
    criterion = 5
    categories: ClassVar[tuple[str, ...]] = ("build-backend",)
    doc = Doc(
        what="A `[build-system]` whose backend looks for a package named like the project: hatchling, flit, "
        "poetry-core and uv_build without one.",
        why="`uv run` builds the project into its environment, and the backend refuses.",
        example='[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"   # and no folder named '
        "like the project",
        instead='no [build-system] at all, or [tool.hatch.build.targets.wheel] packages = ["src"]',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        pyproject = repo.pyproject
        backend = pyproject.get("build-system", "build-backend")
        if not isinstance(backend, str) or pyproject.get("tool", "uv", "package") is False:
            return
        name = pyproject.get("project", "name") or pyproject.get("tool", "poetry", "name")
        if not isinstance(name, str):
            return
        folder = re.sub(r"[-.]+", "_", name)
        tops = {path.split("/")[0] for path in repo.submission.files if path.endswith(".py")}
        inner = {
            path.split("/")[1] for path in repo.submission.files if path.startswith("src/") and path.count("/") > 1
        }
        if folder in tops | inner or f"{folder}.py" in tops:
            return
        told = {
            "hatchling.build": ("tool", "hatch", "build"),
            "poetry.core.masonry.api": ("tool", "poetry", "packages"),
            "flit_core.buildapi": ("tool", "flit", "module"),
            "uv_build": ("tool", "uv", "build-backend"),
        }
        keys = told.get(backend)
        if keys is None or pyproject.get(*keys) or pyproject.get("tool", "poetry", "package-mode") is False:
            return
        place = pyproject.place("build-system", "build-backend")
        yield self.finding(
            f"{backend} finds no package {folder!r} to build",
            place,
            evidence=pyproject.quote(place),
            fix="remove [build-system], or say what is to be built: [tool.hatch.build.targets.wheel] packages = "
            '["src"]',
        )


class DEP005(Rule):
    """A declared dependency cannot be installed."""

    name = "uninstallable-dependency"
    criterion = 5
    categories: ClassVar[tuple[str, ...]] = ("deps-not-pep621",)
    source = "table"
    doc = Doc(
        what="Requirements that no version meets as of the date, names that are no distribution (`sklearn`, "
        "`pytorch`), and names that neither an index, the workspace nor UV_FIND_LINKS is known to provide.",
        why="`uv run` stops before anything starts. A name that is not known is left undecided.",
        example='"sklearn"',
        instead='"scikit-learn"',
        limits="The table of names holds what is downloaded most; a rare distribution is undecided, not wrong.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        pyproject = repo.pyproject
        local = _workspace(repo) | _wheels()
        for name, requirement in declared(pyproject).items():
            place = pyproject.place_of_item(requirement.name, "project", "dependencies")
            evidence = pyproject.quote(place)
            if name in local or requirement.url or name in _sources(pyproject):
                continue
            meant = meant_by(name)
            problem = impossible(name, str(requirement.specifier), repo.as_of)
            if problem:
                yield self.finding(
                    f"{str(requirement)!r} cannot be installed: {problem}",
                    place,
                    evidence=evidence,
                    fix="ask for a version that exists",
                )
            elif meant:
                yield self.finding(
                    f"{requirement.name!r} is not the distribution that is meant; that is {meant!r}",
                    place,
                    evidence=evidence,
                    fix=f"write {meant!r}",
                    severity=Severity.WARNING,
                )
            elif not known(name):
                yield self.finding(
                    f"{requirement.name!r} is not known to be on an index, in the enclosing workspace or in "
                    "UV_FIND_LINKS",
                    place,
                    evidence=evidence,
                    fix="name the index or the wheel that provides it",
                    severity=Severity.UNDECIDED,
                )


class DEP006(Rule):
    """Python itself is restricted to versions that cannot run this."""

    name = "impossible-python"
    criterion = 5
    doc = Doc(
        what="`requires-python` that is no version specifier, or that leaves no Python from 3.9 to 3.14.",
        why="uv finds no interpreter.",
        example='requires-python = "^3.9"',
        instead='requires-python = ">=3.10"',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        pyproject = repo.pyproject
        asked = pyproject.get("project", "requires-python")
        if asked is None:
            return
        place = pyproject.place("project", "requires-python")
        try:
            specifier = SpecifierSet(asked if isinstance(asked, str) else "?")
        except InvalidSpecifier:
            yield self.finding(
                f"requires-python is {asked!r}, which is no version specifier",
                place,
                evidence=pyproject.quote(place),
                fix='write ">=3.10"',
            )
            return
        if not any(f"3.{minor}.9" in specifier or f"3.{minor}.0" in specifier for minor in range(9, 15)):
            yield self.finding(
                f"no Python from 3.9 to 3.14 meets requires-python {asked!r}",
                place,
                evidence=pyproject.quote(place),
                fix='write ">=3.10"',
            )


def _mistakes(pyproject: Pyproject) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(where, what is wrong, what to do) with the shape of the file."""
    project = pyproject.get("project")
    poetry = pyproject.get("tool", "poetry")
    if not isinstance(project, dict):
        if isinstance(poetry, dict):
            yield (
                ("tool", "poetry"),
                "dependencies stand in Poetry's own table and there is no [project], so uv installs nothing",
                "write a [project] table with name, version and a list of dependencies",
            )
        else:
            yield (
                (),
                "there is no [project] table, so nothing is installed",
                "write a [project] table with name, version and a list of dependencies",
            )
        return
    dependencies = project.get("dependencies")
    if isinstance(dependencies, dict):
        carets = [name for name, value in dependencies.items() if isinstance(value, str) and value.startswith("^")]
        more = f", with caret ranges such as {carets[0]} = {dependencies[carets[0]]!r}" if carets else ""
        yield (
            ("project", "dependencies"),
            f"the dependencies are a table of {len(dependencies)} keys, not a list{more}; uv refuses the file",
            'write dependencies = ["torch>=2.1", ...] inside [project]',
        )
    elif dependencies is not None and not isinstance(dependencies, list):
        yield (
            ("project", "dependencies"),
            f"the dependencies are {type(dependencies).__name__}, not a list",
            'write dependencies = ["torch>=2.1", ...]',
        )
    elif dependencies is None and isinstance(poetry, dict) and poetry.get("dependencies"):
        yield (
            ("tool", "poetry", "dependencies"),
            "the dependencies stand in Poetry's own table, which uv does not read",
            'write dependencies = ["torch>=2.1", ...] inside [project]',
        )
    elif not dependencies and "dependencies" not in (project.get("dynamic") or []):
        yield ("project",), "no dependency is declared", 'write dependencies = ["torch>=2.1", ...] inside [project]'
    if not isinstance(project.get("name"), str) or not re.fullmatch(
        r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", str(project.get("name"))
    ):
        yield (
            ("project", "name"),
            f"the project's name is {project.get('name')!r}",
            "give it a name of letters, digits and hyphens",
        )
    if "version" not in project and "version" not in (project.get("dynamic") or []):
        yield ("project",), "[project] has no version", 'write version = "0.1.0"'
    authors = project.get("authors")
    if authors is not None and (
        not isinstance(authors, list) or not all(isinstance(author, dict) for author in authors)
    ):
        yield (
            ("project", "authors"),
            f"authors is {authors!r}, not a list of tables",
            'write authors = [{name = "A. Author"}]',
        )
    for key in ("description", "readme"):
        value = project.get(key)
        if value is not None and not isinstance(value, str | dict):
            yield ("project", key), f"{key} is {value!r}, not a string", "write a string"
    build = pyproject.get("build-system")
    if isinstance(build, dict) and not isinstance(build.get("requires"), list):
        yield (
            ("build-system",),
            "[build-system] has no list 'requires'",
            'write requires = ["hatchling"], or remove the table',
        )


def _requirement_problem(text: Any) -> str:
    if not isinstance(text, str):
        return f"it is {type(text).__name__}, not a string"
    try:
        Requirement(text)
    except InvalidRequirement as error:
        return "a caret range is Poetry's, not Python's" if "^" in text else " ".join(str(error).split("\n")[0].split())
    return ""


def _workspace(repo: Repo) -> set[str]:
    """The distributions that an enclosing uv workspace provides."""
    root = repo.submission.root
    found: set[str] = set()
    for folder in [root, *root.parents] if root is not None else []:
        try:
            data = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        workspace = data.get("tool", {}).get("uv", {}).get("workspace", {})
        members = workspace.get("members") if isinstance(workspace, dict) else None
        for pattern in members if isinstance(members, list) else ():
            for member in (
                sorted(folder.glob(str(pattern)))
                if isinstance(pattern, str) and not pattern.startswith(("/", ".."))
                else ()
            ):
                name = _project_name(member / "pyproject.toml")
                if name:
                    found.add(name)
        if members:
            break
    return found


def _project_name(path: Path) -> str:
    try:
        name = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {}).get("name")
    except (OSError, ValueError):
        return ""
    return canonicalize_name(name) if isinstance(name, str) else ""


def _wheels() -> set[str]:
    """The distributions in the folders that UV_FIND_LINKS names."""
    found: set[str] = set()
    for place in re.split(r"[,\s]+", os.environ.get("UV_FIND_LINKS", "")):
        if place and "://" not in place and Path(place).is_dir():
            found |= {
                canonicalize_name(file.name.split("-")[0])
                for file in Path(place).iterdir()
                if file.name.endswith((".whl", ".tar.gz"))
            }
    return found


def _sources(pyproject: Pyproject) -> set[str]:
    """The distributions that ``[tool.uv.sources]`` says where to get."""
    sources = pyproject.get("tool", "uv", "sources")
    return {canonicalize_name(str(name)) for name in sources} if isinstance(sources, dict) else set()
