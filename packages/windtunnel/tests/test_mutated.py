"""Valid submissions with random mistakes in them: each gets a verdict and a report, none a traceback."""

from __future__ import annotations

import io
import json
import random
import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from windtunnel.check import check
from windtunnel.errors import UsageError
from windtunnel.report import check_json, check_text, sarif
from windtunnel.submission.document import FILES

FOLDERS = [Path(__file__).parent / "rules" / name for name in ("experiment", "language_model")]
SUBMISSIONS = [
    {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".py", ".yaml", ".toml"}
    }
    for folder in FOLDERS
]
HOSTILE = [
    *(
        "",
        "\x00",
        "\ud800",
        "\u202e",
        "\ufeff",
        "\t",
        "\r",
        "💣",
        "'",
        '"""',
        "\\",
        "{",
        "}}",
        "[",
        ")",
        ":",
        "#",
        "%",
        "${",
    ),
    *(
        "${a.b}",
        "${oc.env:HOME}",
        "${..x}",
        "???",
        "null",
        "~",
        "-1",
        "1e400",
        "nan",
        "0x",
        "9" * 400,
        "[]",
        "{}",
        "&a",
        "*a",
    ),
    *(
        "!!python/object:os.system",
        "<<: *a",
        "lambda: 0",
        "yield",
        "await x",
        "return",
        "*",
        "**kw",
        "...",
        "None",
        "f'{x!r:{y}}'",
    ),
    *(
        "self",
        "cfg",
        "cfg.",
        "cfg[0]",
        "@",
        ":=",
        "import os.",
        "from . import *",
        "global x",
        "del x",
        "match x:",
        "class A(A): pass",
    ),
    *(
        "(" * 200,
        "[" * 3000,
        "- " * 300,
        "a." * 500 + "a",
        "not " * 500 + "x",
        "x = x + " * 300 + "1",
        "while True: pass",
    ),
]
WORD = re.compile(r"\w+|[^\w\s]")


def changed(text: str, chance: random.Random) -> str:
    """A text with one mistake."""
    lines = text.split("\n")
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    words = list(WORD.finditer(text))
    word = chance.choice(words) if words else re.match("", text)
    assert word is not None
    kind = chance.randrange(10)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == 2:
        lines.insert(at, lines[other])
    elif kind == 3:
        lines[at] = chance.choice(["    ", " ", "\t"]) + lines[at]
    elif kind == 4:
        lines[at] = lines[at].lstrip()
    elif kind == 5:
        del lines[at : at + chance.randrange(1, 30)]
    elif kind == 6:
        return text[: chance.randrange(len(text) + 1)]
    elif kind == 7:
        return text[: word.start()] + chance.choice(HOSTILE) + text[word.end() :]
    elif kind == 8 and words:
        return text[: word.start()] + chance.choice(words).group() + text[word.end() :]
    else:
        position = chance.randrange(len(text) + 1)
        return text[:position] + chance.choice(HOSTILE) + text[position:]
    return "\n".join(lines)


def mutated(seed: int) -> tuple[bytes, dict[str, bytes]]:
    """A submission, and its run configurations, with up to four mistakes; one in twenty is itself damaged JSON."""
    chance = random.Random(seed)
    files: dict[str, object] = dict(chance.choice(SUBMISSIONS))
    for _ in range(chance.randrange(1, 5)):
        path = chance.choice(sorted(files))
        kind = chance.randrange(15)
        if kind == 0:
            del files[path]
        elif kind == 1:
            files[path] = chance.choice([None, 0, [], {}, "", ["a"], {"a": "b"}, True])
        elif isinstance(files[path], str):
            files[path] = changed(str(files[path]), chance)
    data = json.dumps({key: files[path] for key, path in FILES.items() if path in files})
    if chance.randrange(20) == 0:
        data = changed(data, chance)
    runs = {
        Path(path).name: str(text).encode("utf-8", "surrogatepass")
        for path, text in files.items()
        if path.startswith("config/run")
    }
    return data.encode("utf-8", "surrogatepass"), runs


def assert_answers(seed: int, folder: Path) -> bool:
    """Review one of them and write all reports; whether there was something to review."""
    data, runs = mutated(seed)
    folder.mkdir()
    for name, content in runs.items():
        (folder / name).write_bytes(content)
    try:
        verdict = check("-", runs=folder if runs else None, as_of=date(2025, 12, 1), stdin=io.BytesIO(data))
    except UsageError:
        return False  # not a submission at all, said in a line
    finally:
        shutil.rmtree(folder)
    failed = [f"{outcome.rule.code()}: {outcome.error}" for outcome in verdict.outcomes if outcome.error]
    assert not failed, f"seed {seed}: {failed}"
    for report in (check_text, check_json, sarif):
        report.render(verdict)
    return True


SHARE_REVIEWED = 0.9  # of submissions; the others are refused as not being any


def test_submissions_with_mistakes_get_a_verdict(tmp_path: Path):
    reviewed = sum(assert_answers(seed, tmp_path / "runs") for seed in range(100))
    assert reviewed > 100 * SHARE_REVIEWED


PART = 250  # submissions in one test, so that parts run side by side and a slow one is named


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 10_000, PART))
def test_ten_thousand_submissions_with_mistakes_get_a_verdict(first: int, tmp_path: Path):
    reviewed = sum(assert_answers(seed, tmp_path / "runs") for seed in range(first, first + PART))
    assert reviewed > PART * SHARE_REVIEWED * 0.95  # few enough that chance shows
