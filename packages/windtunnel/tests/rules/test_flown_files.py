from dataclasses import replace

import pytest

from windtunnel.evidence import FileSeen, Flight
from windtunnel.findings import Severity
from windtunnel.rules.base import Skip

RUN = "proposed-bert-sst2"
METRICS = (
    f"{RUN}/metrics.json",
    f"{RUN}/{RUN}_learning_curve.pdf",
    "comparison/aggregated_metrics.json",
    "comparison/comparison_accuracy_bar_chart.pdf",
)


def files(*paths: str) -> tuple[FileSeen, ...]:
    return tuple(FileSeen(path, 10) for path in paths)


@pytest.fixture
def flight(command):
    def made(*, evaluated: tuple[str, ...] = METRICS, **trained) -> Flight:
        commands = (
            command(RUN, **trained),
            command("evaluate", argv=("python", f'run_ids=["{RUN}"]'), results=files(*evaluated)),
        )
        return Flight("full", (RUN,), commands=commands)

    return made


def test_what_a_whole_experiment_writes_passes_every_rule(judged, flight):
    good = flight(
        results=files(f"{RUN}/adapter/README.md", f"{RUN}/checkpoint.pt", f"{RUN}/predictions.csv"),
        repository=files("outputs/2025-12-01/.hydra/config.yaml", "wandb/run-1/files/output.log", "uv.lock"),
    )
    for code in ("FLY075", "FLY076", "FLY077", "FLY078"):
        assert judged(code, good) == []


def test_results_of_others_that_are_gone_are_found(judged, flight):
    (finding,) = judged("FLY075", replace(flight(), canary=False))
    assert finding.severity is Severity.BLOCKER


@pytest.mark.parametrize(
    ("path", "severity"), [(f"{RUN}/{RUN}_loss.pdf", Severity.BLOCKER), (f"{RUN}/loss.png", Severity.WARNING)]
)
def test_a_figure_of_a_training_run_is_found(judged, flight, path: str, severity: Severity):
    (finding,) = judged("FLY076", flight(results=files(path)))
    assert finding.severity is severity
    assert "{run_id}/" in finding.message


def test_many_images_are_no_figures(judged, flight):
    assert judged("FLY076", flight(results=files(*(f"{RUN}/sample_{n}.png" for n in range(30))))) == []


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"results": files("metrics.json")}, "outside its own: metrics.json"),
        ({"repository": files("best_model.pt")}, "into the repository: best_model.pt"),
        ({"evaluated": (*METRICS, "summary.csv")}, "the evaluation wrote"),
    ],
)
def test_files_in_other_places_are_found(judged, flight, seen, words: str):
    (finding,) = judged("FLY077", flight(**seen))
    assert finding.severity is Severity.WARNING
    assert words in finding.message


def test_a_run_that_changes_its_own_code_is_found(judged, flight):
    (finding,) = judged("FLY077", flight(repository=(FileSeen("src/model.py", 10, made=False),)))
    assert (finding.severity, finding.place.path) == (Severity.BLOCKER, "src/model.py")


@pytest.mark.parametrize(
    ("gone", "severity"), [(0, Severity.BLOCKER), (1, Severity.WARNING), (2, Severity.BLOCKER), (3, Severity.WARNING)]
)
def test_what_the_evaluation_owes_is_found(judged, flight, gone: int, severity: Severity):
    (finding,) = judged("FLY078", flight(evaluated=METRICS[:gone] + METRICS[gone + 1 :]))
    assert finding.severity is severity
    assert finding.place.path == "src/evaluate.py"


def test_an_evaluation_that_was_not_flown_owes_nothing(judged, command):
    with pytest.raises(Skip):
        judged("FLY078", Flight("full", (RUN,), commands=(command(RUN),)))
