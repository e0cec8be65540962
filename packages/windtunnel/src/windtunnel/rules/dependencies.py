"""pyproject.toml: whether it installs, and whether it declares what the code needs (criterion 5)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar

from packaging.utils import canonicalize_name

from windtunnel.findings import Severity
from windtunnel.knowledge.distributions import (
    RUNTIME_NEEDS,
    distribution_of,
    is_standard_library,
    known,
    modules_of,
    provided_by,
)
from windtunnel.reading.nodes import walk
from windtunnel.reading.remembered import remembered
from windtunnel.requirements import declared
from windtunnel.rules.base import Doc, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.reading.python import Source
    from windtunnel.repo import Repo


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
            names = imported_names(source)
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
        for name, requirement in declared(pyproject).items():
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


def declared_names(repo: Repo) -> set[str] | None:
    """The distributions that the file means to declare, in whatever form; None if there is nothing to go by."""
    pyproject = repo.pyproject
    found = set(declared(pyproject))
    for keys in (("project", "dependencies"), ("tool", "poetry", "dependencies")):
        table = pyproject.get(*keys)
        if isinstance(table, dict):
            found |= {canonicalize_name(str(name)) for name in table}
    listed = pyproject.get("project", "dependencies")
    for text in listed if isinstance(listed, list) else ():
        match = re.match(r"\s*([A-Za-z0-9._-]+)", str(text))
        if match:
            found.add(canonicalize_name(match.group(1)))
    return found or None


def _imports(repo: Repo) -> dict[str, tuple[Source, ast.AST, bool]]:
    """Every top-level module that is imported, where first, and whether inside a ``try`` that catches ImportError."""
    found: dict[str, tuple[Source, ast.AST, bool]] = {}
    for source in repo.sources.values():
        for top, node, guarded in _imports_of(source):
            if top not in found or (found[top][2] and not guarded):
                found[top] = (source, node, guarded)
    return found


@remembered
def _imports_of(source: Source) -> tuple[tuple[str, ast.AST, bool], ...]:
    statements = [node for node in source.nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    guarded = {
        id(inner)
        for node in source.nodes
        if isinstance(node, ast.Try) and node.handlers
        for statement in node.body
        for inner in walk(statement)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    }
    found: list[tuple[str, ast.AST, bool]] = []
    for node in statements:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [node.module] if node.module and not node.level else []
        found += [(name.split(".")[0], node, id(node) in guarded) for name in names]
    return tuple(found)


def imported_names(source: Source) -> dict[str, str]:
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


def dotted_name(node: ast.expr, names: dict[str, str]) -> str:
    """What names with dots between them stand for, from the library on; only the attributes of anything else."""
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
    name = dotted_name(node.func, names)
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
