"""Check the experiment and its mutants, and find out which mutants are caught."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from windtunnel.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.mutations.operators import Experiment, Mutant
    from windtunnel.findings import Finding

    Check = Callable[[Path], Sequence[Finding]]

_NAME = "glora-glue"  # of the folder, which is all that a submission outside a workspace has of one
WEIGHTY = (Severity.BLOCKER, Severity.UNDECIDED, Severity.WARNING)


@dataclass(frozen=True)
class Trial:
    """What the check said of a mutant.

    Attributes:
        mutant: the mutant.
        findings: weighty ones that the unmutated experiment does not have.
        seconds: the check took.
        failure: why there was no verdict, "" if there was one.
    """

    mutant: Mutant
    findings: tuple[Finding, ...]
    seconds: float
    failure: str = ""

    @property
    def noticed(self) -> bool:
        """Whether anything new was reported."""
        return bool(self.findings)

    @property
    def caught(self) -> bool:
        """Whether something new was reported at a file where it may rightly be."""
        return any(
            place.path in self.mutant.expected
            for finding in self.findings
            for place in (finding.place, *finding.related)
        )


def write(files: Mapping[str, str], folder: Path) -> Path:
    """Write the files into a folder that holds nothing else afterwards; bytes that are not UTF-8 stay what they are."""
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8", errors="surrogateescape"))
    return folder


def weighty(findings: Sequence[Finding]) -> list[Finding]:
    """Those that a reader would act on."""
    return [finding for finding in findings if finding.severity in WEIGHTY]


def try_all(
    experiment: Experiment,
    mutants: Sequence[Mutant],
    check: Check,
    folder: Path,
    *,
    keep: Path | None = None,
    jobs: int = 1,
) -> Iterator[Trial]:
    """Check every mutant, in order.

    Args:
        experiment: the unmutated one; what is reported of it as it lies in ``folder`` counts for no mutant.
        mutants: what to check.
        check: the check.
        folder: where each process writes its mutants, one after another, below a folder of its own.
        keep: a folder that gets a copy of each.
        jobs: processes.
    """
    known = {_said(finding) for finding in weighty(check(write(experiment.files, folder / _NAME)))}

    def try_one(mutant: Mutant) -> tuple[tuple[Finding, ...], float, str]:
        files = experiment.with_changes(mutant.site.changes)
        if keep is not None:
            write(files, keep / f"{mutant.number:03}-{mutant.operator.name}")
        place = write(files, folder / str(os.getpid()) / _NAME)
        started = time.perf_counter()
        try:
            findings, failure = check(place), ""
        except Exception as error:  # noqa: BLE001 - a check that falls over has caught nothing, and the rest must go on
            findings, failure = (), f"{type(error).__name__}: {error}"
        seconds = time.perf_counter() - started
        return tuple(finding for finding in weighty(findings) if _said(finding) not in known), seconds, failure

    if jobs == 1:
        for mutant in mutants:
            yield Trial(mutant, *try_one(mutant))
        return
    # Forked, so that what is checked and how need not be sent: the processes are this one as it is now.
    with multiprocessing.get_context("fork").Pool(jobs, _become, (try_one,)) as pool:
        for mutant, told in zip(mutants, pool.imap(_try, mutants), strict=True):
            yield Trial(mutant, *told)


_WORK: list[Callable[[Mutant], tuple[tuple[Finding, ...], float, str]]] = []


def _become(work: Callable[[Mutant], tuple[tuple[Finding, ...], float, str]]) -> None:
    """What a process of the pool does, told once."""
    _WORK[:] = [work]


def _try(mutant: Mutant) -> tuple[tuple[Finding, ...], float, str]:
    return _WORK[0](mutant)


def _said(finding: Finding) -> tuple[object, ...]:
    """What makes two findings the same although lines have moved."""
    return (finding.code, finding.severity, finding.place.path, finding.message)
