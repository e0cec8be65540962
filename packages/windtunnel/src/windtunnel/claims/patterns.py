"""The table of patterns, ``patterns.txt``: by what a sentence is known, one line for each kind of claim."""

from __future__ import annotations

from importlib import resources


def _read() -> dict[str, str]:
    text = (resources.files("windtunnel") / "claims" / "patterns.txt").read_text(encoding="utf-8")
    lines = [line for line in text.split("\n") if line and not line.startswith("# ")]
    return dict(line.split(" = ", 1) for line in lines)


PATTERNS = _read()
