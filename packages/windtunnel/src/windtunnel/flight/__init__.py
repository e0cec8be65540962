"""A flight: an experiment repository run through its own command line, offline, watched from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from windtunnel.flight.flight import Flown, fly
    from windtunnel.flight.options import Options

__all__ = ["Flown", "Options", "fly"]


def __getattr__(name: str) -> Any:
    # imported when asked for: a flight imports its reports, and the reports its options
    if name in {"Flown", "fly"}:
        from windtunnel.flight import flight  # noqa: PLC0415

        return getattr(flight, name)
    if name == "Options":
        from windtunnel.flight.options import Options  # noqa: PLC0415

        return Options
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
