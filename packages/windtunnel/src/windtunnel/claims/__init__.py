"""Claims about a submission, in somebody else's words, held against what the rules know.

A verdict in prose is split into sentences; a table of claim kinds says what each kind is decided by; every claim ends
as confirmed, refuted or undecidable, with the evidence. No model and no network take part.

>>> from windtunnel.claims import audit
>>> audited = audit({"is_code_ready": False, "code_issue": "src/train.py has a syntax error."}, case)  # doctest: +SKIP
"""

from __future__ import annotations

from windtunnel.claims.auditing import Audit, audit
from windtunnel.claims.case import Case
from windtunnel.claims.ruling import Ruling, Status

__all__ = ["Audit", "Case", "Ruling", "Status", "audit"]
