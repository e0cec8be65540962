import pytest

READ = 'given = dict(word.split("=", 1) for word in sys.argv[1:])'
PARSER = "import argparse; parser = argparse.ArgumentParser(); "


def test_positional_arguments_that_get_the_name_with_the_value_are_found(found):
    line = (
        PARSER + 'parser.add_argument("results_dir"); parser.add_argument("run_ids"); given = vars(parser.parse_args())'
    )
    (finding,) = found("EVC001", {"src/evaluate.py": (READ, line)})
    assert "JSONDecodeError" in finding.message
    assert finding.place.path == "src/evaluate.py"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            PARSER + 'parser.add_argument("--results_dir", required=True); parser.add_argument("--run_ids"); given = '
            "vars(parser.parse_args())",
            "argparse refuses",
        ),
        ('given = dict(zip(["results_dir", "run_ids"], sys.argv[1:]))', "JSONDecodeError"),
        ('given = {"results_dir": sys.argv[3], "run_ids": "[]"}', "IndexError"),
        ('sys.exit("usage: evaluate --results_dir DIR")', "usage"),
        ("raise SystemExit(sys.argv)", "SystemExit"),
    ],
)
def test_a_command_line_that_ends_the_evaluation_is_found(found, line: str, words: str):
    (finding,) = found("EVC001", {"src/evaluate.py": (READ, line)})
    assert words in finding.message


def test_a_folder_that_is_called_like_its_argument_is_found(found):
    line = (
        PARSER
        + 'parser.add_argument("results_dir"); parser.add_argument("run_ids"); given = vars(parser.parse_args()); '
        'given["run_ids"] = given["run_ids"].split("=", 1)[1]'
    )
    (finding,) = found("EVC001", {"src/evaluate.py": (READ, line)})
    assert "a folder is called" in finding.message


@pytest.mark.parametrize(
    "line",
    [
        READ,
        "from omegaconf import OmegaConf as O; given = dict(O.from_cli(sys.argv[1:]))",
        (
            'given = {}\n    for word in sys.argv[1:]:\n        key, _, value = word.partition("=")\n        '
            'given[key.lstrip("-")] = value'
        ),
        PARSER + 'parser.add_argument("words", nargs="*"); given = dict(word.split("=", 1) for word in '
        "parser.parse_args().words)",
    ],
)
def test_a_command_line_that_is_read_right_is_left_alone(found, line: str):
    assert found("EVC001", {"src/evaluate.py": (READ, line)}) == []


def test_an_evaluation_that_nobody_calls_is_found(found):
    (finding,) = found("EVC002", {"src/evaluate.py": ('if __name__ == "__main__":\n    main()\n', "")})
    assert "no function" in finding.message
    assert found("EVC002") == []


def test_an_evaluation_without_wandb_is_found(found):
    assert found("EVC002", {"src/evaluate.py": "import json\n\nprint(json.dumps({}))\n"})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('json.loads(given["run_ids"])', 'given["run_ids"]', "none of the run ids"),
        ('json.loads(given["run_ids"])', 'given["run_ids"].split(",")', "none of the run ids"),
        ("{settings.entity}/{settings.project}/", "{settings.project}/{settings.entity}/", "config/config.yaml has"),
        ('f"{settings.entity}/{settings.project}/{run_id}"', "run_id", "names no project"),
    ],
)
def test_runs_that_nobody_named_are_found(found, old: str, new: str, words: str):
    (finding,) = found("EVC004", {"src/evaluate.py": (old, new)})
    assert words in finding.message


def test_the_runs_of_the_command_line_are_left_alone(found):
    assert found("EVC004") == []


def test_an_evaluation_that_reaches_no_run_is_a_warning(found):
    (finding,) = found(
        "EVC002", {"src/evaluate.py": ('run = api.run(f"{settings.entity}/{settings.project}/{run_id}")', "run = api")}
    )
    assert finding.severity.value == "warning"
