"""Run the check on every snapshot, in this process and once in a process of its own, and time it."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.corpus.labels import CorpusError
from windtunnel.errors import WindtunnelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date
    from pathlib import Path

    from benchmarks.corpus.labels import Categories, Snapshot
    from windtunnel.findings import Finding

    Check = Callable[[Path], tuple[Sequence[Finding], Sequence[str]]]  # what it found, and which rules failed

COLD = "import sys; from windtunnel.cli import main; sys.exit(main(sys.argv[1:]))"


def review(snapshots: Sequence[Snapshot], folder: Path, check: Check, categories: Categories) -> None:
    """Check every snapshot twice, and match labels and findings.

    Raises:
        CorpusError: a snapshot has no folder.
    """
    missing = [snapshot.id for snapshot in snapshots if not (folder / snapshot.id).is_dir()]
    if missing:
        raise CorpusError(f"{folder} has no folder {', '.join(missing)}; it must hold one for each id of the labels")
    for snapshot in snapshots:
        started = time.perf_counter()
        try:
            findings, failures = check(folder / snapshot.id)
            snapshot.seconds = time.perf_counter() - started
            again, _ = check(folder / snapshot.id)
            snapshot.again_seconds = time.perf_counter() - started - snapshot.seconds
        except WindtunnelError as error:
            findings, again, failures = (), (), [f"refused: {error}"]
        snapshot.findings, snapshot.failures = tuple(findings), tuple(failures)
        if tuple(again) != snapshot.findings:
            snapshot.failures += ("a second check found something else",)
        snapshot.match(categories)
        print(f"{snapshot.id}: {len(findings)} findings in {snapshot.seconds:.2f} s", file=sys.stderr, flush=True)


def cold_seconds(folder: Path, as_of: date) -> float:
    """How long the command line takes in a process of its own."""
    started = time.perf_counter()
    command = [sys.executable, "-c", COLD, "check", str(folder), "--as-of", as_of.isoformat(), "--format", "json"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if ended.returncode not in {0, 1, 3}:
        raise CorpusError(f"`windtunnel check {folder}` ended with {ended.returncode}: {ended.stderr.strip()[-300:]}")
    return seconds
