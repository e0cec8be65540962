"""What the experiment was to be: hypothesis, method, design and run configurations, from a file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from windtunnel.errors import UsageError
from windtunnel.submission.document import context_of
from windtunnel.submission.model import Context, RunConfig

if TYPE_CHECKING:
    from pathlib import Path

    from windtunnel.submission import Submission

KEYS = ("hypothesis", "method", "experimental_design", "experiment_runs")
MOST_BYTES = 5_000_000
_SAFE_ID = re.compile(r"[\w.@=+-]{1,200}", re.ASCII)


def read_context(path: Path) -> tuple[Context, tuple[RunConfig, ...]]:
    """Read a context: JSON with the keys of `KEYS`, or Markdown with the headings of a review document.

    Raises:
        UsageError: it cannot be read, or says nothing of a hypothesis, a method or a design.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"--context {path} cannot be read: {error.strerror}; give a file") from error
    if len(data) > MOST_BYTES:
        raise UsageError(f"--context {path} has more than {MOST_BYTES} bytes; give hypothesis, method and design alone")
    text = data.decode("utf-8-sig", errors="replace")
    if text.lstrip().startswith("{"):
        return _from_json(text, path)
    context, runs = context_of(text)
    if not (context.hypothesis or context.method or context.design):
        raise UsageError(
            f"--context {path} has none of the headings '# Hypothesis', '# Current Research Method' and '# "
            "Experimental "
            f"Design', and is no JSON with {', '.join(KEYS)}"
        )
    return context, runs


def with_context(submission: Submission, context: Context, runs: tuple[RunConfig, ...]) -> Submission:
    """The submission with a context; what that leaves out stays its own, and so do its runs if it has any."""
    own = submission.context or Context()
    merged = Context(context.hypothesis or own.hypothesis, context.method or own.method, context.design or own.design)
    return replace(submission, context=merged, runs=submission.runs or runs)


def require_context(submission: Submission) -> None:
    """Refuse to ask what is to be held against a description where there is none.

    Raises:
        UsageError: there is neither a hypothesis nor a method nor a design.
    """
    if not says_something(submission.context):
        raise UsageError("--context is missing: give a file with hypothesis, method and experimental design")


def says_something(context: Context | None) -> bool:
    """Whether there is a hypothesis, a method or a design."""
    return context is not None and any(text.strip() for text in (context.hypothesis, context.method, context.design))


def _from_json(text: str, path: Path) -> tuple[Context, tuple[RunConfig, ...]]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--context {path}: not JSON: {str(error)[:200]}") from error
    unknown = sorted(data.keys() - set(KEYS)) if isinstance(data, dict) else []
    if not isinstance(data, dict) or unknown or not set(data) & set(KEYS[:3]):
        what = f"the key {unknown[0]!r} is unknown" if unknown else "there is no hypothesis, method or design"
        raise UsageError(f"--context {path}: {what}; the keys are {', '.join(KEYS)}")
    runs = data.get("experiment_runs", [])
    if not isinstance(runs, list):
        raise UsageError(f"--context {path}: experiment_runs is a {type(runs).__name__}, not a list")
    context = Context(_text(data, "hypothesis"), _text(data, "method"), _text(data, "experimental_design"))
    if not says_something(context):
        raise UsageError(f"--context {path}: hypothesis, method and design are empty")
    return context, tuple(_run(one, path) for one in runs)


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key) or ""
    text = value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()  # half of a surrogate pair cannot be sent


def _run(one: Any, path: Path) -> RunConfig:
    if not isinstance(one, dict) or not isinstance(one.get("run_id"), str) or not one["run_id"]:
        raise UsageError(f"--context {path}: an entry of experiment_runs has no run_id")
    run_id, config = one["run_id"], one.get("config", "")
    if not _SAFE_ID.fullmatch(run_id):
        raise UsageError(
            f"--context {path}: {run_id[:80]!r} is no run id; it is the name of a file of letters, digits, . _ -"
        )
    text = config if isinstance(config, str) else json.dumps(config, indent=1, ensure_ascii=False)  # YAML too
    return RunConfig(run_id, f"config/run/{run_id}.yaml", text.encode("utf-8", "replace").decode(), "document")
