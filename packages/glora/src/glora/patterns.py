r"""How PEFT matches module names, and how to name exactly one module.

``rank_pattern`` and ``alpha_pattern`` keys are matched by ``re.match(rf"(.*\.)?({key})$", name)``, the first match
wins: ``layers.0.q`` also hits ``tower.layers.0.q``, ``^layers\.0\.q$`` does not. A list of ``target_modules`` is
matched by whole name or by ending at a dot, a string by ``re.fullmatch``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def anchored(name: str) -> str:
    """Return the pattern key that matches this module and no other."""
    return f"^{re.escape(name)}$"


def exactly(names: Iterable[str]) -> str:
    """Return the ``target_modules`` pattern that matches these modules and no other."""
    return "|".join(re.escape(name) for name in names)


def target_modules(kept: Sequence[str], others: Iterable[str]) -> set[str] | str:
    """Target exactly the `kept` modules: by name, or by a pattern where a name is also the ending of another module's.

    Args:
        kept: Names of the modules to adapt.
        others: Names of all other modules of the base model.
    """
    endings = tuple(f".{name}" for name in kept)
    if any(other.endswith(endings) for other in others):
        return exactly(kept)
    return set(kept)
