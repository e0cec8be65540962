"""An environment that commands can be flown with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """An environment.

    Attributes:
        kind: whose it is.
        python: its interpreter.
        prefix: its ``sys.prefix``.
        base_prefix: its ``sys.base_prefix``.
        versions: the installed distributions by normalised name.
        notes: what a flight in it cannot show.
    """

    kind: Literal["current", "project"]
    python: Path
    prefix: Path
    base_prefix: Path
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
