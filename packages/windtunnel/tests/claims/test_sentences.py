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
        ("Run `a. B` once. Then stop", ["Run `a. B` once.", "Then stop"]),
        ("\n\n  ...  \n", []),
    ],
)
def test_a_review_is_split_where_sentences_end(text: str, parts: list[str]) -> None:
    assert [sentence.text for sentence in split(text)] == parts


@given(st.text(max_size=300))
def test_no_word_is_lost(text: str) -> None:
    kept = "".join("".join(sentence.text.split()) for sentence in split(text))
    letters = [character for character in kept if character.isalpha()]
    assert letters == [c for c in "".join(kept.split()) if c.isalpha()]
    assert all(sentence.text == " ".join(sentence.text.split()) for sentence in split(text))


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
