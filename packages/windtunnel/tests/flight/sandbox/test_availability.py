from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from windtunnel.flight.sandbox import availability
from windtunnel.flight.sandbox.availability import bubblewrap_trouble

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    bubblewrap_trouble.cache_clear()
    yield
    bubblewrap_trouble.cache_clear()


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return program


def test_without_bubblewrap_the_message_has_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "install it with: apt-get install bubblewrap" in bubblewrap_trouble()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere bubblewrap is not tried")
def test_bubblewrap_that_may_not_make_namespaces_is_named_with_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "bwrap: No permissions to create new namespace"
    program = install(tmp_path, monkeypatch, f"echo '{said}' >&2; exit 1")
    trouble = bubblewrap_trouble()
    assert trouble.startswith(f"{program} is installed but does not work here ({said}); ")


def test_a_setting_that_forbids_user_namespaces_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    setting = tmp_path / "max_user_namespaces"
    setting.write_text("0\n")
    monkeypatch.setattr(availability, "_FORBIDDEN", ((str(setting), "0", "allow it with: sysctl"),))
    monkeypatch.setattr(availability.os, "geteuid", lambda: 1000)
    assert bubblewrap_trouble().endswith(f"{setting} = 0, which forbids user namespaces; allow it with: sysctl")


def test_a_container_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(
        tmp_path, monkeypatch, 'echo "bwrap: Can\'t mount proc on /newroot/proc: Operation not permitted" >&2; exit 1'
    )
    (tmp_path / ".dockerenv").touch()
    monkeypatch.setattr(availability, "_FORBIDDEN", ())
    monkeypatch.setattr(availability, "_CONTAINER_FILES", (str(tmp_path / ".dockerenv"),))
    assert "this is a container" in bubblewrap_trouble()


def test_a_bubblewrap_that_does_nothing_is_not_taken_for_a_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "exit 0")
    assert "the sandbox did not come to start it" in bubblewrap_trouble()


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed here")
def test_it_is_tried_once() -> None:
    first = bubblewrap_trouble()
    assert bubblewrap_trouble() == first
    assert bubblewrap_trouble.cache_info().hits == 1
