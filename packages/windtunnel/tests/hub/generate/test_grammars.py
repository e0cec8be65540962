"""What is told follows from what is given: each grammar's rows are checked by reading them, not by its own code."""

from __future__ import annotations

import re
from typing import Any

import pytest

from windtunnel.hub.catalog import datasets
from windtunnel.hub.generate import GRAMMARS, Row, generate_splits


def _rows(dataset_id: str, config: str | None = None, split: str = "train") -> list[Row]:
    entry = datasets()[dataset_id]
    chosen = entry.configs[config or next(iter(entry.configs))]
    assert chosen.generated is not None
    return generate_splits(chosen.generated, chosen.columns, seed="test")[split]


def test_worked_answers_calculate_right_and_end_with_the_number() -> None:
    for row in _rows("openai/gsm8k", "main"):
        *lines, last = row["answer"].split("\n")
        results = []
        for line in lines:
            ((left, first, sign, second, right),) = re.findall(r"<<((\d+)([-+*/])(\d+))=(\d+)>>", line)
            one, two = int(first), int(second)
            expected = {"+": one + two, "-": one - two, "*": one * two, "/": one // two}[sign]
            assert int(right) == expected, line
            assert f"{left}=<<{left}={right}>>{right}" in line
            assert sign != "/" or one % two == 0
            results.append((one, int(right)))
        assert last == f"#### {results[-1][1]}"
        assert row["question"].endswith("?")
        # every line goes on with the result of the one before it, the first with the number of the problem
        assert [one for one, _ in results[1:]] == [result for _, result in results[:-1]]
        assert re.search(r"\d+", row["question"])[0] == str(results[0][0])  # type: ignore[index]


def test_socratic_answers_ask_before_each_line() -> None:
    for row in _rows("openai/gsm8k", "socratic")[:100]:
        *lines, last = row["answer"].split("\n")
        assert all(re.fullmatch(r"How many [^?]+\? \*\* .+<<.+>>.+\.", line) for line in lines)
        assert last.startswith("#### ")


def test_boxed_answers_solve_their_equations() -> None:
    for row in _rows("HuggingFaceH4/MATH-500", split="test"):
        boxed = int(re.search(r"\\boxed\{(-?\d+)\}", row["solution"])[1])  # type: ignore[index]
        assert row["answer"] == str(boxed)
        if found := re.search(r"\$(\d+)[a-z] \+ (\d+) = (\d+)\$", row["problem"]):
            factor, added, right = map(int, found.groups())
            assert factor * boxed + added == right
        elif found := re.search(r"\$(\d+) \\cdot (\d+) \+ (\d+)\$", row["problem"]):
            one, two, three = map(int, found.groups())
            assert one * two + three == boxed
        else:
            number, divisor = map(int, re.findall(r"\d+", row["problem"]))
            assert number % divisor == boxed


@pytest.mark.parametrize("name", ["rajpurkar/squad", "rajpurkar/squad_v2"])
def test_answers_are_spans_of_their_context(name: str) -> None:
    unanswered = 0
    for row in _rows(name):
        texts, starts = row["answers"]["text"], row["answers"]["answer_start"]
        assert len(texts) == len(starts) <= 1
        unanswered += not texts
        for text, start in zip(texts, starts, strict=True):
            assert row["context"][start : start + len(text)] == text
            # the sentence that holds the answer is about the person who is asked about
            asked = re.search(r"([A-Z][a-z]+) ([A-Z][a-z]+)", row["question"].split(" ", 1)[1])
            assert asked is not None
            before = row["context"][: start + len(text)]
            told = re.findall(r"\b([A-Z][a-z]+ [A-Z][a-z]+) is an? ", before)
            assert told[-1] == f"{asked[1]} {asked[2]}"
    assert unanswered == 0 if name.endswith("squad") else 0.25 < unanswered / 1500 < 0.42


def test_tags_begin_and_go_on_with_one_kind_and_follow_from_the_words() -> None:
    names = datasets()["eriktks/conll2003"].configs["conll2003"].columns[-1].labels
    kinds: dict[str, set[str]] = {}
    for row in _rows("eriktks/conll2003"):
        tags = [names[tag] for tag in row["ner_tags"]]
        assert len(row["tokens"]) == len(tags) == len(row["pos_tags"]) == len(row["chunk_tags"])
        for before, tag in zip(["O", *tags], tags, strict=False):
            assert not tag.startswith("I-") or before[2:] == tag[2:]
        for token, tag in zip(row["tokens"], tags, strict=True):
            kinds.setdefault(token, set()).add(tag[2:])
    assert all(len(found) == 1 for found in kinds.values())
    assert {kind for found in kinds.values() for kind in found} == {"", "PER", "ORG", "LOC", "MISC"}


def test_numbers_of_the_other_conll_are_the_same_without_names() -> None:
    rows = _rows("lhoestq/conll2003")
    assert {tag for row in rows for tag in row["ner_tags"]} == set(range(9))


def test_highlights_say_what_the_article_tells_in_its_order() -> None:
    for row in _rows("abisee/cnn_dailymail", "3.0.0"):
        places = [row["article"].index(line.removesuffix(" .")) for line in row["highlights"].split("\n")]
        assert len(places) == 3
        assert places == sorted(places)


def test_outputs_follow_from_instructions() -> None:
    checked = 0
    for row in _rows("yahma/alpaca-cleaned"):
        given = row["input"] or row["instruction"].split(": ", 1)[-1]
        asked = row["instruction"]
        if "alphabet" in asked:
            assert row["output"] == ", ".join(sorted(given.split(", ")))
        elif "Add these" in asked or "sum of" in asked:
            one, two = map(int, re.findall(r"\d+", given))
            assert row["output"].endswith(f" {one + two}.")
        else:
            continue
        checked += 1
    assert checked > 200


def test_chosen_and_rejected_answer_the_same_user() -> None:
    for row in _rows("argilla/dpo-mix-7k"):
        chosen, rejected = row["chosen"], row["rejected"]
        assert chosen[:-1] == rejected[:-1]
        assert chosen[-1]["content"] != rejected[-1]["content"]
        assert [one["role"] for one in chosen] == ["user", "assistant"] * (len(chosen) // 2)
        assert row["chosen_rating"] > row["rejected_rating"]


def test_the_right_answer_is_the_one_of_the_kind_that_is_asked_for() -> None:
    from windtunnel.hub.generate.choices import KINDS

    for row in _rows("allenai/ai2_arc", "ARC-Easy"):
        right = row["choices"]["text"][row["choices"]["label"].index(row["answerKey"])]
        (kind,) = [kind for kind, things in KINDS.items() if right in things]
        assert kind in row["question"]
        assert len(set(row["choices"]["text"])) == 4


def test_a_bag_of_words_learns_topics() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    text = pytest.importorskip("sklearn.feature_extraction.text")
    for name, column, at_least in (("fancyzhx/ag_news", "text", 0.8), ("SetFit/20_newsgroups", "text", 0.6)):
        train, test = _rows(name), _rows(name, split="test")
        count = text.CountVectorizer()
        model = linear.LogisticRegression(max_iter=300).fit(
            count.fit_transform([row[column] for row in train]), [row["label"] for row in train]
        )
        score = model.score(count.transform([row[column] for row in test]), [row["label"] for row in test])
        assert at_least < score, name


def test_similar_sentences_share_what_their_score_says() -> None:
    rows = _rows("nyu-mll/glue", "stsb")
    assert {row["label"] for row in rows} == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
    for row in rows:
        names = [
            re.search(r"[A-Z][a-z]+ [A-Z][a-z]+", row[column].replace("It was", ""))
            for column in ("sentence1", "sentence2")
        ]
        if row["label"] in {0.0, 5.0}:
            assert (names[0][0].split()[-1] in row["sentence2"]) or row["label"] == 0.0  # type: ignore[index]


def test_words_stand_where_the_row_says() -> None:
    for row in _rows("aps/super_glue", "wic"):
        for place in ("1", "2"):
            assert row["sentence" + place][row["start" + place] : row["end" + place]].lower() == row["word"]


def test_wikitext_has_empty_lines_headings_and_paragraphs() -> None:
    lines = [row["text"] for row in _rows("Salesforce/wikitext", "wikitext-2-raw-v1")]
    assert 0.2 < lines.count("") / len(lines) < 0.4
    assert any(re.fullmatch(r" = [A-Z][a-z]+ [A-Z][a-z]+ = \n", line) for line in lines)
    assert any(line.endswith(" . \n") for line in lines)


def test_every_grammar_is_used_by_a_dataset_of_the_table() -> None:
    used: set[Any] = set()
    for dataset_id in datasets():
        used |= {config.generated.grammar for config in datasets()[dataset_id].generated_configs if config.generated}
    assert set(GRAMMARS) - used <= {"images"}
