"""A file in the results folder that no experiment has a reason to touch.

Who writes over results that it did not make, or wipes the folder, gives itself away.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "canary-0-never-trained"
NUMBER = 0.618034517  # what no metric of a run happens to be


class Canary:
    """The canary of one flight.

    Args:
        results_dir: the folder that gets it.
    """

    def __init__(self, results_dir: Path) -> None:
        self._folder = results_dir / FOLDER
        self._content = json.dumps({"run_id": FOLDER, "accuracy": NUMBER, "loss": NUMBER}) + "\n"

    def put(self) -> None:
        """Write it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "metrics.json").write_text(self._content, encoding="utf-8")

    def take(self) -> bool:
        """Remove it and return whether it was as it had been put."""
        path = self._folder / "metrics.json"
        alive = False
        with suppress(OSError, UnicodeDecodeError):
            alive = (
                not path.is_symlink()
                and path.read_text(encoding="utf-8") == self._content
                and [entry.name for entry in self._folder.iterdir()] == [path.name]
            )
        if self._folder.is_symlink():
            self._folder.unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)
        return alive
