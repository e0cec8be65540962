"""Prose split into sentences, and what each one names: files, names in code, quoted text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from windtunnel.contract import REQUIRED_FILES
from windtunnel.submission.document import FILES

MOST_CHARACTERS = 200_000  # of a text that is split; more is no review
MOST_OF_A_SENTENCE = 1500  # characters that are read of one

_ABBREVIATIONS = r"(?:e\.g|i\.e|vs|cf|approx|resp|incl|Nr|fig|eq)"
_BULLET = re.compile(r"^\s*(?:[-*•]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+")
# an end is followed by a space and something that opens a sentence; a file's or a number's dot is not
# of a sentence: a stop, closing marks, a space, and what opens one; a dot of a file's name or a number is no stop
_OPENING = r"[\"'(\[`*_]*(?:[A-Z0-9/.-]|[\w/-]+\.(?:py|ya?ml|toml|json)\b|[a-z_]\w*(?:\.\w+)+|[a-z_]\w*\()"
_END = re.compile(rf"(?<=[.!?])[\"')\]*_]*\s+(?={_OPENING})|;\s+(?=[a-zA-Z0-9`(])|\s+(?=\(\d{{1,2}}\)\s)|\\n[-*\s]*")
_FILE = re.compile(
    r"(?<![\w.-])`?(/?(?:[\w.*{}-]+/)*[\w{}-]+\.(?:py|ya?ml|toml|json|txt|md|cfg|ini|sh))(?![\w])`?|"
    r"(?<!\w)`?(" + "|".join(FILES) + r")(?!\w)`?"
)
_NAME = re.compile(r"(?<![\w/.])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\(\))?(?![\w/])")
_CALL = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\(")
_QUOTED = re.compile(r"`([^`\n]{1,200})`|\"([^\"\n]{1,200})\"|(?<!\w)'([^'\n]{1,200})'(?!\w)|“([^”\n]{1,200})”")
_SCRIPTS = {
    "training": "train", "train": "train", "evaluation": "evaluate", "preprocessing": "preprocess", "model": "model",
    "main": "main",
}  # fmt: skip
_SCRIPT = re.compile(rf"\bthe\s+({'|'.join(_SCRIPTS)})\s+(?:file|script|module)\b", re.IGNORECASE)
_LINE = re.compile(r"\b(?:line|L|ligne)\s*(\d{1,6})\b|\.py:(\d{1,6})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Sentence:
    """One sentence of a review.

    Attributes:
        text: as it stands, white space made even.
    """

    text: str

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The files it names, as paths of the contract where they are meant, in the order in which it names them."""
        found = (match[1] or FILES[match[2]] for match in _FILE.finditer(_with_names(self.text)))
        return tuple(dict.fromkeys(_as_path(name) for name in found))

    @cached_property
    def masked(self) -> str:
        """The text with every file as ⟦its name⟧, dots of names made "·", for patterns."""
        return _FILE.sub(lambda match: f"⟦{(match[1] or match[2]).replace('.', '·')}⟧", _with_names(self.text))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names in code: dotted ones, what stands before parentheses, identifiers in quotes."""
        rest = _FILE.sub(" ", self.text)
        dotted = [match[1] for match in _NAME.finditer(rest)]
        called = [match[1] for match in _CALL.finditer(rest)]
        quoted = [text.removesuffix("()") for text in self.quoted if re.fullmatch(r"[A-Za-z_][\w.]*(\(\))?", text)]
        kept = [name for name in (*dotted, *called, *quoted) if name.lower().rstrip(".") not in {"e.g", "i.e"}]
        return tuple(dict.fromkeys(kept))

    @cached_property
    def quoted(self) -> tuple[str, ...]:
        """What stands in quotes or backticks."""
        return tuple(
            dict.fromkeys(next(group for group in match.groups() if group) for match in _QUOTED.finditer(self.text))
        )

    @cached_property
    def lines(self) -> tuple[int, ...]:
        """The line numbers it names."""
        return tuple(int(match[1] or match[2]) for match in _LINE.finditer(self.text))

    def says(self, pattern: str) -> bool:
        """Whether a pattern is found in the masked text, letters of either case; ⟦F⟧ stands for any file."""
        return _compiled(pattern).search(self.masked[:MOST_OF_A_SENTENCE]) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern whose wholes are looked for once and not from every place on, and whose gaps are bounded."""
    text = pattern.replace("⟦F⟧", "⟦[^⟧]*⟧").replace("[^.;]*", "[^.;]{0,120}")
    return re.compile(rf"\A(?:{text})" if text.startswith("(?=") else text, re.IGNORECASE | re.DOTALL)


def split(text: str) -> tuple[Sentence, ...]:
    """Split a review into sentences: at line ends, at bullets, at full stops that end one, at semicolons.

    Abbreviations, the dots of file names and of numbers, and text in backticks do not end a sentence.
    """
    found: list[Sentence] = []
    for paragraph in text[:MOST_CHARACTERS].splitlines():
        line = _BULLET.sub("", paragraph).strip()
        for part in _parts(line):
            clean = " ".join(_BULLET.sub("", part).split())
            if re.search(r"\w", clean):
                found.append(Sentence(clean))
    return tuple(found)


def _parts(line: str) -> list[str]:
    parts: list[str] = []
    start = 0
    for match in _END.finditer(line):
        before = line[start : match.start()]
        if before.count("`") % 2 or re.search(rf"\b{_ABBREVIATIONS}\.$", before, re.IGNORECASE):
            continue
        if re.search(r"(?:^|\b[Ss]tep )\s*\(?(?:\d{1,3}|[IVX]{1,4})[.)]$", before.strip()):  # a number that opens it
            continue
        parts.append(line[start : match.end()].rstrip().rstrip(";"))
        start = match.end()
    return [*parts, line[start:]]


def _with_names(text: str) -> str:
    """Name a file where a sentence speaks of "the training script" and the like."""
    return _SCRIPT.sub(lambda match: f"{_SCRIPTS[match[1].lower()]}.py", text)


def _as_path(name: str) -> str:
    """``train.py`` and ``/anywhere/src/train.py`` are ``src/train.py`` of the contract."""
    name = name.removeprefix("./")
    for path in REQUIRED_FILES:
        if name.endswith(f"/{path}"):
            return path
    if "/" in name:
        return name
    meant = [path for path in REQUIRED_FILES if path.rpartition("/")[2] == name.lower()]
    return meant[0] if len(meant) == 1 else name
