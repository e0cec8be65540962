from datetime import date

import pytest

from windtunnel.findings import Severity

HEAD = "import copy\n"
SEEDS = "        torch.manual_seed(seed)\n"
TRAIN = "src/train.py"
MODEL = "src/model.py"
RSLORA = "        use_rslora=proposed,\n"


def before_seeding(line: str, imports: str = "") -> dict[str, tuple[str, str]]:
    """The training loop with one more line, and with imports of its own."""
    return {
        TRAIN: (
            SEEDS,
            "".join(f"        {text}\n" for text in [*imports.split("\n"), *line.split("\n")] if text) + SEEDS,
        )
    }


def in_adapter(argument: str) -> dict[str, tuple[str, str]]:
    return {MODEL: (RSLORA, f"{RSLORA}        {argument},\n")}


@pytest.mark.parametrize(
    ("imports", "line", "said"),
    [
        ("", "cfg = OmegaConf.deepcopy(cfg)", "omegaconf.OmegaConf has no 'deepcopy'"),
        ("import omegaconf as oc", "cfg = oc.OmegaConf.clone(cfg)", "omegaconf.OmegaConf has no 'clone'"),
        ("from scipy import stats", "stats.binom_test(3, 10)", "scipy.stats has no 'binom_test'"),
        ("", "torch.distributions.Beta(1.0, 2.0).cdf(torch.tensor(0.5))", "only raises NotImplementedError"),
        ("", "rate = torch.optim.AdamWithWarmup", "torch.optim has no 'AdamWithWarmup'"),
    ],
)
def test_a_name_that_a_library_does_not_have_is_found(found, imports: str, line: str, said: str):
    (finding,) = found("API001", before_seeding(line, imports))
    assert said in finding.message
    assert finding.severity is Severity.BLOCKER
    assert finding.place.path == TRAIN
    assert finding.evidence
    assert finding.fix


def test_a_name_that_an_import_asks_for_is_found(found):
    (finding,) = found("API001", {TRAIN: (HEAD, HEAD + "from datasets import load_metric\n")})
    assert "'load_metric'" in finding.message
    assert "removed" in finding.message
    assert "evaluate.load" in finding.fix


@pytest.mark.parametrize(
    ("imports", "line"),
    [
        ("", "cfg = copy.deepcopy(cfg)"),
        ("from scipy import stats", "stats.binomtest(3, 10)\nstats.beta.cdf(0.5, 1, 2)\nstats.norm.ppf(0.9)"),
        ("", "torch.distributions.Normal(0.0, 1.0).cdf(torch.tensor(0.5))"),
        ("", "try:\n    cfg = OmegaConf.deepcopy(cfg)\nexcept AttributeError:\n    cfg = copy.deepcopy(cfg)"),
        ("", "if hasattr(OmegaConf, 'deepcopy'):\n    cfg = OmegaConf.deepcopy(cfg)"),
        ("", "if torch.__version__ < '2':\n    torch.set_old_default()"),
        ("", "OmegaConf = copy\nOmegaConf.nothing()"),
        ("", "torch.npu.empty_cache()"),
        ("import some_unknown_library", "some_unknown_library.anything()"),
        ("", "torch.backends.cudnn.deterministic = True\ntorch.cuda.manual_seed_all(1)"),
    ],
)
def test_what_exists_or_is_asked_for_first_is_left_alone(found, imports: str, line: str):
    assert found("API001", before_seeding(line, imports)) == []


def test_what_no_rehearsal_reaches_is_a_warning(found):
    unused = "\n\ndef never(cfg):\n    return OmegaConf.deepcopy(cfg)\n"
    (finding,) = found("API001", {TRAIN: ("\n\n@torch.no_grad()", f"{unused}\n\n@torch.no_grad()")})
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (in_adapter("dropout=0.1"), "dropout"),
        (before_seeding("OmegaConf.to_container(cfg, resolve=True, deepcopy=True)"), "deepcopy"),
        (before_seeding("OmegaConf.to_yaml()"), "cfg"),
        (before_seeding("torch.optim.lr_scheduler.StepLR(step_size=3)"), "optimizer"),
        (before_seeding("OmegaConf.set_struct(cfg, False, True)"), "position"),
        (in_adapter("**{'lora_dropout': 0.1, 'rank': 4}"), "rank"),
    ],
)
def test_arguments_that_are_not_taken_are_found(found, files: dict[str, tuple[str, str]], said: str):
    (finding,) = found("API002", files)
    assert said in finding.message
    assert finding.severity is Severity.BLOCKER


def test_the_kind_of_a_search_space_that_is_passed_on_is_found(found):
    old = 'trial.suggest_float(name, space.low, space.high, log=space.type == "loguniform")'
    (finding,) = found("API002", {TRAIN: (old, "trial.suggest_float(name, **space)")})
    assert "'type'" in finding.message.replace("`", "'")
    assert "take the kind" in finding.fix


@pytest.mark.parametrize(
    "files",
    [
        in_adapter("lora_dropout=0.1"),
        in_adapter("**options"),
        before_seeding("OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)"),
        before_seeding("torch.zeros(2, 3, dtype=torch.float32, device=device)"),
        before_seeding("torch.zeros((2, 3))\ntorch.tensor([1.0]).mean(dim=0, keepdim=True)"),
        before_seeding("wandb.log({'a': 1}, step=3, commit=False)"),
        before_seeding("torch.optim.lr_scheduler.StepLR(optimizer, step_size=3)"),
    ],
)
def test_arguments_that_fit_are_left_alone(found, files: dict[str, tuple[str, str]]):
    assert found("API002", files) == []


def test_the_version_on_the_day_counts(found):
    files = before_seeding("torch.optim.lr_scheduler.ReduceLROnPlateau(None, verbose=True)")
    assert found("API002", files, as_of=date(2024, 12, 1)) == []
    assert len(found("API002", files, as_of=date(2025, 12, 1))) == 1


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (before_seeding("torch.cuda.amp.GradScaler()"), "GradScaler"),
        (
            before_seeding("AutoModel.from_pretrained('x', load_in_8bit=True)", "from transformers import AutoModel"),
            "load_in_8bit",
        ),
    ],
)
def test_what_is_on_its_way_out_is_a_warning(found, files: dict[str, tuple[str, str]], said: str):
    (finding,) = found("API003", files)
    assert said in finding.message
    assert finding.severity is Severity.WARNING


def test_a_name_that_is_gone_from_a_version_on_is_found_from_that_version_on(found):
    files = before_seeding("worst = np.Inf", "import numpy as np")
    (finding,) = found("API001", files)
    assert "removed by 2.0" in finding.message
    assert "numpy.inf" in finding.fix
    pinned = {**files, "pyproject.toml": ("dependencies = [", 'dependencies = [\n    "numpy<2",')}
    assert found("API001", pinned) == []


@pytest.mark.parametrize("code", ["API001", "API002", "API003"])
def test_the_small_experiment_is_left_alone(found, code: str):
    assert found(code) == []
