"""Text that the hub makes itself: seeded grammars with the columns and labels of real benchmarks."""

from __future__ import annotations

from windtunnel.hub.generate.rows import GRAMMARS, Row, generate_splits

__all__ = ["GRAMMARS", "Row", "generate_splits"]
