"""Optuna's studies: the names that were searched, and what the trials came to."""

from __future__ import annotations

import functools
import sys

from . import places, story, wire
from .guard import guarded
from .text import finite, shown

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_MOST_STUDIES, _MOST_TRIALS = 10, 200

_seen: list[tuple[str, Any]] = []
_told: list[dict[str, Any]] = []


def install(module: Any) -> None:
    """Watch studies.

    Args:
        module: ``optuna.study.study``.
    """
    story.part(lambda: {"searches": list(_told)}, _forget)
    story.at_end(_read)
    for name in ("optimize", "tell"):
        _watch(module.Study, name)


def _watch(study_class: Any, name: str) -> None:
    own = getattr(study_class, name)

    @functools.wraps(own)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        _note(self, sys._getframe(1))
        try:
            return own(self, *args, **kwargs)
        finally:
            if name == "optimize":
                _read()
                wire.touch()

    setattr(study_class, name, call)


@guarded
def _note(study: Any, frame: Any) -> None:
    if len(_seen) < _MOST_STUDIES and not any(known is study for _, known in _seen):
        _seen.append((places.here(frame), study))


@guarded
def _read() -> None:
    _told[:] = [_study(place, study) for place, study in _seen]


def _study(place: str, study: Any) -> dict[str, Any]:
    trials = study.get_trials(deepcopy=False)[:_MOST_TRIALS]
    done = [trial for trial in trials if trial.state.name == "COMPLETE"]
    return {
        "place": place,
        "names": sorted({shown(name) for trial in trials for name in trial.params}),
        "tried": len({repr(sorted(trial.params.items())) for trial in done}),
        "values": [[finite(value) for value in trial.values] for trial in done],
    }


def _forget() -> None:
    _seen.clear()
    _told.clear()
