"""What kept a flight from being made, or its commands from coming to a good end without an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_crashes import EVALUATE, entry_of, stage_of
from windtunnel.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_OUTPUT_LINES = 6


class FLY017(Rule):
    """The project's environment cannot be made."""

    name = "flight-install"
    criterion = 5
    source = "flight"
    stage = Stage.INSTALL
    categories = ("deps-not-pep621", "dep-missing", "build-backend", "invalid-toml")
    doc = Doc(
        what="Dependencies that uv cannot resolve or install as of the day of the review.",
        why="`uv run` stops here, before any line of the code.",
        example='dependencies = ["torch>=99"]',
        instead='dependencies = ["torch>=2.6"]',
        limits="Seen with --env project alone.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for flight in repo.flown():
            for trouble in flight.troubles:
                if trouble.kind == "install":
                    yield self.finding(
                        trouble.message,
                        Place(trouble.path or "pyproject.toml", trouble.line),
                        evidence=trouble.evidence,
                        fix=trouble.fix,
                    )


class FLY018(Rule):
    """The flight could not be made."""

    name = "flight-undecided"
    criterion = 1
    severity = Severity.UNDECIDED
    source = "flight"
    stage = Stage.INSTALL
    doc = Doc(
        what="What the tunnel lacked: a package that is not installed here, an index, a sandbox, a Python.",
        why="The question stays open: it is neither the code's fault nor shown that the code runs.",
        example="windtunnel fly repository   # vllm is not installed here",
        instead="windtunnel fly repository --env project",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for flight in repo.flown():
            for trouble in flight.troubles:
                if trouble.kind != "install":
                    yield self.finding(
                        f"undecided: {trouble.message}",
                        Place(trouble.path, trouble.line),
                        evidence=trouble.evidence,
                        fix=trouble.fix,
                    )


class FLY019(Rule):
    """An id is asked for that the tunnel's catalogue does not have."""

    name = "flight-unknown-id"
    criterion = 3
    severity = Severity.UNDECIDED
    source = "flight"
    stage = Stage.TRIAL
    doc = Doc(
        what="Models, datasets, metrics and downloads that a flight asked for and that nothing is known of.",
        why="What such an id looks like cannot be guessed, so what the code does with it is not shown.",
        example='load_dataset("somebody/their-own-set")',
        instead="windtunnel fly repository --catalog ids.jsonl",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for flight in repo.flown():
            for unknown in flight.unknown:
                yield self.finding(
                    f"the {unknown.repo_type} {unknown.repo_id!r} is not in the tunnel's catalogue, so what comes of "
                    "it is not known",
                    _mention(repo, unknown.repo_id),
                    evidence=unknown.repo_id,
                    fix=f"put what is known of it into a file and give it with --catalog FILE: {unknown.lines}",
                )


class FLY020(Rule):
    """A command takes more than it may."""

    name = "flight-limit"
    criterion = 9
    source = "flight"
    stage = Stage.TRIAL
    categories = ("oom-batch", "trial-coverage-gap")
    doc = Doc(
        what="Commands that were ended at a limit of time, memory, processes, disk or output.",
        why="On miniature models and data no experiment needs as much; one that does has a leak or an endless loop.",
        example="while True: processes.append(Process(target=work))",
        instead="with Pool(4) as pool: pool.map(work, items)",
        limits="What exceeds the limit of time, which is the user's, or of memory is undecided: vocabularies and "
        "batches are real, and an accelerator's memory may be larger than this machine's.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for flight in repo.flown():
            for command in flight.commands:
                if command.limit:
                    more = {"time": "give --timeout more seconds", "memory": "give --memory more"}.get(command.limit)
                    yield self.finding(
                        f"{command.name} was ended at its limit in {flight.mode} mode: {command.reason}",
                        Place(entry_of(command)),
                        evidence="\n".join(command.output[-_OUTPUT_LINES:]),
                        fix=f"{more}, or take less" if more else "take less",
                        severity=Severity.UNDECIDED if more else Severity.BLOCKER,
                        runs=() if command.name == EVALUATE else (command.name,),
                        modes=(flight.mode,),
                        stage=stage_of(flight, command),
                    )


class FLY021(Rule):
    """A command fails without an exception of its own."""

    name = "flight-failure"
    criterion = 1
    source = "flight"
    stage = Stage.TRIAL
    categories = ("evaluate-cli", "evaluate-incomplete", "child-process-import", "hydra-compose")
    doc = Doc(
        what="Exit codes other than 0 and signals without a traceback, and evaluations that wrote nothing.",
        why="The contract's commands end with 0 and leave what they promise.",
        example="sys.exit(1)   # after catching every exception",
        instead="let the exception end the program",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for flight in repo.flown():
            for command in flight.commands:
                if command.status == "failed" and command.crash is None and not command.limit:
                    yield self.finding(
                        f"{command.name} failed in {flight.mode} mode: {command.reason}",
                        Place(entry_of(command)),
                        evidence="\n".join(command.output[-_OUTPUT_LINES:]),
                        fix=f"find what ends it; to see it again: {command.again}",
                        runs=() if command.name == EVALUATE else (command.name,),
                        modes=(flight.mode,),
                        stage=stage_of(flight, command),
                    )


class FLY022(Rule):
    """A run was not flown to its end."""

    name = "flight-incomplete"
    criterion = 1
    severity = Severity.UNDECIDED
    source = "flight"
    stage = Stage.TRIAL
    doc = Doc(
        what="Runs that were never started or were interrupted, although nothing before them failed.",
        why="What was not flown is not shown.",
        example="Ctrl-C",
        instead="windtunnel fly repository --resume",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for flight in repo.flown():
            if flight.troubles:
                continue
            started = {command.name: command for command in flight.commands}
            missing = [name for name in flight.run_ids if name not in started]
            missing += [name for name, command in started.items() if command.status == "interrupted"]
            if missing:
                yield self.finding(
                    f"{', '.join(missing[:5])}{' …' if len(missing) > 5 else ''} did not come to an end in "
                    f"{flight.mode} mode",
                    Place(""),
                    fix="fly again",
                    modes=(flight.mode,),
                )


class FLY023(Rule):
    """A command leaves processes behind."""

    name = "flight-leftover-processes"
    criterion = 12
    severity = Severity.WARNING
    source = "flight"
    stage = Stage.TRIAL
    doc = Doc(
        what="Processes that still ran when their command had ended, and were ended by the flight.",
        why="On a cluster they hold the GPU that the next run is given.",
        example="subprocess.Popen([...])   # and no wait",
        instead="subprocess.run([...], check=True)",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for flight in repo.flown():
            finished = [command for command in flight.commands if command.status == "finished"]
            if not finished:
                raise Skip("no command came to its end")
            for command in finished:
                if command.leftover_processes:
                    yield self.finding(
                        f"{command.name} left {command.leftover_processes} processes running when it had ended",
                        Place(entry_of(command)),
                        fix="wait for what was started, or end it",
                        modes=(flight.mode,),
                    )


def _mention(repo: Repo, text: str) -> Place:
    """Where the repository names an id, the repository as a whole if it does not."""
    for path in (*repo.sources, *repo.documents):
        for number, line in enumerate((repo.submission.text(path) or "").splitlines(), 1):
            if (column := line.find(text)) >= 0:
                return Place(path, number, column + 1)
    return Place("")
