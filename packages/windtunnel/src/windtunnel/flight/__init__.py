"""A flight: an experiment repository run through its own command line, offline, watched from outside."""

from __future__ import annotations

from windtunnel.flight.flight import fly
from windtunnel.flight.options import Options

__all__ = ["Options", "fly"]
