from __future__ import annotations

import re
from dataclasses import replace

import pytest

from windtunnel.errors import WindtunnelError
from windtunnel.hub.catalog import Column, Generated, datasets
from windtunnel.hub.generate import GRAMMARS, Row, generate_splits
from windtunnel.hub.generate.grammar import Grammar, Role
from windtunnel.hub.tables import table_of_rows

PAIR = (
    Column("premise", "string"),
    Column("hypothesis", "string"),
    Column("label", "class", ("entailment", "neutral", "contradiction")),
)
ROLES = {"first": "premise", "second": "hypothesis", "label": "label"}


def _glue(name: str) -> dict[str, list[Row]]:
    config = datasets()["nyu-mll/glue"].configs[name]
    assert config.generated is not None
    return generate_splits(config.generated, config.columns, seed=f"nyu-mll/glue/{name}")


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
    plan = Generated("scenes", {"train": 20}, roles=ROLES)
    assert generate_splits(plan, PAIR, seed="a") != generate_splits(plan, PAIR, seed="b")


def test_a_grammar_that_is_too_small_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    always = Grammar(lambda rng, setting: {"text": "always this ", "label": 0}, {"text": Role(("sentence",))})
    monkeypatch.setitem(GRAMMARS, "one", always)
    with pytest.raises(WindtunnelError, match="'one' gave 1 distinct rows for the split 'train' in 100 draws, 2 were"):
        generate_splits(
            Generated("one", {"train": 2}, roles={"text": "sentence"}), [Column("sentence", "string")], seed="a"
        )


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


def test_every_dataset_of_the_catalogue_can_be_made_with_its_own_columns_splits_and_hidden_labels() -> None:
    made = 0
    for dataset_id in datasets():
        for config in datasets()[dataset_id].generated_configs[:2]:
            plan = config.generated
            assert plan is not None
            few = replace(plan, rows=dict.fromkeys(plan.rows, 3))
            splits = generate_splits(few, config.columns, seed=dataset_id)
            assert tuple(splits) == config.splits, dataset_id
            table_of_rows([row for rows in splits.values() for row in rows], config.columns)
            for split in plan.unlabelled:
                for column in plan.target:
                    assert {repr(row[column]) for row in splits[split]} <= {"-1", "''", "[]", "None"}, (
                        dataset_id,
                        split,
                    )
            made += 1
    assert made >= 100


def test_permuted_targets_are_the_same_ones_in_other_rows_and_only_in_training() -> None:
    config = datasets()["nyu-mll/glue"].configs["rte"]
    assert config.generated is not None
    plain = generate_splits(config.generated, config.columns, seed="a")
    permuted = generate_splits(config.generated, config.columns, seed="a", permute=7)
    assert permuted == generate_splits(config.generated, config.columns, seed="a", permute=7)
    assert _texts(plain["train"]) == _texts(permuted["train"])
    labels, others = ([row["label"] for row in splits["train"]] for splits in (plain, permuted))
    assert sorted(labels) == sorted(others)
    assert 0.4 < sum(one == two for one, two in zip(labels, others, strict=True)) / len(labels) < 0.6
    assert plain["validation"] == permuted["validation"]


def test_a_column_that_repeats_the_target_follows_it_when_it_is_permuted() -> None:
    config = datasets()["tatsu-lab/alpaca"].configs["default"]
    assert config.generated is not None
    plan = replace(config.generated, rows={"train": 60})
    plain, permuted = (generate_splits(plan, config.columns, seed="a", permute=seed)["train"] for seed in (None, 1))
    assert [row["output"] for row in plain] != [row["output"] for row in permuted]
    assert all(row["text"].endswith(f"### Response:\n{row['output']}") for row in permuted)
