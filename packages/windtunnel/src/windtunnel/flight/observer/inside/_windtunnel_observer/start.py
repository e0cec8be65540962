"""Puts the instruments in place, at the start of a Python process."""

from __future__ import annotations

import os
import sys

from . import audited, children, crashes, endings, handled, importing, monitored, places, rewritten, story, wire
from .guard import guarded, note
from .text import shown

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# the module after whose import an instrument is put in place, and the instrument's own
_INSTRUMENTS = {
    "omegaconf": "config",
    "hydra.core.utils": "composed",
    "hydra.compose": "composed",
    "optuna.study.study": "searches",
    "subprocess": "children",
    "torch._tensor": "losses",
    "torch.autograd": "losses",
    "torch.nn.modules.module": "hooks",
    "torch.optim.optimizer": "optimizers",
    "torch.utils.data.dataloader": "loaders",
    "torch.serialization": "saved",
    "threading": "threads",
}


def watch() -> None:
    """Watch this process."""
    repository = os.environ.get("WINDTUNNEL_REPOSITORY", "")
    places.begin(repository)
    children.remember()
    crashes.install()
    handled.install()
    importing.install()
    _shims()
    for module, instrument in _INSTRUMENTS.items():
        importing.after_import(module, _putting(instrument))
    if not monitored.install():
        rewritten.install(repository)
    endings.install()
    audited.install()
    wire.connect(os.environ["WINDTUNNEL_OBSERVER"])


def _putting(instrument: str) -> Callable[[Any], None]:
    def put(module: Any) -> None:
        package = __name__.rpartition(".")[0]
        __import__(f"{package}.{instrument}")
        sys.modules[f"{package}.{instrument}"].install(module)

    return put


@guarded
def _shims() -> None:
    """Let the shims stand in for services; what each stands in for is told."""
    names = [name for name in os.environ.get("WINDTUNNEL_SHIMS", "").split(":") if name]
    url = os.environ.get("WINDTUNNEL_HUB", "")

    def report(text: str) -> None:
        story.shims[shown(text)] = None
        wire.touch()

    for name in names:
        try:
            __import__(name)
            sys.modules[name].install(url, report)
        except Exception as error:  # noqa: BLE001  # the others may still stand in
            note(error)
    folder = os.environ.get("WINDTUNNEL_SHIMS_FOLDER", "")
    sys.path[:] = [entry for entry in sys.path if not folder or entry != folder]
