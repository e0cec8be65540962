"""What was found in a file or a node once, for as long as it is there: a dozen rules ask the same of each."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

Asked = TypeVar("Asked")
Found = TypeVar("Found")


def remembered(function: Callable[[Asked], Found]) -> Callable[[Asked], Found]:
    """Remember the answers of a function of one source or node; they must not be changed nor hold what was asked."""
    answers: WeakKeyDictionary[Asked, Found] = WeakKeyDictionary()

    @wraps(function)
    def asked(of: Asked) -> Found:
        try:
            return answers[of]
        except KeyError:
            found = answers[of] = function(of)
            return found

    return asked
