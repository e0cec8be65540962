"""A small complete experiment that no rule objects to, and a way to change it file by file."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from windtunnel.evidence import CommandFlown
from windtunnel.repo import Repo
from windtunnel.rules.base import Skip
from windtunnel.rules.registry import find
from windtunnel.submission import File, RunConfig, Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from windtunnel.evidence import Flight
    from windtunnel.findings import Finding

EXPERIMENT = Path(__file__).parent / "experiment"
TEXTS = {
    path.relative_to(EXPERIMENT).as_posix(): path.read_text()
    for path in sorted(EXPERIMENT.rglob("*"))
    if path.is_file() and path.suffix in {".py", ".yaml", ".toml"}
}


def make_repo(
    files: Mapping[str, str | bytes | tuple[str, str]] | None = None,
    *,
    remove: Iterable[str] = (),
    as_of: date = date(2025, 12, 1),
) -> Repo:
    """The experiment with some of its files replaced, added or removed.

    Args:
        files: the new text by path, or (what to replace, by what) in the old one.
        remove: paths, or beginnings of paths that end in a slash.
        as_of: the date whose library versions count.
    """
    texts: dict[str, str | bytes] = dict(TEXTS)
    for path, change in (files or {}).items():
        if isinstance(change, tuple):
            old = TEXTS[path]
            assert change[0] in old, f"{change[0]!r} is not in {path}"
            texts[path] = old.replace(*change)
        else:
            texts[path] = change
    for gone in remove:
        texts = {
            path: text
            for path, text in texts.items()
            if path != gone and not (gone.endswith("/") and path.startswith(gone))
        }
    made = {
        path: File(path, len(data), data)
        for path, text in sorted(texts.items())
        if (data := text if isinstance(text, bytes) else text.encode()) is not None
    }
    runs = tuple(
        RunConfig(Path(path).stem, path, file.text or "", path.rpartition("/")[0])
        for path, file in made.items()
        if path.startswith(("config/run/", "config/runs/"))
    )
    return Repo(Submission("experiment", "folder", None, made, runs), as_of=as_of)


@pytest.fixture
def repo() -> Callable[..., Repo]:
    """:func:`make_repo`."""
    return make_repo


@pytest.fixture
def texts() -> dict[str, str]:
    """The files of the experiment, for tests that change more than one place of a file."""
    return dict(TEXTS)


@pytest.fixture
def found() -> Callable[..., list[Finding]]:
    """What one rule finds in the experiment with some files changed: ``found("CFG001", {"src/main.py": ...})``."""

    def findings(
        code: str, files: Mapping[str, str | bytes | tuple[str, str]] | None = None, **changes: object
    ) -> list[Finding]:
        try:
            return list(find(code)().check(make_repo(files, **changes)))  # type: ignore[arg-type]
        except Skip:
            return []

    return findings


LANGUAGE_MODEL = Path(__file__).parent / "language_model"


@pytest.fixture
def causal_repo() -> Callable[..., Repo]:
    """As :func:`make_repo`, of an experiment that trains a causal language model on questions and answers."""
    texts = {
        path.relative_to(LANGUAGE_MODEL).as_posix(): path.read_text()
        for path in sorted(LANGUAGE_MODEL.rglob("*"))
        if path.is_file() and path.suffix in {".py", ".yaml"}
    }

    def made(files: Mapping[str, str | tuple[str, str]] | None = None, *, as_of: date = date(2025, 12, 1)) -> Repo:
        changed = dict(texts)
        for path, change in (files or {}).items():
            if isinstance(change, tuple):
                assert change[0] in changed[path], f"{change[0]!r} is not in {path}"
                changed[path] = changed[path].replace(*change)
            else:
                changed[path] = change
        gone = [path for path in TEXTS if path.startswith("config/run/")]
        return make_repo(changed, remove=gone, as_of=as_of)

    return made


@pytest.fixture
def found_causal(causal_repo: Callable[..., Repo]) -> Callable[..., list[Finding]]:
    """As :func:`found`, in the experiment of :func:`causal_repo`."""

    def findings(
        code: str, files: Mapping[str, str | tuple[str, str]] | None = None, **changes: object
    ) -> list[Finding]:
        try:
            return list(find(code)().check(causal_repo(files, **changes)))
        except Skip:
            return []

    return findings


@pytest.fixture
def command() -> Callable[..., CommandFlown]:
    """A command of a flight that went well: ``command("proposed-bert-sst2", processes=(...))``."""

    def flown(name: str, **seen: object) -> CommandFlown:
        return CommandFlown(
            **{"name": name, "argv": ("python",), "again": "again", "status": "finished", "exit_code": 0, **seen}  # type: ignore[arg-type]
        )

    return flown


@pytest.fixture
def judged() -> Callable[..., list[Finding]]:
    """What one rule finds in flights of the experiment: ``judged("FLY030", flight)``; Skip is let through."""

    def findings(
        code: str, *flights: Flight, files: Mapping[str, str | bytes | tuple[str, str]] | None = None
    ) -> list[Finding]:
        made = make_repo(files)
        return list(find(code)().check(Repo(made.submission, as_of=made.as_of, flights=flights)))

    return findings
