from __future__ import annotations

import pytest

TABLE = """\
from dataclasses import dataclass


@dataclass
class Task:
    hub_id: str
    configuration: str
    columns: tuple = ()
    eval_split: str = "validation"


TASKS = {{"a": {entry}}}

"""


def with_entry(texts: dict[str, str], entry: str) -> dict[str, str]:
    return {"src/preprocess.py": TABLE.format(entry=entry) + texts["src/preprocess.py"]}


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ('Task("nyu-mll/glue", "sst-2", ("sentence",))', "no config 'sst-2'"),
        ('Task("nyu-mll/glue", "sst2", ("text",))', "no column 'text'"),
        ('Task("nyu-mll/glue", "mnli", eval_split="validation")', "no split 'validation'"),
        ('{"path": "nyu-mll/glue", "name": "rte", "text_column": "sentence"}', "no column 'sentence'"),
    ],
)
def test_an_entry_that_its_dataset_does_not_have_is_found(found, texts, entry: str, what: str):
    (finding,) = found("DAT029", with_entry(texts, entry))
    assert what in finding.message


@pytest.mark.parametrize(
    "entry",
    [
        'Task("nyu-mll/glue", "sst2", ("sentence",))',
        'Task("nyu-mll/glue", "mnli", ("premise", "hypothesis"), eval_split="validation_matched")',
        'Task("somebody/unknown", "x", ("y",))',
        '{"path": "nyu-mll/glue", "name": "rte", "text_column": "sentence1", "metric": "accuracy"}',
    ],
)
def test_right_entries_and_unknown_datasets_are_left_alone(found, texts, entry: str):
    assert found("DAT029", with_entry(texts, entry)) == []
