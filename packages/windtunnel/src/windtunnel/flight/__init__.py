"""A flight: an experiment repository run through its own command line, offline, watched from outside."""

from __future__ import annotations

from typing import Any

__all__ = ["Options", "fly"]


def __getattr__(name: str) -> Any:
    # imported when asked for: a flight imports its reports, and the reports its options
    if name == "fly":
        from windtunnel.flight.flight import fly  # noqa: PLC0415

        return fly
    if name == "Options":
        from windtunnel.flight.options import Options  # noqa: PLC0415

        return Options
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
