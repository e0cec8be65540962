from pathlib import Path

import pytest

EXPERIMENT = Path(__file__).parent / "experiment"
MAIN = """\
import os
import subprocess
import sys
from pathlib import Path

import hydra


@hydra.main(config_path="../config", config_name="config"{base})
def main(cfg):
    {line}


if __name__ == "__main__":
    main()
"""
START = 'subprocess.run([sys.executable, "-m", "src.train", f"run={cfg.run_id}"]'


def main_with(line: str, base: str = "") -> dict[str, str]:
    return {"src/main.py": MAIN.format(line=line, base=base)}


@pytest.mark.parametrize(
    "line",
    [
        f"{START}, check=True)",
        f"{START}, env=os.environ.copy())",
        f'{START}, cwd="somewhere")',
        'os.system(f"python -m src.train run={cfg.run_id}")',
        'subprocess.Popen("python -u -m src.train run=x", shell=True)',
    ],
)
def test_a_child_in_hydras_output_directory_is_found(found, line: str):
    (finding,) = found("PRC001", main_with(line))
    assert finding.place.path == "src/main.py"
    assert finding.place.line == 11


@pytest.mark.parametrize(
    ("line", "base"),
    [
        (f"{START}, check=True)", ', version_base="1.3"'),
        (f"{START}, check=True)", ", version_base=None"),
        (f"{START}, cwd=hydra.utils.get_original_cwd())", ""),
        (f"{START}, cwd=Path(__file__).resolve().parent.parent)", ""),
        (f'{START}, env={{**os.environ, "PYTHONPATH": hydra.utils.get_original_cwd()}})', ""),
        (f'env = os.environ.copy(); env["PYTHONPATH"] = "x"; {START}, env=env)', ""),
        ('os.chdir(hydra.utils.get_original_cwd()); subprocess.run([sys.executable, "-m", "src.train"])', ""),
        ('subprocess.run(["nvidia-smi"])', ""),
        ('subprocess.run([sys.executable, str(Path(__file__).resolve().parent / "train.py")])', ""),
    ],
)
def test_a_child_that_finds_its_package_is_left_alone(found, line: str, base: str):
    assert found("PRC001", main_with(line, base)) == []


def test_a_child_is_left_alone_if_the_configuration_keeps_the_directory(found):
    changed = {"config/config.yaml": ("mode: full", "mode: full\nhydra: {job: {chdir: false}}")}
    assert found("PRC001", changed | main_with(f"{START}, check=True)")) == []


@pytest.mark.parametrize(
    "line",
    ['open("config/config.yaml")', 'Path("config/config.yaml").read_text()', 'print(os.path.exists("src/train.py"))'],
)
def test_a_relative_path_after_the_directory_changed_is_found(found, line: str):
    assert found("PRC002", main_with(line))
    assert found("PRC002", main_with(line, ', version_base="1.3"')) == []


def test_an_absolute_path_is_left_alone(found):
    assert found("PRC002", main_with('open(Path(__file__).resolve().parent.parent / "config/config.yaml")')) == []


@pytest.mark.parametrize(
    "line",
    [
        'raise RuntimeError("not today")',
        'sys.exit("no run")',
        "sys.exit(2)",
        'if "proposed" in cfg.run_id or "baseline" in cfg.run_id: raise KeyError(cfg.method)',
    ],
)
def test_an_error_that_is_always_reached_is_found(found, line: str):
    findings = found("PRC003", main_with(line, ', version_base="1.3"'))
    assert findings
    assert findings[0].place.line == 11


@pytest.mark.parametrize(
    "line",
    [
        "sys.exit(0)",
        'if cfg.mode not in ("trial", "full"): raise ValueError(cfg.mode)',
        'if not os.path.exists("/data"): raise FileNotFoundError("/data")',
        'try:\n        raise KeyError("x")\n    except KeyError:\n        pass',
        'for name in os.listdir("."):\n        if name == "x":\n            return\n    raise KeyError("x")',
        "def inner():\n        raise ValueError",
    ],
)
def test_an_error_that_need_not_be_reached_is_left_alone(found, line: str):
    assert found("PRC003", main_with(line, ', version_base="1.3"')) == []
