import pytest

MERGE = (
    '    if cfg.mode == "trial":',
    '    cfg = OmegaConf.merge(cfg, {"fresh": {"depth": 1}})\n    if cfg.mode == "trial":',
)
IMPORT = "from omegaconf import DictConfig"


def main_with(line: str) -> dict[str, tuple[str, str]]:
    return {"src/main.py": ('    if cfg.mode == "trial":', f'    {line}\n    if cfg.mode == "trial":')}


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("cfg.fresh = 1", "fresh"),
        ("cfg.training.fresh = 1", "training.fresh"),
        ("cfg['fresh'] = 1", "fresh"),
        ("setattr(cfg.training, 'fresh', 1)", "training.fresh"),
        ("cfg.training.update({'fresh': 1})", "training.fresh"),
        ("import omegaconf; omegaconf.OmegaConf.update(cfg, 'training.fresh', 1)", "training.fresh"),
        ("import omegaconf; cfg = omegaconf.OmegaConf.merge(cfg, {'fresh': 1})", "fresh"),
        ("import copy; copy.deepcopy(cfg).fresh = 1", "fresh"),
        ("section = cfg.training; section.fresh = 1", "training.fresh"),
        ("cfg.nothing.epochs = 1", "nothing"),
    ],
)
def test_a_key_added_to_the_locked_configuration_is_found(found, line: str, key: str):
    findings = found("CFG001", main_with(line))
    assert findings
    assert all(finding.place.path == "src/main.py" and finding.place.line == 12 for finding in findings)
    assert repr(key) in findings[0].message
    assert findings[0].runs == ("baseline-bert-sst2", "proposed-bert-sst2")
    assert findings[0].modes == ("full", "trial")
    assert "config/config.yaml" in {place.path for place in findings[0].related}


@pytest.mark.parametrize(
    "line",
    [
        "cfg.training.epochs = 1",
        "import omegaconf; omegaconf.OmegaConf.set_struct(cfg, False); cfg.fresh = 1",
        "from omegaconf import open_dict\n    with open_dict(cfg):\n        cfg.fresh = 1",
        "import omegaconf; omegaconf.OmegaConf.update(cfg, 'fresh', 1, force_add=True)",
        "import omegaconf; own = omegaconf.OmegaConf.create({'a': 1}); own.fresh = 1",
        "plain = dict(cfg.training); plain['fresh'] = 1",
        "try:\n        cfg.fresh = 1\n    except AttributeError:\n        pass",
        "if cfg.mode == 'neither': cfg.fresh = 1",
    ],
)
def test_what_may_be_written_is_left_alone(found, line: str):
    assert found("CFG001", main_with(line)) == []


@pytest.mark.parametrize(
    "line",
    [
        "cfg.training.absent",
        "cfg['training']['absent']",
        "getattr(cfg.training, 'absent')",
        "section = cfg.training; print(section.absent)",
        "(lambda part: part.absent)(cfg.training)",
        "print(f'{cfg.training.absent}')",
        "dict(**{'x': cfg.training.absent})",
    ],
)
def test_a_key_that_no_configuration_has_is_found_where_it_is_read(found, line: str):
    (finding,) = found("CFG002", main_with(line))
    assert (finding.place.path, finding.place.line) == ("src/main.py", 12)
    assert "'training.absent'" in finding.message


def test_a_key_that_one_run_lacks_is_found_for_that_run_alone(found):
    (finding,) = found(
        "CFG002",
        {"config/run/baseline-bert-sst2.yaml": ("  rank: 8\n", "")}
        | {"src/model.py": ("        lora_alpha=2 * cfg.model.rank,\n", "")},
    )
    assert finding.runs == ("baseline-bert-sst2",)
    assert finding.place.path == "src/model.py"


@pytest.mark.parametrize(
    "line",
    [
        "cfg.training.get('absent')",
        "cfg.training.get('absent', 3)",
        "getattr(cfg.training, 'absent', None)",
        "cfg.training.absent if 'absent' in cfg.training else 0",
        "hasattr(cfg.training, 'absent') and cfg.training.absent",
        "if cfg.method == 'neither': print(cfg.training.absent)",
        "try:\n        cfg.training.absent\n    except Exception:\n        pass",
        "import omegaconf; omegaconf.OmegaConf.select(cfg, 'training.absent')",
    ],
)
def test_a_key_that_is_asked_for_with_care_is_left_alone(found, line: str):
    assert found("CFG002", main_with(line)) == []


def test_a_run_configuration_under_run_is_not_found_at_the_root(found):
    runs = {f"config/run/{name}-bert-sst2.yaml": ("# @package _global_\n", "") for name in ("proposed", "baseline")}
    findings = found("CFG003", runs)
    assert {finding.place.path for finding in findings} == {"src/preprocess.py", "src/model.py", "src/train.py"}
    assert all("lies under 'run'" in finding.message for finding in findings)
    assert found("CFG002", runs) == []


def test_reading_under_run_what_is_merged_at_the_root_is_found(found):
    (finding,) = found("CFG003", {"src/model.py": ("r=cfg.model.rank", "r=cfg.run.model.rank")})
    assert finding.place.path == "src/model.py"


def test_a_run_id_has_no_keys(found):
    findings = found(
        "CFG003",
        {
            "config/config.yaml": ("  - run: null\n\nmode", "\nrun: null\nmode"),
            "src/main.py": main_with("print(cfg.run.run_id)")["src/main.py"],
        },
    )
    assert any("which has no keys" in finding.message and finding.place.path == "src/main.py" for finding in findings)


def test_what_a_run_sets_and_nothing_reads_is_found(found):
    (finding,) = found(
        "CFG004", {"config/run/proposed-bert-sst2.yaml": ("  epochs: 3\n", "  epochs: 3\n  dropout_rate: 0.1\n")}
    )
    assert "'training.dropout_rate'" in finding.message
    assert finding.place.line == 14


@pytest.mark.parametrize(
    "line", ["cfg.training.get('dropout_rate')", "print('training.dropout_rate')", "dict(cfg.training)"]
)
def test_what_is_read_in_any_way_is_left_alone(found, line: str):
    changed = {"config/run/proposed-bert-sst2.yaml": ("  epochs: 3\n", "  epochs: 3\n  dropout_rate: 0.1\n")}
    assert found("CFG004", changed | main_with(line)) == []
