"""Whether a sentence claims a defect at all: many of a review ask, advise, praise, or say what is to be."""

from __future__ import annotations

import re

from windtunnel.claims.patterns import PATTERNS

_PRAISE, _ASKING, _REQUIREMENT, _FAILURE, _DENIAL, _VERB = (
    re.compile(PATTERNS[name], re.IGNORECASE)
    for name in ("praise", "asking", "requirement", "failure", "denial", "verb")  # the last: what code does
)


def claims_no_defect(text: str) -> str:
    """Why a sentence claims no defect; "" if it may claim one."""
    if _ASKING.search(text):
        return "it asks or advises"
    if _PRAISE.search(text):
        return "it says that something is right"
    if _DENIAL.search(text):
        return "it says that a defect is not there"
    if _REQUIREMENT.search(text) and not _FAILURE.search(_REQUIREMENT.sub(" ", text).replace("must not", " ")):
        return "it says what is required, not what is wrong"
    if not _FAILURE.search(text) and not _VERB.search(text):
        return "it names nothing that is wrong"
    return ""
