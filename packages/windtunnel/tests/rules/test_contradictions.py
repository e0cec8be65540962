import pytest


@pytest.mark.parametrize(
    "lines",
    [
        "device: cpu\nprecision: int8\n",
        "compute:\n  device: cpu\nquantization:\n  load_in_4bit: true\n",
        "fp16: true\nbf16: true\n",
        "load_in_8bit: true\nload_in_4bit: true\n",
        "schedule:\n  warmup_steps: 500\n  max_steps: 500\n",
    ],
)
def test_settings_that_exclude_each_other_are_found(found, lines: str):
    (finding,) = found("CON001", {"config/run/proposed-bert-sst2.yaml": ("model:\n", f"{lines}model:\n")})
    assert finding.runs == ("proposed-bert-sst2",)
    assert finding.related[0].path == finding.place.path


@pytest.mark.parametrize(
    "lines",
    [
        "device: cpu\nprecision: fp32\n",
        "device: cuda\nprecision: int8\n",
        "fp16: true\nbf16: false\n",
        "teacher:\n  fp16: true\nstudent:\n  bf16: true\n",
        "schedule:\n  warmup_steps: 50\n  max_steps: 500\n",
    ],
)
def test_settings_that_go_together_are_left_alone(found, lines: str):
    assert found("CON001", {"config/run/proposed-bert-sst2.yaml": ("model:\n", f"{lines}model:\n")}) == []
