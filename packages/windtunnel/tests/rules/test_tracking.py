import pytest

from windtunnel.findings import Severity


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('history["train_loss"]', 'history["training_loss"]'),
        ('history["seed_accuracy"]', 'history["accuracy_of_seed"]'),
        ('summary["accuracy"]', 'summary["test_accuracy"]'),
    ],
)
def test_a_key_that_training_never_logs_is_found_where_it_is_asked_for(found, old: str, new: str):
    findings = found("WAB001", {"src/evaluate.py": (old, new)})
    assert findings
    assert findings[0].place.path == "src/evaluate.py"
    assert findings[0].severity is Severity.BLOCKER


def test_a_key_that_is_renamed_in_training_is_found(found):
    findings = found("WAB001", {"src/train.py": ('{"train_loss": loss.item()', '{"loss": loss.item()')})
    assert any("'train_loss'" in finding.message for finding in findings)


def test_a_key_that_is_asked_for_with_care_is_a_warning(found):
    changed = {"src/evaluate.py": ('summary["accuracy"]', 'summary.get("test_accuracy", 0.0)')}
    assert [finding.severity for finding in found("WAB001", changed)] == [Severity.WARNING]


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("src/train.py", '{"train_loss": loss.item()', '{f"{phase}_loss": loss.item()'),
        ("src/train.py", 'wandb.summary["accuracy"] = mean', 'wandb.run.summary["accuracy"] = mean'),
        ("src/evaluate.py", 'history["train_loss"]', 'history["_step"]'),
    ],
)
def test_keys_that_are_logged_in_any_way_are_left_alone(found, path: str, old: str, new: str):
    changed = {path: (old, new)}
    if "phase" in new:
        changed["src/train.py"] = (
            "def one_seed(cfg: DictConfig, device: torch.device, *, log: bool) -> float:",
            "def one_seed(cfg: DictConfig, device: torch.device, *, log: bool, phase=input()) -> float:",
        )
    assert found("WAB001", changed) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("            id=cfg.run_id,\n", ""),
        ("id=cfg.run_id", 'id=f"{cfg.run_id}-seed1"'),
        ("id=cfg.run_id", 'id="fixed"'),
    ],
)
def test_a_run_that_the_evaluation_cannot_find_is_found(found, old: str, new: str):
    (finding,) = found("WAB002", {"src/train.py": (old, new)})
    assert finding.place.path == "src/train.py"
    assert finding.modes == ("full",)


@pytest.mark.parametrize("new", ["id=str(cfg.run_id)", "id=cfg['run_id']", "id=cfg.get('run_id')"])
def test_a_run_under_its_id_is_left_alone(found, new: str):
    assert found("WAB002", {"src/train.py": ("id=cfg.run_id", new)}) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("project: small-experiment", "project: 251109", "a int and not text"),
        ("  project: small-experiment\n", "", "is missing"),
        ("entity: somebody", "entity: null", "is missing"),
        ("wandb:\n  entity: somebody\n  project: small-experiment\n  mode: online", "other: 1", "no section"),
    ],
)
def test_settings_that_wandb_cannot_use_are_found(found, old: str, new: str, words: str):
    findings = found("WAB003", {"config/config.yaml": (old, new)})
    assert findings
    assert words in findings[0].message


@pytest.mark.parametrize("project", ["2025-11-18", '"251109"', "v1.0.0"])
def test_settings_that_are_text_are_left_alone(found, project: str):
    assert found("WAB003", {"config/config.yaml": ("project: small-experiment", f"project: {project}")}) == []


def test_a_trial_that_is_logged_is_found(found):
    findings = found("WAB004", {"src/train.py": ("return train(tried, log=False)", "return train(tried, log=True)")})
    assert findings
    assert found("WAB004") == []


def test_a_trial_without_wandb_is_left_alone(found):
    changed = {
        "src/train.py": (
            "tried = copy.deepcopy(cfg)",
            'tried = copy.deepcopy(cfg)\n        tried.wandb.mode = "disabled"',
        ),
    }
    assert found("WAB004", changed) == []


def test_a_run_that_logs_nothing_is_found(found):
    assert found("WAB005", {"src/main.py": ("train(cfg, log=True)", "train(cfg, log=False)")})
    assert found("WAB005") == []


def test_a_key_that_must_be_there_is_found(found):
    checked = 'if "f1" not in summary:\n            raise ValueError(run_id)\n        folder = results / run_id'
    (finding,) = found("WAB001", {"src/evaluate.py": ("folder = results / run_id", checked)})
    assert "'f1'" in finding.message


def test_a_key_that_another_run_may_log_is_left_alone(found):
    asked = {
        "src/evaluate.py": (
            'accuracies[run_id] = summary["accuracy"]',
            'accuracies[run_id] = summary.get("accuracy", summary.get("final_f1"))',
        )
    }
    assert [finding.message for finding in found("WAB001", asked)] != []
    named = {
        "src/model.py": ('CACHE = ".cache/"', 'CACHE = ".cache/"\nNAMES = [f"final_{name}" for name in ("f1", "loss")]')
    }
    assert found("WAB001", {**asked, **named}) == []


@pytest.mark.parametrize("given", ["str(int(time.time()))", "uuid.uuid4().hex", "wandb.util.generate_id()"])
def test_an_id_that_is_another_one_each_time_is_found(found, given: str):
    (finding,) = found("WAB002", {"src/train.py": ("id=cfg.run_id", f"id={given}")})
    assert "another one each time" in finding.message


@pytest.mark.parametrize("value", ["<your-project>", "your_project", "TODO", "{project}"])
def test_a_placeholder_for_the_project_is_found(found, texts, value: str):
    old = next(line for line in texts["config/config.yaml"].splitlines() if line.strip().startswith("project:"))
    (finding,) = found("WAB003", {"config/config.yaml": (old, f'{old.partition(":")[0]}: "{value}"')})
    assert value in finding.message
    assert finding.place.path == "config/config.yaml"
