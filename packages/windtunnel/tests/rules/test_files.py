import pytest

from windtunnel.findings import Severity


@pytest.mark.parametrize("path", ["src/evaluate.py", "pyproject.toml", "config/config.yaml"])
def test_a_missing_file_is_found(found, path: str):
    assert [finding.place.path for finding in found("FIL001", remove=[path])] == [path]
    assert found("FIL001") == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/main.py", ""),
        ("src/model.py", "# later\n"),
        ("src/train.py", '"""Training."""\n'),
        ("config/config.yaml", "# nothing\n"),
        ("pyproject.toml", "\n"),
    ],
)
def test_an_empty_file_is_found(found, path: str, text: str):
    assert [finding.place.path for finding in found("FIL002", {path: text})] == [path]
    assert found("FIL002") == []


@pytest.mark.parametrize(
    "path", ["src/__init__.py", "src/helpers.py", "setup.py", "tests/test_it.py", "analysis.ipynb"]
)
def test_another_module_is_a_blocker(found, path: str):
    (finding,) = found("FIL003", {path: "x = 1\n"})
    assert finding.place.path == path
    assert finding.severity is Severity.BLOCKER


@pytest.mark.parametrize(
    "path", ["README.md", "LICENSE", "uv.lock", ".gitignore", ".github/workflows/run.yml", "results/a/metrics.json"]
)
def test_the_company_of_a_repository_is_left_alone(found, path: str):
    assert found("FIL003", {path: "x"}) == []
    assert found("FIL004", {path: "x"}) == []


def test_another_file_is_a_note(found):
    (finding,) = found("FIL004", {"notes.txt": "x"})
    assert finding.severity is Severity.NOTE


@pytest.mark.parametrize(
    ("path", "content", "line"),
    [
        ("src/train.py", "x = 1\ndef f(:\n    pass\n", 2),
        ("src/evaluate.py", "x = 1\ny = 'a\x00'\n", 2),
        ("src/model.py", b"x = 1\n# \xff\n", 2),
        ("config/config.yaml", "a: [1\n", 2),
        ("config/config.yaml", "a: 1\nb: 2\na: 3\n", 3),
        ("config/run/proposed-bert-sst2.yaml", "a:\n\tb: 1\n", 2),
        ("pyproject.toml", "[project]\nname = \n", 2),
    ],
)
def test_a_file_that_cannot_be_read_is_found_at_its_line(found, path: str, content: str | bytes, line: int):
    findings = found("FIL005", {path: content})
    assert (findings[0].place.path, findings[0].place.line) == (path, line)


def test_files_that_can_be_read_are_left_alone(found):
    assert found("FIL005") == []


def test_without_a_run_configuration_nothing_is_decided(found):
    (finding,) = found("FIL007", remove=["config/run/"])
    assert finding.severity is Severity.UNDECIDED
    assert found("FIL007") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from src.model import build", "from src.model import build\nfrom src.utils import seed"),
        ("from src.model import build", "from src.model import build_model as build"),
        ("from src.model import build", "from model import build"),
        ("from src.model import build", "from ..model import build"),
        ("from src.model import build", "import src.model as m\nbuild = m.absent"),
    ],
)
def test_an_import_of_what_is_not_there_is_found(found, old: str, new: str):
    findings = found("FIL008", {"src/train.py": (old, new)})
    assert findings
    assert findings[0].place.path == "src/train.py"


@pytest.mark.parametrize(
    "new",
    [
        "from .model import build",
        "from src import model\nbuild = model.build",
        "try:\n    from src.fast import build\nexcept ImportError:\n    from src.model import build",
    ],
)
def test_an_import_that_works_is_left_alone(found, new: str):
    assert found("FIL008", {"src/train.py": ("from src.model import build", new)}) == []
