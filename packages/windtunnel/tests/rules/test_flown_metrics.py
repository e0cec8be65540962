import pytest

from windtunnel.evidence import Flight, OptimizerSeen, ProcessSeen, RunRecorded
from windtunnel.findings import Severity
from windtunnel.rules.base import Skip

RUN = "proposed-bert-sst2"


@pytest.fixture
def recorded(command):
    def made(key: str, *values: object, steps: int = 200, **summary: object) -> Flight:
        optimizer = OptimizerSeen("AdamW", steps, steps, (1e-4, 1e-4), 30)
        process = ProcessSeen(2, 1, said_goodbye=True, watched=("torch",), optimizers=(optimizer,))
        history = tuple({key: value} for value in values)
        run = RunRecorded("e", "p", RUN, RUN, "finished", RUN, len(history), history=history, summary=summary)
        return Flight("full", (RUN,), commands=(command(RUN, processes=(process,)),), runs=(run,))

    return made


@pytest.mark.parametrize(
    ("values", "severity"), [((0.5, "NaN"), Severity.BLOCKER), (("NaN", 0.5, 0.6), Severity.WARNING)]
)
def test_a_score_that_is_no_number_is_found(judged, recorded, values, severity: Severity):
    (finding,) = judged("FLY045", recorded("val_accuracy", *values))
    assert finding.severity is severity


def test_a_correlation_of_constant_answers_is_a_warning(judged, recorded):
    (finding,) = judged("FLY045", recorded("val_pearson", "NaN"))
    assert finding.severity is Severity.WARNING


def test_nan_of_the_summary_is_found(judged, recorded):
    (finding,) = judged("FLY045", recorded("train_loss", 0.5, final_accuracy="NaN"))
    assert "'final_accuracy'" in finding.message


@pytest.mark.parametrize("key", ["gradient_norm", "rank_ratio", "train_loss", "note"])
def test_nan_of_what_is_no_score_is_left_alone(judged, recorded, key: str):
    assert judged("FLY045", recorded(key, "NaN")) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("val_accuracy", 1200.0), ("test/f1", -0.2), ("perplexity", 0.4), ("val_matthews_corrcoef", 240.0)],
)
def test_impossible_scores_are_found(judged, recorded, key: str, value: float):
    (finding,) = judged("FLY046", recorded(key, value))
    assert finding.severity is Severity.BLOCKER
    assert f"{value:.6g}" in finding.message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("val_accuracy", 93.5),
        ("val_accuracy", 1.0),
        ("accuracy_improvement", -0.2),
        ("accuracy_gain_percent", 240.0),
        ("acc_steps", 512),
        ("val_mcc", -0.1),
        ("spearman", 87.0),
        ("perplexity", 1.0),
        ("f1_loss", 300.0),
        ("precision_seconds", 900.0),
    ],
)
def test_possible_scores_are_left_alone(judged, recorded, key: str, value: float):
    assert judged("FLY046", recorded(key, value)) == []


@pytest.mark.parametrize("key", ["val_accuracy", "eval/loss"])
def test_a_score_that_never_changes_is_a_warning(judged, recorded, key: str):
    (finding,) = judged("FLY047", recorded(key, 0.5, 0.5, 0.5))
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("val_accuracy", (1.0, 1.0, 1.0)),
        ("val_accuracy", (0.5, 0.5)),
        ("val_accuracy", (0.5, 0.5, 0.51)),
        ("loss_weight", (0.1, 0.1, 0.1)),
        ("best_val_accuracy", (0.9, 0.9, 0.9)),
    ],
)
def test_scores_that_may_stay_are_left_alone(judged, recorded, key: str, values):
    assert judged("FLY047", recorded(key, *values)) == []


def test_a_short_run_may_stay_where_it_was(judged, recorded):
    with pytest.raises(Skip, match="not exercised"):
        judged("FLY047", recorded("val_accuracy", 0.5, 0.5, 0.5, steps=12))
