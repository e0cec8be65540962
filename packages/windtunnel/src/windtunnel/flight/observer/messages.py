"""What a flown process says, held against the schema before anything believes it."""

from __future__ import annotations

import math
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from windtunnel.evidence import ProcessSeen

_PROCESS = TypeAdapter(ProcessSeen)


def read_message(line: bytes) -> ProcessSeen | None:
    """Return what a line says, None unless it is a snapshot that can be written down and read again.

    Args:
        line: JSON, or whatever a hostile process sends.
    """
    try:
        content = from_json(line, allow_inf_nan=False)
        if not isinstance(content, dict) or not _finite(content):
            return None
        return _PROCESS.validate_python(content)
    except (ValueError, ValidationError, RecursionError):
        return None


def _finite(content: Any) -> bool:
    """Whether no number is too large to be written as JSON: 1e999 is read as infinity."""
    if isinstance(content, dict):
        return all(_finite(value) for value in content.values())
    if isinstance(content, list):
        return all(_finite(value) for value in content)
    return not isinstance(content, float) or math.isfinite(content)
