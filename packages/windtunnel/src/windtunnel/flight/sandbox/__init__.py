"""The sandbox of a flight: what keeps a flown command away from the machine, and what does not.

A :class:`Sandbox` turns a command into what is really started, a :class:`Launch`. :class:`Bubblewrap` gives it
namespaces of its own; :class:`Unsandboxed` changes nothing. :func:`bubblewrap_trouble` says whether the first can be
had here, and :func:`environment_mounts` what it has to show of an environment.
"""

from __future__ import annotations

from windtunnel.flight.sandbox.availability import bubblewrap_trouble
from windtunnel.flight.sandbox.bubblewrap import Bubblewrap
from windtunnel.flight.sandbox.interpreter import editable_sources
from windtunnel.flight.sandbox.launch import Ended, Launch, Sandbox
from windtunnel.flight.sandbox.mounts import Mounts, environment_mounts
from windtunnel.flight.sandbox.unsandboxed import Unsandboxed

__all__ = [
    "Bubblewrap",
    "Ended",
    "Launch",
    "Mounts",
    "Sandbox",
    "Unsandboxed",
    "bubblewrap_trouble",
    "editable_sources",
    "environment_mounts",
]
