"""windtunnel: flies machine-written experiment repositories in miniature before they cost GPU hours."""

from __future__ import annotations

__version__: str

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    """Find the version when it is asked for: reading the installed metadata takes longer than a small check."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - see above

    try:
        found = version("windtunnel")
    except PackageNotFoundError:  # run from a source tree that was never installed
        found = "0+unknown"
    globals()["__version__"] = found
    return found
