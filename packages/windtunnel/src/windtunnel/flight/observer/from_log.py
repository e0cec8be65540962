"""A crash as the log of a command shows it, for processes that the observer heard nothing of.

Covered: tracebacks of Python, those of exception groups and with something before each line (as launchers print them);
chains of exceptions; errors in the syntax of the program itself, which have no traceback; what Hydra prints instead of
one. Not covered: what a program prints of its errors by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from windtunnel.evidence import Crash, Frame
from windtunnel.report.failure import read_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_HEADER = re.compile(r"(?P<before>.*?)(?:[+|] )?(?:Exception Group )?Traceback \(most recent call last\):$")
_FRAME = re.compile(r'\s+File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_EXCEPTION = re.compile(r"(?P<name>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$")
_SYNTAX = re.compile(r"(?P<name>SyntaxError|IndentationError|TabError): (?P<message>.*)$")
_LED_TO = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
# what a parent says of a child that failed: the child's own words explain it
_OF_A_CHILD = frozenset(
    {"subprocess.CalledProcessError", "torch.distributed.elastic.multiprocessing.errors.ChildFailedError"}
)
_HYDRA_END = "Set the environment variable HYDRA_FULL_ERROR=1"
_HYDRA_ERROR = "hydra.errors.CompactHydraException"  # of which it prints the text only
_HYDRA_LINES = 6
_MESSAGE_LINES = 20
_MESSAGE_CHARACTERS = 4000
_FOREIGN = ("site-packages", "dist-packages", ".venv")


@dataclass(frozen=True, slots=True)
class _Traceback:
    """One traceback of a log: its lines from the header to the end of the message, the frames, the exception."""

    first: int
    last: int
    frames: tuple[tuple[str, int, str], ...]
    exception: str
    message: str

    @property
    def text(self) -> str:
        return f"{self.exception}: {self.message}" if self.message else self.exception


def crash_in_log(log: Path, repository: Path) -> Crash | None:
    """Return the crash that ended a command, None if its log shows none.

    Args:
        log: of the command.
        repository: the folder that was flown; its frames are told relative to it.
    """
    lines = read_end(log)
    found = list(_tracebacks(lines))
    told = _hydra_message(lines, after=found[-1].last if found else -1)
    if told:
        return Crash(_HYDRA_ERROR, told)
    if not found:
        return _syntax_error(lines, repository)
    crash = next((one for one in reversed(found) if one.exception not in _OF_A_CHILD), found[-1])
    frames, library = _places(crash.frames, repository)
    return Crash(crash.exception, crash.message, frames, library, tuple(_chain(found, crash, lines)))


def _tracebacks(lines: Sequence[str]) -> Iterator[_Traceback]:
    """Yield the tracebacks that came to their end, in their order."""
    for first, line in enumerate(lines):
        header = _HEADER.match(line)
        if header is None:
            continue
        before = header["before"]
        frames: list[tuple[str, int, str]] = []
        for last in range(first + 1, len(lines)):
            text = _without(lines[last], before)
            if (frame := _FRAME.match(text)) is not None:
                frames.append((frame["file"], int(frame["line"]), frame["function"] or ""))
            elif not text.startswith(" "):
                break
        else:
            continue
        if (exception := _EXCEPTION.match(text)) is None:
            continue
        more = [_without(line, before) for line in lines[last + 1 : last + 1 + _MESSAGE_LINES]]
        message = [exception["message"] or "", *takewhile(_goes_on, more)]
        text = "\n".join(message).strip()[:_MESSAGE_CHARACTERS]
        yield _Traceback(first, last + len(message) - 1, tuple(frames), exception["name"], text)


def _without(line: str, before: str) -> str:
    """Return a line of a traceback without what its header has before it, and without the rule beside a group."""
    if before.strip():
        return line.removeprefix(before)
    text = line[len(before) :] if line[: len(before)].isspace() or not before else line
    return text[2:] if text.startswith(("| ", "+ ")) else text


def _goes_on(line: str) -> bool:
    """Whether a line belongs to the message before it: OmegaConf and torch say more in indented lines."""
    return line.startswith(("    ", "\t")) and not _FRAME.match(line)


def _chain(found: Sequence[_Traceback], crash: _Traceback, lines: Sequence[str]) -> list[str]:
    """Return the exceptions that led to a crash, the first first."""
    chain: list[str] = []
    index = found.index(crash)
    while index > 0 and any(sentence in lines[found[index].first - 1] for sentence in _LED_TO):
        index -= 1
        chain.insert(0, found[index].text)
    return chain


def _places(frames: Sequence[tuple[str, int, str]], repository: Path) -> tuple[tuple[Frame, ...], str]:
    """Return the frames of the repository, and the innermost frame if that is a library's."""
    inside: list[Frame] = []
    library = ""
    for file, line, function in frames:
        path = _relative(file, repository)
        if path:
            inside.append(Frame(path, line, function))
            library = ""
        else:
            library = f"{_library_path(file)}:{line}"
    return tuple(inside), library


def _relative(file: str, repository: Path) -> str:
    path = PurePosixPath(file)
    for root in (repository, repository.resolve()):
        if path.is_relative_to(root):
            inside = path.relative_to(root)
            return "" if any(part in _FOREIGN for part in inside.parts) else str(inside)
    return ""


def _library_path(file: str) -> str:
    for folder in ("/site-packages/", "/dist-packages/"):
        if folder in file:
            return file.rpartition(folder)[2]
    return re.sub(r".*/lib/python3[^/]*/", "", file)


def _syntax_error(lines: Sequence[str], repository: Path) -> Crash | None:
    """Return what Python says of a program that it cannot read, which has no traceback."""
    for index in range(len(lines) - 1, -1, -1):
        if (error := _SYNTAX.match(lines[index])) is None:
            continue
        for line in reversed(lines[max(0, index - 5) : index]):
            if (frame := _FRAME.match(line)) is not None:
                frames, library = _places([(frame["file"], int(frame["line"]), "<module>")], repository)
                return Crash(error["name"], error["message"], frames, library)
    return None


def _hydra_message(lines: Sequence[str], *, after: int) -> str:
    """Return what Hydra said instead of a traceback."""
    for index in range(len(lines) - 1, after + 1, -1):
        if lines[index].startswith(_HYDRA_END):
            said = lines[max(after + 1, index - _HYDRA_LINES) : index]
            return "\n".join(said)[:_MESSAGE_CHARACTERS]
    return ""
