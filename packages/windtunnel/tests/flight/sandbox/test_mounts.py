from __future__ import annotations

import sys
from pathlib import Path

import pytest

from windtunnel.errors import FlightError
from windtunnel.flight.sandbox import Mounts, environment_mounts
from windtunnel.flight.sandbox.mounts import Place, places

PYTHON = Path("/usr/bin/python3")


def steps(**given: tuple[Path, ...]) -> list[Place]:
    return places(Mounts(python=PYTHON, **given))


def test_a_deeper_path_goes_before_a_higher_one(tmp_path: Path) -> None:
    results, flight = tmp_path / "results", tmp_path / "results" / "flight"
    work = flight / "work" / "repository"
    work.mkdir(parents=True)
    assert steps(read_only=(tmp_path,), writable=(work, results), hidden=(flight,)) == [
        Place(tmp_path, "read-only"),
        Place(results, "writable"),
        Place(flight, "hidden"),
        Place(work, "writable"),
    ]


def test_what_is_to_be_written_and_read_is_writable(tmp_path: Path) -> None:
    assert steps(read_only=(tmp_path,), writable=(tmp_path,)) == [Place(tmp_path, "writable")]


def test_links_on_the_way_are_made_again(tmp_path: Path) -> None:
    (tmp_path / "versions" / "3.12.1").mkdir(parents=True)
    (tmp_path / "versions" / "3.12").symlink_to("3.12.1")
    (tmp_path / "current").symlink_to(tmp_path / "versions" / "3.12")
    assert steps(read_only=(tmp_path / "current",)) == [
        Place(tmp_path / "current", "link", str(tmp_path / "versions" / "3.12")),
        Place(tmp_path / "versions" / "3.12", "link", "3.12.1"),
        Place(tmp_path / "versions" / "3.12.1", "read-only"),
    ]


def test_links_within_a_shown_folder_are_there_already(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "link").symlink_to("inner")
    assert steps(read_only=(tmp_path, tmp_path / "link")) == [
        Place(tmp_path, "read-only"),
        Place(tmp_path / "inner", "read-only"),
    ]


def test_what_the_system_shows_anyway_is_not_shown_again() -> None:
    assert steps(read_only=(Path("/usr"), Path("/usr/lib"))) == []


@pytest.mark.parametrize("path", ["/", "home", "home/.."])
def test_a_path_that_holds_the_users_home_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(FlightError, match=r"holds the user's home .* move what the flight needs"):
        steps(read_only=(tmp_path / path,))


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FlightError, match="nowhere does not exist"):
        steps(writable=(tmp_path / "nowhere",))


def test_links_that_lead_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    found = places(Mounts(python=tmp_path / "a"))
    assert {place.path for place in found} == {tmp_path / "a", tmp_path / "b"}


def test_an_environment_shows_its_interpreter_and_its_sources(tmp_path: Path) -> None:
    prefix, base, source = (tmp_path / name for name in ("environment", "base", "source"))
    site = prefix / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True)
    source.mkdir()
    (site / "project.pth").write_text(f"{source}\n")
    mounts = environment_mounts(Path(sys.executable), prefix=prefix, base_prefix=base, read_only=[tmp_path / "more"])
    assert mounts.read_only == (prefix, base, source, tmp_path / "more")
