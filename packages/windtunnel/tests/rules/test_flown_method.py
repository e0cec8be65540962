from dataclasses import replace

import pytest

from windtunnel.evidence import Flight, HookSeen, OptimizerSeen, ProcessSeen, RunRecorded
from windtunnel.findings import Severity
from windtunnel.rules.base import Skip

PROPOSED, BASELINE = "proposed-bert-sst2", "baseline-bert-sst2"
LOSSES = (0.71, 0.52, 0.33, 0.21)
HOOK = HookSeen("src/model.py:12", "register_full_backward_hook", 6, 0)
STEPS = OptimizerSeen("AdamW", 20, 20, (1e-4, 1e-4), 30)


@pytest.fixture
def compared(command):
    def made(proposed: tuple[float, ...], baseline: tuple[float, ...], seconds: float = 2.0) -> Flight:
        runs = []
        for name, losses, time in ((PROPOSED, proposed, 1.0), (BASELINE, baseline, seconds)):
            rows = tuple({"loss": loss, "epoch_seconds": time, "_runtime": time} for loss in losses)
            runs.append(RunRecorded("e", "p", name, name, "finished", name, len(rows), history=rows))
        return Flight("full", (PROPOSED, BASELINE), commands=(command(PROPOSED), command(BASELINE)), runs=tuple(runs))

    return made


def test_equal_histories_are_found_whatever_time_they_took(judged, compared):
    (finding,) = judged("FLY060", compared(LOSSES, LOSSES))
    assert finding.severity is Severity.BLOCKER
    assert finding.runs == (PROPOSED, BASELINE)


def test_histories_that_part_at_the_last_step_are_left_alone(judged, compared):
    assert judged("FLY060", compared(LOSSES, (*LOSSES[:-1], 0.2100001))) == []


def test_a_method_that_begins_after_the_miniature_ends_is_not_judged(judged, compared):
    late = {f"config/run/{PROPOSED}.yaml": f"run_id: {PROPOSED}\nmethod_settings:\n  warmup_steps: 12000\n"}
    with pytest.raises(Skip, match="warmup_steps"):
        judged("FLY060", compared(LOSSES, LOSSES), files=late)


def test_constant_numbers_say_nothing(judged, compared):
    with pytest.raises(Skip):
        judged("FLY060", compared((0.7, 0.7, 0.7), (0.7, 0.7, 0.7)))


def test_one_schedule_in_both_runs_says_nothing(judged, compared):
    flight = compared(LOSSES, LOSSES)
    runs = tuple(
        replace(run, history=tuple({"learning_rate": row["loss"]} for row in run.history)) for run in flight.runs
    )
    with pytest.raises(Skip):
        judged("FLY060", replace(flight, runs=runs))


@pytest.fixture
def hooked(command):
    def made(*processes: tuple[str, HookSeen], steps: OptimizerSeen = STEPS) -> Flight:
        commands = tuple(
            command(
                name,
                processes=(
                    ProcessSeen(2, 1, said_goodbye=True, watched=("torch",), optimizers=(steps,), hooks=(hook,)),
                ),
            )
            for name, hook in processes
        )
        return Flight("full", (PROPOSED, BASELINE), commands=commands)

    return made


def test_a_hook_that_never_fires_is_found_where_it_is_registered(judged, hooked):
    (finding,) = judged("FLY061", hooked((PROPOSED, HOOK)))
    assert finding.severity is Severity.BLOCKER
    assert str(finding.place) == "src/model.py:12"


def test_a_forward_hook_is_a_warning(judged, hooked):
    (finding,) = judged("FLY061", hooked((PROPOSED, replace(HOOK, kind="register_forward_hook"))))
    assert finding.severity is Severity.WARNING


def test_a_hook_that_fires_in_another_run_is_left_alone(judged, hooked):
    assert judged("FLY061", hooked((PROPOSED, replace(HOOK, fired=120)), (BASELINE, HOOK))) == []


def test_two_steps_are_too_few_for_a_hook(judged, hooked):
    with pytest.raises(Skip):
        judged("FLY061", hooked((PROPOSED, HOOK), steps=replace(STEPS, steps=2, effective_steps=2)))
