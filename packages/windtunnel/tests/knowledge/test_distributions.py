import json
import subprocess
import sys
import time
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from windtunnel.knowledge import distributions, releases
from windtunnel.knowledge.distributions import (
    NOT_KNOWN,
    RUNTIME_NEEDS,
    distribution_of,
    impossible,
    is_standard_library,
    known,
    latest_before,
    meant_by,
    modules_of,
    provided_by,
    python_floor,
)

LATE_2025 = date(2025, 12, 1)


@pytest.mark.parametrize(
    ("module", "first"),
    [
        ("sklearn", "scikit-learn"),
        ("yaml", "pyyaml"),
        ("cv2", "opencv-python"),
        ("hydra", "hydra-core"),
        ("PIL.Image", "pillow"),
        ("google.protobuf.message", "protobuf"),
        ("torch.nn.functional", "torch"),
        ("pynvml", "nvidia-ml-py"),
        ("rouge_score", "rouge-score"),
        ("their_own_module", "their-own-module"),
    ],
)
def test_an_import_name_leads_to_its_distribution(module, first):
    assert distribution_of(module)[0] == first


def test_a_module_that_no_index_provides_has_no_distribution():
    assert distribution_of("apex.optimizers") == ()


def test_a_distribution_leads_back_to_its_import_names():
    assert modules_of("scikit-learn") == ("sklearn",)
    assert modules_of("Torch_Geometric") == ("torch_geometric",)
    assert modules_of("their-own") == ("their_own",)


def test_the_standard_library_is_told_from_the_rest():
    assert is_standard_library("os.path")
    assert is_standard_library("__future__")
    assert is_standard_library("distutils.core")
    assert not is_standard_library("yaml")


def test_names_are_compared_as_indexes_do():
    assert known("Hydra_Core")
    assert known("ruamel.yaml")
    assert not known("there-is-no-such-distribution")


def test_glora_and_names_written_for_others_are_never_known():
    assert [name for name in NOT_KNOWN if known(name)] == []
    assert meant_by("sklearn") == "scikit-learn"
    assert meant_by("glora") == ""
    assert meant_by("torch") is None
    assert {name for name in map(canonicalize_name, NOT_KNOWN.values()) if name and not known(name)} == set()


def test_every_distribution_that_a_table_mentions_is_known():
    modules = {name for names in distributions._object("modules").values() if isinstance(names, list) for name in names}
    brought = {name for name, entry in distributions._object("provided").items() if isinstance(entry, dict)}
    needed = {name for need in RUNTIME_NEEDS for name in need.needs}
    assert sorted(name for name in modules | brought | needed if not known(name)) == []


def test_the_kept_names_are_sorted_normalised_and_many():
    text = (resources.files("windtunnel.knowledge") / "data" / "names.txt").read_text(encoding="ascii")
    names = text.split()
    assert names == sorted({canonicalize_name(name) for name in names})
    assert len(names) > 1200


def test_what_a_distribution_brings_along_is_followed_through_others():
    assert {"omegaconf", "pyyaml", "antlr4-python3-runtime"} <= provided_by("hydra-core", as_of=LATE_2025)
    assert {"torch", "transformers", "accelerate", "sympy", "psutil"} <= provided_by("peft", as_of=LATE_2025)
    assert "numpy" not in provided_by("torch", as_of=LATE_2025)
    assert provided_by("unheard-of", as_of=LATE_2025) == frozenset()


def test_what_later_versions_dropped_counts_only_before():
    assert "requests" in provided_by("transformers", as_of=LATE_2025)
    assert "requests" not in provided_by("transformers", as_of=date(2026, 11, 1))
    assert "psutil" not in provided_by("wandb", as_of=LATE_2025)


def test_the_newest_release_of_a_day_is_told():
    assert latest_before("torch", LATE_2025) == "2.9.0"
    assert latest_before("Transformers", LATE_2025) == "4.57.0"
    assert latest_before("datasets", date(2025, 7, 8)) == "3.6.0"
    assert latest_before("unheard-of", LATE_2025) is None
    # after the table was made nothing is claimed
    assert latest_before("torch", date(2030, 1, 1)) is None
    # only its newest release is kept, and that came later
    assert latest_before("evaluate", date(2024, 1, 1)) is None


@pytest.mark.parametrize(
    ("distribution", "specifier"),
    [("torch", ">=3.0"), ("peft", ">=99,<100"), ("transformers", "==5.0.*"), ("numpy", "~=3.1"), ("evaluate", ">1.0")],
)
def test_a_requirement_that_no_release_can_meet_is_told(distribution, specifier):
    reason = impossible(distribution, specifier, LATE_2025)
    assert distribution in reason
    assert specifier.partition(",")[0] in reason


@pytest.mark.parametrize(
    ("distribution", "specifier"),
    [
        ("torch", ">=2.0,<3.0"),
        ("torch", "==2.9.1"),
        ("torch", "<99"),
        ("torch", "!=99"),
        ("torch", ""),
        ("torch", "not a specifier"),
        ("unheard-of", ">=99"),
    ],
)
def test_a_requirement_that_a_release_may_meet_is_left_alone(distribution, specifier):
    assert impossible(distribution, specifier, LATE_2025) == ""


def test_a_day_after_the_table_was_made_decides_nothing():
    assert impossible("torch", ">=3.0", date(2030, 1, 1)) == ""


def test_an_endless_version_is_read_like_any_other():
    assert impossible("torch", ">=" + "9" * 100_000, LATE_2025)


def test_the_oldest_python_of_a_version_is_told():
    assert python_floor("numpy", "2.3.5") == "3.11"
    assert python_floor("numpy", "2.2.0") == "3.10"
    assert python_floor("unheard-of", "1.0") is None


def test_the_releases_of_each_library_are_in_order_of_their_versions():
    for name, kept in releases._table()["releases"].items():
        numbers = [releases._numbers(version) for version, _ in kept]
        assert numbers == sorted(set(numbers)), name
        assert all(date.fromisoformat(day) <= date.fromisoformat(releases._table()["as_of"]) for _, day in kept), name


def test_uses_without_an_import_name_what_they_load():
    needs = {(need.kind, need.trigger): need.needs for need in RUNTIME_NEEDS}
    assert needs["keyword", "device_map"] == ("accelerate",)
    assert needs["name", "transformers.BitsAndBytesConfig"] == ("bitsandbytes", "accelerate")
    assert needs["method", "to_markdown"] == ("tabulate",)
    assert needs["config", "hydra/sweeper=optuna"] == ("hydra-optuna-sweeper",)
    assert {need.kind for need in RUNTIME_NEEDS} == {"keyword", "name", "method", "config", "value"}
    assert all(bool(need.values) == (need.kind == "value") for need in RUNTIME_NEEDS)


def test_asking_for_a_name_costs_next_to_nothing():
    distributions._names.cache_clear()
    start = time.process_time()
    known("torch")
    assert time.process_time() - start < 0.05


def test_the_kept_names_are_what_the_script_makes_of_them(tmp_path):
    scripts = Path(__file__).parents[4] / "scripts"
    data = resources.files("windtunnel.knowledge") / "data" / "names.txt"
    before = data.read_text(encoding="ascii")
    code = "import pathlib, sys, make_distributions as m; m.DATA = pathlib.Path(sys.argv.pop(1)); sys.exit(m.main())"
    for name in ("names.txt", "modules.json", "provided.json", "releases.json"):
        (tmp_path / name).write_bytes((resources.files("windtunnel.knowledge") / "data" / name).read_bytes())
    (tmp_path / "list.json").write_text(json.dumps({"rows": [{"project": "Zzz.Top"}, {"project": "glora"}]}))
    command = [sys.executable, "-c", code, str(tmp_path)]
    subprocess.run(command, cwd=scripts, check=True, capture_output=True)
    assert (tmp_path / "names.txt").read_text(encoding="ascii") == before
    subprocess.run([*command, "--add", str(tmp_path / "list.json")], cwd=scripts, check=True, capture_output=True)
    assert set((tmp_path / "names.txt").read_text(encoding="ascii").split()) - set(before.split()) == {"zzz-top"}
    subprocess.run([*command, "--against", str(tmp_path / "list.json")], cwd=scripts, check=True, capture_output=True)
    assert (tmp_path / "names.txt").read_text(encoding="ascii").split() == ["zzz-top"]
