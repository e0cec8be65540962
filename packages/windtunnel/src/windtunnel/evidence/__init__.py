"""What a flight leaves behind for the rules: seen from outside, and told from inside by the observer.

Outside evidence (exit codes, files, recorder rows, hub requests, time, memory) is trusted. Inside evidence comes from
the flown processes themselves, and hostile code could forge it: it can make a flight "not ready", never alone "ready".
Everything here is data and survives a round trip through ``flight/evidence.json``.
"""

from __future__ import annotations

from windtunnel.evidence.crash import Crash, Frame
from windtunnel.evidence.flight import (
    Asked,
    CommandFlown,
    FileSeen,
    Flight,
    HubAnswer,
    Probe,
    RunRecorded,
    Trouble,
    UnknownId,
)
from windtunnel.evidence.inside import (
    Absent,
    ConfigSeen,
    Connection,
    HookSeen,
    LoaderSeen,
    LossSeen,
    OptimizerSeen,
    ParameterSeen,
    ProcessSeen,
    RowsSeen,
    SearchSeen,
    Started,
    Swallowed,
    Written,
)

__all__ = [
    "Absent",
    "Asked",
    "CommandFlown",
    "ConfigSeen",
    "Connection",
    "Crash",
    "FileSeen",
    "Flight",
    "Frame",
    "HookSeen",
    "HubAnswer",
    "LoaderSeen",
    "LossSeen",
    "OptimizerSeen",
    "ParameterSeen",
    "Probe",
    "ProcessSeen",
    "RowsSeen",
    "RunRecorded",
    "SearchSeen",
    "Started",
    "Swallowed",
    "Trouble",
    "UnknownId",
    "Written",
]
