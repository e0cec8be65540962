"""The observer inside flown processes, and what a crashed command left in its log where the observer told nothing.

What it tells is evidence from inside: hostile code could forge every word of it.
"""

from __future__ import annotations

from windtunnel.flight.observer.from_log import crash_in_log
from windtunnel.flight.observer.listener import Listener
from windtunnel.flight.observer.observer import Observer

__all__ = ["Listener", "Observer", "crash_in_log"]
