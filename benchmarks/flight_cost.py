"""What a flight costs: seconds and memory of trials of small and of large models, beside the import of the libraries.

Each experiment is flown twice by ``windtunnel fly``; the second flight finds the miniatures made, as every later one
does. All times come from one run of this program; as machines differ, each is also given in multiples of the time that
``import torch, transformers, datasets`` takes here.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "packages" / "windtunnel" / "tests" / "rules"
WINDTUNNEL = Path(sys.executable).with_name("windtunnel")
LARGE = ("Qwen/Qwen2.5-7B", "mistralai/Mistral-7B-v0.1", "NousResearch/Llama-2-7b-hf", "NousResearch/Meta-Llama-3-8B")
NOMINAL = "Qwen/Qwen3-0.6B"


@dataclass(frozen=True)
class Flown:
    """A flight of one run.

    Attributes:
        seconds: from the start of the command line to its end.
        run_seconds: of the run itself.
        peak_memory_bytes: highest resident size of the run's processes together.
    """

    seconds: float
    run_seconds: float
    peak_memory_bytes: int


def small(folder: Path) -> Path:
    """An experiment that fine-tunes BERT on SST-2."""
    shutil.copytree(FIXTURES / "experiment", folder)
    return folder


def large(folder: Path, model: str) -> Path:
    """An experiment that trains adapters of a language model on GSM8K."""
    small(folder)
    shutil.rmtree(folder / "config" / "run")
    shutil.copytree(FIXTURES / "language_model", folder, dirs_exist_ok=True)
    for path in (folder / "config" / "run").iterdir():
        path.write_text(path.read_text(encoding="utf-8").replace(NOMINAL, model), encoding="utf-8")
    return folder


def flown(repository: Path, results: Path, run: str) -> Flown:
    """Fly one run in trial mode.

    Raises:
        RuntimeError: it did not come to its end.
    """
    arguments = ["fly", str(repository), "--run", run, "--results-dir", str(results)]
    began = time.perf_counter()
    done = subprocess.run([str(WINDTUNNEL), *arguments], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    report = json.loads((results / "flight" / "report.json").read_text(encoding="utf-8"))
    (command,) = report["commands"]
    if command["status"] != "finished":
        raise RuntimeError(f"{repository.name}: {command['reason']}\n{done.stdout}{done.stderr}")
    return Flown(seconds, command["seconds"], command["peak_memory_bytes"])


def importing() -> float:
    """Seconds of the libraries' import, the second time in a row."""
    for _ in range(2):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import torch, transformers, datasets"], check=True)
        seconds = time.perf_counter() - began
    return seconds


def main() -> None:
    """Fly and print the table."""
    argparse.ArgumentParser(prog="python -m benchmarks.flight_cost", description=__doc__).parse_args()
    table = Table("experiment", "flight, s", "run, s", "x import", "first, s", "memory, GiB")
    for column in table.columns[1:]:
        column.justify = "right"
    with tempfile.TemporaryDirectory(prefix="flight-cost-") as temporary:
        folder = Path(temporary)
        unit = importing()
        subjects = {"BERT, SST-2": (small(folder / "bert"), "proposed*")}
        for model in LARGE:
            subjects[f"{model}, GSM8K"] = (large(folder / model.replace("/", "--"), model), "*")
        subjects["glora-glue, MiniLM, SST-2"] = (ROOT / "experiments" / "glora-glue", "proposed*MiniLM*SST-2")
        for name, (repository, run) in subjects.items():
            results = folder / "results" / repository.name
            first, again = flown(repository, results, run), flown(repository, results, run)
            table.add_row(
                name,
                f"{again.seconds:.1f}",
                f"{again.run_seconds:.1f}",
                f"{again.seconds / unit:.1f}",
                f"{first.seconds:.1f}",
                f"{again.peak_memory_bytes / 2**30:.2f}",
            )
            Console(stderr=True).print(f"{name}: {again.seconds:.1f} s")
    console = Console(width=100)
    console.print(table)
    console.print(f"import torch, transformers, datasets: {unit:.1f} s")


if __name__ == "__main__":
    main()
