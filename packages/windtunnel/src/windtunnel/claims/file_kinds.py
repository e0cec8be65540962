"""Claims about files: whether they are there, may be there, can be read, and are one file too many."""

from __future__ import annotations

import ast
import platform
import re
from typing import TYPE_CHECKING

from windtunnel.claims.kind import Kind, told
from windtunnel.contract import REQUIRED_FILES, RUN_FOLDERS
from windtunnel.findings import Place
from windtunnel.submission.document import FILES

if TYPE_CHECKING:
    from windtunnel.claims.case import Case
    from windtunnel.claims.ruling import Ruling
    from windtunnel.claims.sentences import Sentence

_LANGUAGES = {"yaml": (".yaml", ".yml"), "toml": (".toml",), "python": (".py",)}
_SEVEN = "the contract has exactly seven files"


def _syntax(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    named = [path for path in sentence.files if path in case.files]
    if sentence.files and not named:
        return None  # the file is not there at all, which is another claim
    endings = tuple(
        ending for word, endings in _LANGUAGES.items() if sentence.says(rf"\b{word}\b") for ending in endings
    )
    paths = named or sorted(path for path in case.files if path.endswith(endings or (".py", ".yaml", ".yml", ".toml")))
    broken = [error for error in case.repo.unreadable if error.path in paths]
    if broken:
        first = broken[0]
        return kind.confirmed(
            f"{first.path} cannot be read: {first.message}",
            case.findings(("FIL005",), [first.path]),
            [Place(first.path, first.line, first.column)],
        )
    unread = [path for path in paths if case.repo.submission.text(path) is None]
    if unread:
        return kind.undecidable(f"{unread[0]} was not read as text")
    python = [path for path in paths if path.endswith(".py") and not _parses(case.repo.submission.text(path) or "")]
    if python:  # the rules read a file of every Python that they know; this interpreter may be older
        return kind.undecidable(f"Python {platform.python_version()} does not parse {python[0]}, and the rules do")
    what = ", ".join(paths) if named else f"each of {len(paths)} files"
    return kind.refuted(f"{what} parses (Python {platform.python_version()} and the rules' own readers)")


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _init_file(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    present = sorted(path for path in case.files if path.endswith("__init__.py"))
    if sentence.says(r"(must|should|may|is|are)\s+not\b|\bremove|\bforbid|not\s+allowed|\bextra|\badditional"):
        if present:
            return kind.confirmed(
                f"{present[0]} is there, and {_SEVEN}", case.findings(("FIL003",), present), [Place(present[0])]
            )
        return kind.refuted(f"there is no __init__.py; the files are {_listed(case)}")
    if present and sentence.says(r"\b(missing|absent|lack\w*|no|not)\b"):
        return kind.refuted(f"{present[0]} is there", [Place(present[0])])
    if present:
        return kind.undecidable(f"{present[0]} is there; that it is one file too many is another claim")
    return kind.refuted(
        f"{_SEVEN}, and an __init__.py is none of them; without one, src is a namespace package, and `python -m "
        "src.main` finds its modules, by absolute and by relative imports"
    )


def _missing_file(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    named = [path for path in sentence.files if not path.endswith("__init__.py")]
    if not named:
        return None
    absent = [
        path for path in named if path not in case.files and not any(one.endswith(f"/{path}") for one in case.files)
    ]
    if not absent:
        sizes = ", ".join(f"{path} ({_lines(case, path)} lines)" for path in named)
        return kind.refuted(f"there: {sizes}", [Place(path) for path in named if path in case.files])
    required = [path for path in absent if path in REQUIRED_FILES]
    if required:
        return kind.confirmed(
            f"{required[0]} is not among the files", case.findings(("FIL001",), required), [Place(required[0])]
        )
    if any(path.startswith(RUN_FOLDERS) for path in absent):
        return kind.refuted("run configurations are provided separately (criterion 7)")
    stem = absent[0].rpartition("/")[2].rpartition(".")[0]
    wanted = [one for one in case.findings(("ART001", "FIL008")) if re.search(rf"\b{re.escape(stem)}\b", one.message)]
    if wanted:
        return kind.confirmed(told(wanted), wanted)
    return kind.refuted(f"{absent[0]} is not there and need not be: {_SEVEN}, and nothing reads it")


def _extra_file(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    extra = case.findings(("FIL003", "FIL004"))
    if sentence.files:
        named = [path for path in sentence.files if path not in REQUIRED_FILES]
        there = [path for path in named if path in case.files and not path.startswith(RUN_FOLDERS)]
        if there:
            return kind.confirmed(
                f"{there[0]} is there, and {_SEVEN}", case.findings(("FIL003", "FIL004"), there), [Place(there[0])]
            )
        if named:
            return kind.refuted(f"{named[0]} is not among the files, which are {_listed(case)}")
    if extra:
        return kind.confirmed(told(extra), extra)
    silent = case.silent(("FIL003", "FIL004"))
    if silent:
        return kind.undecidable(f"{', '.join(silent)} came to no end")
    return kind.refuted(f"there is no other file: the files are {_listed(case)}")


def _empty_file(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    named = [path for path in sentence.files if path in case.files]
    if not named:
        return None
    empty = case.findings(("FIL002",), named)
    if empty:
        return kind.confirmed(told(empty), empty)
    if sentence.says(r"truncated|cut\s+off"):
        broken = case.findings(("FIL005",), named)
        if broken:
            return kind.confirmed(told(broken), broken)
    return kind.refuted(", ".join(f"{path} has {_lines(case, path)} lines and is read to its end" for path in named))


def _duplicate(kind: Kind, _: Sentence, case: Case) -> Ruling | None:
    return kind.refuted(
        f"as a blocker: {_SEVEN}, of which helpers that stand in two of them are none, and the files are "
        f"{_listed(case)}; whether to share them is a matter of taste"
    )


def _requirement(kind: Kind, _: Sentence, case: Case) -> Ruling | None:
    found = case.findings(("FIL001", "FIL003"))
    if found:
        return kind.confirmed(f"it is not so: {told(found)}", found)
    silent = case.silent(("FIL001", "FIL003"))
    if silent:
        return kind.undecidable(f"{', '.join(silent)} came to no end")
    return kind.refuted(f"as a blocker: it is so, there is no other file: the files are {_listed(case)}")


def _field_names(kind: Kind, _: Sentence, case: Case) -> Ruling | None:
    if case.repo.submission.kind != "json":
        return kind.refuted(f"the files are {_listed(case)}; {', '.join(FILES)} are the fields of a submission in JSON")
    return kind.refuted(
        f"{', '.join(FILES)} are the fields in which the submission is handed in, and stand for "
        f"{', '.join(FILES.values())}"
    )


def _listed(case: Case) -> str:
    runs = [path for path in case.files if path.startswith(RUN_FOLDERS)]
    others = sorted(case.files - set(runs))
    if others == sorted(REQUIRED_FILES):
        return "exactly the seven" + (f" and {len(runs)} run configurations" if runs else "")
    return ", ".join(others[:12]) + (f" and {len(others) - 12} more" if len(others) > 12 else "")


def _lines(case: Case, path: str) -> int:
    return len((case.repo.submission.text(path) or "").splitlines())


# the contract's own words, given as a reason
REQUIREMENT = Kind("required-files-only", "the list of files, FIL001, FIL003", _requirement)
FILE_KINDS = (
    Kind("syntax-error", "the readers of Python, YAML and TOML, FIL005", _syntax),
    Kind("init-file", "the contract's list of files, how Python finds namespace packages, FIL003", _init_file),
    Kind("missing-file", "the list of files, FIL001, FIL008, ART001", _missing_file),
    Kind("empty-file", "the sizes of the files, FIL002, FIL005", _empty_file),
    Kind("duplicate-code", "the list of files: helpers that stand twice are no further file", _duplicate),
    Kind("extra-file", "the list of files, FIL003, FIL004", _extra_file),
    Kind("field-names", "the fields of a submission in JSON, which are no file names", _field_names),
)
