"""Files of a flight: what each command wrote, and where (criteria 3, 8)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from windtunnel.evidence.flight import EVALUATE
from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import CommandFlown, FileSeen, Flight
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_DRAWN = frozenset({".pdf", ".svg", ".eps"})  # a run has no other reason to write these
_IMAGES = frozenset({".png", ".jpg", ".jpeg"})
_MANY_IMAGES = 20  # more of them are samples or a data set
_COMPARISON = "comparison"
# what tools leave behind where they run
_OF_TOOLS = frozenset(
    {".hydra", "outputs", "multirun", "wandb", ".venv", ".git", ".ruff_cache", ".pytest_cache", ".cache", "__pycache__"}
)
_TOOL_FILES = (".log", ".pyc", ".lock", ".egg-info")


class FLY075(Rule):
    """Results of others are changed or removed."""

    name = "results-of-others-touched"
    criterion = 8
    source = "flight"
    doc = Doc(
        what="A file that lay in the results folder before the flight, in a folder that is of no run, and that was "
        "changed, removed or joined by others.",
        why="The results folder holds the results of other runs: they are lost, or taken for this experiment's.",
        example="shutil.rmtree(cfg.results_dir, ignore_errors=True)",
        instead="(Path(cfg.results_dir) / cfg.run_id).mkdir(parents=True, exist_ok=True)",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for flight in repo.flown():
            if flight.commands and not flight.canary:
                yield self.finding(
                    "a file in the results folder that belongs to no run of the flight was changed or removed",
                    Place("src/main.py"),
                    fix="write below {results_dir}/{run_id}/ and {results_dir}/comparison/ alone, and remove nothing",
                    related=(Place("src/evaluate.py"),),
                    modes=(flight.mode,),
                )


class FLY076(Rule):
    """Training writes figures."""

    name = "figure-from-training"
    criterion = 8
    source = "flight"
    doc = Doc(
        what="PDF, SVG, PNG and JPEG files that a training run wrote into the results folder or into the repository.",
        why="The contract leaves figures to src/evaluate.py, which makes them from what W&B has.",
        example='plt.savefig(f"{results_dir}/{run_id}/loss.pdf")   # in train.py',
        instead="the same in evaluate.py, from run.history()",
        limits=f"PNG and JPEG files are a warning, as they may be samples; more than {_MANY_IMAGES} say nothing.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        looked = False
        for flight in repo.flown():
            for command in flight.training:
                looked = True
                written = (*command.results, *command.repository)
                drawn = [file for file in written if _suffix(file) in _DRAWN]
                images = [file for file in written if _suffix(file) in _IMAGES]
                shown = drawn or (images if len(images) <= _MANY_IMAGES else [])
                if shown:
                    # the figure's own name has the run id; merged findings speak of its kind
                    yield self.finding(
                        f"the run wrote figures: {_names(shown, command.name)}",
                        Place("src/train.py"),
                        fix="move the figures to src/evaluate.py",
                        severity=None if drawn else Severity.WARNING,
                        runs=(command.name,),
                        modes=(flight.mode,),
                    )
        if not looked:
            raise Skip("no run was started")


class FLY077(Rule):
    """A command writes where it should not."""

    name = "written-elsewhere"
    criterion = 8
    source = "flight"
    severity = Severity.WARNING
    doc = Doc(
        what="Files that a run wrote outside {results_dir}/{run_id}/, that the evaluation wrote outside the runs' "
        "folders and {results_dir}/comparison/, or that either wrote into the repository other than below .cache/.",
        why="Runs that write to one place overwrite each other; a run that changes its own code or configuration "
        "cannot be repeated, and is a blocker.",
        example='torch.save(state, "best_model.pt")',
        instead="torch.save(state, Path(cfg.results_dir) / cfg.run_id / 'best_model.pt')",
        limits="What Hydra, W&B and Python leave where they run is let pass.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        looked = False
        for flight in repo.flown():
            for command in flight.commands:
                looked = True
                own = {command.name} if command.name != EVALUATE else {*flight.run_ids, _COMPARISON}
                stray = [file for file in command.results if _top(file) not in own and not _of_tool(file)]
                changed = [file for file in command.repository if not file.made and file.path in repo.submission.files]
                added = [file for file in command.repository if file not in changed and not _of_tool(file)]
                yield from self._changed(flight, command, changed)
                for files, where in ((stray, "the results folder outside its own"), (added, "the repository")):
                    if files:
                        yield self.finding(
                            f"{_who(command)} wrote into {where}: {_names(files, command.name)}",
                            _entry(command),
                            fix="write results below {results_dir}/{run_id}/ and downloads below .cache/",
                            runs=() if command.name == EVALUATE else (command.name,),
                            modes=(flight.mode,),
                        )
        if not looked:
            raise Skip("no command was started")

    def _changed(self, flight: Flight, command: CommandFlown, changed: list[FileSeen]) -> Iterator[Finding]:
        for file in changed:
            # a lock file or data may be renewed; code and configuration may not
            if file.path.endswith((".py", ".yaml", ".yml")):
                yield self.finding(
                    f"{_who(command)} changed {file.path}, a file of the experiment itself",
                    Place(file.path),
                    fix="leave the repository as it is; pass changes in the configuration object",
                    severity=Severity.BLOCKER,
                    runs=() if command.name == EVALUATE else (command.name,),
                    modes=(flight.mode,),
                )


class FLY078(Rule):
    """The evaluation leaves out files that it owes."""

    name = "evaluation-file-left-out"
    criterion = 8
    source = "flight"
    stage = Stage.EVALUATION
    doc = Doc(
        what="Evaluations with exit code 0 that did not write {run_id}/metrics.json for each run and "
        "comparison/aggregated_metrics.json, or no figure for a run or for the comparison (a warning).",
        why="These files are what the evaluation is for.",
        example='(results_dir / "metrics.json").write_text(json.dumps(everything))',
        instead='(results_dir / run_id / "metrics.json").write_text(json.dumps(metrics))',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        looked = False
        for flight in repo.flown("full"):
            command = flight.command(EVALUATE)
            if command is None or command.status != "finished" or command.exit_code != 0:
                continue
            looked = True
            written = {file.path for file in command.results}
            evaluated = [run_id for run_id in flight.run_ids if any(run_id in argument for argument in command.argv)]
            owed = [*(f"{run_id}/metrics.json" for run_id in evaluated), f"{_COMPARISON}/aggregated_metrics.json"]
            lacking = [path for path in owed if path not in written]
            if lacking:
                yield self._lacking(f"the evaluation did not write {', '.join(lacking[:4])}", None)
            figures = {_top(file) for file in command.results if _suffix(file) in _DRAWN | _IMAGES}
            without = [name for name in (*evaluated, _COMPARISON) if name not in figures]
            if without:
                yield self._lacking(f"the evaluation drew no figure in {', '.join(without[:4])}", Severity.WARNING)
        if not looked:
            raise Skip("no evaluation came to its end")

    def _lacking(self, message: str, severity: Severity | None) -> Finding:
        return self.finding(
            message,
            Place("src/evaluate.py"),
            fix="write each run's metrics and figures to {results_dir}/{run_id}/ and the comparison's to "
            "{results_dir}/comparison/",
            severity=severity,
            modes=("full",),
        )


def _suffix(file: FileSeen) -> str:
    return posixpath.splitext(file.path)[1].lower()


def _top(file: FileSeen) -> str:
    return file.path.partition("/")[0]


def _of_tool(file: FileSeen) -> bool:
    return bool(_OF_TOOLS.intersection(file.path.split("/"))) or file.path.endswith(_TOOL_FILES)


def _names(files: list[FileSeen], run_id: str) -> str:
    shown = dict.fromkeys(file.path.replace(run_id, "{run_id}") for file in files)
    more = len(shown) - 4
    return ", ".join([*shown][:4]) + (f" and {more} more" if more > 0 else "")


def _who(command: CommandFlown) -> str:
    return "the evaluation" if command.name == EVALUATE else "the run"


def _entry(command: CommandFlown) -> Place:
    return Place("src/evaluate.py" if command.name == EVALUATE else "src/train.py")
