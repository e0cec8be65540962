"""W&B: what is logged, under which names, in which runs (criterion 6)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, ClassVar

from windtunnel.findings import Place, Severity
from windtunnel.reading.nodes import walk
from windtunnel.rehearsal.values import Const, Text
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.gathering import gather, place, quote
from windtunnel.rules.produced_keys import Producer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo

_PLACEHOLDER = re.compile(r"<.*>|\[.*\]|\{.*\}|your[-_ ].*|todo|tbd|changeme|xxx+", re.IGNORECASE)
_OWN = frozenset({"_step", "_runtime", "_timestamp", "_wandb"})


class WAB001(Rule):
    """The evaluation asks for a key that training never logs."""

    name = "unlogged-key"
    criterion = 6
    source = "rehearsal"
    doc = Doc(
        what="Keys that src/evaluate.py takes from run.history() and run.summary, against those that wandb.log and "
        "wandb.summary get in full mode.",
        why="A column that is asked for with [] raises KeyError; one that is asked for with .get or `in` is silently "
        "left out of every figure and table.",
        example='history["val_acc"]   # train.py logs "validation_accuracy"',
        instead='history["validation_accuracy"]',
        limits="Keys computed from data; then nothing is said.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        logged, open_ = _logged(repo, "log")
        summary, open_summary = _logged(repo, "log", "summary")
        if not logged and not summary:
            raise Skip("no rehearsal of the training logs anything")
        producer = Producer.of(repo, without="src/evaluate.py")
        seen: set[tuple[int, str]] = set()
        for event in repo.evaluation.of("wandb"):
            what = event.data["what"]
            if what not in {"ask-history", "ask-summary"}:
                continue
            known, more = (logged, open_) if what == "ask-history" else (summary, open_summary)
            for key in event.data["keys"]:
                text = str(key.value) if isinstance(key, Const) else str(key) if isinstance(key, Text) else ""
                if not text or text in _OWN or more or (event.line, text) in seen or _among(key, known):
                    continue
                seen.add((event.line, text))
                soft = not event.data.get("hard") and not event.data.get("required") and what == "ask-summary"
                if soft and isinstance(key, Const) and producer.makes(text):
                    continue  # by another run, perhaps
                hard = (
                    isinstance(key, Const)
                    and bool(event.data.get("hard"))
                    and event.certain
                    and not event.guarded
                    and not _asked_before(repo, event, text)
                )
                yield self.finding(
                    f"{text!r} is asked for but never logged; logged are {_shown(known)}",
                    place(repo, event),
                    evidence=quote(repo, event),
                    fix="use the same name in src/train.py and src/evaluate.py",
                    related=(Place("src/train.py"),),
                    severity=None if hard else Severity.WARNING,
                )


class WAB002(Rule):
    """The run is not opened under the name that the evaluation asks for."""

    name = "wrong-run-id"
    criterion = 6
    categories: ClassVar[tuple[str, ...]] = ("run-id-mismatch",)
    source = "rehearsal"
    doc = Doc(
        what="`wandb.init` in full mode without id, or with an id that is not the run id of the command line.",
        why="The evaluation is called with the run ids; W&B does not know them.",
        example='wandb.init(id=f"{cfg.run_id}-seed{seed}")',
        instead="wandb.init(id=cfg.run_id)",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for group in gather(
            _full(repo),
            ["wandb"],
            lambda event: event.line if event.data["what"] == "init" and not event.trial else None,
        ):
            event = group.first
            if event.data.get("starred"):
                continue
            trace, given = group.trace, event.data["keywords"].get("id")
            children = tuple(
                place(repo, child) for other in repo.rehearsals if other.entry == "main" for child in other.of("child")
            )[:1]
            if given is None or (isinstance(given, Const) and given.value is None):
                message = "wandb.init gets no id, so W&B invents one that no run_ids=... contains"
            elif isinstance(given, Const) and given.value != trace.run_id and isinstance(given.value, str):
                message = f"the W&B run is called {given.value!r}, but the evaluation asks for {trace.run_id!r}"
            elif isinstance(given, Text) and not given.matches(trace.run_id):
                message = f"the W&B run is called like {str(given)!r}, but the evaluation asks for {trace.run_id!r}"
            elif (chance := _by_chance(event)) is not None:
                message = f"the W&B run gets an id from {chance}, another one each time"
            else:
                continue
            yield self.finding(
                message.replace(trace.run_id, "<run id>"),
                place(repo, event),
                evidence=quote(repo, event),
                fix="pass id=<run id>, the id of the run configuration",
                related=(*children, Place("src/evaluate.py")),
                runs=group.runs,
                modes=("full",),
            )


_CHANCE = re.compile(r"\b(time\.time|time_ns|strftime|datetime\.\w*now|uuid\d?|generate_id|token_hex|randint|random)\b")


def _by_chance(event: Event) -> str | None:
    """What makes the id of a run another one each time, None if nothing in the call does."""
    keywords = event.node.keywords if isinstance(event.node, ast.Call) else []
    found = next((_CHANCE.search(ast.unparse(keyword.value)) for keyword in keywords if keyword.arg == "id"), None)
    return found.group(0).rstrip("(") if found is not None else None


class WAB003(Rule):
    """The W&B settings are not usable."""

    name = "unusable-wandb-settings"
    criterion = 6
    categories: ClassVar[tuple[str, ...]] = ("wandb-auth-mode",)
    doc = Doc(
        what="`wandb.entity` and `wandb.project` in config/config.yaml: missing, empty, a placeholder, or not text "
        "(YAML reads `251109` as a number).",
        why="wandb.init refuses a number, and the evaluation cannot find the runs.",
        example="project: 251109",
        instead='project: "251109"',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        document = repo.config()
        wandb = document.value.get("wandb") if isinstance(document.value, dict) else None
        if not document.value:
            raise Skip("config/config.yaml is empty")
        if not isinstance(wandb, dict):
            yield self.finding(
                "config/config.yaml has no section 'wandb'",
                Place(document.path, 1, 1),
                evidence="",
                fix="add wandb: {entity: ..., project: ..., mode: online}",
            )
            return
        for key in ("entity", "project"):
            value = wandb.get(key)
            if isinstance(value, str) and value.strip() and value != "???":
                if _PLACEHOLDER.fullmatch(value.strip()):
                    yield self.finding(
                        f"wandb.{key} is {value!r}, which stands for a name",
                        document.place(("wandb", key)),
                        evidence=document.quote(("wandb", key)),
                        fix=f"write the {key} that the runs belong to",
                    )
                continue
            what = (
                f"is {value!r}, a {type(value).__name__} and not text"
                if value not in {None, "", "???"}
                else "is missing"
            )
            yield self.finding(
                f"wandb.{key} {what}",
                document.place(("wandb", key)),
                evidence=document.quote(("wandb", key)),
                fix=f'write {key}: "..." in quotes',
            )


class WAB004(Rule):
    """Optuna trials are logged to W&B."""

    name = "logged-trial"
    criterion = 6
    source = "rehearsal"
    doc = Doc(
        what="wandb.init and wandb.log reached inside an Optuna objective.",
        why="The contract wants only the final run there; trials overwrite its curves.",
        example="def objective(trial):\n    wandb.init(...)",
        instead="train(trial_cfg, log=False)",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        def key(event: Event) -> int | None:
            if not event.trial or not event.certain or event.data["what"] not in {"init", "log", "summary"}:
                return None
            mode = event.data.get("keywords", {}).get("mode") if event.data["what"] == "init" else None
            return None if isinstance(mode, Const) and mode.value in {"disabled", "offline"} else event.line

        opened = {
            id(trace): any(event.data["what"] == "init" and event.trial for event in trace.of("wandb"))
            for trace in repo.rehearsals
        }
        for group in gather(repo.traces("main", "train"), ["wandb"], key):
            what = group.first.data["what"]
            if (
                what != "init"
                and not any(opened[id(trace)] for trace, _ in group.events)
                and not _opened_before(group.trace, group.first)
            ):
                continue
            yield self.finding(
                f"wandb.{what} is reached inside an Optuna trial",
                place(repo, group.first),
                evidence=quote(repo, group.first),
                fix="log the final run only: give the objective a training function that does not log",
                runs=group.runs,
                modes=group.modes,
            )


class WAB005(Rule):
    """A full run logs nothing."""

    name = "unlogged-run"
    criterion = 6
    source = "rehearsal"
    doc = Doc(
        what="Full runs in which no wandb.init or no wandb.log is reached.",
        why="The evaluation has nothing to read.",
        example="if cfg.wandb.mode != 'online': wandb.init(...)",
        instead="if cfg.wandb.mode != 'disabled': wandb.init(...)",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        traces = [trace for trace in _full(repo) if not trace.ended]
        if not traces or not all(_knows_settings(trace) for trace in traces):
            raise Skip("no full run can be followed")
        whats = {event.data["what"] for trace in traces for event in trace.of("wandb") if not event.trial}
        used = any(
            event.kind in {"call", "method"}
            and "wandb" in str(event.data.get("name", "")) + str(event.data.get("type", ""))
            for trace in traces
            for event in trace.events
        )
        reports = any(
            "report_to" in (event.data.get("keywords") or {}) for trace in traces for event in trace.of("call")
        )
        path = "src/train.py" if "src/train.py" in repo.sources else "src/main.py"
        if "init" not in whats and not reports:
            yield self.finding(
                "no full run reaches wandb.init",
                Place(path, 1, 1),
                fix="call wandb.init in src/train.py when cfg.wandb.mode is not 'disabled'",
            )
        elif "log" not in whats and not reports and used:
            yield self.finding(
                "no full run reaches wandb.log",
                Place(path, 1, 1),
                fix="log the metrics of every step or epoch with wandb.log",
            )


def _knows_settings(trace: Trace) -> bool:
    """Whether the configuration is known where W&B's settings are read."""
    return trace.facts.get("config") is not None or any(
        str(event.data["key"]).startswith("wandb") and event.data["found"] for event in trace.of("read")
    )


def _full(repo: Repo) -> list[Trace]:
    return [trace for trace in repo.traces("main", "train") if trace.mode == "full"]


def _logged(repo: Repo, *whats: str) -> tuple[list[Any], bool]:
    """(keys and patterns that full runs log, whether there may be others)."""
    found: list[Any] = []
    open_ = False
    for trace in _full(repo):
        for event in trace.of("wandb"):
            if event.data["what"] in whats and not event.trial:
                found += event.data["keys"]
                open_ = open_ or bool(event.data.get("more"))
        if "summary" in whats:
            for event in trace.of("set-item", "set-attribute"):
                if str(event.data["type"]) in {"wandb.summary", "wandb.run.summary", "wandb.Summary"}:
                    key = event.data.get("key")
                    found.append(key if key is not None else Const(event.data.get("name")))
                    open_ = open_ or not isinstance(key, Const | Text | None)
    return found, open_


def _among(asked: Const | Text, known: list[Any]) -> bool:
    """Whether a key or pattern could be one of the known keys and patterns."""
    return any(_fit(asked, key) for key in known if isinstance(key, Const | Text))


def _fit(first: Const | Text, second: Const | Text) -> bool:
    if isinstance(first, Const):
        first, second = second, first
    if isinstance(first, Const):
        return isinstance(second, Const) and first.value == second.value
    if isinstance(second, Const):
        return first.matches(str(second.value))
    # two patterns: what is constant at either end must agree
    begins = first.parts[0] or "", second.parts[0] or ""
    ends = first.parts[-1] or "", second.parts[-1] or ""
    return (begins[0].startswith(begins[1]) or begins[1].startswith(begins[0])) and (
        ends[0].endswith(ends[1]) or ends[1].endswith(ends[0])
    )


def _shown(known: list[Any]) -> str:
    names = sorted({str(key.value) if isinstance(key, Const) else str(key) for key in known})
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") or "no keys"


def _asked_before(repo: Repo, event: Event, key: str) -> bool:
    """Whether the function around asks if the column is there.

    ``"x" in history.columns``, ``{...}.issubset(history)``.
    """
    source = repo.sources.get(event.path)
    if source is None:
        return False
    for node in walk(source.function_at(event.line) or source.tree):
        if (
            isinstance(node, ast.Compare) and any(isinstance(operator, ast.In | ast.NotIn) for operator in node.ops)
        ) or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"issubset", "get", "reindex", "intersection"}
        ):
            text = ast.unparse(node)
        else:
            continue
        if repr(key) in text or "columns" in text:
            return True
    return False


def _opened_before(trace: Trace, event: Event) -> bool:
    for other in trace.events:
        if other is event:
            return False
        if other.kind == "wandb" and other.data["what"] == "init":
            mode = other.data["keywords"].get("mode")
            return not (isinstance(mode, Const) and mode.value == "disabled")
    return False
