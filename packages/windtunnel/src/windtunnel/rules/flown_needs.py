"""Crashes of a flight for want of what this machine does not have: access, an accelerator, memory, a network."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from windtunnel.findings import Severity
from windtunnel.rules.base import Doc, Skip
from windtunnel.rules.flown_crashes import _Crash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_ASKED = re.compile(r"allocate (?P<size>\d+(?:\.\d+)?) (?P<unit>bytes|[KMGTP]iB)")
_UNITS = {"bytes": 1, **{f"{letter}iB": 2 ** (10 * power) for power, letter in enumerate("KMGTP", start=1)}}
_ACCELERATOR_GIB = 288


class FLY013(_Crash):
    """A run of the flight is stopped by something that only the user can give."""

    name = "flight-needs-access"
    criterion = 3
    severity = Severity.UNDECIDED
    kinds = ("gated",)
    categories = ("hf-model-id",)
    fix = "give HF_TOKEN of an account that accepted the terms where it runs for real, or use an id that is not gated"
    doc = Doc(
        what="Gated repositories that ended a command: the tunnel has no token.",
        why="With a token of an account that accepted the terms it may load; nothing here can show that.",
        example='AutoModel.from_pretrained("meta-llama/Llama-2-7b-hf")',
        instead='AutoModel.from_pretrained("NousResearch/Llama-2-7b-hf")',
    )


class FLY014(_Crash):
    """A run of the flight needs a GPU."""

    name = "flight-needs-gpu"
    criterion = 12
    severity = Severity.UNDECIDED
    kinds = ("accelerator",)
    fix = "fly it on a machine with an accelerator, or choose the device by torch.cuda.is_available()"
    doc = Doc(
        what="Crashes whose cause is that this machine has no accelerator: .cuda(), bitsandbytes, flash attention, "
        "kernels for half precision.",
        why="Such code is written for GPUs; that it stops without one says nothing about it.",
        example='model.to("cuda")',
        instead='model.to("cuda" if torch.cuda.is_available() else "cpu")',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        if all(flight.accelerator for flight in repo.flown()):
            raise Skip("the flight had an accelerator")
        yield from (_needs_gpu(finding) for finding in super().check(repo))


class FLY015(_Crash):
    """A run of the flight runs out of memory."""

    name = "flight-out-of-memory"
    criterion = 12
    kinds = ("memory",)
    categories = ("oom-batch",)
    fix = "hold less at a time: a smaller batch, no copies of the data or of the model"
    doc = Doc(
        what="Allocations that failed, although models and data are miniatures; undecided where an accelerator could "
        "have held what was asked for.",
        why="What no accelerator holds of a miniature does not fit with the real thing.",
        example="torch.zeros(len(dataset), vocab_size, hidden_size)",
        instead="one batch after the other",
        limits=f"An accelerator is taken to hold {_ACCELERATOR_GIB} GiB.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        yield from (
            replace(finding, severity=Severity.UNDECIDED) if _fits_an_accelerator(finding.evidence) else finding
            for finding in super().check(repo)
        )


class FLY016(_Crash):
    """A run of the flight asks a host other than the hub and W&B."""

    name = "flight-needs-network"
    criterion = 3
    severity = Severity.UNDECIDED
    kinds = ("network",)
    fix = "load models and data from the hub, or list the host's files in a catalogue"
    doc = Doc(
        what="Connections that failed because the tunnel serves the hub and W&B alone, and that ended a command.",
        why="Whether the host has what is asked for cannot be seen offline.",
        example='urllib.request.urlretrieve("https://example.org/data.zip")',
        instead='load_dataset("namespace/name")',
    )


def _fits_an_accelerator(message: str) -> bool:
    """Whether what could not be allocated here may be no more than an accelerator has; so if it is not said."""
    asked = _ASKED.search(message)
    return asked is None or float(asked["size"]) * _UNITS[asked["unit"]] <= _ACCELERATOR_GIB * 2**30


def _needs_gpu(finding: Finding) -> Finding:
    return replace(finding, message=f"needs a GPU, and the flight had none: {finding.message}"[:2000])
