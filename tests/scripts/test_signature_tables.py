"""From the source of a library to the table that the reviewer reads, without importing any of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from windtunnel.knowledge.tables import ClassEntry, FunctionEntry, Table, parse

SCRIPTS = Path(__file__).parents[2] / "scripts"
FIRST = {
    "__init__.py": "from tiny.core import Model, train\nraise SystemExit('a library that is imported')\n",
    "core.py": """
import os


class Base:
    def save(self, path, *, safe=True): ...


class Model(Base):
    size: int = 3

    def __init__(self, name, rank=8, **options):
        self.name = name

    def merge(self):
        raise NotImplementedError


def train(model, /, steps, *, seed=0): ...
""",
    "_hidden.py": "def secret(): ...\n",
}
SECOND = FIRST | {
    "core.py": FIRST["core.py"].replace("steps, *,", "steps, lr=0.1, *,").replace("def merge", "def fuse")
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """The table of two versions of a small library."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        from signature_tables.library import Library
        from signature_tables.lines import Collector, table
        from signature_tables.plan import Plan
        from signature_tables.sources import Tree
    finally:
        sys.path.remove(str(SCRIPTS))
    plan = Plan("tiny", "tiny-lib")
    versions = {}
    for version, files in (("1.0", FIRST), ("2.0", SECOND)):
        folder = tmp_path_factory.mktemp(version)
        (folder / "tiny").mkdir()
        for name, text in files.items():
            (folder / "tiny" / name).write_text(text, encoding="utf-8")
        versions[version] = Collector(Library(Tree(folder, "tiny")), plan).collect()
    return parse("tiny", table(plan, {"1.0": "2025-01-01", "2.0": "2025-06-01"}, versions))


def test_the_head_says_which_versions_there_are(tiny: Table):
    assert tiny.distribution == "tiny-lib"
    assert tiny.versions == ("1.0", "2.0")
    assert tiny.releases == {"1.0": "2025-01-01", "2.0": "2025-06-01"}


def test_a_function_has_the_parameters_of_each_version(tiny: Table):
    first, second = (tiny.definition("tiny.core.train", version) for version in (0, 1))
    assert isinstance(first, FunctionEntry)
    assert isinstance(second, FunctionEntry)
    assert "lr=" not in first.signature
    assert "lr=" in second.signature


def test_a_class_has_its_bases_and_the_members_of_each_version(tiny: Table):
    first, second = (tiny.definition("tiny.core.Model", version) for version in (0, 1))
    assert isinstance(first, ClassEntry)
    assert isinstance(second, ClassEntry)
    assert [base.rsplit(".", 1)[-1] for base in first.bases] == ["Base"]
    assert {"merge", "name", "size", "__init__"} <= first.members.keys()
    assert first.members["merge"].raises_not_implemented
    assert "fuse" in second.members
    assert "merge" not in second.members


def test_private_modules_are_left_out(tiny: Table):
    assert tiny.module("tiny", 0) is not None
    assert tiny.module("tiny.core", 0) is not None
    assert tiny.module("tiny._hidden", 0) is None


def test_a_library_without_a_plan_is_refused_in_a_line():
    command = [sys.executable, str(SCRIPTS / "make_signatures.py"), "nosuchlibrary"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert "no plan for nosuchlibrary" in done.stderr


def test_the_tables_agree_with_an_installed_library():
    command = [sys.executable, str(SCRIPTS / "make_signatures.py"), "--verify", "hydra", "omegaconf"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 wrongly missing" in done.stdout
