"""The table of claim kinds, in the order in which a sentence is held against them."""

from __future__ import annotations

from windtunnel.claims.config_kinds import CONFIG_KINDS
from windtunnel.claims.file_kinds import FILE_KINDS, REQUIREMENT
from windtunnel.claims.name_kinds import NAME_KINDS
from windtunnel.claims.rule_kinds import RULE_KINDS

__all__ = ["ALL_KINDS", "KINDS", "REQUIREMENT"]

# those that look at what a sentence names, then those that are a rule's own subject
KINDS = ((*FILE_KINDS, *NAME_KINDS, *CONFIG_KINDS), RULE_KINDS)
ALL_KINDS = (REQUIREMENT, *KINDS[0], *KINDS[1])
