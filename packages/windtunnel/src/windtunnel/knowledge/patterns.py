"""Which regular expressions of a submission may be tried: those that cannot take for ever.

Python's engine tries every way to share a text among repeats, so a repeat inside a repeat, an alternative inside one,
or many repeats in a row make it hang on a text of sixty characters. Such patterns are refused by their form alone,
a few harmless ones among them.
"""

from __future__ import annotations

_LONGEST = 500
_MOST_REPEATS = 4  # chosen by us: four of any character on a module's name take a hundredth of a second


def refusal(pattern: str) -> str:
    """Why a pattern is not tried, in words that follow "it"; "" if it is."""
    if len(pattern) > _LONGEST:
        return f"is {len(pattern)} characters long"
    repeats = 0
    open_groups = [False]  # per group that is open: whether it holds a repeat or an alternative
    closed: bool | None = None  # whether the group that ended just before holds one, None if none ended there
    position, before = 0, ""
    while position < len(pattern):
        length = _length_of_item(pattern, position)
        item = pattern[position : position + length]
        ended, closed = closed, None
        if item == "(":
            open_groups.append(False)
        elif item == ")":
            holds = open_groups.pop() if len(open_groups) > 1 else False
            open_groups[-1] = open_groups[-1] or holds
            closed = holds
        elif item == "|":
            open_groups[-1] = True
        elif item[0] in "*+{" and before != "(":
            if ended:
                return "repeats a group that holds a repeat or an alternative"
            repeats += before != r"\d"
            open_groups[-1] = True
        elif item == "?" and before not in {"(", "*", "+", "?"}:
            open_groups[-1] = True
        position, before = position + length, item
    return f"has {repeats} repeats, more than {_MOST_REPEATS}" if repeats > _MOST_REPEATS else ""


def _length_of_item(pattern: str, position: int) -> int:
    """How many characters one escape, class, counted repeat or plain character takes."""
    character = pattern[position]
    if character == "\\":
        return 2
    if character == "[":
        end = position + 2 if pattern[position + 1 : position + 2] != "^" else position + 3
        while end < len(pattern) and pattern[end] != "]":
            end += 2 if pattern[end] == "\\" else 1
        return end + 1 - position
    if character == "{":
        end = pattern.find("}", position)
        return end + 1 - position if end > 0 else 1
    return 1
