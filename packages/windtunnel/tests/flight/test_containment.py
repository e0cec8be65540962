from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from windtunnel.errors import FlightError
from windtunnel.flight.containment import choose_containment
from windtunnel.flight.options import check_options

if TYPE_CHECKING:
    from .conftest import Experiment


@pytest.fixture
def no_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("windtunnel.flight.containment.bubblewrap_trouble", lambda: "bubblewrap is not installed here")


@pytest.mark.usefixtures("no_bubblewrap")
def test_without_bubblewrap_a_repository_elsewhere_needs_consent(experiment: Experiment) -> None:
    experiment.run("a")
    with pytest.raises(FlightError, match=r"bubblewrap is not installed here\. --sandbox none flies it") as caught:
        choose_containment(check_options(experiment.options(unsandboxed=False)))
    assert caught.value.exit_code == 3
    assert choose_containment(check_options(experiment.options(unsandboxed=True)))[0] == "none"


@pytest.mark.usefixtures("no_bubblewrap")
def test_without_bubblewrap_a_repository_of_the_own_workspace_needs_none(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment.run("a")
    options = check_options(experiment.options(unsandboxed=False))
    monkeypatch.setattr("windtunnel.flight.options.own_workspace", lambda: experiment.folder.parent)
    assert choose_containment(options) == ("none", "bubblewrap is not installed here")
    monkeypatch.setattr("windtunnel.flight.options.own_workspace", lambda: experiment.folder / "src")
    with pytest.raises(FlightError):
        choose_containment(options)


@pytest.mark.usefixtures("no_bubblewrap")
def test_a_copy_of_a_submission_is_never_own_code(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment.run("a")
    monkeypatch.setattr("windtunnel.flight.options.own_workspace", lambda: experiment.folder.parent)
    with pytest.raises(FlightError):
        choose_containment(check_options(experiment.options(unsandboxed=False, foreign=True)))


def test_where_bubblewrap_works_own_code_is_flown_in_it_too(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment.run("a")
    monkeypatch.setattr("windtunnel.flight.containment.bubblewrap_trouble", lambda: "")
    monkeypatch.setattr("windtunnel.flight.options.own_workspace", lambda: experiment.folder.parent)
    assert choose_containment(check_options(experiment.options(unsandboxed=False))) == ("bubblewrap", "")
