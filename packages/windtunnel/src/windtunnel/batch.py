"""Many repositories reviewed in one call, each in a process of its own: one that fails never stops the others."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from windtunnel.errors import WindtunnelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from windtunnel.verdict import Verdict

Backend = Literal["processes", "ray"]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What came of one repository of a batch.

    Attributes:
        path: as it was given.
        exit_code: of a review of it alone.
        record: the line of JSON.
    """

    path: str
    exit_code: int
    record: dict[str, Any]


def review_each(
    paths: Sequence[str], settings: Mapping[str, Any], *, jobs: int = 1, backend: Backend = "processes"
) -> Iterator[Reviewed]:
    """Review every one of ``paths`` and yield what came of it, as soon as it is known.

    Args:
        paths: folders, submissions or review documents.
        settings: further arguments of :func:`windtunnel.reviewing.review`. ``results_dir`` gets a folder for each.
        jobs: how many at a time.
        backend: "processes" of this machine, or "ray" for the cluster that Ray finds.

    Raises:
        WindtunnelError: the backend is not installed.
    """
    from joblib import Parallel, delayed, parallel_config  # noqa: PLC0415 - a batch alone needs it

    if backend == "ray":
        _register_ray()
    folders = result_folders(paths, settings.get("results_dir"))
    tasks = [
        delayed(review_one)(path, {**settings, "results_dir": folder})
        for path, folder in zip(paths, folders, strict=True)
    ]
    with parallel_config(backend="ray" if backend == "ray" else "loky"):
        yield from Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)(tasks)


def review_one(path: str, settings: Mapping[str, Any]) -> Reviewed:
    """Review one repository; what goes wrong is said in its record."""
    from windtunnel.reviewing import review  # noqa: PLC0415 - in the process that reviews

    try:
        verdict = review(path, **settings)
    except WindtunnelError as error:
        return _failed(path, str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001 - one repository must not stop the batch
        last = traceback.format_exception_only(error)[-1].strip()
        return _failed(path, f"a fault of windtunnel: {last}", 3)
    return Reviewed(path, verdict.exit_code, _record(path, verdict))


def result_folders(paths: Sequence[str], results_dir: Path | None) -> list[Path | None]:
    """Return a results folder for each path: its last name, with a number where two have the same."""
    if results_dir is None:
        return [None] * len(paths)
    taken: set[str] = set()
    folders: list[Path | None] = []
    for path in paths:
        base = name = Path(path).resolve().name or "repository"
        number = 1
        while name in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name)
        folders.append(results_dir / name)
    return folders


def _record(path: str, verdict: Verdict) -> dict[str, Any]:
    from windtunnel.report.check_json import finding_record, flight_record  # noqa: PLC0415

    return {
        "path": path,
        **verdict.as_rubric_json(),
        "outcome": verdict.outcome,
        "findings": [finding_record(finding) for finding in verdict.findings],
        "flights": [flight_record(flight) for flight in verdict.flights],
    }


def _failed(path: str, message: str, exit_code: int) -> Reviewed:
    record = {
        "path": path,
        "is_code_ready": False,
        "code_issue": f"Undecided: it could not be reviewed. {message}",
        "outcome": "undecided",
        "error": message,
        "findings": [],
        "flights": [],
    }
    return Reviewed(path, exit_code, record)


def _register_ray() -> None:
    try:
        from ray.util.joblib import register_ray  # noqa: PLC0415
    except ImportError as error:
        raise WindtunnelError(
            f"--backend ray: {error}; install it with `pip install 'windtunnel[cluster]'`, or leave --backend out"
        ) from error
    register_ray()
