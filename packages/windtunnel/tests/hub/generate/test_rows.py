from __future__ import annotations

import re

import pytest

from windtunnel.errors import WindtunnelError
from windtunnel.hub import catalog
from windtunnel.hub.generate import GRAMMARS, Row, generate_splits


def _glue(config: str) -> dict[str, list[Row]]:
    made = catalog.datasets()["nyu-mll/glue"].configs[config].generated
    assert made is not None
    return generate_splits(made.grammar, made.rows, seed=f"nyu-mll/glue/{config}", unlabelled=made.unlabelled)


def _texts(rows: list[Row]) -> list[tuple[object, ...]]:
    return [tuple(value for name, value in row.items() if name not in {"label", "idx"}) for row in rows]


@pytest.mark.parametrize("config", ["sst2", "mnli", "rte"])
def test_rows_are_distinct_balanced_counted_and_reproducible(config: str) -> None:
    splits = _glue(config)
    assert splits == _glue(config)
    texts = [text for rows in splits.values() for text in _texts(rows)]
    assert len(set(texts)) == len(texts)
    for split, rows in splits.items():
        assert [row["idx"] for row in rows] == list(range(len(rows)))
        labels = [row["label"] for row in rows]
        if split.startswith("test"):
            assert set(labels) == {-1}
        else:
            shares = [labels.count(label) / len(labels) for label in set(labels)]
            assert max(shares) <= (0.40 if config == "mnli" else 0.56)


def test_a_seed_decides_the_rows() -> None:
    rows = {"train": 20}
    assert generate_splits("scenes", rows, seed="a") != generate_splits("scenes", rows, seed="b")


def test_a_grammar_that_is_too_small_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GRAMMARS, "one", lambda rng, split: {"sentence": "always this ", "label": 0})
    with pytest.raises(WindtunnelError, match="'one' gave 1 distinct rows for the split 'train' in 100 draws, 2 were"):
        generate_splits("one", {"train": 2}, seed="a")


def test_film_reviews_look_like_sst2() -> None:
    splits = _glue("sst2")
    sentences = [str(row["sentence"]) for rows in splits.values() for row in rows]
    assert len(set(sentences)) >= 4000
    lengths = [len(sentence.split()) for sentence in sentences]
    assert min(lengths) >= 5
    assert max(lengths) <= 16
    assert all(re.fullmatch(r"[a-z' ,.\-]+ ", sentence) for sentence in sentences)
    assert not any(re.search(r"\ba [aeiou]|\ban [^aeiouh]", sentence) for sentence in sentences)


def test_a_bag_of_words_does_not_solve_film_reviews() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    text = pytest.importorskip("sklearn.feature_extraction.text")
    splits = _glue("sst2")
    count = text.CountVectorizer(token_pattern=r"\S+")
    train = count.fit_transform([row["sentence"] for row in splits["train"]])
    validation = count.transform([row["sentence"] for row in splits["validation"]])
    for penalty in (0.01, 1.0):
        model = linear.LogisticRegression(C=penalty, max_iter=500).fit(train, [row["label"] for row in splits["train"]])
        assert model.score(validation, [row["label"] for row in splits["validation"]]) < 0.65


def test_validation_film_reviews_use_words_that_training_lacks() -> None:
    splits = _glue("sst2")
    words = {name: {word for row in rows for word in str(row["sentence"]).split()} for name, rows in splits.items()}
    assert len(words["validation"] - words["train"]) > 20


def test_mismatched_scenes_come_from_other_genres() -> None:
    splits = _glue("mnli")
    openings = {name: {" ".join(str(row["premise"]).split()[:3]) for row in rows} for name, rows in splits.items()}
    assert openings["train"] == openings["validation_matched"]
    assert openings["train"].isdisjoint(openings["validation_mismatched"])
    assert openings["test_mismatched"] <= openings["validation_mismatched"]
