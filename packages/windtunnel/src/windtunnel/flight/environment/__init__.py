"""What an experiment is flown with: the environment of this windtunnel, or one made from the project's dependencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.flight.environment.model import Environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from windtunnel.evidence import Trouble

__all__ = ["Environment", "prepare"]


def prepare(
    kind: str,
    repository: Path,
    *,
    as_of: date | None = None,
    sandboxed: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Environment | tuple[Trouble, ...]:
    """Return the environment to fly a repository in, or why there is none.

    Args:
        kind: "current" or "project".
        repository: with its ``pyproject.toml``.
        as_of: the day whose library versions count; today if left out.
        sandboxed: whether what has no wheel must be built in a sandbox.
        say: told what takes long.
    """
    if kind == "current":
        from windtunnel.flight.environment.current import current_environment  # noqa: PLC0415

        return current_environment(repository)
    from windtunnel.flight.environment.project import project_environment  # noqa: PLC0415

    return project_environment(repository, as_of=as_of, sandboxed=sandboxed, say=say)
