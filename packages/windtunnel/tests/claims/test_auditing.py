"""Each kind of claim, where it holds and where it does not: on the project's own experiment and on a broken one."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from windtunnel.claims import Case, Status, audit
from windtunnel.claims.auditing import rule
from windtunnel.claims.kinds import ALL_KINDS
from windtunnel.claims.sentences import Sentence, split
from windtunnel.errors import UsageError
from windtunnel.submission import load

ROOT = Path(__file__).parents[4]
SPEC = ROOT.parent / "shared" / "spec"
CONFIRMED, REFUTED, UNDECIDABLE = Status.CONFIRMED, Status.REFUTED, Status.UNDECIDABLE


@pytest.fixture(scope="module")
def sound() -> Case:
    return Case.of(load(str(ROOT / "experiments" / "glora-glue"), runs=None, stdin=None))


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The experiment with one defect of each kind that a claim may name."""
    folder = tmp_path_factory.mktemp("broken") / "experiment"
    shutil.copytree(ROOT / "experiments" / "glora-glue", folder, ignore=shutil.ignore_patterns("__pycache__", ".cache"))
    (folder / "src" / "helpers.py").write_text("VALUE = 1\n")
    (folder / "src" / "__init__.py").write_text("")
    (folder / "src" / "preprocess.py").unlink()
    model = folder / "src" / "model.py"
    model.write_text(
        model.read_text()
        + "\n\nfrom omegaconf import OmegaConf as _OC\n\n\ndef copied(cfg):\n    import plotly\n\n    plotly.show()\n"
        "    LoraConfig(rank_of_all=4)\n    return _OC.deepcopy(cfg)\n"
        "\n\ndef later(cfg):\n    raise NotImplementedError\n"
    )
    evaluate = folder / "src" / "evaluate.py"
    evaluate.write_text(evaluate.read_text() + "\n\ndef broken(:\n    pass\n")
    return Case.of(load(str(folder), runs=None, stdin=None))


CLAIMS = [
    # the claim, its kind, on the sound experiment, on the broken one
    ("src/evaluate.py has a syntax error.", "syntax-error", REFUTED, CONFIRMED),
    ("The arrow in evaluate.py will fail to parse.", "syntax-error", REFUTED, CONFIRMED),
    ("src/preprocess.py is missing.", "missing-file", REFUTED, CONFIRMED),
    ("The repository has no pyproject.toml", "missing-file", REFUTED, REFUTED),
    ("src/__init__.py is missing, so relative imports break.", "init-file", REFUTED, REFUTED),
    ("src/__init__.py is an extra file.", "init-file", REFUTED, CONFIRMED),
    ("There are additional Python files such as src/helpers.py.", "extra-file", REFUTED, CONFIRMED),
    ("Helper functions are duplicated in train.py and evaluate.py.", "duplicate-code", REFUTED, REFUTED),
    ("src/main.py is empty.", "empty-file", REFUTED, REFUTED),
    ("The files are called evaluate_py and train_py, which are wrong names.", "field-names", REFUTED, REFUTED),
    ("`OmegaConf.deepcopy` does not exist.", "unknown-name", REFUTED, CONFIRMED),
    ("`torch.nn.functional.cross_entropy` does not exist.", "unknown-name", REFUTED, REFUTED),
    ("LoraConfig does not accept the keyword `rank_of_all`.", "unknown-keyword", REFUTED, CONFIRMED),
    ("LoraConfig does not accept the argument `lora_alpha`.", "unknown-keyword", REFUTED, REFUTED),
    ("The function `frobnicate` is undefined.", "unknown-name", REFUTED, REFUTED),
    ("The package plotly is not declared in the dependencies.", "undeclared-dependency", UNDECIDABLE, CONFIRMED),
    ("`transformers` is missing from the dependencies in pyproject.toml.", "undeclared-dependency", REFUTED, REFUTED),
    ("The import of src.preprocess fails with a ModuleNotFoundError.", "missing-import", REFUTED, CONFIRMED),
    ("The key cfg.training.learning_rate is missing from the configuration.", "missing-config-key", REFUTED, None),
    ("main.py calls evaluate.py.", "evaluation-from-training", REFUTED, None),
    ("wandb.mode is not disabled in trial mode.", "trial-online", REFUTED, None),
    ("evaluate.py uses argparse and cannot take run_ids=... on the command line.", "evaluation-command", REFUTED, None),
    ("train.py writes figures with matplotlib.", "figure-in-training", REFUTED, None),
    ("The function `later` is a placeholder: it raises NotImplementedError.", "placeholder", UNDECIDABLE, CONFIRMED),
    ("The defaults list of Hydra does not compose with the run config.", "composition", REFUTED, None),
    ("The naming of variables is unfortunate.", "", UNDECIDABLE, UNDECIDABLE),
    ("The method deviates from the hypothesis in spirit.", "", UNDECIDABLE, UNDECIDABLE),
]


@pytest.mark.parametrize(("text", "kind", "said", "_"), CLAIMS)
def test_a_claim_about_sound_code_is_refuted_or_left_open(
    sound: Case, text: str, kind: str, said: Status, _: object
) -> None:
    rulings = rule(Sentence(text), sound)
    assert {ruling.status for ruling in rulings} == {said}, rulings
    assert kind in {ruling.kind for ruling in rulings}
    assert all(ruling.reason for ruling in rulings)


@pytest.mark.parametrize(("text", "kind", "_", "said"), [claim for claim in CLAIMS if claim[3] is not None])
def test_a_claim_about_broken_code_is_confirmed_where_it_holds(
    broken: Case, text: str, kind: str, _: object, said: Status
) -> None:
    rulings = rule(Sentence(text), broken)
    assert {ruling.status for ruling in rulings} == {said}, rulings
    assert kind in {ruling.kind for ruling in rulings}
    if said is CONFIRMED:
        assert any(ruling.places for ruling in rulings) or kind == "unknown-name"


TABLE = Path(__file__).with_name("of_sound_code.txt")


@pytest.mark.parametrize("line", [line for line in TABLE.read_text().splitlines() if not line.startswith("#")])
def test_what_reviewers_write_of_sound_code_ends_as_it_should(sound: Case, line: str) -> None:
    status, text = line.split(" | ", 1)
    found = {ruling.status.value for sentence in split(text) for ruling in rule(sentence, sound)}
    assert next(one for one in ("confirmed", "refuted", "undecidable") if one in found) == status


def test_hostile_sentences_are_ruled_on_in_no_time(sound: Case) -> None:
    began = time.monotonic()
    for text in ("word ", "evaluate.py ", "a.b ", "duplicate ", "'x ", "missing ", "src/train.py is missing ", "(?=.*"):
        for sentence in split(text * (100_000 // len(text))):
            rule(sentence, sound)
    assert time.monotonic() - began < 30


def test_every_kind_is_known_by_one_name_and_says_what_decides_it() -> None:
    assert len({kind.name for kind in ALL_KINDS}) == len(ALL_KINDS)
    assert all(kind.decided_by for kind in ALL_KINDS)
    assert {claim[1] for claim in CLAIMS} - {""} <= {kind.name for kind in ALL_KINDS}


def test_blockers_that_a_verdict_does_not_name_are_told(broken: Case) -> None:
    audited = audit({"is_code_ready": False, "code_issue": "`OmegaConf.deepcopy` does not exist."}, broken)
    codes = {finding.code for finding in audited.unnamed}
    assert "FIL001" in codes
    assert "API001" not in codes
    assert audited.decidable


@pytest.mark.parametrize("issue", ["", "It could be nicer."])
def test_a_verdict_that_claims_nothing_decides_nothing(sound: Case, issue: str) -> None:
    assert not audit({"is_code_ready": True, "code_issue": issue}, sound).decidable


@pytest.mark.parametrize("verdict", [{}, {"code_issue": 3}, {"code_issue": "x.", "is_code_ready": "no"}])
def test_what_is_no_verdict_is_refused(sound: Case, verdict: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        audit(verdict, sound)


@pytest.mark.skipif(not SPEC.is_dir(), reason="the recorded verdict is not on this machine")
def test_the_recorded_verdict_is_refuted_as_a_blocker() -> None:
    case = Case.of(load(str(SPEC / "submission.json"), runs=SPEC / "runs", stdin=None))
    audited = audit(json.loads((SPEC / "submission.verdict.json").read_text()), case)
    assert audited.sentences
    assert all(one.status is REFUTED for one in audited.sentences)
    assert "as a blocker" in audited.sentences[0].rulings[0].reason
    assert len(audited.unnamed) > 5  # what really stops it
