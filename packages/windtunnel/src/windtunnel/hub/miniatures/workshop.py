"""Runs the recipes of miniatures, each in a child process that ends with the hub."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from windtunnel.errors import MiniatureError

if TYPE_CHECKING:
    from pathlib import Path

    from windtunnel.hub.catalog import Miniature

NEEDED_MODULES = ("torch", "transformers", "sentencepiece", "google.protobuf", "tokenizers")
ALSO_NEEDED = {"timm_model": ("timm",), "torchvision_weights": ("torchvision",)}  # by single recipes
TIMEOUT_SECONDS = 170.0  # below what the hub's clients wait for an answer
QUOTED_CHARACTERS = 1000


class MiniatureWorkshop:
    """Makes miniatures until it is closed."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._guard = threading.Lock()
        self._closed = False

    def make(self, model_id: str, miniature: Miniature, target: Path) -> None:
        """Write the files of a miniature into the folder ``target``.

        Raises:
            MiniatureError: a needed library is missing, the recipe failed or took too long, or the hub was stopped.
        """
        needed = (*NEEDED_MODULES, *ALSO_NEEDED.get(miniature.recipe, ()))
        missing = [name for name in needed if not _is_installed(name)]
        if missing:
            raise MiniatureError(
                f"the miniature of {model_id} cannot be made without {', '.join(missing)}; "
                "run: pip install 'windtunnel[miniatures]'"
            )
        recipe = f"windtunnel.hub.miniatures.{miniature.recipe}"
        process = self._start([sys.executable, "-P", "-m", recipe, str(target)], cwd=target)
        try:
            output, _ = process.communicate(json.dumps(dict(miniature.settings)), timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise MiniatureError(
                f"the miniature of {model_id} was not made within {TIMEOUT_SECONDS:.0f} s by {recipe}; try again on a "
                "machine with less to do"
            ) from error
        finally:
            self._end(process)
        if process.returncode != 0:
            ending = "the hub was stopped" if self._closed else output.strip()[-QUOTED_CHARACTERS:]
            raise MiniatureError(
                f"the miniature of {model_id} could not be made: {recipe} ended with exit code {process.returncode}: "
                f"{ending}"
            )

    def close(self) -> None:
        """Stop what is being made and make nothing more."""
        with self._guard:
            self._closed = True
            for process in self._running:
                process.kill()

    def _start(self, command: list[str], *, cwd: Path) -> subprocess.Popen[str]:
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"}
        with self._guard:
            if self._closed:
                raise MiniatureError("the hub was stopped before the miniature was made; start it again")
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=cwd,
                env=environment,
            )
            self._running.add(process)
        return process

    def _end(self, process: subprocess.Popen[str]) -> None:
        if process.poll() is None:
            process.kill()
            process.communicate()
        with self._guard:
            self._running.discard(process)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it is missing
        return False
