import pytest


def test_a_metric_of_a_series_with_itself_is_found(found):
    line = "from sklearn.metrics import confusion_matrix\n\n    confusion_matrix(samples, samples)\n"
    assert found("EVA007", {"src/evaluate.py": ("    api = wandb.Api()\n", f"    api = wandb.Api()\n    {line}")})
    assert (
        found(
            "EVA007",
            {
                "src/evaluate.py": (
                    "    api = wandb.Api()\n",
                    f"    api = wandb.Api()\n    {line.replace('s, s', 's, acc')}",
                )
            },
        )
        == []
    )


def drawn(lines: str) -> dict[str, tuple[str, str]]:
    return {"src/evaluate.py": ("    api = wandb.Api()\n", f"    api = wandb.Api()\n{lines}")}


@pytest.mark.parametrize(
    "lines",
    [
        "    guessed = samples > 1\n    truth = guessed.copy()\n    pd.crosstab(pd.Series(truth), pd.Series(guessed))\n",  # noqa: E501 - one piece of code
        "    truth = guessed\n    f1_score(y_true=truth, y_pred=guessed)\n",
        "    confusion_matrix(np.array(guessed), guessed.tolist())\n",
    ],
)
def test_a_copy_is_the_series_itself(found, lines: str):
    (finding,) = found("EVA007", drawn(lines))
    assert "'guessed'" in finding.message


def test_what_was_computed_is_another_series(found):
    lines = "    truth = threshold(guessed)\n    guessed = np.array(rows)\n    confusion_matrix(truth, guessed)\n"
    assert found("EVA007", drawn(lines)) == []


LOOK = '    any(file.name == "predictions.json" for file in api.run("a").files())\n'


@pytest.mark.parametrize("lines", [LOOK, '    api.run("a").file("predictions.json").download()\n'])
def test_a_file_that_training_never_writes_is_found(found, lines: str):
    (finding,) = found("EVA008", drawn(lines))
    assert "'predictions.json'" in finding.message


def test_a_file_that_training_writes_is_left_alone(found):
    saved = ("        wandb.finish()\n", '        wandb.save("predictions.json")\n        wandb.finish()\n')
    assert found("EVA008", drawn(LOOK) | {"src/train.py": saved}) == []
    assert found("EVA008") == []


@pytest.mark.parametrize(("second", "wrong"), [("labels", True), ("predictions", False)])
def test_a_score_from_a_table_of_the_same_series_is_found(found, second: str, wrong: bool):
    line = f"value = SCORES[name](labels, {second})"
    changed = {"src/train.py": ("    right = seen = 0\n", f"    {line}\n    right = seen = 0\n")}
    assert [finding.place.path for finding in found("EVA007", changed)] == ["src/train.py"] * wrong
