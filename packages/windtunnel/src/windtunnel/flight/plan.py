"""Which runs a flight makes and the command line of each; nothing here touches a process."""

from __future__ import annotations

import difflib
import fnmatch
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from windtunnel.contract import RUN_FOLDERS
from windtunnel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from windtunnel.flight.options import Mode

EVALUATE = "evaluate"
# names that a flight itself uses in the results folder or among the logs
RESERVED = frozenset({"comparison", "earlier", EVALUATE, "flight"})

_COMPARATIVE = re.compile(r"comparative-(\d+)(.*)")
# what Hydra's override grammar reads as itself in an unquoted value (OverrideLexer.g4: ID, and the value's punctuation)
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_/.:%?|@*+ -]*(?<! )")
_NO_TEXT = frozenset({"null", "true", "false", "nan", "inf", "infinity"})


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a flight.

    Attributes:
        name: the run id, or ``evaluate``.
        argv: the arguments, program first.
    """

    name: str
    argv: tuple[str, ...]


def list_run_ids(repository: Path) -> list[str]:
    """Return the ids of all run configurations: proposed methods first, then comparative ones by number, then others.

    Raises:
        UsageError: a run configuration has a name that a flight uses itself.
    """
    files = [path for folder in RUN_FOLDERS for path in (repository / folder).glob("*.y*ml")]
    run_ids = sorted({path.stem for path in files if path.suffix in {".yaml", ".yml"}}, key=_order)
    if taken := RESERVED.intersection(run_ids):
        raise UsageError(
            f"config/run/{min(taken)}.yaml: a flight keeps files of its own under the name {min(taken)!r}; "
            "rename the run configuration"
        )
    return run_ids


def choose_runs(run_ids: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return those of ``run_ids`` that an id or a shell glob in ``wanted`` names, in the order of ``run_ids``.

    Raises:
        UsageError: an entry of ``wanted`` matches nothing; the text lists what exists.
    """
    if not wanted:
        return list(run_ids)
    chosen: set[str] = set()
    for pattern in wanted:
        matches = [pattern] if pattern in run_ids else fnmatch.filter(run_ids, pattern)
        if not matches:
            raise UsageError(_no_such_run(pattern, run_ids))
        chosen.update(matches)
    return [run_id for run_id in run_ids if run_id in chosen]


def run_command(run_id: str, *, python: Path, results_dir: Path, mode: Mode) -> Command:
    """Return the command that makes one run, as the experiment contract writes it."""
    overrides = (f"run={hydra_value(run_id)}", f"results_dir={hydra_value(str(results_dir))}", f"mode={mode}")
    return Command(run_id, (str(python), "-u", "-m", "src.main", *overrides))


def evaluate_command(run_ids: Sequence[str], *, python: Path, results_dir: Path) -> Command:
    """Return the command that compares runs; its arguments are plain ``key=value``, not Hydra overrides."""
    arguments = (f"results_dir={results_dir}", f"run_ids={json.dumps(list(run_ids))}")
    return Command(EVALUATE, (str(python), "-m", "src.evaluate", *arguments))


def hydra_value(text: str) -> str:
    r"""Write ``text`` so that Hydra's override grammar reads it as this string and OmegaConf resolves nothing in it.

    A value is quoted only if it has to be. Within quotes, Hydra unescapes a quote and the backslashes right before
    a quote; OmegaConf takes ``\${`` for a literal ``${``.

    Args:
        text: any string without control characters.
    """
    if _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    literal = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", literal)
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return f"'{escaped}{chr(92) * trailing}'"


def _order(run_id: str) -> tuple[int, int, str]:
    if run_id.startswith("proposed"):
        return 0, 0, run_id
    if match := _COMPARATIVE.fullmatch(run_id):
        return 1, int(match[1]), match[2]
    return 2, 0, run_id


def _no_such_run(pattern: str, run_ids: Sequence[str]) -> str:
    lines = [f"--run {pattern!r} matches no run configuration."]
    if close := difflib.get_close_matches(pattern, run_ids, n=3, cutoff=0.6):
        lines.append(f"Did you mean {' or '.join(close)}?")
    lines.append("There are:")
    return " ".join(lines) + "".join(f"\n  {run_id}" for run_id in run_ids)
