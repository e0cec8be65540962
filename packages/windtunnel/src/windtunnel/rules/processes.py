"""Processes that main.py starts, and files found from the wrong working directory (criteria 2 and 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import gather, place, quote, root_config, run_places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo


class PRC001(Rule):
    """A child process starts where `src` cannot be imported."""

    name = "child-in-output-directory"
    criterion = 2
    categories: ClassVar[tuple[str, ...]] = ("child-process-import", "relative-path")
    source = "rehearsal"
    doc = Doc(
        what="`python -m src.train` started from Hydra's output directory: no version_base >= 1.2, no "
        "`hydra.job.chdir: false` or `hydra.run.dir: .`, no cwd=, no PYTHONPATH.",
        why="Hydra 1.1's behaviour, the default without version_base, changes into outputs/<date>/<time>; there is no "
        "package `src` there.",
        example='@hydra.main(config_path="../config", config_name="config")\ndef main(cfg): '
        'subprocess.run([sys.executable, "-m", "src.train"])',
        instead='@hydra.main(config_path="../config", config_name="config", version_base="1.3")',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for group in gather(repo.traces("main"), ["child"], lambda event: event.line):
            event = group.first
            module = event.data["module"]
            if (
                module is None
                or not str(module).startswith("src")
                or event.data["importable"]
                or event.data["cwd"] != "elsewhere"
            ):
                continue
            yield self.finding(
                f"python -m {module} is started from Hydra's output directory, where there is no package 'src'",
                place(repo, event),
                evidence=quote(repo, event),
                fix='give @hydra.main version_base="1.3", or set hydra.job.chdir to false, or pass '
                "cwd=hydra.utils.get_original_cwd()",
                related=(root_config(repo, "hydra"),),
                runs=group.runs,
                modes=group.modes,
            )


class PRC002(Rule):
    """A file of the repository is looked for in Hydra's output directory."""

    name = "relative-path-after-chdir"
    criterion = 2
    categories: ClassVar[tuple[str, ...]] = ("relative-path", "child-process-import")
    source = "rehearsal"
    doc = Doc(
        what="A relative path to a file of the repository that is opened after Hydra has changed the working "
        "directory.",
        why="FileNotFoundError, although the file is there.",
        example='OmegaConf.load("config/config.yaml")   # inside @hydra.main without version_base',
        instead='OmegaConf.load(Path(__file__).resolve().parent.parent / "config/config.yaml")',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        def key(event: Event) -> tuple[int, str] | None:
            data = event.data
            path = data["path"]
            relative = data["what"] != "write" and data["cwd"] == "elsewhere" and path.base == "cwd" and path.known
            return (
                (event.line, path.known)
                if relative and repo.program.exists(path.known) and path.known not in {".", ""}
                else None
            )

        for group in gather(repo.traces("main", "train"), ["file"], key):
            path = group.first.data["path"].known
            yield self.finding(
                f"{path!r} is looked for in Hydra's output directory, not in the repository",
                place(repo, group.first),
                evidence=quote(repo, group.first),
                fix="build the path from Path(__file__).resolve().parent.parent, or give @hydra.main "
                'version_base="1.3"',
                related=(root_config(repo, "hydra"),),
                runs=group.runs,
                modes=group.modes,
            )


class PRC003(Rule):
    """A run ends in an error that its own code raises."""

    name = "certain-failure"
    criterion = 2
    categories: ClassVar[tuple[str, ...]] = ("cfg-key-missing", "optuna-space", "hydra-compose", "cfg-path-mismatch")
    source = "rehearsal"
    doc = Doc(
        what="A `raise` or `sys.exit(<message>)` that every run with this configuration and mode reaches.",
        why="The run ends there.",
        example="raise FileNotFoundError(path)   # config/run/<id>.yaml while the files lie in config/runs",
        instead="correct what the error is about",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        traces = [*repo.traces("main", "train"), *repo.starts]
        for group in gather(traces, ["raise", "exit"], _why):
            events = [(trace, event) for trace, event in group.events if event.certain and not event.guarded]
            if not events:
                continue
            trace, event = events[0]
            if event.kind == "exit":
                code = getattr(event.data["code"], "value", "?")
                if code in {0, None, "?"}:
                    continue
                what, message = "sys.exit", str(code)
            else:
                what, message = event.data["error"], event.data["message"]
                if what in {"StopIteration", "KeyboardInterrupt", "TrialPruned", "NotImplementedError"}:
                    continue
            if event.crashes and not event.trial:
                continue
            cause = _cause(trace, event)
            told = f": {cause.data['error']}({cause.data['message']!r}) is raised before" if cause is not None else ""
            yield self.finding(
                f"this line is always reached and ends the run: {what}({message!r}){told}",
                place(repo, event),
                evidence=quote(repo, event),
                fix="correct the configuration or the condition that leads here",
                related=(
                    *((place(repo, cause),) if cause is not None else ()),
                    *run_places(repo, group.runs),
                    root_config(repo),
                ),
                runs=group.runs,
                modes=group.modes,
            )


def _why(event: Event) -> tuple[int, str]:
    return event.line, str(event.data.get("message", ""))


def _cause(trace: Trace, exit_: Event) -> Event | None:
    """The last error that was certainly raised, and caught, before ``sys.exit``."""
    if exit_.kind != "exit":
        return None
    before = trace.events[: trace.events.index(exit_)]
    raised = [event for event in before if event.kind == "raise" and event.certain and event.guarded]
    return raised[-1] if raised else None
