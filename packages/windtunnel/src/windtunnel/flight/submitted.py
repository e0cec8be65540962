"""A submission as a folder that can be flown, however it was handed in."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.flight.copy import copy_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.submission import Submission

_PREFIX = "windtunnel-submission-"


@contextmanager
def as_folder(submission: Submission, *, replaced_runs: bool = False) -> Iterator[Path]:
    """Give a folder with the files of a submission, which is gone afterwards unless it is the submission's own.

    Args:
        submission: what is to be flown.
        replaced_runs: its run configurations are not those of its folder.

    Yields:
        The submission's own folder where that is what was handed in, else a temporary one.
    """
    if submission.root is not None and not replaced_runs:
        yield submission.root
        return
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as temporary:
        folder = Path(temporary) / "repository"
        if submission.root is None:
            folder.mkdir()
        else:
            copy_repository(submission.root, folder, results_dir=submission.root / "results")
            for run_folder in {Path(run.path).parent for run in submission.runs}:
                for stale in (folder / run_folder).glob("*.y*ml"):
                    stale.unlink()
        paths = submission.files if submission.root is None else [run.path for run in submission.runs]
        for path in paths:
            file = submission.files[path]
            if file.data is not None:
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.data)
        yield folder
