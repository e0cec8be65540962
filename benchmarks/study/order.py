"""The order in which cells are run by several workers: as wanted, but none before its learning rate is known."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.study.cells import Cell
    from benchmarks.study.plan import Plan


class Todo:
    """Cells that are still to be run; each is taken by one worker, once its learning rate is no longer being searched.

    Args:
        plan: tells whose rate a cell takes.
        cells: in the order in which they are wanted.
    """

    def __init__(self, plan: Plan, cells: Sequence[Cell]) -> None:
        self._plan = plan
        self._waiting = list(cells)
        self._searching = {cell for cell in cells if cell.phase == "tuning"}
        self._changed = threading.Condition()

    def take(self) -> Cell | None:
        """The next cell that can be run, as soon as there is one; None when none is left."""
        with self._changed:
            while self._waiting:
                for cell in self._waiting:
                    if cell.phase == "tuning" or self._plan.tuned_by(cell) not in self._searching:
                        self._waiting.remove(cell)
                        return cell
                self._changed.wait()
            return None

    def finish(self, cell: Cell) -> None:
        """Tell that a cell was run: those that waited for its rate are free."""
        with self._changed:
            self._searching.discard(cell)
            self._changed.notify_all()
