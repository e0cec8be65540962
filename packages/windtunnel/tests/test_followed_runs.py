"""Which run configurations are followed where there are more than there is time for."""

from __future__ import annotations

from windtunnel.followed_runs import MOST, to_follow
from windtunnel.reading import config_yaml
from windtunnel.reading.config_yaml import Document
from windtunnel.submission import RunConfig


def followed(*texts: str) -> list[str]:
    runs = tuple(
        RunConfig(f"run-{index}", f"config/run/run-{index}.yaml", text, "config/run")
        for index, text in enumerate(texts)
    )
    documents = {}
    for run in runs:
        document = config_yaml.read(run.path, run.text)
        assert isinstance(document, Document)
        documents[run.path] = document
    return [run.run_id for run in to_follow(runs, documents)]


def test_one_of_each_method_and_shape_is_followed():
    plain = "method: a\ndataset: {name: sst2}\n"
    assert followed(plain, plain, "method: b\ndataset: {name: sst2}\n", "method: a\nrank: 8\n") == [
        "run-0",
        "run-2",
        "run-3",
    ]


def test_a_run_with_a_word_that_no_other_has_comes_second():
    usual = "method: a\ndataset: {name: glue_sst2}\n"
    assert followed(usual, usual, usual, "method: b\ndataset: {name: glue_sst2}\n", usual.replace("glue_", "")) == [
        "run-0",
        "run-4",
        "run-3",
    ]


def test_words_that_all_differ_are_not_odd():
    assert followed(*(f"method: a\nrun_id: r{index}\n" for index in range(5))) == ["run-0"]


def test_no_more_than_there_is_time_for():
    assert len(followed(*(f"method: m{index}\n" for index in range(20)))) == MOST
