from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.claims.sentences import Sentence, split


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One is wrong.  Two is wrong!", ["One is wrong.", "Two is wrong!"]),
        ("src/train.py fails. See e.g. line 3.", ["src/train.py fails.", "See e.g. line 3."]),
        ("The rate is 0.5 of src/main.py", ["The rate is 0.5 of src/main.py"]),
        (
            "1. First thing\n2) Second thing\n- Third; it has two parts",
            ["First thing", "Second thing", "Third", "it has two parts"],
        ),
        ("main.py is fine. evaluate.py has a syntax error.", ["main.py is fine.", "evaluate.py has a syntax error."]),
        ("It is wrong. **train.py**: see there.", ["It is wrong.", "**train.py**: see there."]),
        ("(1) One, (2) two", ["One,", "two"]),
        ("The answer is no. Train.py ignores it.", ["The answer is no.", "Train.py ignores it."]),
        ("Run `a. B` once. Then stop", ["Run `a. B` once.", "Then stop"]),
        ("\n\n  ...  \n", []),
    ],
)
def test_a_review_is_split_where_sentences_end(text: str, parts: list[str]) -> None:
    assert [sentence.text for sentence in split(text)] == parts


@given(st.text("ABCDEXYZ .;!?()`'", max_size=300))
def test_no_letter_is_lost_and_white_space_is_even(text: str) -> None:
    found = split(text)
    assert [c for sentence in found for c in sentence.text if c.isalpha()] == [c for c in text if c.isalpha()]
    assert all(sentence.text == " ".join(sentence.text.split()) for sentence in found)


@given(st.text(max_size=300))
def test_any_text_can_be_split_and_looked_at(text: str) -> None:
    for sentence in split(text):
        assert isinstance(sentence.files + sentence.names + sentence.quoted, tuple)
        assert sentence.says(r"⟦F⟧") == bool(sentence.files)


def test_a_sentence_knows_what_it_names() -> None:
    sentence = Sentence(
        "In train.py and config/config.yaml, `OmegaConf.deepcopy` and foo() are called at line 12; evaluate_py too."
    )
    assert sentence.files == ("src/train.py", "config/config.yaml", "src/evaluate.py")
    assert sentence.names == ("OmegaConf.deepcopy", "foo")
    assert sentence.lines == (12,)
    assert sentence.masked.startswith("In ⟦train·py⟧ and ⟦config/config·yaml⟧")
    assert sentence.says(r"in ⟦F⟧ and ⟦F⟧")


def test_names_of_files_are_no_names_in_code() -> None:
    assert Sentence("src/train.py lacks it, e.g. there").names == ()
