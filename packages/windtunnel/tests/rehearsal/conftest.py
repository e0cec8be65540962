"""A small program, followed; what it prints."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from textwrap import dedent, indent

import pytest

from windtunnel.rehearsal.values import Const
from windtunnel.repo import Repo
from windtunnel.submission import File, RunConfig, Submission

Printed = Callable[[str], dict[str, bool]]

MAIN = """\
import os
import threading
from pathlib import Path

import hydra
import optuna
import torch
from accelerate import Accelerator


class Store:
    def __init__(self, path):
        self.path = path

    def load(self):
        if not self.path.exists():
            return None
        return torch.load(self.path)


@hydra.main(version_base="1.3", config_path="../config", config_name="config")
def main(cfg):
{body}


if __name__ == "__main__":
    main()
"""


def _printed(body: str) -> dict[str, bool]:
    """Whether each printed word is certain to be printed."""
    files = {
        "src/main.py": MAIN.format(body=indent(dedent(body), "    ")),
        "config/config.yaml": "defaults: [_self_, run: null]\nresults_dir: x\nmode: full\n",
        "config/run/a.yaml": "# @package _global_\nrun_id: a\n",
    }
    made = {path: File(path, len(text), text.encode()) for path, text in files.items()}
    runs = (RunConfig("a", "config/run/a.yaml", files["config/run/a.yaml"], "config/run"),)
    repo = Repo(Submission("x", "folder", None, made, runs), as_of=date(2025, 12, 1))
    return {
        str(event.data["args"][0].value): event.certain
        for trace in repo.rehearsals
        if trace.mode == "full"
        for event in trace.of("call")
        if event.data["name"] == "builtins.print" and isinstance(event.data["args"][0], Const)
    }


@pytest.fixture
def printed() -> Printed:
    """Whether each word that the body of a main function prints is certain to be printed."""
    return _printed
