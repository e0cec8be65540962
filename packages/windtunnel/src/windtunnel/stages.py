"""The stages that an experiment goes through, in order, so that what stops it first is named first."""

from __future__ import annotations

from enum import Enum


class Stage(Enum):
    """Where in the life of an experiment a defect shows. Declared in the order in which they come."""

    INSTALL = "install"
    PARSE = "parse"
    CONFIG = "config"
    IMPORT = "import"
    TRIAL = "trial"
    FULL = "full run"
    EVALUATION = "evaluation"

    @property
    def rank(self) -> int:
        """0 for the first."""
        return list(Stage).index(self)


# Where the defects of a criterion usually show; a rule that knows better says so itself.
STAGE_OF_CRITERION = {
    1: Stage.TRIAL,
    2: Stage.CONFIG,
    3: Stage.TRIAL,
    4: Stage.TRIAL,
    5: Stage.INSTALL,
    6: Stage.FULL,
    7: Stage.CONFIG,
    8: Stage.EVALUATION,
    9: Stage.TRIAL,
    10: Stage.FULL,
    11: Stage.EVALUATION,
    12: Stage.TRIAL,
}
