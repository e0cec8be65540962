"""Rows that the hub makes itself: seeded grammars that fill the columns of real datasets."""

from __future__ import annotations

from windtunnel.hub.generate.cells import Row, can_fill, is_beside
from windtunnel.hub.generate.grammar import Picture
from windtunnel.hub.generate.grammars import GRAMMARS
from windtunnel.hub.generate.roles import assign_roles, find_grammar
from windtunnel.hub.generate.rows import generate_splits

__all__ = ["GRAMMARS", "Picture", "Row", "assign_roles", "can_fill", "find_grammar", "generate_splits", "is_beside"]
