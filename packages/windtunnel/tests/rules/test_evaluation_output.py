import pytest

from windtunnel.findings import Severity


@pytest.mark.parametrize("name", ["metrics.json", "aggregated_metrics.json"])
def test_a_file_that_is_never_written_is_found(found, name: str):
    (finding,) = found("EVA001", {"src/evaluate.py": (f'"{name}"', '"other.json"')})
    assert name in finding.message
    assert found("EVA001") == []


def test_an_evaluation_without_figures_is_found(found):
    assert any(
        "figure" in finding.message for finding in found("EVA001", {"src/evaluate.py": "import json\n\nprint(json)\n"})
    )


def test_a_comparison_without_improvement_is_found(found):
    changed = {
        "src/evaluate.py": (
            '            "improvement_rate": (value - accuracies[baseline]) / accuracies[baseline],\n',
            "",
        )
    }
    assert [finding.severity for finding in found("EVA002", changed)] == [Severity.WARNING]
    assert found("EVA002") == []


SAVE = ("    mean = sum(accuracies)", '    torch.save(build(cfg){state}, "model.pt")\n    mean = sum(accuracies)')
LOAD = (
    "    api = wandb.Api()\n",
    '    import torch\n\n    torch.load("results/model.pt"{more})\n    api = wandb.Api()\n',
)


@pytest.mark.parametrize(
    ("state", "more", "refused"), [("", "", True), (".state_dict()", "", False), ("", ", weights_only=False", False)]
)
def test_a_whole_model_is_refused_by_torch_load(found, state: str, more: str, refused: bool):
    changed = {
        "src/train.py": (SAVE[0], SAVE[1].format(state=state)),
        "src/evaluate.py": (LOAD[0], LOAD[1].format(more=more)),
    }
    assert bool(found("EVA004", changed)) is refused


@pytest.mark.parametrize(
    "line",
    [
        "import src.evaluate",
        "from src.evaluate import main as evaluate",
        "from src import evaluate",
        'print("src.evaluate")',
    ],
)
def test_a_main_that_starts_the_evaluation_is_found(found, line: str):
    changed = {"src/main.py": ("import hydra\n", f"import hydra\n{line}\n")}
    assert [finding.place.path for finding in found("EVA005", changed)] == ["src/main.py"]


@pytest.mark.parametrize("line", ["import evaluate", "evaluate = 1"])
def test_a_metric_library_of_that_name_is_left_alone(found, line: str):
    assert found("EVA005", {"src/main.py": ("import hydra\n", f"import hydra\n{line}\n")}) == []


@pytest.mark.parametrize("name", ['"loss.pdf"', 'f"{run_id}_loss.png"', '"final.png"'])
def test_a_figure_with_another_name_is_found(found, name: str):
    assert found("EVA006", {"src/evaluate.py": ('f"{run_id}_learning_curve.pdf"', name)})
    assert found("EVA006") == []


@pytest.mark.parametrize(
    ("state", "load", "is_found"),
    [
        ("np.random.get_state()", "torch.load(path)", True),
        ("np.random.get_state()", "torch.load(path, weights_only=False)", False),
        ("torch.get_rng_state()", "torch.load(path)", False),
    ],
)
def test_random_states_are_refused_by_torch_load(found, state: str, load: str, is_found: bool):
    code = f"def keep(path):\n    torch.save({{'random': {state}}}, path)\n    return {load}\n\n\ndef search("
    assert bool(found("EVA010", {"src/train.py": ("def search(", code)})) is is_found
