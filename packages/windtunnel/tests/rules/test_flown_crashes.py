from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.evidence import CommandFlown, Crash, Flight, Frame, HubAnswer, UnknownId
from windtunnel.findings import Place, Severity
from windtunnel.knowledge.crashes import kind_of
from windtunnel.repo import Repo
from windtunnel.rules.base import Skip
from windtunnel.rules.registry import find, flight_rules
from windtunnel.stages import Stage

from .conftest import make_repo

if TYPE_CHECKING:
    from windtunnel.findings import Finding

FRAMES = (Frame("src/main.py", 12, "main"), Frame("src/train.py", 3, "train"))


def crashed(crash: Crash, name: str = "proposed-a", **changes: Any) -> CommandFlown:
    given = {"argv": ("python", "-m", "src.main"), "again": f"windtunnel fly . --run {name}", "status": "failed"}
    return CommandFlown(name=name, **{**given, "reason": crash.message, "crash": crash, **changes})


def flown(*commands: CommandFlown, **changes: Any) -> Repo:
    flight = Flight(**{"mode": "trial", "run_ids": ("proposed-a",), "commands": commands, **changes})
    return Repo(make_repo().submission, as_of=date(2025, 12, 1), flights=[flight])


def findings(repo: Repo) -> list[Finding]:
    found = []
    for rule in flight_rules():
        if rule.code() <= "FLY029" and rule.code().startswith("FLY"):
            try:
                found += list(rule().check(repo))
            except Skip:
                continue
    return found


# (the exception, its message, the library it was raised in) as they were seen, and the rule that tells it
SEEN = [
    ("ValueError", "not enough values to unpack (expected 2, got 1)", "", "FLY001"),
    ("omegaconf.errors.ConfigAttributeError", "Key 'lr' is not in struct", "omegaconf/base.py:73", "FLY002"),
    ("hydra.errors.MissingConfigException", "Could not find 'run/a'", "hydra/_internal/x.py:1", "FLY002"),
    ("ModuleNotFoundError", "No module named 'src'", "", "FLY003"),
    ("ImportError", "`device_map` requires `accelerate`; pip install accelerate", "transformers/m.py:1", "FLY003"),
    ("TypeError", "__init__() got an unexpected keyword argument 'evaluation_strategy'", "", "FLY004"),
    ("AttributeError", "type object 'OmegaConf' has no attribute 'deepcopy'", "", "FLY004"),
    ("ValueError", "Target modules {'attention'} not found in the base model.", "peft/tuners/t.py:9", "FLY005"),
    ("RuntimeError", "element 0 of tensors does not require grad", "torch/x.py:2", "FLY006"),
    ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (8x768 and 512x2)", "torch/nn/l.py:1", "FLY007"),
    ("RuntimeError", "expected scalar type Float but found BFloat16", "torch/nn/l.py:1", "FLY007"),
    ("KeyError", "'text'", "", "FLY008"),
    ("ValueError", "Asking to pad but the tokenizer does not have a padding token.", "transformers/t.py:2", "FLY008"),
    ("FileNotFoundError", "[Errno 2] No such file or directory: 'best.pt'", "", "FLY009"),
    ("wandb.errors.errors.Error", "You must call wandb.init() before wandb.log()", "wandb/sdk/l.py:4", "FLY010"),
    ("ValueError", "The `low` value must be smaller than or equal to the `high` value", "optuna/d.py:3", "FLY011"),
    ("ValueError", "Config name is missing. Please pick one among the available configs", "datasets/b.py:1", "FLY012"),
    ("RuntimeError", "Dataset scripts are no longer supported, but found conll2003.py", "datasets/l.py:1", "FLY012"),
    ("OSError", "You are trying to access a gated repo.", "transformers/h.py:3", "FLY013"),
    ("AssertionError", "Torch not compiled with CUDA enabled", "torch/cuda/__init__.py:403", "FLY014"),
    ("RuntimeError", "Found no NVIDIA driver on your system.", "torch/cuda/__init__.py:412", "FLY014"),
    ("RuntimeError", '"addmm_impl_cpu_" not implemented for \'Half\'', "torch/nn/l.py:1", "FLY014"),
    ("ImportError", "FlashAttention2 has been toggled on, but it cannot be used", "transformers/m.py:2", "FLY014"),
    ("RuntimeError", "All input tensors need to be on the same GPU, but found some", "bitsandbytes/f.py:1", "FLY014"),
    ("TypeError", "'NoneType' object is not callable", "bitsandbytes/functional.py:9", "FLY014"),
    ("torch.OutOfMemoryError", "can't allocate memory: you tried to allocate 9921474836480 bytes", "a.py:1", "FLY015"),
    ("urllib.error.URLError", "<urlopen error [Errno -3] Temporary failure in name resolution>", "", "FLY016"),
]  # fmt: skip


@pytest.mark.parametrize(("exception", "message", "library", "code"), SEEN)
def test_a_crash_is_told_once_by_the_rule_of_its_kind(exception: str, message: str, library: str, code: str) -> None:
    (finding,) = findings(flown(crashed(Crash(exception, message, FRAMES, library))))
    assert finding.code == code
    assert finding.place == Place("src/train.py", 3)
    assert message.split("\n", maxsplit=1)[0][:20] in finding.message
    assert "windtunnel fly . --run proposed-a" in finding.fix
    assert finding.severity is find(code).severity


def test_every_kind_of_crash_has_exactly_one_rule() -> None:
    kinds = [kind for rule in flight_rules() for kind in getattr(rule, "kinds", ())]
    assert len(kinds) == len(set(kinds))
    assert {kind_of(Crash(exception, message, (), library)) for exception, message, library, _ in SEEN} <= set(kinds)


def test_one_crash_of_several_runs_is_one_finding_with_the_runs() -> None:
    crash = Crash("KeyError", "'text'", FRAMES)
    commands = crashed(crash), crashed(crash, "comparative-1-b")
    (finding,) = findings(flown(*commands, run_ids=("proposed-a", "comparative-1-b")))
    assert finding.runs == ("proposed-a", "comparative-1-b")
    assert finding.related == (Place("src/main.py", 12),)


def test_a_crash_outside_the_repository_is_shown_at_the_file_that_was_started() -> None:
    crash = Crash("KeyError", "'accuracy'", ())
    (finding,) = findings(flown(crashed(crash, "evaluate"), mode="full", run_ids=()))
    assert (finding.place, finding.stops_at, finding.runs) == (Place("src/evaluate.py"), Stage.EVALUATION, ())


def test_a_crash_over_an_id_that_nothing_is_known_of_is_undecided() -> None:
    crash = Crash("OSError", "who/knows is not a local folder and is not a valid model identifier", FRAMES)
    repo = flown(crashed(crash), unknown=(UnknownId("model", "who/knows", '{"id": "who/knows"}'),))
    (finding,) = findings(repo)
    assert (finding.code, finding.severity) == ("FLY019", Severity.UNDECIDED)
    assert '{"id": "who/knows"}' in finding.fix


def test_with_an_accelerator_a_crash_in_cuda_is_not_for_want_of_one() -> None:
    crash = Crash("RuntimeError", "CUDA error: device-side assert triggered", FRAMES)
    assert [found.code for found in findings(flown(crashed(crash)))] == ["FLY014"]
    assert [found.code for found in findings(flown(crashed(crash), accelerator=True))] == ["FLY001"]


def test_a_run_that_finished_is_not_a_crash() -> None:
    crash = Crash("KeyError", "'text'", FRAMES)  # of a child whose end the run survived
    assert findings(flown(replace(crashed(crash), status="finished"))) == []


@pytest.mark.parametrize(
    ("message", "undecided"),
    [
        ("Index 49999 out of range for dataset of size 2000.", True),
        ("BuilderConfig 'multilingual' not found. Available: ['en']", True),
        ("index 9 is out of bounds for dimension 0 with size 4", False),
        ("BuilderConfig 'sst3' not found. Available: ['sst2']", False),
    ],
)
def test_what_only_the_real_dataset_has_is_undecided(message: str, undecided: bool) -> None:
    asked = HubAnswer("dataset", "nyu-mll/glue" if "sst" in message else "allenai/c4", 200)
    crash = Crash("ValueError", message, FRAMES)
    (finding,) = findings(flown(crashed(crash, hub=(asked,))))
    assert (finding.code == "FLY024") == undecided
    assert (finding.severity is Severity.UNDECIDED) == undecided
    assert finding.place == Place("src/train.py", 3)


@pytest.mark.parametrize(
    ("message", "severity"),
    [
        ("DefaultCPUAllocator: can't allocate memory: you tried to allocate 21474836480 bytes.", Severity.UNDECIDED),
        ("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9921474836480 bytes.", Severity.BLOCKER),
        ("Unable to allocate 29.8 GiB for an array with shape (4000000000,)", Severity.UNDECIDED),
        ("Unable to allocate 3.5 TiB for an array with shape (480000000000,)", Severity.BLOCKER),
        ("", Severity.UNDECIDED),
    ],
)
def test_memory_that_an_accelerator_may_have_is_undecided(message: str, severity: Severity) -> None:
    (finding,) = findings(flown(crashed(Crash("MemoryError", message, FRAMES))))
    assert (finding.code, finding.severity) == ("FLY015", severity)
