"""The evaluation's command line: whether ``python -m src.evaluate results_dir=... run_ids=...`` works (criterion 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from windtunnel.contract import EVALUATE_COMMAND
from windtunnel.findings import Place, Severity
from windtunnel.rehearsal.joining import options
from windtunnel.rehearsal.values import Const
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.gathering import place, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.rehearsal import Event
    from windtunnel.repo import Repo

_FIX = (
    "read key=value arguments, for example: args = dict(word.split('=', 1) for word in sys.argv[1:]); "
    "run_ids = json.loads(args['run_ids'])"
)


class EVC001(Rule):
    """The evaluation ends at its own command line."""

    name = "evaluation-command-fails"
    criterion = 8
    categories: ClassVar[tuple[str, ...]] = ("evaluate-cli",)
    source = "rehearsal"
    doc = Doc(
        what=f"`{EVALUATE_COMMAND}`, followed through src/evaluate.py: argparse that refuses `key=value`, "
        "`json.loads` of 'run_ids=[...]', folders "
        "called 'results_dir=...', errors that every call raises.",
        why="The evaluation is called after every run has been paid for, and fails in its first second.",
        example='parser.add_argument("results_dir"); parser.add_argument("run_ids")\nrun_ids = '
        "json.loads(args.run_ids)   # 'run_ids=[\"run-1\"]'",
        instead="args = dict(word.split('=', 1) for word in sys.argv[1:])\nrun_ids = json.loads(args['run_ids'])",
        limits="What W&B answers is not known.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        repo.source("src/evaluate.py")
        for event in repo.evaluation.events:
            message = self.ends(event)
            if message and not event.crashes and event.certain and not event.guarded:
                yield self._at(repo, event, message)
                return
        for event in repo.evaluation.of("file"):
            text = str(getattr(event.data["path"].text, "value", event.data["path"].text))
            if "results_dir=" in text or "run_ids=" in text:
                yield self._at(repo, event, f"a folder is called {text[:80]!r}: the argument was taken with its name")
                return

    def _at(self, repo: Repo, event: Event, message: str) -> Finding:
        return self.finding(
            f"with results_dir=... run_ids='[...]' {message}",
            place(repo, event),
            evidence=quote(repo, event),
            fix=_FIX,
            related=() if event.path == "src/evaluate.py" else (Place("src/evaluate.py"),),
        )

    @staticmethod
    def ends(event: Event) -> str:
        """How an event ends the evaluation, "" if it does not."""
        data = event.data
        if event.kind == "crash":
            return f"this line raises {data['error']}: {data['message']}"
        if event.kind == "raise" and data["error"] not in {"StopIteration", "KeyboardInterrupt"}:
            return f"this line is always reached: {data['error']}({data['message']!r})"
        if event.kind == "exit":
            code = getattr(data["code"], "value", 0)
            said = f": {data['message']}" if data.get("message") else ""
            return f"this line is always reached and ends it with {code!r}{said}" if code not in {0, None} else ""
        if event.kind == "compose":
            return f"Hydra cannot compose the configuration: {data['error']}"
        if event.kind == "missing" and data["why"] != "absent":
            return ""
        return ""


class EVC002(Rule):
    """The evaluation does nothing when it is called."""

    name = "evaluation-without-entry"
    criterion = 8
    categories: ClassVar[tuple[str, ...]] = ("evaluate-cli",)
    source = "rehearsal"
    doc = Doc(
        what="src/evaluate.py that asks W&B for no run when it is started as a module.",
        why="It ends with exit code 0 and has evaluated nothing.",
        example="def main(): ...   # and nothing calls it",
        instead='if __name__ == "__main__":\n    main()',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        source = repo.source("src/evaluate.py")
        if source.is_empty or source.errors:
            raise Skip("src/evaluate.py is empty or does not parse")
        trace = repo.evaluation
        asked = any(event.data["what"] in {"api-run", "api-runs"} for event in trace.of("wandb"))
        if asked or trace.ended or trace.crashes:
            return
        if any(EVC001.ends(event) and event.certain for event in trace.of("raise", "exit")):
            return
        if "wandb" not in source.text:
            yield self.finding(
                "src/evaluate.py does not use wandb.Api to get the runs",
                Place("src/evaluate.py", 1, 1),
                fix='run = wandb.Api().run(f"{entity}/{project}/{run_id}")',
            )
        elif not any(name.startswith("src/evaluate.py:") for name in trace.entered):
            yield self.finding(
                "no function of src/evaluate.py is called when it is started as a module",
                Place("src/evaluate.py", len(source.lines), 1),
                fix='end the file with: if __name__ == "__main__": main()',
            )
        else:
            yield self.finding(
                "src/evaluate.py asks W&B for no run when it is started",
                Place("src/evaluate.py", 1, 1),
                fix='take configuration, summary and history from wandb.Api().run(f"{entity}/{project}/{run_id}")',
                severity=Severity.WARNING,
            )


class EVC004(Rule):
    """The evaluation asks W&B for something else than the runs it is given."""

    name = "asks-for-other-runs"
    criterion = 8
    categories: ClassVar[tuple[str, ...]] = ("evaluate-cli",)
    source = "rehearsal"
    doc = Doc(
        what="The path of `wandb.Api().run(...)`, held against the run ids of the command line and the entity and "
        "project of config/config.yaml.",
        why="W&B answers that it cannot find the run.",
        example='for run_id in args["run_ids"]: api.run(f"{entity}/{project}/{run_id}")   # a text, not a list',
        instead='for run_id in json.loads(args["run_ids"]): api.run(f"{entity}/{project}/{run_id}")',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        ids = {run.run_id for run in repo.runs}
        wanted = [repo.configured(f"wandb.{key}", "") for key in ("entity", "project")]
        for event in repo.evaluation.of("wandb"):
            path = event.data.get("path")
            paths = [option.value for option in options(path) if isinstance(option, Const)] if path is not None else []
            if event.data["what"] != "api-run" or not ids:
                continue
            for text in paths:
                parts = str(text).strip("/").split("/")
                whole = any(run_id in parts[-1] for run_id in ids) and not set(parts[-1]) & set("[]\"'")
                if parts[-1] not in ids and not whole:
                    message = f"W&B is asked for the run {parts[-1][:60]!r}, which is none of the run ids given"
                elif len(parts) == len(wanted) + 1 and all(isinstance(one, str) for one in wanted):
                    if parts[:-1] == wanted:
                        continue
                    message = (
                        f"W&B is asked for a run of {'/'.join(parts[:-1])}, and config/config.yaml has "
                        f"{wanted[0]}/{wanted[1]}"
                    )
                elif len(parts) < len(wanted) and "overrides" not in repo.source("src/evaluate.py").text:
                    message = f"W&B is asked for {str(text)[:60]!r}, which names no project"
                else:
                    continue
                yield self.finding(
                    message,
                    place(repo, event),
                    evidence=quote(repo, event),
                    fix='ask for f"{cfg.wandb.entity}/{cfg.wandb.project}/{run_id}" for each id of json.loads(run_ids)',
                )
                return
