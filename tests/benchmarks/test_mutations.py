"""Mutations of the experiment: what the operators make of it, which ones are drawn, and which count as caught."""

from __future__ import annotations

import ast
import json
import tomllib
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from benchmarks.mutations.__main__ import EXPERIMENT, measure, missed, parse, table
from benchmarks.mutations.drawing import draw, sites
from benchmarks.mutations.measure import try_all
from benchmarks.mutations.operators import OPERATORS, Experiment, Mutant, Operator, Site
from benchmarks.mutations.sources import Configuration, Source
from omegaconf import OmegaConf
from yaml import YAMLError

from windtunnel.contract import CRITERIA
from windtunnel.findings import Finding, Place, Severity

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return Experiment.read(EXPERIMENT)


@pytest.fixture(scope="module")
def found(experiment: Experiment) -> dict[str, list[Site]]:
    return sites(experiment)


def finding(
    path: str, *related: str, severity: Severity = Severity.BLOCKER, line: int = 1, message: str = "no"
) -> Finding:
    return Finding("XYZ001", 1, severity, message, Place(path, line), related=tuple(Place(other) for other in related))


def mutant(*changed: str, also: tuple[str, ...] = ()) -> Mutant:
    site = Site("something", dict.fromkeys(changed, "x = 1\n"), also)
    return Mutant(0, Operator("kind", 1, lambda _experiment: ()), site)


# The operators, on the experiment as it is.


def test_every_operator_finds_a_site_and_every_criterion_has_an_operator(found: dict[str, list[Site]]) -> None:
    assert [name for name, told in found.items() if not told] == []
    assert {operator.criterion for operator in OPERATORS.values()} == set(CRITERIA)
    assert len(OPERATORS) >= 35


def test_a_site_changes_what_it_says_and_nothing_else(experiment: Experiment, found: dict[str, list[Site]]) -> None:
    for name, told in found.items():
        for site in told:
            assert any(experiment.files.get(path) != text for path, text in site.changes.items()), (name, site.what)
            assert all(path in experiment.files for path in site.also), (name, site.what)
            assert all(path in experiment.files for path, text in site.changes.items() if text is None), name


def test_two_sites_are_two_mutants(found: dict[str, list[Site]]) -> None:
    for name, told in found.items():
        assert len({tuple(sorted(site.changes.items(), key=str)) for site in told}) == len(told), name


def test_changed_files_can_be_read_unless_that_is_the_defect(tmp_path: Path, found: dict[str, list[Site]]) -> None:
    for one in draw(found, 2 * len(found), seed=3):
        assert _readable(one, tmp_path) is not one.operator.breaks, one


def _readable(one: Mutant, folder: Path) -> bool:
    for path, text in one.site.changes.items():
        if text is None:
            continue
        content = text.encode("utf-8", errors="surrogateescape")
        try:
            if path.endswith(".py"):
                ast.parse(content)
            elif path.endswith(".toml"):
                tomllib.loads(text)
            else:
                place = folder / "a.yaml"
                place.write_bytes(content)
                OmegaConf.load(place)
        except (SyntaxError, ValueError, YAMLError):
            return False
    return True


def test_bytes_that_are_not_text_break_a_file(found: dict[str, list[Site]]) -> None:
    for site in found["not-python"]:
        ((path, text),) = site.changes.items()
        with pytest.raises((SyntaxError, ValueError)):
            compile((text or "").encode("utf-8", errors="surrogateescape"), path, "exec")


def test_a_key_that_may_be_missing_is_not_dropped(experiment: Experiment, found: dict[str, list[Site]]) -> None:
    assert "train_rows: " in "".join(experiment.files.values())
    assert not [site for site in found["run-key-dropped"] if "train_rows" in site.what]
    assert [site for site in found["run-key-dropped"] if "training.epochs" in site.what]


def test_a_package_that_others_bring_along_is_not_dropped(found: dict[str, list[Site]]) -> None:
    dropped = {site.what for site in found["dependency-missing"]}
    assert {"optuna", "seaborn", "sentencepiece"} <= dropped
    assert not {"numpy", "torch", "pandas"} & dropped


def test_an_operator_without_a_site_is_passed_over(experiment: Experiment) -> None:
    text = experiment.files["src/evaluate.py"].replace("json.loads", "parse_json")
    changed = sites(Experiment({**experiment.files, "src/evaluate.py": text}))
    assert changed["run-ids-not-parsed"] == []
    assert "run-ids-not-parsed" not in {one.operator.name for one in draw(changed, 200, seed=0)}


# The draw.


def test_the_seed_decides_which_mutants_are_drawn(experiment: Experiment, found: dict[str, list[Site]]) -> None:
    first = [str(one) for one in draw(found, 200, seed=0)]
    assert first == [str(one) for one in draw(sites(experiment), 200, seed=0)]
    assert first != [str(one) for one in draw(found, 200, seed=1)]
    assert len(first) == 200


def test_operators_take_turns_and_use_a_site_once(found: dict[str, list[Site]]) -> None:
    mutants = draw(found, 200, seed=0)
    turns = Counter(one.operator.name for one in mutants)
    most = max(turns.values())
    assert all(turns[name] >= min(len(told), most - 1) for name, told in found.items())
    assert len({id(one.site) for one in mutants}) == 200
    assert {one.operator.criterion for one in mutants} == set(CRITERIA)


def test_where_sites_run_out_there_are_fewer_mutants() -> None:
    few = {"body-pass": [Site("a", {"a": "1"}), Site("b", {"a": "2"})], "empty-file": [Site("c", {"a": "3"})]}
    assert sorted(one.site.what for one in draw(few, 10, seed=0)) == ["a", "b", "c"]


# Edits.


@pytest.mark.parametrize(
    ("names", "left"),
    [
        (("a",), "f(x, b=2, c=3)"),
        (("b",), "f(x, a=1, c=3)"),
        (("c",), "f(x, a=1, b=2)"),
        (("a", "c"), "f(x, b=2)"),
        (("z",), "f(x, a=1, b=2, c=3)"),
    ],
)
def test_keywords_go_with_their_commas(names: tuple[str, ...], left: str) -> None:
    source = Source("a.py", "f(x, a=1, b=2, c=3)\n")
    assert source.without_keyword(source.calls("f")[0], *names) == f"{left}\n"


def test_a_statement_alone_in_its_block_leaves_a_pass() -> None:
    source = Source("a.py", "if x:\n    y = 1\nelse:\n    y = 2\n    z = 3\n")
    (branch,) = source.tree.body
    assert isinstance(branch, ast.If)
    assert source.without(branch.body[0]).startswith("if x:\n    pass\nelse")
    assert source.without(branch.orelse[0]) == "if x:\n    y = 1\nelse:\n    z = 3\n"


def test_places_are_counted_in_characters_also_behind_others_than_ascii() -> None:
    source = Source("a.py", 'x = "größer", f(1)\n')
    assert source.replace(source.calls("f")[0], "g(2)") == 'x = "größer", g(2)\n'


def test_a_body_keeps_the_docstring_and_a_function_its_decorators() -> None:
    source = Source("a.py", '@d\ndef f(x):\n    """Say."""\n    y = x\n    return y\n\n\nz = 1\n')
    function = source.function("f")
    assert function is not None
    assert source.body(function, "pass\n") == '@d\ndef f(x):\n    """Say."""\n    pass\n\n\nz = 1\n'
    assert source.undecorated(function).startswith("def f(x)")
    assert source.without(function) == "\n\nz = 1\n"


def test_a_configuration_is_edited_by_paths() -> None:
    text = "a: 1  # one\nb:\n  c: 2\n  d:\n    e: [x, y]\n\n# below\nf: ???\n"
    told = Configuration("a.yaml", text)
    assert [entry.path for entry in told.entries] == [("a",), ("b",), ("b", "c"), ("b", "d"), ("b", "d", "e"), ("f",)]
    section, leaf = told.find("b"), told.find("b", "d", "e")
    assert section is not None
    assert leaf is not None
    assert told.without(section) == "a: 1  # one\n\n# below\nf: ???\n"
    assert told.renamed(leaf, "g") == text.replace("e: [x", "g: [x")
    assert told.revalued(leaf, "z") == text.replace("[x, y]", "z")


# What counts as caught.


def verdict_of(
    findings: list[Finding], one: Mutant, tmp_path: Path, *, before: tuple[Finding, ...] = ()
) -> tuple[bool, bool]:
    asked = iter([list(before), findings])
    (trial,) = try_all(Experiment({"src/a.py": "", "b.toml": ""}), [one], lambda _folder: next(asked), tmp_path / "m")
    return trial.noticed, trial.caught


@pytest.mark.parametrize("severity", [Severity.BLOCKER, Severity.UNDECIDED, Severity.WARNING])
def test_a_weighty_finding_at_the_file_catches(severity: Severity, tmp_path: Path) -> None:
    assert verdict_of([finding("src/a.py", severity=severity)], mutant("src/a.py"), tmp_path) == (True, True)


def test_a_note_catches_nothing(tmp_path: Path) -> None:
    told = [finding("src/a.py", severity=Severity.NOTE)]
    assert verdict_of(told, mutant("src/a.py"), tmp_path) == (False, False)


def test_a_related_place_and_a_reader_of_the_file_count(tmp_path: Path) -> None:
    assert verdict_of([finding("b.toml", "src/a.py")], mutant("src/a.py"), tmp_path) == (True, True)
    assert verdict_of([finding("b.toml")], mutant("src/a.py", also=("b.toml",)), tmp_path) == (True, True)


def test_another_file_is_noticed_and_not_caught(tmp_path: Path) -> None:
    assert verdict_of([finding("b.toml")], mutant("src/a.py"), tmp_path) == (True, False)


def test_what_the_unmutated_experiment_has_counts_for_no_mutant_wherever_its_line_is_now(tmp_path: Path) -> None:
    before = (finding("src/a.py", line=7),)
    assert verdict_of([finding("src/a.py", line=9)], mutant("src/a.py"), tmp_path, before=before) == (False, False)
    other = finding("src/a.py", line=9, message="another")
    assert verdict_of([other], mutant("src/a.py"), tmp_path, before=before) == (True, True)


def test_a_check_that_falls_over_catches_nothing_and_is_told(tmp_path: Path) -> None:
    calls = iter([[], ZeroDivisionError("oops")])

    def check(_folder: Path) -> list[Finding]:
        told = next(calls)
        if isinstance(told, Exception):
            raise told
        return told

    (trial,) = try_all(Experiment({"src/a.py": ""}), [mutant("src/a.py")], check, tmp_path / "m")
    assert (trial.caught, trial.failure) == (False, "ZeroDivisionError: oops")
    assert "failed: ZeroDivisionError: oops" in missed([trial])


def test_a_mutant_is_written_whole_and_the_one_before_is_gone(tmp_path: Path) -> None:
    experiment = Experiment({"src/a.py": "a", "b.toml": "b"})
    seen: list[dict[str, bytes]] = []

    def check(folder: Path) -> list[Finding]:
        seen.append({str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()})
        return []

    operator = Operator("kind", 1, lambda _experiment: ())
    changes = [{"src/new.py": "n"}, {"src/a.py": None}, {"src/a.py": "caf\udce9"}]
    mutants = [Mutant(number, operator, Site("w", dict(told))) for number, told in enumerate(changes)]
    assert len(list(try_all(experiment, mutants, check, tmp_path / "m", keep=tmp_path / "keep"))) == 3
    assert seen == [
        {"src/a.py": b"a", "b.toml": b"b"},
        {"src/a.py": b"a", "b.toml": b"b", "src/new.py": b"n"},
        {"b.toml": b"b"},
        {"src/a.py": b"caf\xe9", "b.toml": b"b"},
    ]
    assert (tmp_path / "keep" / "000-kind" / "src" / "new.py").read_bytes() == b"n"


# The command.


def test_the_command_counts_what_a_check_catches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def check(folder: Path) -> list[Finding]:
        names = {str(path.relative_to(folder)) for path in folder.rglob("*.py")}
        return [finding(name) for name in names if name not in {f"src/{p}.py" for p in KNOWN}]

    written = tmp_path / "told.json"
    options = parse(["--operators", "file-added,file-missing", "--count", "9", "-v", "--json", str(written)])
    assert measure(options, check) == 0
    told = json.loads(written.read_text())
    added = [one for one in told["mutants"] if one["operator"] == "file-added"]
    assert all(one["caught"] for one in added)
    assert told["caught"] == len(added) < told["count"] == 9
    out = capsys.readouterr().out
    assert f"{'5 file-added':<43}{len(added):5}{len(added):8}" in out
    assert "missed" in out


KNOWN = ("train", "evaluate", "preprocess", "model", "main")


def test_a_finding_on_the_unmutated_experiment_fails_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    options = parse(["--operators", "empty-file", "--count", "1"])
    assert measure(options, lambda _folder: [finding("src/train.py", severity=Severity.WARNING)]) == 1
    assert "the unmutated experiment: XYZ001 warning src/train.py:1 no" in capsys.readouterr().out


def test_an_operator_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--operators", "body-pass,nonsense"])
    assert "there is no operator nonsense; there are file-cut-off" in capsys.readouterr().err


def test_the_table_names_each_operator_that_was_drawn_and_the_sum(tmp_path: Path) -> None:
    operator = OPERATORS["file-added"]
    mutants = [Mutant(number, operator, Site("w", {"src/new.py": "n"})) for number in range(2)]
    calls = iter([[], [finding("src/new.py")], [finding("b.toml")]])
    trials = list(try_all(Experiment({"b.toml": ""}), mutants, lambda _folder: next(calls), tmp_path / "m"))
    rows = [line.split() for line in table(trials).splitlines()]
    assert rows[2] == ["5", "file-added", "2", "1", "2", "50.0", "%"]
    assert rows[-1] == ["in", "all", "2", "1", "2", "50.0", "%"]


def test_several_processes_find_what_one_finds_in_the_same_order(tmp_path: Path) -> None:
    def check(folder: Path) -> list[Finding]:
        return [finding("src/a.py", message=(folder / "src/a.py").read_text())]

    mutants = [
        Mutant(number, Operator("kind", 1, len), Site("x", {"src/a.py": f"x = {number}\n"})) for number in range(6)
    ]
    experiment = Experiment({"src/a.py": ""})
    told = [[trial.findings for trial in try_all(experiment, mutants, check, tmp_path, jobs=jobs)] for jobs in (1, 2)]
    assert told[0] == told[1]
    assert [one.message for (one,) in told[0]] == [f"x = {number}\n" for number in range(6)]
