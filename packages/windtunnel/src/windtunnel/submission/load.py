"""Load a submission from what a command line names."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from windtunnel.contract import RUN_FOLDERS
from windtunnel.errors import UsageError
from windtunnel.submission.document import parse_document, parse_json
from windtunnel.submission.folder import Walk, read_runs
from windtunnel.submission.model import Context, File, Problem, RunConfig, Submission

if TYPE_CHECKING:
    from typing import BinaryIO

LARGEST_INPUT = 64 * 2**20


def load(path: str, *, runs: Path | None = None, stdin: BinaryIO | None = None) -> Submission:
    """Load the submission that ``path`` names.

    Args:
        path: a folder, a JSON submission, a review document, or "-" for one of the last two on ``stdin``.
        runs: a folder of run configurations that replaces those of the submission.
        stdin: read for "-"; the process's own if left out.

    Raises:
        UsageError: there is no submission at ``path``, or no folder at ``runs``.
    """
    if path != "-":
        try:
            mode = Path(path).stat().st_mode
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"{path}: {reason}; PATH is a folder, a submission JSON, a review document or -"
            ) from error
        if stat.S_ISDIR(mode):
            return _folder(path, runs)
        if not stat.S_ISREG(mode):
            raise UsageError(f"{path}: not an ordinary file or folder")
    return _text(path, _read(path, stdin), runs)


def _read(path: str, stdin: BinaryIO | None) -> str:
    if path == "-":
        data = (stdin or sys.stdin.buffer).read(LARGEST_INPUT + 1)
    else:
        try:
            with Path(path).open("rb") as stream:
                data = stream.read(LARGEST_INPUT + 1)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from error
    if len(data) > LARGEST_INPUT:
        raise UsageError(f"{path}: more than {LARGEST_INPUT:,} bytes; no submission is as long")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 (byte 0x{data[error.start]:02x} at offset {error.start})") from error


def _folder(path: str, runs: Path | None) -> Submission:
    root = Path(path).resolve()
    walk = Walk(root)
    files, problems = dict(walk.files), list(walk.problems)
    found = _replaced(files, runs, problems) if runs is not None else _of_folder(files, problems)
    return _submission(path, "folder", root, files, found, None, problems)


def _text(origin: str, text: str, runs: Path | None) -> Submission:
    context: Context | None = None
    found: list[RunConfig] = []
    kind: Literal["json", "document"] = "json" if text.lstrip()[:1] == "{" else "document"
    if kind == "json":
        files, problems = parse_json(text, origin)
    else:
        files, found, context, problems = parse_document(text, origin)
    if runs is not None:
        found = _replaced(files, runs, problems)
    else:
        for run in found:
            data = run.text.encode("utf-8", "surrogatepass")
            files[run.path] = File(run.path, len(data), data)
    return _submission(origin, kind, None, files, found, context, problems)


def _replaced(files: dict[str, File], runs: Path, problems: list[Problem]) -> list[RunConfig]:
    """The run configurations of ``--runs``, put where the contract has them."""
    if not runs.is_dir():
        raise UsageError(f"--runs {runs}: not a folder; give one that holds <run id>.yaml files")
    given, refused = read_runs(runs)
    problems += refused
    if not given:
        raise UsageError(f"--runs {runs}: no *.yaml file in it")
    folder = next(
        (folder for folder in RUN_FOLDERS[::-1] if any(path.startswith(f"{folder}/") for path in files)), RUN_FOLDERS[0]
    )
    for path in [
        path
        for path in files
        if path.startswith(tuple(f"{name}/" for name in RUN_FOLDERS)) and path.endswith((".yaml", ".yml"))
    ]:
        del files[path]
    found = []
    for name, file in given.items():
        path = f"{folder}/{name}"
        files[path] = File(path, file.size, file.data, file.refusal)
        found.append(RunConfig(name.rsplit(".", 1)[0], path, file.text or "", "--runs"))
    return found


def _of_folder(files: dict[str, File], problems: list[Problem]) -> list[RunConfig]:
    found: dict[str, RunConfig] = {}
    for folder in RUN_FOLDERS:
        for path, file in files.items():
            name = path.removeprefix(f"{folder}/")
            if not path.startswith(f"{folder}/") or "/" in name or not name.endswith((".yaml", ".yml")):
                continue
            run_id = name.rsplit(".", 1)[0]
            if run_id in found:
                if found[run_id].text != (file.text or ""):
                    problems.append(
                        Problem(
                            path, f"differs from {found[run_id].path}, which has the same run id", "keep one of them"
                        )
                    )
                continue
            found[run_id] = RunConfig(run_id, path, file.text or "", folder)
    return list(found.values())


def _submission(  # noqa: PLR0917 - the parts of a submission
    origin: str,
    kind: Literal["folder", "json", "document"],
    root: Path | None,
    files: dict[str, File],
    runs: list[RunConfig],
    context: Context | None,
    problems: list[Problem],
) -> Submission:
    return Submission(
        origin=origin,
        kind=kind,
        root=root,
        files=dict(sorted(files.items())),
        runs=tuple(sorted(runs, key=lambda run: run.run_id)),
        context=context,
        problems=tuple(problems),
    )
