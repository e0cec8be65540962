from dataclasses import replace

import pytest

from windtunnel.evidence import Flight, Probe, RunRecorded
from windtunnel.rules.base import Skip

RUN = "proposed-bert-sst2"


def recorded(losses: tuple[float, ...], accuracy: float, seconds: float = 1.0, **summary: object) -> RunRecorded:
    history = tuple({"train_loss": loss, "epoch_seconds": seconds, "_runtime": seconds} for loss in losses)
    return RunRecorded(
        "e",
        "p",
        RUN,
        RUN,
        "finished",
        RUN,
        len(history),
        history=history,
        summary={"val_accuracy": accuracy, **summary},
    )


PLAIN = recorded((0.7, 0.4, 0.2), 0.95)


@pytest.fixture
def probed(command):
    def made(kind: str, other: RunRecorded, plain: RunRecorded = PLAIN, **flight) -> Flight:
        probe = Probe(kind, command(RUN), (other,))
        return Flight("full", (RUN,), commands=(command(RUN),), runs=(plain,), probes=(probe,), **flight)

    return made


def test_a_run_that_takes_longer_and_gives_the_same_is_repeatable(judged, probed):
    assert judged("FLY070", probed("again", recorded((0.7, 0.4, 0.2 + 1e-9), 0.95, seconds=9.0))) == []


def test_other_losses_with_the_same_seed_are_found_once(judged, probed):
    (finding,) = judged("FLY070", probed("again", recorded((0.7, 0.41, 0.25), 0.9)))
    assert "train_loss was 0.4 and then 0.41" in finding.message or "val_accuracy" in finding.message


def test_another_number_of_steps_is_found(judged, probed):
    (finding,) = judged("FLY070", probed("again", recorded((0.7, 0.4), 0.95)))
    assert "3 values and then 2" in finding.message


def test_a_gpu_need_not_be_repeatable(judged, probed):
    with pytest.raises(Skip, match="GPU"):
        judged("FLY070", probed("again", recorded((0.7, 0.41, 0.25), 0.9), accelerator=True))


def test_a_score_that_needs_no_labels_is_found(judged, probed):
    (finding,) = judged("FLY071", probed("permuted", recorded((0.71, 0.5, 0.3), 0.94)))
    assert "0.94" in finding.message


def test_a_score_that_falls_to_chance_is_left_alone(judged, probed):
    assert judged("FLY071", probed("permuted", recorded((0.71, 0.7, 0.69), 0.51))) == []


def test_labels_that_never_reached_the_training_say_nothing(judged, probed):
    with pytest.raises(Skip, match="not exercised"):
        judged("FLY071", probed("permuted", PLAIN))


@pytest.mark.parametrize(
    "plain", [recorded((0.7, 0.69, 0.69), 0.55), recorded((0.7, 0.4, 0.2), 0.95, majority_class_accuracy=0.94)]
)
def test_a_run_at_chance_has_nothing_to_lose(judged, probed, plain: RunRecorded):
    with pytest.raises(Skip, match="not exercised"):
        judged("FLY071", probed("permuted", recorded((0.71, 0.7, 0.69), 0.55), plain=plain))


def test_no_probe_answers_nothing(judged, command):
    with pytest.raises(Skip):
        judged("FLY070", Flight("full", (RUN,), commands=(command(RUN),), runs=(replace(PLAIN),)))
