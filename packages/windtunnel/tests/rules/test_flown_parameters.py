import pytest

from windtunnel.evidence import Flight, OptimizerSeen, ParameterSeen, ProcessSeen
from windtunnel.findings import Severity
from windtunnel.rules.base import Skip

RUN = "proposed-bert-sst2"


def seen(name: str, *, held: bool = True, gradient: bool = True, moved: bool = True) -> ParameterSeen:
    return ParameterSeen(name, (8, 8), held, gradient, moved)


BODY = seen("encoder.layer.0.query.weight")
LORA = ("layer.0.query.lora_A.default.weight", "layer.0.query.lora_B.default.weight")


@pytest.fixture
def trained(command):
    def made(*parameters: ParameterSeen, steps: int = 20, **process) -> Flight:
        optimizer = OptimizerSeen("AdamW", steps, steps, (1e-4, 1e-4), 2, "src/train.py:30", "src/train.py:20")
        told = {"said_goodbye": True, "watched": ("torch",), "optimizers": (optimizer,), **process}
        return Flight(
            "full", (RUN,), commands=(command(RUN, processes=(ProcessSeen(2, 1, parameters=parameters, **told),)),)
        )

    return made


def test_an_optimizer_whose_parameters_stay_is_found_at_its_step(judged, trained):
    (finding,) = judged("FLY033", trained(seen("a", moved=False), seen("b", moved=False)))
    assert finding.severity is Severity.BLOCKER
    assert finding.place.line == 30


def test_adapters_that_no_gradient_reaches_are_found(judged, trained):
    dead = [seen(name, gradient=False, moved=False) for name in LORA]
    (finding,) = judged("FLY033", trained(BODY, *dead))
    assert "lora_A" in finding.message


@pytest.mark.parametrize(
    "parameters",
    [
        (BODY, seen("pooler.weight", gradient=False, moved=False)),
        (seen(LORA[0], gradient=False, moved=False), seen(LORA[1])),
        (BODY, seen("embeddings.weight", held=False, gradient=False, moved=False)),
    ],
)
def test_single_parameters_may_rest(judged, trained, parameters):
    assert judged("FLY033", trained(*parameters)) == []


@pytest.mark.parametrize("process", [{"steps": 2}, {"said_goodbye": False}, {"cut": ("parameters",)}])
def test_what_was_not_seen_for_long_enough_is_not_judged(judged, trained, process):
    with pytest.raises(Skip, match="not exercised"):
        judged("FLY033", trained(seen("a", moved=False), **process))


def test_a_head_that_no_optimizer_holds_is_a_warning_where_the_optimizer_is_built(judged, trained):
    head = seen("base_model.classifier.weight", held=False, gradient=False, moved=False)
    (finding,) = judged("FLY034", trained(seen(LORA[1]), head))
    assert finding.severity is Severity.WARNING
    assert finding.place.line == 20


@pytest.mark.parametrize(
    "parameters",
    [
        (BODY, seen("classifier.weight")),
        (BODY,),
        (seen(""), seen("classifier.weight", held=False, moved=False)),
        (BODY, seen("classifier.weight"), seen("classifier.original.weight", held=False, moved=False)),
    ],
)
def test_heads_that_train_or_are_frozen_are_left_alone(judged, trained, parameters):
    assert judged("FLY034", trained(*parameters)) == []
