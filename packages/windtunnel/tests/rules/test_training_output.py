import pytest

from windtunnel.findings import Severity


def test_a_figure_in_training_is_found(found):
    changed = {
        "src/train.py": (
            "    return mean\n",
            '    import matplotlib.pyplot as plt\n\n    plt.savefig("x.pdf")\n    return mean\n',
        )
    }
    assert [finding.place.path for finding in found("WAB006", changed)] == ["src/train.py"]
    assert found("WAB006") == []


@pytest.mark.parametrize("line", ['print(json.dumps({"accuracy": mean}))', 'open("results.json", "w").write("{}")'])
def test_results_that_are_dumped_are_a_warning(found, line: str):
    (finding,) = found(
        "WAB007", {"src/train.py": ("    return mean\n", f"    import json\n\n    {line}\n    return mean\n")}
    )
    assert finding.severity is Severity.WARNING
    assert (
        found("WAB007", {"src/train.py": ("    return mean\n", '    open("ranks.json", "w")\n    return mean\n')}) == []
    )


@pytest.mark.parametrize(
    "line", ['print("best", json.dumps(study.best_params))', "print(json.dumps(config))", 'open("results.json").read()']
)
def test_parameters_and_files_that_are_read_are_no_results(found, line: str):
    changed = {"src/train.py": ("    return mean\n", f"    import json\n\n    {line}\n    return mean\n")}
    assert found("WAB007", changed) == []


def test_results_dumped_to_stdout_are_found(found):
    changed = {
        "src/train.py": ("    return mean\n", "    json.dump({'accuracy': mean}, sys.stdout)\n    return mean\n"),
    }
    (finding,) = found("WAB007", changed)
    assert finding.place.path == "src/train.py"


def test_a_configuration_dumped_to_stdout_is_left_alone(found):
    changed = {
        "src/train.py": (
            "    return mean\n",
            "    json.dump(OmegaConf.to_container(cfg), sys.stdout)\n    return mean\n",
        ),
    }
    assert found("WAB007", changed) == []
