from pathlib import Path

import pytest

EXPERIMENT = Path(__file__).parent / "experiment"
CHILD = """\
import subprocess
import sys

import hydra
from omegaconf import DictConfig


@hydra.main(config_path="../config", config_name="config", version_base="1.3")
def main(cfg: DictConfig) -> None:
    subprocess.run([sys.executable, "-m", "src.train", {arguments}], check=True)


if __name__ == "__main__":
    main()
"""
TRAINER = (
    "def search(",
    (
        '@hydra.main(config_path="../config", config_name="config", version_base="1.3")\n'
        "def entry(cfg):\n    train(cfg, log=True)\n\n\ndef search("
    ),
)


def with_child(arguments: str) -> dict[str, str]:
    train = (EXPERIMENT / "src/train.py").read_text()
    train = (
        train.replace("import optuna\n", "import hydra\nimport optuna\n").replace(*TRAINER)
        + '\n\nif __name__ == "__main__":\n    entry()\n'
    )
    return {"src/main.py": CHILD.format(arguments=arguments), "src/train.py": train}


@pytest.mark.parametrize(
    ("files", "path", "words"),
    [
        ({"src/main.py": (', config_name="config"', "")}, "src/main.py", "no config_name"),
        ({"src/main.py": ('config_path="../config"', 'config_path="conf"')}, "src/main.py", "does not lead to config/"),
        ({"config/config.yaml": ("  - run: null", "  - run: ???\n  - other: x")}, "config/config.yaml", "other/x"),
        (
            {"config/config.yaml": ("  - run: null", "  - run/${run}\nrun: '???'")},
            "config/config.yaml",
            "cannot compose",
        ),
        (
            {"config/config.yaml": ("mode: full", "mode: full\nhydra: {job: {nothing_like_it: 1}}")},
            "config/config.yaml",
            "nothing_like_it",
        ),
    ],
)
def test_a_configuration_that_does_not_compose_is_found_where_it_is_written(found, files, path: str, words: str):
    findings = found("HYD001", files)
    assert findings
    assert findings[0].place.path == path
    assert words in findings[0].message


def in_runs() -> dict[str, str]:
    return {f"config/runs/{path.name}": path.read_text() for path in (EXPERIMENT / "config/run").iterdir()}


def test_a_group_that_is_called_otherwise_than_its_folder_is_found(found):
    (finding,) = found("HYD001", in_runs(), remove=["config/run/"])
    assert "do not agree" in finding.message
    assert {"config/runs/proposed-bert-sst2.yaml"} <= {place.path for place in finding.related}


@pytest.mark.parametrize("config", ["hydra: {job: {chdir: false}}", "hydra: {run: {dir: .}}"])
def test_what_hydra_knows_is_left_alone(found, config: str):
    assert found("HYD001", {"config/config.yaml": ("mode: full", f"mode: full\n{config}")}) == []


RUN = 'f"run={cfg.run_id}", f"results_dir={cfg.results_dir}", f"mode={cfg.mode}"'


def test_an_override_of_a_key_that_is_not_there_is_found_in_main(found):
    (finding,) = found("HYD002", with_child(RUN + ', "training.steps=2"'))
    assert finding.place.path == "src/main.py"
    assert finding.place.line == 10
    assert "training.steps=2" in finding.message


@pytest.mark.parametrize("override", ['"training.epochs=1"', '"+training.steps=2"', '"wandb.mode=disabled"'])
def test_an_override_that_hydra_takes_is_left_alone(found, override: str):
    assert found("HYD002", with_child(f"{RUN}, {override}")) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('f"mode={cfg.mode}"', "without run=<id>"),
        ('f"run={cfg.training}", f"mode={cfg.mode}"', ""),
        ('f"run={cfg.run}", f"mode={cfg.mode}"', ""),
    ],
)
def test_a_child_that_is_not_told_its_run_is_found(found, arguments: str, words: str):
    findings = found("HYD003", with_child(arguments))
    if words:
        assert findings
        assert words in findings[0].message


def test_a_run_that_is_a_whole_section_is_found(found):
    files = with_child('f"run={cfg.run}", f"mode={cfg.mode}"')
    runs = {f"config/run/{name}-bert-sst2.yaml": ("# @package _global_\n", "") for name in ("proposed", "baseline")}
    (finding,) = found("HYD003", files | runs)
    assert "whole section" in finding.message


def test_a_child_that_is_told_its_run_is_left_alone(found):
    assert found("HYD003", with_child(RUN)) == []


def test_a_run_configuration_that_nothing_loads_is_found(found):
    findings = found(
        "HYD004",
        in_runs() | {"config/config.yaml": ("  - run: null\n\nmode", "\nrun: null\nmode")},
        remove=["config/run/"],
    )
    assert [finding.place.path for finding in findings] == ["config/config.yaml"]


def test_a_group_that_the_defaults_list_lacks_cannot_be_chosen_from(found):
    findings = found("HYD002", {"config/config.yaml": ("  - run: null\n\nmode", "\nrun: null\nmode")})
    assert findings
    assert "Could not override 'run'" in findings[0].message


def test_a_run_configuration_that_the_code_loads_is_left_alone(found):
    load = (
        "cfg = OmegaConf.merge(OmegaConf.create(OmegaConf.to_container(cfg)), "
        'OmegaConf.load(Path(__file__).parent.parent / "config/runs" / f"{cfg.run}.yaml"))'
    )
    main = in_runs() | {
        "config/config.yaml": ("  - run: null\n\nmode", "\nrun: null\nmode"),
        "src/main.py": (
            '    if cfg.mode == "trial":',
            (
                f"    from pathlib import Path\n\n    from omegaconf import OmegaConf\n\n    {load}\n"
                '    if cfg.mode == "trial":'
            ),
        ),
    }
    assert found("HYD004", main, remove=["config/run/"]) == []


def test_a_main_without_hydra_is_found(found):
    assert found("HYD005", {"src/main.py": "import argparse\n\nprint(argparse)\n"})
    assert found("HYD005") == []
