from __future__ import annotations

import json

import pytest
from benchmarks.overhead import main
from benchmarks.rounds import compare


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    path = tmp_path_factory.mktemp("overhead") / "overhead.json"
    assert main(["--models", "tiny", "--pairs", "6", "--threads", "1", "--json", str(path)]) == 0
    content: dict[str, object] = json.loads(path.read_text())
    return content


def test_every_arm_is_measured_in_both_phases(measured: dict[str, dict]) -> None:
    tiny = measured["models"]["tiny"]
    assert [row["arm"] for row in tiny["warmup"]] == [
        "LoRA", "LoRA again", "GLoRA lora_B", "GLoRA delta", "GLoRA exact", "GLoRA exact, every 4th step", "AdaLoRA",
    ]  # fmt: skip
    assert [row["arm"] for row in tiny["after"]] == [
        "LoRA", "LoRA again", "GLoRA lora_B, min_rank=1", "GLoRA delta, min_rank=1", "GLoRA lora_B, min_rank=0",
        "GLoRA delta, min_rank=0", "GLoRA, weakest 1/4 dropped", "GLoRA, shares by cost", "GLoRA, half way to equal",
        "GLoRA, along the gradient", "AdaLoRA",
    ]  # fmt: skip
    rows = {row["arm"]: row for row in (*tiny["warmup"], *tiny["after"])}
    assert rows["LoRA"]["median"] == 1.0
    assert all(row["median"] > 0 and len(row["values"]) == 7 - row["period"] for row in rows.values())


def test_after_the_reallocation_only_a_least_rank_keeps_every_adapter(measured: dict[str, dict]) -> None:
    tiny = measured["models"]["tiny"]
    adapters = {row["arm"]: row["adapters"] for row in tiny["after"]}
    assert adapters["GLoRA delta, min_rank=1"] == tiny["matrices"]
    assert adapters["GLoRA delta, min_rank=0"] < tiny["matrices"]
    assert set(tiny["reallocations"]) == {name for name in adapters if name.startswith("GLoRA")}


def test_memory_is_counted_in_bytes_of_tensors(measured: dict[str, dict]) -> None:
    peaks = measured["models"]["tiny"]["peak_bytes"]
    assert peaks["LoRA"] > 100_000
    assert peaks["GLoRA exact"] > peaks["LoRA"]
    assert peaks["GLoRA lora_B"] < 1.05 * peaks["LoRA"]


def test_ratios_are_taken_round_by_round() -> None:
    ratios = compare([2.0, 40.0, 3.0], [1.0, 10.0, 3.0])
    assert ratios.values == [2.0, 4.0, 1.0]
    assert ratios.median == 2.0
    assert compare([1.0, 1.0, 5.0, 5.0], [1.0, 1.0, 1.0, 1.0], period=2).values == [1.0, 3.0, 5.0]


def test_too_few_rounds_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="give no quartiles for a period of 4"):
        compare([1.0] * 4, [1.0] * 4, period=4)
    with pytest.raises(SystemExit):
        main(["--models", "giant"])
    assert "'giant' is none of minilm, deberta" in capsys.readouterr().err
