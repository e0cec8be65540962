"""Experiment repositories small enough to fly in a test: their run configurations say what each run does."""

from __future__ import annotations

import io
import json
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from windtunnel.flight import Options, fly
from windtunnel.report.closing import print_closing, print_failures

if TYPE_CHECKING:
    from collections.abc import Callable

# reads the contract's command line by itself and does what its run configuration says: a tenth of a second
MAIN = """
import json, os, pathlib, subprocess, sys, time

arguments = dict(argument.split("=", 1) for argument in sys.argv[1:])
run = arguments["run"]
out = pathlib.Path(arguments["results_dir"]) / run
out.mkdir(parents=True, exist_ok=True)
(out / "environment.json").write_text(json.dumps(dict(os.environ)))
print(f"flying {run} in {arguments['mode']} mode")
exec(json.loads(pathlib.Path("config/run", run + ".yaml").read_text())["does"])
"""

EVALUATE = """
import json, pathlib, sys

arguments = dict(argument.split("=", 1) for argument in sys.argv[1:])
run_ids = json.loads(arguments["run_ids"])
comparison = pathlib.Path(arguments["results_dir"]) / "comparison"
comparison.mkdir(parents=True, exist_ok=True)
(comparison / "comparison_accuracy.pdf").write_bytes(b"%PDF-1.4")
metrics = {"accuracy": {run_id: 0.75 for run_id in run_ids}}
(comparison / "aggregated_metrics.json").write_text(json.dumps({"metrics": metrics}))
"""


@dataclass
class Flown:
    """A flight as a test looks at it."""

    exit_code: int
    out: str
    err: str
    results_dir: Path

    @property
    def report(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.results_dir / "flight" / "report.json").read_text())
        return content

    def command(self, name: str) -> dict[str, Any]:
        return next(command for command in self.report["commands"] if command["name"] == name)


@dataclass
class Experiment:
    """A repository in a temporary folder."""

    folder: Path
    results_dir: Path
    flights: list[Flown] = field(default_factory=list)

    def write(self, path: str, text: str) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text))
        return target

    def run(self, run_id: str, does: str = "") -> str:
        self.write(f"config/run/{run_id}.yaml", json.dumps({"run_id": run_id, "does": textwrap.dedent(does)}))
        return run_id

    def options(self, **changes: Any) -> Options:
        return Options(**{"repository": self.folder, "results_dir": self.results_dir, "unsandboxed": True, **changes})

    def fly(self, **changes: Any) -> Flown:
        out, err = io.StringIO(), io.StringIO()
        errors = Console(file=err, width=80)
        flown = fly(self.options(**changes), err=errors)
        if not flown.interrupted:
            print_closing(flown, out=Console(file=out, width=80))
            print_failures(flown, err=errors)
        exit_code = flown.interrupted or int(not flown.finished)
        return Flown(exit_code, out.getvalue(), err.getvalue(), self.results_dir)

    def read_back(self) -> Flown:
        return Flown(-1, "", "", self.results_dir)


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    made = Experiment(tmp_path / "experiment", tmp_path / "results")
    made.write("src/main.py", MAIN)
    made.write("src/evaluate.py", EVALUATE)
    made.write("config/config.yaml", "mode: ???\n")
    return made


@pytest.fixture
def gone() -> Callable[[int], bool]:
    """Whether a process has ended; one that nobody buried yet has ended too."""

    def is_gone(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
        except FileNotFoundError:
            return True

    return is_gone
