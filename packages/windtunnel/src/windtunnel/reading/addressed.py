"""Text that addresses a reviewer: which lines of a file do, and the file without what they say.

A model that reviews may follow what it reads. Letters are folded before they are searched: compatibility forms,
lookalikes of other alphabets, spaced-out words. A block of comments or strings is read as one text, whatever lines it
is broken into.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

from windtunnel.reading.python import spoken

WITHHELD = "(what stands here addresses the reviewer and is withheld)"
MOST_BLOCK = 40  # lines that are read as one text
MOST_LINE = 20_000  # characters of a line that are searched; a longer one counts as hidden text

_WORD = re.compile("WHO|MUST|FINE|FAULTLESS|THIS|THING")


def _read_table() -> re.Pattern[str]:
    """Join the expressions of ``addressed.txt``, the words in capitals replaced by their lists."""
    text = (resources.files("windtunnel") / "reading" / "addressed.txt").read_text(encoding="utf-8")
    lines = [line for line in text.split("\n") if line and not line.startswith("# ")]
    lists = dict(line.split(" = ", 1) for line in lines if _WORD.match(line))
    forms = [_WORD.sub(lambda match: lists[match.group(0)], line) for line in lines if not _WORD.match(line)]
    return re.compile("|".join(forms), re.IGNORECASE)


_STEERING = _read_table()
_LOOKALIKES = str.maketrans("аеорсхіѕукмтнвАЕОРСХІЅУКМТНВԁɡһјӏ", "aeopcxisykmthbAEOPCXISYKMTHBdghjl")
_SPACED = re.compile(r"(?<![^\W\d])(?:[^\W\d] ){2,}[^\W\d](?!\w)")
_JOINTS = "#\"'()[]{},*-/+\\ \t"


class Addressed(NamedTuple):
    """A line that addresses a reviewer.

    Attributes:
        line: from 1.
        what: the words or characters by which it is known.
        hidden: whether it is characters that hide text.
    """

    line: int
    what: str
    hidden: bool


@lru_cache(maxsize=256)
def addressed(path: str, text: str) -> tuple[Addressed, ...]:
    """Find the lines of a file that address a reviewer, in their order.

    Args:
        path: of Python, comments and strings are searched; of anything else, everything.
        text: the file.
    """
    lines = (spoken(text) if path.endswith(".py") else text).split("\n")
    found: dict[int, Addressed] = {}
    block: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        hidden = _hidden(line.removeprefix("\ufeff") if number == 1 else line)
        if hidden or len(line) > MOST_LINE:
            what = f"U+{ord(hidden):04X}" if hidden else f"a line of {len(line)} characters"
            found[number] = Addressed(number, what, hidden=True)
        bare = _folded(line[:MOST_LINE])
        if bare:
            block.append((number, bare))
        if not bare or len(block) == MOST_BLOCK:
            found |= {one.line: one for one in _in(block)} | found
            block = block[-2:] if bare else []
    found = {one.line: one for one in _in(block)} | found
    return tuple(found[number] for number in sorted(found))


def without_addressed(path: str, text: str) -> str:
    """The file with what addresses a reviewer taken out, line by line; the code beside it stays."""
    lines = text.split("\n")
    said = (spoken(text) if path.endswith(".py") else text).split("\n")
    for one in addressed(path, text):
        line, own = lines[one.line - 1], said[one.line - 1]
        if path.endswith(".py"):
            rest = "".join(a if b == " " else "" for a, b in zip(line, own.ljust(len(line)), strict=False)).rstrip()
        else:
            rest = (re.match(r"\s*(- )?[\w.-]{1,80}: ", line) or re.match("", line) or [""])[0].rstrip()
        lines[one.line - 1] = f"{rest}  {WITHHELD}" if rest else WITHHELD
    return "\n".join(lines)


def _in(block: list[tuple[int, str]]) -> list[Addressed]:
    """What a block of lines says, read as one text; a sentence counts for every line that it is on."""
    joined, starts = "", []
    for _, bare in block:
        starts.append(len(joined))
        joined += bare + " "
    made = []
    for match in _STEERING.finditer(joined):
        for place, (number, bare) in enumerate(block):
            if match.start() < starts[place] + len(bare) and match.end() > starts[place]:
                made.append(Addressed(number, match.group(0).strip(), hidden=False))
    return made


def _folded(line: str) -> str:
    plain = unicodedata.normalize("NFKC", "".join(c for c in line if not _is_hiding(c))).translate(_LOOKALIKES)
    plain = _SPACED.sub(lambda match: match.group(0).replace(" ", ""), plain)  # words in letters are two spaces apart
    return " ".join(plain.replace("\u2019", "'").split()).strip(_JOINTS)


def _hidden(line: str) -> str:
    """The first character that hides text or turns its order round; "" if there is none.

    Joiners between characters that are no ASCII letters are how emoji and some scripts are written.
    """
    if line.isascii():
        return ""
    for place, character in enumerate(line):
        if _is_hiding(character):
            around = line[place - 1 : place] + line[place + 1 : place + 2]
            if character in "\u200c\u200d\ufe0e\ufe0f" and line[place - 1 : place] > "\x7f" and around.strip():
                continue
            return character
    return ""


def _is_hiding(character: str) -> bool:
    """Formats, directions, tags, fillers and variation selectors (Boucher and Anderson, arXiv:2111.00169)."""
    if character < "\x7f":
        return False
    code = ord(character)
    return (
        (unicodedata.category(character) == "Cf" and character != "\u00ad")
        or character in "\u034f\u115f\u1160\u180e\u3164\uffa0"
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0100 <= code <= 0xE01EF
    )
