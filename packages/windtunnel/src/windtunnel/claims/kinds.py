"""The table of claim kinds, in the order in which a sentence is held against them."""

from __future__ import annotations

from windtunnel.claims.config_kinds import CONFIG_KINDS
from windtunnel.claims.file_kinds import FILE_KINDS
from windtunnel.claims.name_kinds import NAME_KINDS
from windtunnel.claims.rule_kinds import RULE_KINDS

KINDS = (*FILE_KINDS, *NAME_KINDS, *CONFIG_KINDS, *RULE_KINDS)
