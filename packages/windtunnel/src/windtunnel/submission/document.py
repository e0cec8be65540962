"""A submission handed in as text: one JSON object, or a whole review document in Markdown."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from windtunnel.errors import UsageError
from windtunnel.submission.model import Context, File, Problem, RunConfig

FILES = {
    "train_py": "src/train.py",
    "evaluate_py": "src/evaluate.py",
    "preprocess_py": "src/preprocess.py",
    "model_py": "src/model.py",
    "main_py": "src/main.py",
    "pyproject_toml": "pyproject.toml",
    "config_yaml": "config/config.yaml",
}
_CODE = "Generated Experiment Code (To be validated)"
_FIELD = re.compile(r"^\s*(?:-\s*)?(Run ID|Method|Model|Dataset|Config Content)\s*:\s*(.*)$")
_SAFE_ID = re.compile(r"[^/\\\x00-\x1f]{1,200}")


def parse_json(text: str, origin: str) -> tuple[dict[str, File], list[Problem]]:
    """The files of a JSON submission.

    Raises:
        UsageError: it is not one.
    """
    problems: list[Problem] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in items:
            if key in made:
                problems.append(
                    Problem("", f"the key {key[:80]!r} stands twice in the JSON; the last one counts", "keep one")
                )
            made[key] = value
        return made

    try:
        data = json.loads(text, object_pairs_hook=pairs)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{origin}: not JSON: {str(error)[:200]}") from error
    if not isinstance(data, dict) or not set(data) & set(FILES):
        raise UsageError(
            f"{origin}: a submission is a JSON object with the keys {', '.join(FILES)}; none of them is there"
        )
    files: dict[str, File] = {}
    for key, value in data.items():
        if key not in FILES:
            problems.append(
                Problem(
                    "",
                    f"the JSON has an unknown key {key[:80]!r}",
                    f"only {', '.join(FILES)} are files of an experiment",
                )
            )
        elif not isinstance(value, str):
            problems.append(
                Problem(FILES[key], f"{key} is {type(value).__name__}, not a string", "give the text of the file")
            )
        else:
            raw = value.encode("utf-8", "surrogatepass")
            files[FILES[key]] = File(FILES[key], len(raw), raw)
    return files, problems


def parse_document(text: str, origin: str) -> tuple[dict[str, File], list[RunConfig], Context, list[Problem]]:
    """The files, run configurations and context of a review document.

    Raises:
        UsageError: it is not one.
    """
    sections = _sections(text)
    code = sections.get(_CODE)
    if code is None:
        raise UsageError(
            f"{origin}: neither a folder, nor a JSON object with the keys of a submission, nor a review document with "
            f"the heading '# {_CODE}'"
        )
    start = code.find("{")
    end = _end_of_json(code, start)
    if start < 0 or end < start:
        raise UsageError(f"{origin}: no JSON object follows the heading '# {_CODE}'")
    files, problems = parse_json(code[start : end + 1], origin)
    runs = _runs(sections.get("Experiment Runs", ""), problems)
    return files, runs, _context(sections), problems


def _end_of_json(text: str, start: int) -> int:
    """Where the object that begins at ``start`` ends; at the last brace if it cannot be read."""
    if start >= 0:
        with suppress(ValueError, RecursionError):
            return json.JSONDecoder().raw_decode(text, start)[1] - 1
    return text.rfind("}")


def context_of(text: str) -> tuple[Context, tuple[RunConfig, ...]]:
    """What a text with the headings of a review document says besides code, and its run configurations."""
    sections = _sections(text)
    return _context(sections), tuple(_runs(sections.get("Experiment Runs", ""), []))


def _context(sections: dict[str, str]) -> Context:
    return Context(
        sections.get("Hypothesis", "").strip(),
        sections.get("Current Research Method", "").strip(),
        sections.get("Experimental Design", "").strip(),
    )


def _sections(text: str) -> dict[str, str]:
    """The text below each heading, from ``# Hypothesis`` on."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    started = fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        title = line[2:].strip() if line.startswith("# ") and not fenced else None
        if title in {"Hypothesis", _CODE}:
            started = True
        if (
            started
            and title in {"Hypothesis", "Current Research Method", "Experimental Design", "Experiment Runs", _CODE}
            and title not in found
        ):
            current = found.setdefault(title, [])
            continue
        if current is not None:
            current.append(line)
    return {title: "\n".join(lines) for title, lines in found.items()}


def _runs(text: str, problems: list[Problem]) -> list[RunConfig]:
    runs: dict[str, RunConfig] = {}
    declared: dict[str, str] = {}
    fence: list[str] | None = None
    for line in text.splitlines():
        if line.strip().startswith("```"):
            if fence is None:
                fence = []
                continue
            _add_run(runs, declared, fence, problems)
            fence = None
            continue
        if fence is not None:
            fence.append(line)
            continue
        match = _FIELD.match(line)
        if match:
            if match.group(1) == "Run ID":
                declared = {}
            declared[match.group(1)] = match.group(2).strip()
    return [runs[run_id] for run_id in sorted(runs)]


def _add_run(runs: dict[str, RunConfig], declared: dict[str, str], fence: list[str], problems: list[Problem]) -> None:
    run_id = declared.get("Run ID", "")
    if not _SAFE_ID.fullmatch(run_id):
        problems.append(
            Problem("", f"a run configuration without a usable run id ({run_id[:80]!r})", "name it after '- Run ID:'")
        )
        return
    if run_id in runs:
        problems.append(Problem("", f"the run id {run_id!r} stands twice; the first one counts", "keep one"))
        return
    lines = list(fence)
    if lines and lines[0].startswith("  ") and len(lines) > 1 and not lines[1].startswith("  "):
        lines[0] = lines[0][2:]
    others = {key.lower(): value for key, value in declared.items() if key not in {"Run ID", "Config Content"}}
    runs[run_id] = RunConfig(run_id, f"config/run/{run_id}.yaml", "\n".join(lines) + "\n", "document", others)
