"""What the evaluation writes: metrics, figures, comparisons, tests (criterion 8)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Place, Severity
from windtunnel.reading.nodes import walk
from windtunnel.rehearsal.values import Instance, Path_, Text, Thing
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import gather, place, quote
from windtunnel.rules.significance import identifiers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_EVALUATE = "src/evaluate.py"
_EVALUATION = re.compile(r"\bsrc[./]evaluate(\.py)?\b")


class EVA001(Rule):
    """A promised file is not written."""

    name = "missing-evaluation-output"
    criterion = 8
    categories: ClassVar[tuple[str, ...]] = ("evaluate-incomplete",)
    doc = Doc(
        what="metrics.json for every run, comparison/aggregated_metrics.json, figures as PDF.",
        why="Whoever reads the results looks for these names.",
        example='(results / "summary.json").write_text(...)',
        instead='(results / "comparison" / "aggregated_metrics.json").write_text(...)',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        source = repo.source(_EVALUATE)
        if source.is_empty:
            return
        folders = {"metrics.json": "{run_id}/", "aggregated_metrics.json": "comparison/"}
        for wanted, what in (
            ("metrics.json", "metrics of each run"),
            ("aggregated_metrics.json", "aggregated metrics"),
            ("comparison", "folder of the comparison"),
        ):
            texts = [
                node.value
                for node in source.nodes
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value.strip()
            ]
            if not any(wanted in text and (wanted != "metrics.json" or "aggregated" not in text) for text in texts):
                yield self.finding(
                    f"the {what} ({wanted}) are never written"
                    if wanted != "comparison"
                    else "nothing is written to comparison/",
                    Place(_EVALUATE, 1, 1),
                    fix=f"write {{results_dir}}/{folders.get(wanted, '')}{wanted}",
                )
        if "savefig" not in source.text:
            yield self.finding(
                "no figure is saved",
                Place(_EVALUATE, 1, 1),
                fix="save learning curves of each run and comparison charts as PDF",
            )


class EVA002(Rule):
    """No derived metric compares the methods."""

    name = "missing-improvement"
    criterion = 8
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("evaluate-incomplete",)
    doc = Doc(
        what="An improvement rate, gap or other difference between proposed method and baseline in src/evaluate.py.",
        why="The contract wants secondary metrics such as (proposed - baseline) / baseline.",
        example="aggregated = {run_id: accuracy}",
        instead='aggregated["improvement_rate"] = (proposed - baseline) / baseline',
    )
    _words = re.compile(r"improv|(^|_)(gains?|deltas?|relative|gaps?|uplift|lift|diff|advantage|reduction|vs)(_|$)")

    def check(self, repo: Repo) -> Iterator[Finding]:
        source = repo.source(_EVALUATE)
        named = any(self._words.search(name.lower()) for name in identifiers(source) if name != "relative_to")
        if not source.is_empty and not named and not any(_is_rate(node) for node in source.nodes):
            yield self.finding(
                "no improvement over the baseline is computed",
                Place(_EVALUATE, 1, 1),
                fix="add an improvement rate to aggregated_metrics.json: (proposed - baseline) / baseline",
            )


def _is_rate(node: ast.AST) -> bool:
    """Whether it is ``(a - b) / b``, or with ``abs(b)`` or the like for the divisor."""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Div)
        and isinstance(node.left, ast.BinOp)
        and isinstance(node.left.op, ast.Sub)
        and ast.unparse(node.left.right) in ast.unparse(node.right)
    )


class EVA004(Rule):
    """A whole model is loaded as current torch refuses."""

    name = "unsafe-checkpoint-load"
    criterion = 8
    source = "rehearsal"
    doc = Doc(
        what="`torch.load` without `weights_only=False` of a file to which training saved a whole model.",
        why="Since torch 2.6 torch.load takes weights only and refuses pickled classes.",
        example="torch.save(model, path); model = torch.load(path)",
        instead="torch.save(model.state_dict(), path); model.load_state_dict(torch.load(path))",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        if not _torch_refuses(repo):
            return
        whole = {
            _name(event.data["path"]): event
            for trace in repo.traces("main", "train")
            for event in trace.of("saved")
            if isinstance(event.data["value"], Instance)
            or (
                isinstance(event.data["value"], Thing)
                and event.data["value"].type.startswith(("peft.", "transformers.", "torch.nn."))
                and event.data["value"].type != "torch.nn.Parameter"
            )
        }
        whole.pop("", None)
        for group in gather(
            repo.traces(),
            ["call"],
            lambda event: (
                event.line
                if event.data["name"] == "torch.load" and "weights_only" not in event.data["keywords"]
                else None
            ),
        ):
            argument = (group.first.data["args"] or [group.first.data["keywords"].get("f")])[0]
            saved = whole.get(_name(argument))
            if saved is None:
                continue
            yield self.finding(
                f"torch.load of {_name(argument)!r}, which holds a whole model: torch 2.6 and later refuse it",
                place(repo, group.first),
                evidence=quote(repo, group.first),
                fix="save and load the state_dict, or pass weights_only=False for a file of your own",
                related=(place(repo, saved),),
            )


class EVA010(Rule):
    """A checkpoint with random states is loaded as current torch refuses."""

    name = "unsafe-state-load"
    criterion = 12
    severity = Severity.WARNING
    doc = Doc(
        what="`torch.load` without `weights_only=False` in a file that saves checkpoints and takes random states of "
        "Python or NumPy into them.",
        why="Since torch 2.6 torch.load takes weights only: NumPy's arrays and other objects are refused.",
        example='torch.save({"random": np.random.get_state()}, path); state = torch.load(path)',
        instead="state = torch.load(path, weights_only=False)   # a file of one's own",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        if not _torch_refuses(repo):
            return
        for path in ("src/train.py", "src/main.py", "src/model.py"):
            source = repo.sources.get(path)
            if source is None or not all(word in source.text for word in ("torch.save(", "random.get_state()")):
                continue
            for node in source.nodes:
                if (
                    isinstance(node, ast.Call)
                    and ast.unparse(node.func) == "torch.load"
                    and all(keyword.arg != "weights_only" for keyword in node.keywords)
                ):
                    yield self.finding(
                        "torch.load of a checkpoint that holds NumPy's random state: torch 2.6 and later refuse it",
                        source.place(node),
                        evidence=source.quote(node),
                        fix="pass weights_only=False for a file of your own",
                    )


class EVA005(Rule):
    """Training starts the evaluation."""

    name = "evaluation-from-main"
    criterion = 8
    doc = Doc(
        what="src/main.py or src/train.py that imports or starts src.evaluate.",
        why="The contract keeps the evaluation independent: it runs once, after all runs.",
        example='subprocess.run([sys.executable, "-m", "src.evaluate"])   # in main.py',
        instead="nothing",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for path in ("src/main.py", "src/train.py"):
            source = repo.sources.get(path)
            if source is None:
                continue
            for node in source.nodes:
                imported = (
                    isinstance(node, ast.ImportFrom)
                    and (
                        node.module == "src.evaluate"
                        or (node.level and node.module == "evaluate")
                        or (node.module == "src" and any(alias.name == "evaluate" for alias in node.names))
                    )
                ) or (isinstance(node, ast.Import) and any(alias.name == "src.evaluate" for alias in node.names))
                started = (
                    isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and node.value.strip() in {"src.evaluate", "src/evaluate.py"}
                ) or _starts_evaluation(node)
                if imported or started:
                    yield self.finding(
                        f"{path} {'imports' if imported else 'starts'} src.evaluate",
                        source.place(node),
                        evidence=source.quote(node),
                        fix="leave the evaluation to its own command",
                    )
                    break


def _starts_evaluation(node: ast.AST) -> bool:
    """Whether a shell command names the evaluation."""
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func).startswith(("os.system", "os.popen", "subprocess."))
        and any(
            isinstance(inner, ast.Constant) and isinstance(inner.value, str) and _EVALUATION.search(inner.value)
            for inner in walk(node)
        )
    )


class EVA006(Rule):
    """A figure is not named as the contract has it."""

    name = "misnamed-figure"
    criterion = 8
    severity = Severity.WARNING
    source = "rehearsal"
    doc = Doc(
        what="Figures that are no PDF, or whose name begins with neither the run id nor `comparison_`.",
        why="Names must be unique over all runs, or figures overwrite each other in a paper's folder.",
        example='plt.savefig(folder / "loss.png")',
        instead='plt.savefig(folder / f"{run_id}_learning_curve.pdf")',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        ids = [run.run_id for run in repo.runs]
        seen: set[int] = set()
        for event in repo.evaluation.of("call", "method"):
            if str(event.data["name"]).rsplit(".", 1)[-1] != "savefig" or event.line in seen:
                continue
            argument = (event.data["args"] or [event.data["keywords"].get("fname")])[0]
            name = _name(argument)
            if not name:
                continue
            problem = ""
            if not name.endswith(".pdf") and "." in name and not name.endswith("{}"):
                problem = f"the figure {name!r} is no PDF"
            elif not name.startswith(("comparison", "{}")) and not any(name.startswith(run_id) for run_id in ids):
                problem = f"the name of the figure {name!r} begins with neither the run id nor 'comparison_'"
            if problem:
                seen.add(event.line)
                yield self.finding(
                    problem,
                    place(repo, event),
                    evidence=quote(repo, event),
                    fix="name it {run_id}_<topic>.pdf or comparison_<topic>.pdf",
                )


def _torch_refuses(repo: Repo) -> bool:
    from datetime import date  # noqa: PLC0415 - one comparison

    return repo.as_of >= date(2025, 1, 29) and "<2.6" not in repo.requirements.get("torch", "")  # torch 2.6.0's release


def _name(value: object) -> str:
    """The last part of a path, "{}" for what is not known in it."""
    if isinstance(value, Path_):
        value = value.text
    if isinstance(value, Text):
        return str(value).rsplit("/", 1)[-1]
    plain = getattr(value, "value", None)
    return plain.rsplit("/", 1)[-1] if isinstance(plain, str) else ""
