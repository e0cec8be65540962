"""Files that ``torch.save`` writes: natively, so no audit event tells of them."""

from __future__ import annotations

import functools
import sys

from . import audited

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any


def install(module: Any) -> None:
    """Watch ``torch.save``.

    Args:
        module: ``torch.serialization``.
    """
    save = module.save

    @functools.wraps(save)
    def saving(*args: Any, **kwargs: Any) -> Any:
        result = save(*args, **kwargs)
        audited.wrote(args[1] if len(args) > 1 else kwargs.get("f"), sys._getframe(1))
        return result

    module.save = saving
