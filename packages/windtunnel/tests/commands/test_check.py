from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from windtunnel.cli import main
from windtunnel.findings import Place, Severity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from windtunnel.findings import Finding
    from windtunnel.rules.base import Rule


@pytest.fixture
def rules(rule: Callable[..., type[Rule]], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts one rule with the given findings, or the given check, in place of all rules."""

    def use(*findings: Finding, check: object = None) -> None:
        only = rule("AAA001", check=check or (lambda self, repo: iter(findings)))
        for every in ("static_rules", "all_rules"):
            monkeypatch.setattr(f"windtunnel.check.{every}", lambda: (only,))

    return use


@pytest.fixture
def repository(tmp_path: Path) -> str:
    (tmp_path / "experiment" / "src").mkdir(parents=True)
    (tmp_path / "experiment" / "src" / "train.py").write_text("def train(cfg):\n    lr = cfg.training.lr\n")
    return str(tmp_path / "experiment")


@pytest.fixture
def wrong(finding: Callable[..., Finding]) -> Finding:
    return finding(place=Place("src/train.py", 2, 10))


@pytest.fixture
def wrong_repository(rules: Callable[..., None], repository: str, wrong: Finding) -> str:
    """A repository in which the one rule finds a blocker."""
    rules(wrong)
    return repository


def test_exit_codes(
    rules: Callable[..., None], repository: str, finding: Callable[..., Finding], wrong: Finding
) -> None:
    for findings, code in (
        ([], 0),
        ([finding(severity=Severity.WARNING)], 0),
        ([wrong], 1),
        ([finding(severity=Severity.UNDECIDED)], 3),
    ):
        rules(*findings)
        assert main(["check", repository]) == code


def test_text_goes_to_stdout_without_colours(
    rules: Callable[..., None], repository: str, wrong: Finding, capsys: pytest.CaptureFixture[str]
) -> None:
    rules(wrong)
    main(["check", repository])
    captured = capsys.readouterr()
    assert captured.out.startswith("AAA001 blocker src/train.py:2:10 cfg.training.lr is read")
    assert captured.out.endswith("\nnot ready: 1 blocker; 1 rule run\n")
    assert "\x1b" not in captured.out
    assert captured.err == ""


@pytest.mark.parametrize(("wanted", "key"), [("json", "findings"), ("rubric", "is_code_ready"), ("sarif", "runs")])
def test_other_formats_are_one_document_with_the_same_bytes_each_time(
    wrong_repository: str, capsys: pytest.CaptureFixture[str], wanted: str, key: str
) -> None:
    written = []
    for _ in range(2):
        assert main(["check", wrong_repository, "--format", wanted, "--as-of", "2025-12-01"]) == 1
        captured = capsys.readouterr()
        assert captured.err == ""
        assert key in json.loads(captured.out)
        written.append(captured.out)
    assert written[0] == written[1]


def test_an_output_file_gets_the_report_and_stdout_one_line(
    rules: Callable[..., None], repository: str, wrong: Finding, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rules(wrong)
    target = tmp_path / "report.json"
    assert main(["check", repository, "--format", "json", "--output", str(target)]) == 1
    assert json.loads(target.read_text())["outcome"] == "not ready"
    assert capsys.readouterr().out == "not ready: 1 blocker; 1 rule run\n"


def test_a_document_on_stdin_is_read(
    rules: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rules()
    given = b'{"train_py": "import torch\\n"}'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
    assert main(["check", "-", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["submission"]["origin"] == "-"


def test_options_reach_the_check(
    rules: Callable[..., None], repository: str, wrong: Finding, capsys: pytest.CaptureFixture[str]
) -> None:
    rules(wrong)
    command = ["check", repository, "--format", "json", "--as-of", "2025-12-01", "--select", "AAA,criterion:7"]
    assert main([*command, "--ignore", "AAA001=it is known"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["as_of"] == "2025-12-01"
    assert record["selection"] == ["AAA,criterion:7"]
    assert record["ignored"][0]["reason"] == "it is known"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{none}"], "none"),
        (["{repository}", "--as-of", "yesterday"], "'yesterday' is not a day; give it as YYYY-MM-DD"),
        (["{repository}", "--as-of", "2025-02-30"], "is not a day"),
        (["{repository}", "--select", "AAB001"], "did you mean AAA001"),
        (["{repository}", "--ignore", "AAA001"], "gives no reason"),
        (["{repository}", "--ignore", "AAB001=why"], "did you mean AAA001"),
        (["{repository}", "--output", "{none}/report.json"], "there is no folder"),
        (["{repository}", "--output", "{repository}"], "is a folder"),
        (["{repository}", "--format", "xml"], "invalid choice"),
        ([], "PATH"),
    ],
)
def test_a_command_line_that_cannot_be_exits_2_and_says_why(
    wrong_repository: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    filled = [text.format(repository=wrong_repository, none=tmp_path / "none") for text in arguments]
    try:
        code = main(["check", *filled])
    except SystemExit as ended:  # argparse's own way out
        code = int(ended.code or 0)
    captured = capsys.readouterr()
    assert code == 2
    assert said in captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err


def test_a_rule_that_fails_is_undecided_and_shows_no_traceback(
    rules: Callable[..., None], repository: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(self: object, repo: object) -> object:
        raise KeyError("lr")

    rules(check=check)
    assert main(["check", repository]) == 3
    captured = capsys.readouterr()
    assert "AAA001 failed, so its question is open: KeyError: 'lr'" in captured.out
    assert captured.err == ""


def test_ctrl_c_exits_130(rules: Callable[..., None], repository: str) -> None:
    def check(self: object, repo: object) -> object:
        raise KeyboardInterrupt

    rules(check=check)
    assert main(["check", repository]) == 130


def test_a_terminal_gets_colours_unless_it_asks_for_none(
    rules: Callable[..., None],
    repository: str,
    wrong: Finding,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules(wrong)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    main(["check", repository])
    assert "\x1b[1;31mAAA001" in capsys.readouterr().out
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            main(["check", repository])
        assert "\x1b" not in capsys.readouterr().out


def test_help_shows_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "windtunnel check experiments/glora-glue" in shown
    assert "0 ready    1 not ready    2 the command line cannot be    3 undecided" in shown


def test_a_check_imports_neither_what_it_reviews_nor_heavy_libraries(repository: str) -> None:
    program = (
        "import sys; from windtunnel.cli import main; main(['check', sys.argv[1]]);"
        "heavy = {'rich', 'torch', 'pyarrow', 'numpy', 'transformers', 'windtunnel.flight'};"
        "sys.exit(' '.join(heavy & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program, repository], check=False, capture_output=True, text=True)
    assert ended.stderr.strip() == ""


def test_the_reader_of_a_report_may_leave_early(repository: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "windtunnel.cli", "check", repository],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) in {0, 1, 3}
