"""windtunnel: flies machine-written experiment repositories in miniature before they cost GPU hours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from windtunnel.evidence import Flight
    from windtunnel.findings import Finding, Place, Severity
    from windtunnel.reviewing import review
    from windtunnel.verdict import Verdict

__version__: str

__all__ = ["Finding", "Flight", "Place", "Severity", "Verdict", "__version__", "review"]

# where each name lives; found when it is asked for, because the servers take longer to import than a check to run
_HOMES = {
    "Finding": "windtunnel.findings",
    "Flight": "windtunnel.evidence",
    "Place": "windtunnel.findings",
    "Severity": "windtunnel.findings",
    "Verdict": "windtunnel.verdict",
    "review": "windtunnel.reviewing",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        found = _version()
    elif name in _HOMES:
        from importlib import import_module  # noqa: PLC0415 - see above

        found = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def _version() -> str:
    """Read the installed metadata, which takes longer than a small check."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - see above

    try:
        return version("windtunnel")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0+unknown"
