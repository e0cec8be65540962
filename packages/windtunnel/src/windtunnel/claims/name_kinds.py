"""Claims about names: functions and keywords of libraries, imports, declared distributions, undefined names."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from windtunnel.claims.kind import Kind, told
from windtunnel.knowledge.distributions import distribution_of, is_standard_library
from windtunnel.knowledge.symbols import Missing, Symbol
from windtunnel.rules.base import Skip
from windtunnel.rules.dependencies import declared_names, dotted_name, imported_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.claims.case import Case
    from windtunnel.claims.ruling import Ruling
    from windtunnel.claims.sentences import Sentence
    from windtunnel.findings import Finding

_KEYWORD = re.compile(
    r"\b(?:keyword|argument|parameter|kwarg)s?\s+[`'\"]?([A-Za-z_]\w*)|[`'\"]([A-Za-z_]\w*)=?[`'\"]?\s+"
    r"(?:keyword|argument|parameter|kwarg)|\b([a-z_]\w*)=",
)


def _unknown_name(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    keyword = _unknown_keyword(kind, sentence, case)
    if keyword is not None:
        return keyword
    names = [name for name in _names(sentence, case) if name not in {"cfg", "config", "True", "False", "None"}]
    undefined = [finding for name in names for finding in _naming(case, ("API001", "CMP003"), name)]
    if undefined:
        return kind.confirmed(told(undefined), undefined)
    known = [name for name in names if _is_library(case, name)]
    if known:
        return _library_name(kind, known[0], case)
    for name in names:
        last = name.rpartition(".")[2]
        if "." not in name and not _stands_in_code(case, last):
            return kind.refuted(f"nothing in the code is called {last!r}")
        if "." not in name and (where := _definition(case, last)) is not None:
            path, line = where
            return kind.refuted(f"{last!r} is defined in {path}, line {line}")
    return kind.undecidable("no table has what it names, and no rule found it wrong") if names else None


def _library_name(kind: Kind, name: str, case: Case) -> Ruling:
    full = _full(case, name)
    found = case.repo.signatures.find(full)
    if isinstance(found, Missing):
        if not _is_asked_for(case, full):
            return kind.refuted(
                f"{found.parent.name} has no {found.name!r} indeed, and nothing in the code asks for it"
            )
        return kind.confirmed(f"{found.parent.name} has no {found.name!r} in {_version(case, full)}")
    if isinstance(found, Symbol):
        return kind.refuted(f"{full} is there in {_version(case, full)}: a {found.kind}")
    return kind.undecidable(f"no table of {full.partition('.')[0]} has {full}")


def _unknown_keyword(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    if not sentence.says(r"\b(keyword|argument|parameter|kwarg)s?\b"):
        return None
    words = [word for match in _KEYWORD.finditer(sentence.text) if (word := match[1] or match[2] or match[3])]
    for word in words:
        wrong = _naming(case, ("API002",), word)
        if wrong:
            return kind.confirmed(told(wrong), wrong)
    for name in _names(sentence, case):
        found = case.repo.signatures.find(_full(case, name)) if _is_library(case, name) else None
        if isinstance(found, Symbol) and found.signatures:
            for word in words:
                if word in name.split("."):
                    continue
                if not _is_passed(case, name.rpartition(".")[2], word):
                    return kind.refuted(f"no call of {name} in the code has the keyword {word!r}")
                wrong_call = found.bind(None, [word])
                if wrong_call:
                    return kind.confirmed(f"{name} in {_version(case, name)}: {wrong_call[0]}")
                return kind.refuted(f"{name} takes {word!r} in {_version(case, name)}")
    return None


def _missing_import(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    if sentence.says(r"\b(not|un)[- ]?declar|\bdependenc|pyproject|__init__"):
        return None  # of another kind
    named = [path for path in sentence.files if path in case.files]
    broken = case.findings(("FIL008", "CMP003", "DEP003"), named)
    mentioned = [
        finding for finding in broken if any(name.rpartition(".")[2] in finding.message for name in sentence.names)
    ]
    if mentioned or (broken and not sentence.names):
        return kind.confirmed(told(mentioned or broken), mentioned or broken)
    silent = case.silent(("FIL008",))
    if silent:
        return kind.undecidable("FIL008 could not come to an end")
    if sentence.says(r"\brelative\s+import|\babsolute\s+import|\bpackage\b"):
        return kind.refuted(
            "every module of the submission that is imported is there, and `python -m src.main` finds it"
        )
    if case.findings(("FIL008",)):
        return kind.undecidable("an import of the submission fails, though none that the sentence names")
    return kind.refuted("every module and name of the submission that is imported is there (FIL008)")


def _undeclared(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    try:
        declared = declared_names(case.repo)
    except Skip as skip:
        return kind.undecidable(str(skip))
    if declared is None:
        return kind.undecidable("pyproject.toml declares nothing that can be read")
    imported = {module for source in case.repo.sources.values() for module in _tops(source.tree)}
    quoted = {text.partition(".")[0] for text in sentence.quoted}
    words = dict.fromkeys(re.findall(r"[A-Za-z][\w-]*", sentence.text))
    meant = [
        word for word in words
        if word in imported or canonicalize_name(word) in declared or (word in quoted and distribution_of(word))
    ]  # fmt: skip
    meant = [word for word in meant if not is_standard_library(word) and word not in case.repo.program_tops]
    for word in meant:
        found = _naming(case, ("DEP003", "DEP004", "DEP009"), word)
        if found:
            return kind.confirmed(told(found), found)
    for word in meant:
        names = distribution_of(word) or (canonicalize_name(word),)
        if set(names) & declared:
            return kind.refuted(f"pyproject.toml declares {next(name for name in names if name in declared)}")
        if word not in imported:
            return kind.refuted(f"nothing imports {word}")
    wrong = case.findings(("DEP003", "DEP004", "DEP009"))
    if wrong and not meant:
        return kind.confirmed(told(wrong), wrong)
    if not meant and not case.silent(("DEP003", "DEP004")):
        return kind.refuted("every distribution that is imported or needed is declared (DEP003, DEP004)")
    return kind.undecidable("whether another dependency brings it is not known") if meant else None


def _naming(case: Case, codes: tuple[str, ...], name: str) -> tuple[Finding, ...]:
    """What some rules found that names a name, by its last part."""
    last = re.compile(rf"(?<!\w){re.escape(name.rpartition('.')[2])}(?!\w)")
    return tuple(finding for finding in case.findings(codes) if last.search(finding.message + " " + finding.fix))


def _names(sentence: Sentence, case: Case) -> tuple[str, ...]:
    """What a sentence names in code, words that the code has imported as names included."""
    imported = {name for source in case.repo.sources.values() for name in imported_names(source)}
    words = [word for word in re.findall(r"[A-Za-z_]\w*", sentence.text) if word in imported and not word.islower()]
    return tuple(dict.fromkeys([*sentence.names, *words]))


def _is_asked_for(case: Case, full: str) -> bool:
    """Whether the code has this name of a library."""
    return any(
        isinstance(node, ast.Attribute | ast.Name) and dotted_name(node, names) == full
        for source in case.repo.sources.values()
        for names in [imported_names(source)]
        for node in source.nodes
    )


def _tops(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _full(case: Case, name: str) -> str:
    """A name as the code writes it, from its library on."""
    root, dot, rest = name.partition(".")
    for source in case.repo.sources.values():
        known = imported_names(source)
        if root in known:
            return known[root] + dot + rest
    return name


def _is_library(case: Case, name: str) -> bool:
    return _full(case, name).partition(".")[0] in case.repo.signatures.libraries


def _version(case: Case, name: str) -> str:
    library = _full(case, name).partition(".")[0]
    return f"{library} {case.repo.signatures.version(library) or '(no version that counts)'}"


def _stands_in_code(case: Case, name: str) -> bool:
    whole = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return any(whole.search(case.repo.submission.text(path) or "") for path in case.repo.sources)


def _is_passed(case: Case, callee: str, keyword: str) -> bool:
    """Whether a call of something of this name has the keyword, or one that is not known."""
    calls = (node for source in case.repo.sources.values() for node in source.nodes if isinstance(node, ast.Call))
    return any(
        name == callee and any(given.arg in {keyword, None} for given in call.keywords)
        for call in calls
        for name in [getattr(call.func, "attr", getattr(call.func, "id", ""))]
    )


def _definition(case: Case, name: str) -> tuple[str, int] | None:
    for path, source in case.repo.sources.items():
        for node in source.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name:
                return path, node.lineno
    return None


NAME_KINDS = (
    Kind(
        "undeclared-dependency",
        "pyproject.toml, which distribution has which module, DEP003, DEP004, DEP009",
        r"\b(un|not\s+)declared\b|\bmissing\s+(\w+\s+){0,2}dependenc|\bdependenc\w+\b[^.;]*\b(missing|absent|not\s+"
        r"(listed|included|specified|declared))|\bnot\s+(listed|included|specified)\s+(in|among)\b[^.;]*(pyproject|⟦F⟧|"
        r"dependenc)|\b(add|declare)\b[^.;]*\b(pyproject|dependenc)",
        _undeclared,
    ),
    Kind(
        "missing-import",
        "the modules and names of the submission, FIL008",
        r"\b(ImportError|ModuleNotFoundError)\b|\b(relative|absolute)\s+imports?\b|\bcannot\s+(be\s+)?import|"
        r"\bimports?\b[^.;]*\b(non-?exist\w*|does\s+not\s+exist|fails?|missing\s+module|break)",
        _missing_import,
    ),
    Kind(
        "unknown-name",
        "the signature tables of libraries, API001, API002, CMP003",
        r"\b(does|do)\s+not\s+(exist|have|accept|take|support)\b|\bno\s+(such\s+)?(attribute|function|method|class|argument|"
        r"keyword|parameter)|\bundefined\b|\bnot\s+(defined|a\s+valid|an?\s+attribute)|\bAttributeError\b|\bNameError\b|"
        r"\bTypeError\b|\b(unexpected|unknown|invalid|unsupported)\s+(keyword|argument|parameter|function|method|attribute)|"
        r"\bremoved\s+(in|from)\b",
        _unknown_name,
    ),
)
