"""pyproject.toml: whether it installs, and whether it declares what the code needs (criterion 5)."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from windtunnel.findings import Place, Severity
from windtunnel.knowledge.distributions import (
    RUNTIME_NEEDS,
    distribution_of,
    impossible,
    is_standard_library,
    known,
    meant_by,
    modules_of,
    normalised,
    provided_by,
)
from windtunnel.reading.python import walk
from windtunnel.rules.base import Doc, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.reading.pyproject import Pyproject
    from windtunnel.reading.python import Source
    from windtunnel.repo import Repo

_PATH = "pyproject.toml"


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


class DEP003(Rule):
    """A module is imported whose distribution is not declared."""

    name = "undeclared-dependency"
    criterion = 5
    categories: ClassVar[tuple[str, ...]] = ("dep-missing",)
    doc = Doc(
        what="Imports of distributions that pyproject.toml neither declares nor gets through a declared one.",
        why="ModuleNotFoundError in a fresh environment.",
        example="import seaborn   # not in dependencies",
        instead='dependencies = [..., "seaborn"]',
        limits="Imports by computed names. A distribution that a declared one always brings is a warning: it may stop "
        "doing so.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        declared = declared_names(repo)
        if declared is None:
            return
        brought = {name for each in declared for name in provided_by(each, as_of=repo.as_of)}
        for module, (source, node, guarded) in _imports(repo).items():
            names = distribution_of(module)
            if (
                is_standard_library(module)
                or repo.program_tops & {module.split(".")[0]}
                or set(names) & declared
                or not names
            ):
                continue
            transitive = bool(set(names) & brought)
            if guarded and not transitive:
                continue
            where = repo.pyproject.place("project", "dependencies")
            yield self.finding(
                f"{module!r} is imported but {' or '.join(names)} is not declared"
                + (", only brought along by another dependency" if transitive else ""),
                source.place(node),
                evidence=source.quote(node),
                fix=f"add {names[0]!r} to the dependencies in pyproject.toml",
                related=(where,),
                severity=Severity.NOTE if transitive else None,
            )


class DEP004(Rule):
    """A distribution is needed at run time that nothing imports."""

    name = "undeclared-runtime-need"
    criterion = 5
    categories: ClassVar[tuple[str, ...]] = ("dep-missing",)
    source = "table"
    doc = Doc(
        what="Uses that load a distribution behind the scenes: `device_map=` and accelerate, 4-bit loading and "
        "bitsandbytes, slow tokenizers and sentencepiece, metrics and their packages.",
        why="ImportError deep inside a library, in the middle of a run.",
        example='AutoModelForCausalLM.from_pretrained(name, device_map="auto")   # accelerate is not declared',
        instead='dependencies = [..., "accelerate"]',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        declared = declared_names(repo)
        if declared is None:
            return
        available = declared | {name for each in declared for name in provided_by(each, as_of=repo.as_of)}
        seen: set[tuple[str, str]] = set()
        for source in repo.sources.values():
            names = _names(source)
            for node in source.nodes:
                if not isinstance(node, ast.Call):
                    continue
                for needed, why in _needs(node, names):
                    lacking = [name for name in needed if name not in available and not _looked_for(source, name)]
                    key = (source.path, ",".join(lacking))
                    if not lacking or key in seen:
                        continue
                    seen.add(key)
                    yield self.finding(
                        f"{' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} needed here but not "
                        f"declared: {why}",
                        source.place(node),
                        evidence=source.quote(node),
                        fix=f"add {', '.join(map(repr, lacking))} to the dependencies in pyproject.toml",
                        related=(repo.pyproject.place("project", "dependencies"),),
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
        for name, requirement in _requirements(pyproject).items():
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


class DEP007(Rule):
    """A declared dependency that nothing uses."""

    name = "unused-dependency"
    criterion = 5
    severity = Severity.NOTE
    doc = Doc(
        what="Declared distributions that no file imports and no known use needs.",
        why="A larger environment, and a method that is declared but never used is a method that is not there.",
        example='"networkx"   # never imported',
        instead="no such entry",
    )
    _silent = frozenset(
        {
            "accelerate",
            "bitsandbytes",
            "sentencepiece",
            "protobuf",
            "tiktoken",
            "safetensors",
            "hydra-optuna-sweeper",
            "hydra-joblib-launcher",
            "hydra-colorlog",
            "pyarrow",
            "jinja2",
            "tokenizers",
            "rich",
            "wandb",
            "pip",
            "setuptools",
            "wheel",
            "scipy",
            "scikit-learn",
            "sacrebleu",
            "rouge-score",
            "seqeval",
            "nltk",
            "absl-py",
            "flash-attn",
            "triton",
            "psycopg",
        }
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        pyproject = repo.pyproject
        used = {name for module in _imports(repo) for name in distribution_of(module)}
        for name, requirement in _requirements(pyproject).items():
            if name in used or name in self._silent:
                continue
            place = pyproject.place_of_item(requirement.name, "project", "dependencies")
            yield self.finding(
                f"{requirement.name!r} is declared but nothing imports it",
                place,
                evidence=pyproject.quote(place),
                fix="remove it, or use it",
            )


class DEP008(Rule):
    """The method comes from a dependency."""

    name = "method-from-dependency"
    criterion = 5
    severity = Severity.NOTE
    doc = Doc(
        what="Declared distributions outside the usual ones that src/model.py or src/train.py imports.",
        why="What the method does is then decided by a library that is not under review here.",
        example="from glora import RankAllocator",
        instead="nothing to do; whoever trusts the result should trust that library too",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        declared = declared_names(repo) or set()
        for module, (source, node, _) in _imports(repo).items():
            names = [name for name in distribution_of(module) if name in declared]
            if source.path in {"src/model.py", "src/train.py"} and names and not known(names[0]):
                yield self.finding(
                    f"the method, or a part of it, comes from the dependency {names[0]!r}",
                    source.place(node),
                    evidence=source.quote(node),
                    fix="nothing to do here; review that library with its own tests",
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


def _requirements(pyproject: Pyproject) -> dict[str, Requirement]:
    listed = pyproject.get("project", "dependencies")
    found: dict[str, Requirement] = {}
    for text in listed if isinstance(listed, list) else ():
        if isinstance(text, str) and not _requirement_problem(text):
            requirement = Requirement(text)
            found.setdefault(normalised(requirement.name), requirement)
    return found


def declared_names(repo: Repo) -> set[str] | None:
    """The distributions that the file means to declare, in whatever form; None if there is nothing to go by."""
    pyproject = repo.pyproject
    found = set(_requirements(pyproject))
    for keys in (("project", "dependencies"), ("tool", "poetry", "dependencies")):
        table = pyproject.get(*keys)
        if isinstance(table, dict):
            found |= {normalised(str(name)) for name in table}
    listed = pyproject.get("project", "dependencies")
    for text in listed if isinstance(listed, list) else ():
        match = re.match(r"\s*([A-Za-z0-9._-]+)", str(text))
        if match:
            found.add(normalised(match.group(1)))
    return found or None


def _imports(repo: Repo) -> dict[str, tuple[Source, ast.AST, bool]]:
    """Every top-level module that is imported, where first, and whether inside a ``try`` that catches ImportError."""
    found: dict[str, tuple[Source, ast.AST, bool]] = {}
    for source in repo.sources.values():
        guarded = {
            id(inner)
            for node in source.nodes
            if isinstance(node, ast.Try) and node.handlers
            for statement in node.body
            for inner in walk(statement)
        }
        for node in source.nodes:
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                top = name.split(".")[0]
                if top not in found or (found[top][2] and id(node) not in guarded):
                    found[top] = (source, node, id(node) in guarded)
    return found


def _names(source: Source) -> dict[str, str]:
    """The dotted library name that each name of a module stands for."""
    found: dict[str, str] = {}
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ".".join(reversed([*parts, ""]))
    return ".".join([names.get(node.id, node.id), *reversed(parts)])


def _looked_for(source: Source, distribution: str) -> bool:
    """Whether the code asks itself if a distribution is there.

    ``find_spec("bitsandbytes")``, or an import that may fail.
    """
    modules = set(modules_of(distribution))
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in modules:
            return True
        if isinstance(node, ast.Try) and node.handlers:
            for inner in walk(ast.Module(node.body, [])):
                if isinstance(inner, ast.Import) and any(alias.name.split(".")[0] in modules for alias in inner.names):
                    return True
    return False


def _needs(node: ast.Call, names: dict[str, str]) -> Iterator[tuple[tuple[str, ...], str]]:
    name = _dotted(node.func, names)
    last = name.rsplit(".", 1)[-1]
    keywords = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    for need in RUNTIME_NEEDS:
        if need.kind == "name" and name == need.trigger:
            yield need.needs, need.why
        elif need.kind == "keyword" and need.trigger in keywords and (not need.calls or last in need.calls):
            value = keywords[need.trigger]
            if not (isinstance(value, ast.Constant) and value.value in {None, False}):
                yield need.needs, need.why
        elif need.kind == "value" and need.trigger in keywords:
            value = keywords[need.trigger]
            texts = [
                item.value for item in walk(value) if isinstance(item, ast.Constant) and isinstance(item.value, str)
            ]
            if any(
                text == wanted or (wanted.endswith("*") and text.startswith(wanted[:-1]))
                for text in texts
                for wanted in need.values
            ):
                yield need.needs, need.why
        elif (
            need.kind == "method"
            and isinstance(node.func, ast.Attribute)
            and last == need.trigger
            and need.library == "pandas"
            and "pandas" in names.values()
        ):
            yield need.needs, need.why
    if last == "from_pretrained" and "Tokenizer" in name:
        slow = keywords.get("use_fast")
        if isinstance(slow, ast.Constant) and slow.value is False:
            yield (
                ("sentencepiece",),
                "use_fast=False loads a slow tokenizer, which most models keep in a sentencepiece file",
            )


def _workspace(repo: Repo) -> set[str]:
    """The distributions that an enclosing uv workspace provides."""
    root = repo.submission.root
    found: set[str] = set()
    for folder in [root, *root.parents] if root is not None else []:
        try:
            data = tomllib.loads((folder / _PATH).read_text(encoding="utf-8"))
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
                name = _project_name(member / _PATH)
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
    return normalised(name) if isinstance(name, str) else ""


def _wheels() -> set[str]:
    """The distributions in the folders that UV_FIND_LINKS names."""
    found: set[str] = set()
    for place in re.split(r"[,\s]+", os.environ.get("UV_FIND_LINKS", "")):
        if place and "://" not in place and Path(place).is_dir():
            found |= {
                normalised(file.name.split("-")[0])
                for file in Path(place).iterdir()
                if file.name.endswith((".whl", ".tar.gz"))
            }
    return found


def _sources(pyproject: Pyproject) -> set[str]:
    """The distributions that ``[tool.uv.sources]`` says where to get."""
    sources = pyproject.get("tool", "uv", "sources")
    return {normalised(str(name)) for name in sources} if isinstance(sources, dict) else set()
