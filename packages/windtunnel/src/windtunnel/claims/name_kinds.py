"""Claims about names: functions and keywords of libraries, imports, declared distributions, undefined names."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from windtunnel.claims.kind import Kind, told
from windtunnel.claims.ruling import Ruling, Status
from windtunnel.knowledge.distributions import distribution_of, is_standard_library
from windtunnel.knowledge.symbols import Missing, Symbol
from windtunnel.rules.base import Skip
from windtunnel.rules.dependencies import declared_names, dotted_name, imported_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.claims.case import Case
    from windtunnel.claims.sentences import Sentence
    from windtunnel.findings import Finding

_KEYWORD = re.compile(
    r"\b(?:keyword|argument|parameter|kwarg)s?\s+[`'\"]([A-Za-z_]\w*)=?[`'\"]|[`'\"]([A-Za-z_]\w*)=?[`'\"]?\s+"
    r"(?:keyword|argument|parameter|kwarg)|\b([a-z_]\w*)=(?!=)",
)


def _unknown_name(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    """That a function, class or attribute is not there."""
    names = [name for name in _names(sentence, case) if name not in {"cfg", "config", "True", "False", "None", "self"}]
    codes = ("API001", "CMP003", "CMP004", "FIL008")
    wrong = [finding for name in names for finding in _naming(case, codes, name)]
    if wrong:
        return kind.confirmed(told(wrong), wrong)
    rulings = [_one_name(kind, name, case) for name in names]
    undecided = [ruling for ruling in rulings if ruling.status is Status.UNDECIDABLE]
    confirmed = [ruling for ruling in rulings if ruling.status is Status.CONFIRMED]
    return next(iter([*confirmed, *undecided, *rulings]), None)


def _one_name(kind: Kind, name: str, case: Case) -> Ruling:
    if _is_library(case, name):
        return _library_name(kind, name, case)
    if "." in name:
        return kind.undecidable(f"no table has {name}, and no rule found it wrong")
    where = _definition(case, name)
    if where is not None:
        return kind.refuted(f"{name!r} is defined in {where[0]}, line {where[1]}")
    if not _stands_in_code(case, name):
        return kind.refuted(f"as a defect: nothing in the code is called {name!r}")
    return kind.undecidable(f"no rule found {name!r} wrong")


def _library_name(kind: Kind, name: str, case: Case) -> Ruling:
    full = _full(case, name)
    found = case.repo.signatures.find(full)
    if isinstance(found, Missing):
        if not _is_asked_for(case, full):
            return kind.refuted(f"as a defect: nothing in the code asks {found.parent.name} for {found.name!r}")
        return kind.confirmed(f"{found.parent.name} has no {found.name!r} in {_version(case, full)}")
    if isinstance(found, Symbol):
        return kind.refuted(f"{full} is there in {_version(case, full)}: a {found.kind}")
    return kind.undecidable(f"no table of {full.partition('.')[0]} has {full}")


def _unknown_keyword(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    """That a function does not take an argument."""
    words = [word for match in _KEYWORD.finditer(sentence.text) if (word := match[1] or match[2] or match[3])]
    names = _names(sentence, case)
    for word in words:
        wrong = [
            one for one in _naming(case, ("API002", "CMP004"), word) if any(_is_named(one, name) for name in names)
        ]
        if wrong:
            return kind.confirmed(told(wrong), wrong)
    for name in names:
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
    return kind.undecidable("no rule found the call wrong, which does not settle it") if words and names else None


def _missing_import(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    if sentence.says(r"\b(not|un)[- ]?declar|\bdependenc|pyproject|__init__"):
        return None  # of another kind
    named = [path for path in sentence.files if path in case.files]
    codes = ("FIL008", "PRC001", "CMP003", "DEP003")
    broken = case.findings(codes, named)
    words = {part for word in re.findall(r"[A-Za-z_][\w.]*", sentence.text) for part in (word, word.rpartition(".")[2])}
    about = [one for one in broken if any(_is_named(one, word) for word in words if _is_identifier(word))]
    if about:
        return kind.confirmed(told(about), about)
    child = case.findings(("PRC001",))
    if child and sentence.says(r"-m\s+src\.|src\.train|\bchild|subprocess|outputs?/|working\s+director|ModuleNotFound"):
        return kind.confirmed(told(child), child)
    silent = case.silent(codes)
    if silent:
        return kind.undecidable(f"{silent[0]} could not come to an end")
    if case.findings(codes):
        return kind.undecidable("an import of the submission fails, though none that the sentence names")
    return kind.refuted(
        "every module and name of the submission that is imported is there, and is found (FIL008, PRC001)"
    )


def _undeclared(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    try:
        declared = declared_names(case.repo)
    except Skip as skip:
        return kind.undecidable(str(skip))
    if declared is None:
        return kind.undecidable("pyproject.toml declares nothing that can be read")
    words = dict.fromkeys(re.findall(r"(?<![\w.])[A-Za-z][\w-]*(?![\w.]*\w\.)", _without_dotted(sentence.masked)))
    lacking = case.findings(("DEP003", "DEP004", "DEP009"))
    found = [one for one in lacking if {canonicalize_name(word) for word in words} & _lacks(one)]
    if found:
        return kind.confirmed(told(found), found)
    imported = {module for source in case.repo.sources.values() for module in _tops(source.tree)}
    quoted = {text.partition(".")[0] for text in sentence.quoted}
    meant = [
        word for word in words
        if word in imported or canonicalize_name(word) in declared or (word in quoted and distribution_of(word))
    ]  # fmt: skip
    meant = [word for word in meant if not is_standard_library(word) and word not in case.repo.program_tops]
    open_ = [word for word in meant if not set(_distributions(word)) & declared]
    if not meant or case.silent(("DEP003",)):
        return kind.undecidable("it names no distribution that is imported or declared") if not meant else None
    if not open_:
        return kind.refuted(f"pyproject.toml declares {', '.join(meant)}")
    unused = [word for word in open_ if word not in imported]
    if len(unused) == len(open_):
        return kind.undecidable(f"nothing imports {', '.join(unused)}, and DEP004 knows no need of it")
    return kind.undecidable("whether another dependency brings it is not known")


def _lacks(finding: Finding) -> set[str]:
    """The modules and distributions that a finding says are not declared."""
    said = re.findall(r"'([\w.-]+)' is imported|needs?\s+([\w-]+)|([\w-]+) is not declared", finding.message)
    return {canonicalize_name(word) for words in said for word in words if word}


def _distributions(word: str) -> tuple[str, ...]:
    return (*distribution_of(word), canonicalize_name(word))


def _without_dotted(text: str) -> str:
    return re.sub(r"\b[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", " ", text)


def _is_identifier(word: str) -> bool:
    return len(word) > 3 and bool(re.search(r"[_0-9]|[a-z][A-Z]", word))


def _is_named(finding: Finding, name: str) -> bool:
    last = name.rpartition(".")[2]
    return re.search(rf"(?<!\w){re.escape(last)}(?!\w)", f"{finding.message} {finding.evidence}") is not None


def _naming(case: Case, codes: tuple[str, ...], name: str) -> tuple[Finding, ...]:
    """What some rules found wrong with a name: by its last part, and by its whole if it has several.

    A bare name is not one that stands before a dot: of `OmegaConf.deepcopy` it is `deepcopy` that is not there.
    """
    parent, _, own = name.rpartition(".")
    last = re.compile(rf"(?<!\w){re.escape(own)}(?![\w.])")
    found = [finding for finding in case.findings(codes) if last.search(f"{finding.message} {finding.fix}")]
    imported = {root for source in case.repo.sources.values() for root in imported_names(source)}
    if parent:
        above = re.compile(rf"(?<!\w){re.escape(parent.rpartition('.')[2])}(?!\w)")
        is_library = parent.partition(".")[0] in imported
        found = [one for one in found if above.search(one.message) or not (is_library or one.code == "API001")]
    return tuple(found)


def _names(sentence: Sentence, case: Case) -> tuple[str, ...]:
    """What a sentence names in code, words that the code has imported as names included."""
    imported = {name for source in case.repo.sources.values() for name in imported_names(source)}
    dotted = _without_dotted(sentence.text)
    words = [
        word
        for word in re.findall(r"[A-Za-z_]\w*", dotted)
        if _is_identifier(word) or (word in imported and not word.islower())
    ]
    kept = [
        name for name in (*sentence.names, *words) if not name.endswith("Error") and f"{name}." not in sentence.text
    ]
    return tuple(dict.fromkeys(kept))


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
        _undeclared,
    ),
    Kind("missing-import", "the modules and names of the submission, FIL008, PRC001, DEP003", _missing_import),
    Kind("unknown-keyword", "the signature tables of libraries, API002, CMP004", _unknown_keyword),
    Kind("unknown-name", "the signature tables of libraries, API001, CMP003, CMP004, FIL008", _unknown_name),
)
