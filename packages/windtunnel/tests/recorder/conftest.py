"""A recorder of its own for each test, and the real ``wandb`` client in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CLIENT_SECONDS = 90


@dataclass
class Client:
    """A process that runs a script against a recorder."""

    process: subprocess.Popen[str]

    @classmethod
    def start(
        cls, recorder: Recorder, home: Path, script: str, *, arguments: Sequence[str] = (), **environment: str
    ) -> Client:
        home.mkdir(parents=True, exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), *arguments],
            cwd=home,
            env={**kept, "HOME": str(home), **recorder.environment(home), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return cls(process)

    def finish(self) -> str:
        """Wait for the end; return what it printed."""
        output, _ = self.process.communicate(timeout=CLIENT_SECONDS)
        return output

    def result(self) -> Any:
        """Wait for the end, which must be a good one; return the JSON of the last line that starts with ``JSON``."""
        output = self.finish()
        assert self.process.returncode == 0, output
        lines = [line.removeprefix("JSON ") for line in output.splitlines() if line.startswith("JSON ")]
        assert lines, output
        return json.loads(lines[-1])


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    with Recorder(tmp_path / "recorder.sqlite") as server:
        yield server
