from dataclasses import replace

import pytest

from windtunnel.evidence import (
    FileSeen,
    Flight,
    HubAnswer,
    LoaderSeen,
    LossSeen,
    ProcessSeen,
    RowsSeen,
    RunRecorded,
)
from windtunnel.findings import Severity
from windtunnel.rules.base import Skip

RUN = "proposed-bert-sst2"
WATCHED = ProcessSeen(2, 1, said_goodbye=True, watched=("torch",))
GLUE = HubAnswer("dataset", "nyu-mll/glue", 200)
FELL = LossSeen("src/train.py:40", 300, (0.7,) * 50, (0.1,) * 50)
STAYED = LossSeen("src/train.py:40", 300, (0.7,) * 50, (0.6,) * 50)


@pytest.fixture
def flown(command):
    def made(
        process: ProcessSeen = WATCHED, *, mode: str = "full", results=(), hub=(GLUE,), **summary: object
    ) -> Flight:
        run = RunRecorded("e", "p", RUN, RUN, "finished", RUN, 1, history=({"train_loss": 0.7},), summary=summary)
        flight = command(RUN, processes=(process,), hub=hub, results=tuple(results))
        return Flight(mode, (RUN,), commands=(flight,), runs=(run,))

    return made


@pytest.mark.parametrize(
    "summary", [{"val_accuracy": 0.51}, {"test/acc": 48.0}, {"matthews_correlation": 0.01}, {"val": {"accuracy": 0.5}}]
)
def test_a_score_at_chance_after_learning_is_found(judged, flown, summary):
    (finding,) = judged("FLY048", flown(replace(WATCHED, losses=(FELL,)), **summary))
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    "summary", [{"val_accuracy": 0.7}, {"train_accuracy": 0.5}, {"val_loss": 0.5}, {"accuracy_gain": 0.01}]
)
def test_a_score_above_chance_and_what_is_no_score_are_left_alone(judged, flown, summary):
    assert judged("FLY048", flown(replace(WATCHED, losses=(FELL,)), **summary)) == []


@pytest.mark.parametrize("losses", [(), (STAYED,), (replace(FELL, count=40),)])
def test_a_run_that_did_not_learn_is_not_judged(judged, flown, losses):
    with pytest.raises(Skip, match="not exercised"):
        judged("FLY048", flown(replace(WATCHED, losses=losses), val_accuracy=0.5))


def test_a_dataset_without_known_classes_is_not_judged(judged, flown):
    with pytest.raises(Skip, match="not exercised"):
        judged("FLY048", flown(replace(WATCHED, losses=(FELL,)), hub=(), val_accuracy=0.5))


def test_a_loader_that_gave_nothing_is_found_where_it_is_iterated(judged, flown):
    empty = LoaderSeen("src/train.py:30", 0, 3, rows=0, length=0)
    (finding,) = judged("FLY049", flown(replace(WATCHED, loaders=(LoaderSeen("src/train.py:20", 9, 1), empty))))
    assert str(finding.place) == "src/train.py:30"
    assert finding.severity is Severity.BLOCKER


def test_loaders_with_batches_or_never_iterated_are_left_alone(judged, flown):
    fine = (LoaderSeen("src/train.py:20", 9, 1, 70, 9), LoaderSeen("src/train.py:25", 0, 0))
    assert judged("FLY049", flown(replace(WATCHED, loaders=fine))) == []


def test_a_loader_that_was_left_before_its_first_batch_is_left_alone(judged, flown):
    assert judged("FLY049", flown(replace(WATCHED, loaders=(LoaderSeen("src/train.py:20", 0, 1, 70, 9),)))) == []


def written(**numbers: float) -> FileSeen:
    return FileSeen(
        f"{RUN}/metrics.json", 90, numbers={key.replace("__", "."): value for key, value in numbers.items()}
    )


def test_a_score_that_was_never_recorded_is_found(judged, flown):
    (finding,) = judged("FLY055", flown(results=[written(val_accuracy=0.93)], val_accuracy=0.61))
    assert finding.severity is Severity.BLOCKER
    assert "0.93" in finding.message
    assert "0.61" in finding.message


def test_one_that_differs_beside_one_that_agrees_is_a_warning(judged, flown):
    (finding,) = judged("FLY055", flown(results=[written(val_accuracy=0.61, f1=0.9)], val_accuracy=0.61, f1=0.5))
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    "numbers",
    [{"summary__val_accuracy": 0.61}, {"val_accuracy": 0.6100001}, {"history__0__train_loss": 0.7},
     {"val_accuracy_mean": 0.3, "val_accuracy": 0.61}, {"mean__val_accuracy": 0.3, "val_accuracy": 0.61}],
)  # fmt: skip
def test_recorded_numbers_and_aggregates_are_left_alone(judged, flown, numbers):
    assert judged("FLY055", flown(results=[written(**numbers)], val_accuracy=0.61)) == []


def test_files_without_a_known_score_are_not_judged(judged, flown):
    with pytest.raises(Skip, match="not exercised"):
        judged("FLY055", flown(results=[written(p_value=0.3)], val_accuracy=0.61))


def test_measuring_on_nothing_but_training_rows_is_found(judged, flown):
    seen = (RowsSeen("src/train.py:60", 200, 195),)
    (finding,) = judged("FLY072", flown(replace(WATCHED, rows=seen)))
    assert "195 of the 200" in finding.message
    assert str(finding.place) == "src/train.py:60"


def test_a_pass_over_training_rows_beside_one_over_others_is_left_alone(judged, flown):
    seen = (RowsSeen("src/train.py:60", 200, 200), RowsSeen("src/train.py:70", 50, 2))
    assert judged("FLY072", flown(replace(WATCHED, rows=seen))) == []


def test_a_trial_on_few_rows_is_not_judged(judged, flown):
    seen = (RowsSeen("src/train.py:60", 200, 200),)
    with pytest.raises(Skip, match="nothing was flown in full mode"):
        judged("FLY072", flown(replace(WATCHED, rows=seen), mode="trial"))
