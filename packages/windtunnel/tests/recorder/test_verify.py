"""W&B's own check of a server."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from windtunnel.recorder import Recorder


def test_wandb_verify_finds_no_fault_but_sweeps_and_encryption(recorder: Recorder, tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(tmp_path)}
    output = subprocess.run(
        [sys.executable, "-m", "wandb", "verify", "--host", recorder.url],
        check=False,
        cwd=tmp_path,
        env={**environment, **recorder.environment(home)},
        capture_output=True,
        text=True,
        timeout=240,
    ).stdout
    checks = {line.split("..")[0].strip(): line.endswith("✅") for line in output.splitlines() if "..." in line}
    assert checks == {
        "Checking if logged in": True,
        "Checking signed URL upload": True,
        "Checking ability to send large payloads through proxy": True,
        "Checking requests to base url": False,  # no HTTPS on loopback
        "Checking requests made over signed URLs": False,
        "Checking CORs configuration of the bucket": False,  # no web interface
        "Checking wandb package version is up to date": True,
        "Checking logged metrics, saving and downloading a file": True,
        "Checking artifact save and download workflows": True,
        "Checking sweep creation and agent execution": False,
    }, output
