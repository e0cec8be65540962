"""Criteria 8 and 11: the evaluation's command line, what it reads and writes, and whether its numbers mean anything."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from benchmarks.mutations.operators import CONFIG, EVALUATE, MAIN, TRAIN, Experiment, Site, operator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.mutations.sources import Source

OPTIONS = """\
parser = argparse.ArgumentParser()
parser.add_argument("--results_dir", type=str, required=True)
parser.add_argument("--run_ids", type=str, required=True)
args = parser.parse_args(argv)
return Path(args.results_dir), json.loads(args.run_ids)
"""
POSITIONAL = """\
parser = argparse.ArgumentParser()
parser.add_argument("results_dir", type=str)
parser.add_argument("run_ids", type=str)
args = parser.parse_args(argv)
return Path(args.results_dir), json.loads(args.run_ids)
"""
CALLS = (  # how main.py may call evaluate.py, which it must not
    """\
from src.evaluate import main as evaluate

evaluate([f"results_dir={cfg.results_dir}", f'run_ids=["{cfg.run.run_id}"]'])
""",
    """\
import subprocess

told = [f"results_dir={cfg.results_dir}", f'run_ids=["{cfg.run.run_id}"]']
subprocess.run([sys.executable, "-m", "src.evaluate", *told], check=True)
""",
    """os.system(f"python -m src.evaluate results_dir={cfg.results_dir} run_ids='[\\"{cfg.run.run_id}\\"]'")\n""",
)
FROM_FILES = """\
runs = []
for run_id in run_ids:
    told = json.loads((Path("results") / run_id / "results.json").read_text())
    predictions = pd.read_csv(Path("results") / run_id / "predictions.csv")
    steps, epochs = pd.DataFrame(told["steps"]), pd.DataFrame(told["epochs"])
    runs.append(Run(run_id, told["config"], told["summary"], steps, epochs, predictions))
return runs
"""
MADE_UP = ("0.5", "float(np.random.rand())", "1.0 - 0.01 * len(self.metrics)")
ONE_VALUE = """\
mine, other = [ours[0].metric(ours[0].primary)], [theirs[0].metric(theirs[0].primary)]
result = stats.ttest_ind(mine, other)
return {"p_value": float(result.pvalue), "statistic": float(result.statistic), "runs": [1, 1]}
"""
ONE_PAIR = """\
result = stats.ttest_rel([ours[0].metric("accuracy")], [theirs[0].metric("accuracy")])
return {"p_value": float(result.pvalue), "statistic": float(result.statistic), "runs": [1, 1]}
"""
TESTS = ("paired_tests", "welch", "effect_size", "correct_for_several")
DERIVED = ("gap", "gap_over", "gap_note", "improvement_rates")


@operator("run-ids-not-parsed", 8)
def run_ids_not_parsed(experiment: Experiment) -> Iterator[Site]:
    """The JSON list of run ids is taken for something else."""
    source = experiment.source(EVALUATE)
    for call in source.calls("json.loads", source.function("parse_arguments")):
        told = source.get(call.args[0])
        for code in (told, f'{told}.split(",")', f"list({told})", f"[{told}]"):
            yield Site(code, {EVALUATE: source.replace(call, code)})


@operator("evaluate-command-line", 8)
def evaluate_command_line(experiment: Experiment) -> Iterator[Site]:
    """evaluate.py cannot be called with results_dir=... run_ids=...."""
    source = experiment.source(EVALUATE)
    function = source.function("parse_arguments")
    if function is not None:
        for what, code in (("options with dashes", OPTIONS), ("places without names", POSITIONAL)):
            yield Site(what, {EVALUATE: source.body(function, code)})
        text = source.text.replace('"run_ids"', '"runs"').replace("args.run_ids", "args.runs")
        yield Site("a key of another name", {EVALUATE: text})


@operator("main-calls-evaluate", 8)
def main_calls_evaluate(experiment: Experiment) -> Iterator[Site]:
    """main.py evaluates."""
    source = experiment.source(MAIN)
    main = source.function("main")
    if main is not None:
        for code in CALLS:
            yield Site(code.splitlines()[-1], {MAIN: source.after(main.body[-1], code)})


@operator("wandb-project-not-read", 8)
def wandb_project_not_read(experiment: Experiment) -> Iterator[Site]:
    """evaluate.py does not take W&B's entity and project from config/config.yaml."""
    source = experiment.source(EVALUATE)
    for call in source.calls("wandb_project", source.function("main")):
        yield Site("written into the code", {EVALUATE: source.replace(call, '"my-team", "glora"')})
        for path in ('ROOT / "configs" / "config.yaml"', 'ROOT / "config" / "wandb.yaml"', 'ROOT / "config.yaml"'):
            yield Site(path, {EVALUATE: source.replace(call.args[0], path)}, also=(CONFIG,))
    for node in ast.walk(source.function("wandb_project") or ast.Module([], [])):
        if isinstance(node, ast.Attribute) and node.attr in {"entity", "project"}:
            text = source.replace(node, f"{source.get(node.value)}.{node.attr}_name")
            yield Site(f"{node.attr}_name", {EVALUATE: text}, also=(CONFIG,))


@operator("wandb-not-asked", 8)
def wandb_not_asked(experiment: Experiment) -> Iterator[Site]:
    """evaluate.py reads files that training does not write, or asks W&B for another path than the runs have."""
    source = experiment.source(EVALUATE)
    function = source.function("fetch_all")
    if function is not None:
        yield Site("files", {EVALUATE: source.body(function, FROM_FILES)})
    for node in ast.walk(source.function("fetch_all") or ast.Module([], [])):
        if isinstance(node, ast.JoinedStr) and source.get(node) == 'f"{entity}/{project}/{run_id}"':
            for code in ('f"{project}/{entity}/{run_id}"', 'f"{entity}/{run_id}"', "run_id"):
                yield Site(code, {EVALUATE: source.replace(node, code)})


@operator("figure-name", 8)
def figure_name(experiment: Experiment) -> Iterator[Site]:
    """A figure's name may collide with another's, or is no PDF."""
    source = experiment.source(EVALUATE)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.JoinedStr) and source.get(node).endswith('.pdf"'):
            told = source.get(node)
            yield Site(f"{told[:-5]}.png", {EVALUATE: source.replace(node, told.replace(".pdf", ".png"))})
            for prefix in ("{run.run_id}_", "comparison_"):
                if prefix in told:
                    text = source.replace(node, told.replace(prefix, ""))
                    yield Site(f"{told} without {prefix}", {EVALUATE: text})


@operator("results-elsewhere", 8)
def results_elsewhere(experiment: Experiment) -> Iterator[Site]:
    """A run's results do not lie in its own folder, or the comparison's not in comparison/."""
    source = experiment.source(EVALUATE)
    for name, places in (
        ("write_run", ("staging", 'staging / "figures"', 'staging / "runs" / run.run_id')),
        ("write_comparison", ('staging / "aggregated"', 'staging / "summary"')),
    ):
        for call in source.calls(name):
            for place in places:
                yield Site(f"{name} to {place}", {EVALUATE: source.replace(call.args[0], place)})


@operator("results-missing", 8)
def results_missing(experiment: Experiment) -> Iterator[Site]:
    """metrics.json or aggregated_metrics.json has another name, or is not written."""
    source = experiment.source(EVALUATE)
    for call in source.calls("_write_json"):
        yield Site(f"no {source.get(call.args[0])}", {EVALUATE: source.without(source.statement_of(call))})
        text = source.replace(call.args[0], 'folder / "results.json"')
        yield Site(f"{source.get(call.args[0])} is results.json", {EVALUATE: text})


def _without_functions(source: Source, names: tuple[str, ...], text: str) -> str:
    """``text`` without the definitions of functions, which it has as the source has them."""
    for name in names:
        function = source.function(name)
        if function is not None:
            start, end = source.lines_of(function)
            text = text.replace(source.text[start:end], "", 1)
    return text


@operator("improvement-missing", 8)
def improvement_missing(experiment: Experiment) -> Iterator[Site]:
    """Nothing is computed of how much better the proposed method is."""
    source = experiment.source(EVALUATE)
    doomed = []
    for name in ("aggregate", "compare"):
        for node in ast.walk(source.function(name) or ast.Module([], [])):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value in DERIVED and key.lineno != node.lineno:
                        end = source.text.index("\n", source.span(value)[1]) + 1
                        doomed.append((source.text.rindex("\n", 0, source.span(key)[0]) + 1, end, ""))
    calls = source.calls("gap_over_baselines", source.function("compare"))
    doomed += [(*source.lines_of(source.statement_of(call)), "") for call in calls]
    if doomed:
        text = _without_functions(source, ("gap_over_baselines", "improvement", "_relative"), source.edit(*doomed))
        yield Site("no gap and no rate", {EVALUATE: text})


@operator("significance-missing", 8)
def significance_missing(experiment: Experiment) -> Iterator[Site]:
    """No significance test is computed."""
    source = experiment.source(EVALUATE)
    function = source.function("compare_recipes")
    calls = source.calls("correct_for_several")
    if function is None or not calls:
        return
    statement = source.statement_of(calls[0])
    body = [source.lines_of(node) for node in function.body if not isinstance(node, ast.Expr)]
    code = '    return {"runs": [run.run_id for run in (*ours, *theirs)]}\n'
    text = source.edit((*source.lines_of(statement), ""), (body[0][0], body[-1][1], code))
    yield Site("no test", {EVALUATE: _without_functions(source, TESTS, text)})


@operator("significance-of-one-value", 11)
def significance_of_one_value(experiment: Experiment) -> Iterator[Site]:
    """A t-test compares one number with one number, which gives NaN."""
    source = experiment.source(EVALUATE)
    function = source.function("welch")
    if function is not None:
        yield Site("two runs", {EVALUATE: source.body(function, ONE_VALUE)})
        yield Site("a pair of runs", {EVALUATE: source.body(function, ONE_PAIR)})


@operator("metric-made-up", 11)
def metric_made_up(experiment: Experiment) -> Iterator[Site]:
    """A metric is a constant, drawn at random, or compares a thing with itself."""
    source = experiment.source(TRAIN)
    for call in source.calls("float"):
        inner = call.args[0] if call.args else None
        if isinstance(inner, ast.Call) and source.get(inner.func).startswith("SCORES["):
            for code in MADE_UP:
                yield Site(code, {TRAIN: source.replace(call, code)})
            for both in inner.args:
                told = source.get(both)
                text = source.replace(call, f"float({source.get(inner.func)}({told}, {told}))")
                yield Site(f"{told} against itself", {TRAIN: text})


@operator("metric-not-computed", 11)
def metric_not_computed(experiment: Experiment) -> Iterator[Site]:
    """A metric that run configurations promise is not among those that are computed."""
    source = experiment.source(TRAIN)
    promised = {
        name for run in experiment.runs if (told := run.find("evaluation", "metrics")) for name in _names(told.value)
    }
    for node in source.tree.body:
        if isinstance(node, ast.AnnAssign) and source.get(node.target) == "SCORES" and isinstance(node.value, ast.Dict):
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in promised:
                    end = source.text.index("\n", source.span(value)[1]) + 1
                    start = source.text.rindex("\n", 0, source.span(key)[0]) + 1
                    also = tuple(run.path for run in experiment.runs)
                    yield Site(f"no {key.value}", {TRAIN: source.edit((start, end, ""))}, also)
    for run in experiment.runs:
        if (told := run.find("evaluation", "metrics")) is not None:
            for name in ("f1_macro", "bleu"):
                text = run.revalued(told, f"[{', '.join([*_names(told.value), name])}]")
                yield Site(f"{run.path} promises {name}", {run.path: text}, also=(TRAIN, MAIN))


def _names(value: str) -> list[str]:
    return [name.strip() for name in value.strip("[]").split(",")]
