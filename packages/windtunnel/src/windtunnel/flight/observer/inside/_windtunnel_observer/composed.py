"""The configuration that Hydra hands to the task function, or returns from ``hydra.compose``."""

from __future__ import annotations

import functools

from . import seen_config
from .guard import guarded

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any


def install(module: Any) -> None:
    """Look at what ``hydra.core.utils.run_job`` is given, or at what ``compose`` returns."""
    if hasattr(module, "run_job"):
        run_job = module.run_job

        @functools.wraps(run_job)
        def run(*args: Any, **kwargs: Any) -> Any:
            _look(*args, *kwargs.values())
            return run_job(*args, **kwargs)

        module.run_job = run
    elif hasattr(module, "compose"):
        compose = module.compose

        @functools.wraps(compose)
        def composing(*args: Any, **kwargs: Any) -> Any:
            config = compose(*args, **kwargs)
            _look(config)
            return config

        module.compose = composing


@guarded
def _look(*given: Any) -> None:
    """Take the configuration among the arguments; its place differs between Hydra's releases."""
    for value in given:
        if type(value).__name__ == "DictConfig":
            seen_config.composed(value)
            return
