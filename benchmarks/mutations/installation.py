"""Criterion 5: exactly the seven files, and they install."""

from __future__ import annotations

import ast
import functools
import re
from importlib.metadata import PackageNotFoundError, requires
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from benchmarks.mutations.operators import PYPROJECT, Experiment, Site, operator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EXTRA = {
    "src/__init__.py": "",
    "src/helpers.py": "def mean(values):\n    return sum(values) / len(values)\n",
    "src/utils/metrics.py": "def accuracy(right, total):\n    return right / total\n",
    "src/config.py": 'DEFAULTS = {"seed": 42}\n',
    "setup.py": "from setuptools import setup\n\nsetup()\n",
    "run_all.py": 'import subprocess\n\nsubprocess.run(["python", "-m", "src.main"], check=True)\n',
    "tests/test_train.py": "def test_nothing():\n    assert True\n",
}
IMPORTED_AS = {"scikit-learn": "sklearn", "hydra-core": "hydra", "huggingface-hub": "huggingface_hub"}
UNDECLARED = ("einops", "bitsandbytes", "rouge_score", "nltk", "timm", "requests_cache", "evaluate")
WRONG_NAMES = {"scikit-learn": "sklearn", "torch": "pytorch"}  # packages of these names exist and refuse to install


def _dependencies(experiment: Experiment) -> list[tuple[str, str]]:
    """The dependencies: names, and the whole quoted texts."""
    block = re.search(r"^dependencies = \[\n(.*?)^\]", experiment.files[PYPROJECT], re.MULTILINE | re.DOTALL)
    texts = re.findall(r'"[^"]+"', block[1]) if block else []
    return [(re.split(r"[<>=!~\[;]", text.strip('"'))[0].strip(), text) for text in texts]


@operator("file-added", 5)
def file_added(experiment: Experiment) -> Iterator[Site]:
    """There is a Python file that the contract does not have."""
    for path, text in EXTRA.items():
        if path not in experiment.files:
            yield Site(path, {path: text})


@operator("file-missing", 5)
def file_missing(experiment: Experiment) -> Iterator[Site]:
    """One of the seven files is not there."""
    for path in experiment.files:
        if not path.startswith("config/run/"):
            yield Site(path, {path: None})


@operator("file-elsewhere", 5)
def file_elsewhere(experiment: Experiment) -> Iterator[Site]:
    """One of the seven files lies in another folder."""
    moves = {"config/config.yaml": "conf/config.yaml"} | {
        s.path: s.path.removeprefix("src/") for s in experiment.sources
    }
    for path, place in moves.items():
        yield Site(f"{path} is {place}", {path: None, place: experiment.files[path]})


@operator("dependencies-not-installable", 5)
def dependencies_not_installable(experiment: Experiment) -> Iterator[Site]:
    """Dependencies are a table, or have Poetry's carets, or are ranges that no version is in."""
    text = experiment.files[PYPROJECT]
    dependencies = _dependencies(experiment)
    table = "".join(f'{name} = "*"\n' for name, _ in dependencies)
    without = re.sub(r"^dependencies = \[\n.*?^\]\n", "", text, flags=re.MULTILINE | re.DOTALL)
    yield Site("a table [project.dependencies]", {PYPROJECT: f"{without}\n[project.dependencies]\n{table}"})
    poetry = f'[tool.poetry]\nname = "experiment"\nversion = "0.1.0"\n\n[tool.poetry.dependencies]\n{table}'
    yield Site("nothing but Poetry's tables", {PYPROJECT: poetry})
    for name, told in dependencies:
        version = re.search(r"[\d.]+", told)
        if version is not None:
            yield Site(f"{name} with a caret", {PYPROJECT: text.replace(told, f'"{name}^{version[0]}"', 1)})
            empty = f'"{name}>={version[0]},<{version[0]}"'
            yield Site(f"{name} in an empty range", {PYPROJECT: text.replace(told, empty, 1)})


@operator("project-table", 5)
def project_table(experiment: Experiment) -> Iterator[Site]:
    """The project table lacks what it must have, or what builds it does not exist."""
    text = experiment.files[PYPROJECT]
    for key in ("name", "version"):
        yield Site(f"no {key}", {PYPROJECT: re.sub(rf"^{key} = .*\n", "", text, count=1, flags=re.MULTILINE)})
    for version in ("^3.11", "3.11", ">=3.11, <3.11"):
        changed = re.sub(r"^requires-python = .*", f'requires-python = "{version}"', text, count=1, flags=re.MULTILINE)
        if version != "3.11":  # without an operator it is invalid as well, but some tools take it
            yield Site(f"Python {version}", {PYPROJECT: changed})
    backend = '[build-system]\nrequires = ["setuptools>=61"]\nbuild-backend = "setuptools.build_backend"\n'
    yield Site(
        "a build backend that does not exist", {PYPROJECT: text.replace("[tool.uv]\npackage = false\n", backend)}
    )


@operator("toml-not-readable", 5, breaks=True)
def toml_not_readable(experiment: Experiment) -> Iterator[Site]:
    """pyproject.toml is no TOML."""
    text = experiment.files[PYPROJECT]
    for name, told in _dependencies(experiment):
        yield Site(f"an open string at {name}", {PYPROJECT: text.replace(told, told.rstrip('"'), 1)})
    yield Site("a key twice", {PYPROJECT: re.sub(r"^(name = .*\n)", r"\1\1", text, count=1, flags=re.MULTILINE)})


@operator("dependency-missing", 5)
def dependency_missing(experiment: Experiment) -> Iterator[Site]:
    """A package that is imported, or that a model's tokenizer needs, is not declared, and nothing brings it along."""
    needed = {"sentencepiece": tuple(s.path for s in experiment.sources), **_imported(experiment)}
    text = experiment.files[PYPROJECT]
    dependencies = _dependencies(experiment)
    for name, told in dependencies:
        module = IMPORTED_AS.get(name, name.replace("-", "_"))
        if module in needed and name not in _brought_along(other for other, _ in dependencies if other != name):
            changed = re.sub(rf"^\s*{re.escape(told)},?\n", "", text, count=1, flags=re.MULTILINE)
            yield Site(name, {PYPROJECT: changed}, also=needed[module])
    for name, wrong in WRONG_NAMES.items():
        for told in (told for other, told in _dependencies(experiment) if other == name):
            yield Site(f"{name} is called {wrong}", {PYPROJECT: text.replace(told, f'"{wrong}"', 1)})


def _brought_along(names: Iterable[str]) -> set[str]:
    """Packages that these need, and that those need, as far as they are installed here."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        new = _needed_by(waiting.pop()) - found
        found |= new
        waiting += new
    return found


@functools.cache
def _needed_by(name: str) -> frozenset[str]:
    """Packages that this one asks for itself, its extras left out."""
    try:
        requirements = [Requirement(told) for told in requires(name) or ()]
    except PackageNotFoundError:
        return frozenset()
    asked = (one for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""}))
    return frozenset(one.name.lower().replace("_", "-") for one in asked)


def _imported(experiment: Experiment) -> dict[str, tuple[str, ...]]:
    """Top-level packages that are imported when a file is, by the files that import them."""
    found: dict[str, tuple[str, ...]] = {}
    for source in experiment.sources:
        for node in source.tree.body:
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                package = module.partition(".")[0]
                found[package] = tuple(dict.fromkeys((*found.get(package, ()), source.path)))
    return found


@operator("import-undeclared", 5)
def import_undeclared(experiment: Experiment) -> Iterator[Site]:
    """A file imports a package that pyproject.toml does not declare and nothing declared brings along."""
    for source in experiment.sources:
        for name in UNDECLARED:
            yield Site(f"{name} in {source.path}", {source.path: source.imported(f"import {name}")}, also=(PYPROJECT,))
