"""Crashes that come from what a miniature leaves out: they decide nothing about the code (criterion 3)."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from windtunnel.findings import Severity
from windtunnel.knowledge.hub import HubTable
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.flown_processes import place_of
from windtunnel.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import CommandFlown, Crash
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_ROWS = re.compile(r"[Ii]nd(?:ex|ices) .{0,40}out of (?:range|bounds) for (?:dataset|array|table) of size (\d+)")
_CONFIG = re.compile(r"BuilderConfig ['\"]?(?P<name>[^'\"\s]+)['\"]? not found")


def beyond_miniature(command: CommandFlown, crash: Crash) -> str:
    """What of the real dataset a miniature lacked when a command crashed, "" if that does not explain the crash.

    Args:
        command: that crashed.
        crash: of it.
    """
    told = "\n".join((crash.message, *crash.chain))
    if rows := _ROWS.search(told):
        return f"the miniature of a dataset has {rows[1]} rows, and the real one has more"
    config = _CONFIG.search(told)
    if config is None:
        return ""
    table = HubTable(date.max)  # what is known of a dataset's configs does not depend on the date
    for answer in command.hub:
        dataset = table.dataset(answer.repo_id) if answer.repo_type == "dataset" else None
        if dataset is not None and (config["name"] in dataset.configs or not dataset.all_configs):
            return f"too little is known of the config {config['name']!r} of {dataset.canonical} to make it"
    return ""


class FLY024(Rule):
    """A run of the flight needs more of a dataset than its miniature has."""

    name = "flight-beyond-miniature"
    criterion = 3
    severity = Severity.UNDECIDED
    source = "flight"
    stage = Stage.TRIAL
    doc = Doc(
        what="Crashes at a row number that the miniature of a dataset does not reach, and at a config of a known "
        "dataset of which too little is known to make it.",
        why="The real dataset may have the row and the config; nothing here can show that.",
        example='load_dataset("c4", "en", split="train").select(range(50_000))',
        instead="windtunnel fly repository --serve allenai/c4=FOLDER",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for flight in repo.flown():
            for command in flight.commands:
                crash = command.crash
                reason = beyond_miniature(command, crash) if crash and command.status == "failed" else ""
                if crash is None or not reason:
                    continue
                frames = [frame for frame in crash.frames if frame.path in repo.submission.files]
                yield self.finding(
                    f"{reason}: {crash.exception}: {' '.join(crash.message.split())[:300]}",
                    place_of(f"{frames[-1].path}:{frames[-1].line}" if frames else "", "src/main.py"),
                    evidence=f"{crash.exception}: {crash.message}",
                    fix="give the real rows with --serve ID=FOLDER, or take min(N, len(rows)) of them",
                    runs=(command.name,),
                    modes=(flight.mode,),
                )
