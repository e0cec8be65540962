"""What a grammar is: a function that draws the fields of a row, and the names that its fields have as columns.

A grammar knows *roles* ("text", "label", "context"), a dataset has columns. Which column has which role follows from
its name and type, so that most datasets need nothing but their columns to be made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

    from windtunnel.knowledge.datasets import Column

Fields = dict[str, Any]

TEXT = frozenset({"string"})
TEXTS = frozenset({"list<string>"})
NUMBER = frozenset({"float32", "float64"})
WHOLE = frozenset({"int8", "int32", "int64"})
LABEL = frozenset({"class"})
LABEL_OR_WHOLE = LABEL | WHOLE
TAGS = frozenset({"list<class>", "list<int64>"})
MESSAGES = frozenset({"list<message>"})
NESTED = frozenset({"struct", "list<struct>"})
TRUTH = LABEL | {"bool"}
IMAGE = frozenset({"image"})


@dataclass(frozen=True)
class Picture:
    """How the pictures of a dataset are.

    Attributes:
        width: in pixels.
        height: in pixels.
        channels: 1 for grey, 3 for RGB.
        groups: for each class the number of the group it belongs to, empty if the dataset has no groups.
    """

    width: int = 64
    height: int = 64
    channels: int = 3
    groups: tuple[int, ...] = ()


@dataclass(frozen=True)
class Setting:
    """What a grammar is told of the rows that it draws.

    Attributes:
        split: the split they are for.
        labels: role → the names of its class label (or of its tags) in their order.
        roles: the roles that have a column; a grammar may leave out the others.
        sentences: how many sentences a text has, the fewest and the most; None leaves it to the grammar.
        picture: how pictures are.
    """

    split: str
    labels: Mapping[str, tuple[str, ...]]
    roles: frozenset[str]
    sentences: tuple[int, int] | None = None
    picture: Picture = Picture()

    def length(self, rng: random.Random, fewest: int, most: int) -> int:
        """Draw a number of sentences, between the given bounds if nothing else was asked for."""
        return rng.randint(*(self.sentences or (fewest, most)))


Draw = Callable[["random.Random", Setting], Fields]


@dataclass(frozen=True)
class Role:
    """What a column must be to have a role.

    Attributes:
        names: the names that such a column has, the likeliest first; with "*" any other name will do.
        kinds: its types.
        required: whether the grammar makes no sense for a dataset without such a column.
        fields: the fields that a nested column must have.
    """

    names: tuple[str, ...]
    kinds: frozenset[str] = TEXT
    required: bool = True
    fields: frozenset[str] = frozenset()

    def rank(self, column: Column) -> int | None:
        """How likely ``column`` has this role: 0 the likeliest, None not at all."""
        if column.dtype not in self.kinds or not self.fields <= {field.name for field in column.fields}:
            return None
        if column.name in self.names:
            return self.names.index(column.name)
        return len(self.names) if "*" in self.names else None


class Exchange(Enum):
    """How the targets of training rows are permuted."""

    ROWS = "among all rows"
    EQUAL_LENGTH = "among rows whose targets are lists of equal length"
    PAIR = "between the two targets of a row, in half of the rows"


@dataclass(frozen=True)
class Grammar:
    """A way of making rows.

    Attributes:
        draw: draws the fields of one row, by role.
        roles: the columns it fills.
        target: the roles that a learner has to predict from the others.
        exchange: how they are permuted in a flight that asks whether anything was learned.
        labels: for a class label, what its names must be; None takes any.
        most_rows: of a training split, and of any other.
        complete: adds the fields that repeat a target among other things, after targets have been permuted.
        automatic: whether it is taken for a dataset whose columns fit, without being named.
    """

    draw: Draw
    roles: Mapping[str, Role]
    target: tuple[str, ...] = ("label",)
    exchange: Exchange = Exchange.ROWS
    labels: Callable[[tuple[str, ...]], bool] | None = None
    most_rows: tuple[int, int] = (1500, 300)
    complete: Callable[[Fields], Fields] | None = None
    automatic: bool = True
