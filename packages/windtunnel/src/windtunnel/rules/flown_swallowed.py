"""Exceptions of a flight that the repository handled and went on (criteria 3 and 12)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from windtunnel.findings import Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_processes import line_at, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import Swallowed
    from windtunnel.findings import Finding, Place
    from windtunnel.repo import Repo

# what code asks by trying
_ORDINARY = frozenset(
    {
        "ImportError", "ModuleNotFoundError", "KeyError", "AttributeError", "IndexError", "FileNotFoundError",
        "FileExistsError", "NotADirectoryError", "StopIteration", "KeyboardInterrupt", "SystemExit", "TrialPruned",
        "ConfigAttributeError", "ConfigKeyError", "PackageNotFoundError", "EntryNotFoundError",
        "LocalEntryNotFoundError", "Empty", "CancelledError", "ProcessLookupError"
    }
)  # fmt: skip
_TRAINING = re.compile(r"\.backward\(|\boptim\w*\.step\(|\bscaler\.step\(|\.train\(\s*\)\s*$|trainer\.train\(")
_LOADING = re.compile(r"\bload_dataset\(|\.from_pretrained\(")
_FROM_CACHE = re.compile(r"local_files_only|load_from_disk|cache")
_LOGGING = re.compile(r"\bwandb\.(init|log|summary|save|finish)\b")
# a handler of exceptions that it names, and not of all there are
_NAMED = re.compile(r"^\s*(except\s+|with\s+.*\bsuppress\()(?!.*\b(Base)?Exception\b)")


class FLY090(Rule):
    """An exception is swallowed."""

    name = "swallowed-exception"
    criterion = 12
    source = "flight"
    severity = Severity.WARNING
    doc = Doc(
        what="Exceptions that were raised during the flight and that code of the repository handled without raising "
        "them again. They are a blocker where a backward pass or an optimizer step raised them, where loading a model "
        "or dataset did and the handler loads nothing else, or where W&B did in a full run.",
        why="The run goes on without what failed, and ends with exit code 0: what it reports is something else.",
        example="try:\n    rows = load_dataset(name)\nexcept Exception:\n    rows = [invented() for _ in range(9)]",
        instead="rows = load_dataset(name)",
        limits="Exceptions by which code asks whether something is there (ImportError, KeyError) are left alone.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        watched = False
        for flight in repo.flown():
            for command in flight.commands:
                if command.status == "interrupted":  # from outside: its connections broke under it
                    continue
                for process in command.processes:
                    watched = watched or "exceptions" in process.watched
                    for seen in process.swallowed:
                        at, raised = place_of(seen.handled), place_of(seen.raised, "")
                        if not seen.count or not at.path.startswith("src/"):
                            continue
                        severity = _weight(repo, seen, at, raised, full=flight.mode == "full")
                        if severity is None:
                            continue
                        line = line_at(repo, raised)
                        yield self.finding(
                            f"{seen.exception.rpartition('.')[2]} was handled and not raised again: {seen.message}",
                            at,
                            evidence=line or line_at(repo, at),
                            fix="let the exception end the run, or handle only what is expected and named",
                            severity=severity,
                            related=(raised,) if line and raised != at else (),
                            runs=(command.name,) if command.name in flight.run_ids else (),
                            modes=(flight.mode,),
                        )
        if not watched:
            raise Skip("not exercised: the observer watched no exceptions")


def _weight(repo: Repo, seen: Swallowed, at: Place, raised: Place, *, full: bool) -> Severity | None:
    """How much an exception weighs, None if it is one of the ordinary."""
    line = line_at(repo, raised)
    module, _, name = seen.exception.rpartition(".")
    ordinary = name in _ORDINARY or module.split(".")[0] in repo.program_tops  # its own exceptions steer its own code
    if _TRAINING.search(line):
        return Severity.BLOCKER
    if _LOADING.search(line) and not _FROM_CACHE.search(line):
        return Severity.WARNING if _goes_on_loading(repo, at) else Severity.BLOCKER
    if _LOGGING.search(line) and not ordinary:
        return Severity.BLOCKER if full and at.path != "src/evaluate.py" else Severity.WARNING
    return None if ordinary or _NAMED.search(line_at(repo, at)) else Severity.WARNING


def _goes_on_loading(repo: Repo, handled: Place) -> bool:
    """Whether what follows in or after the handler loads once more; True where the handler is not found."""
    source = repo.sources.get(handled.path)
    tries = [
        (node, handler)
        for node in (source.nodes if source is not None else ())
        if isinstance(node, ast.Try)
        for handler in node.handlers
        if handler.lineno <= handled.line <= (handler.end_lineno or handler.lineno)
    ]
    if source is None or not tries:
        return True
    # the innermost; a loop around it may try the next of several names
    node, handler = max(tries, key=lambda found: found[1].lineno)
    in_loop = any(
        isinstance(loop, (ast.For, ast.While)) and loop.lineno < node.lineno <= (loop.end_lineno or 0)
        for loop in source.nodes
    )
    lines = source.lines[handler.lineno - 1 : handler.end_lineno]
    after = source.lines[node.end_lineno or 0 : (node.end_lineno or 0) + 10]
    text = "\n".join((*lines, *after))
    return in_loop or bool(_LOADING.search(text)) or any(f"{name}(" in text for name in _loaders(repo))


def _loaders(repo: Repo) -> Iterator[str]:
    """The functions of the repository that load models or data."""
    for source in repo.sources.values():
        for node in source.nodes:
            if isinstance(node, ast.FunctionDef) and _LOADING.search(
                "\n".join(source.lines[node.lineno - 1 : node.end_lineno])
            ):
                yield node.name
