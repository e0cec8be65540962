from __future__ import annotations

import random
import re

from windtunnel.hub.generate import film_lexicon as lexicon
from windtunnel.hub.generate.film_reviews import POSITIVE, film_review

PRAISE = {
    *lexicon.PRAISING_ADJECTIVES,
    *lexicon.PRAISING_NOUNS,
    *(verb for pair in lexicon.PRAISING_VERBS for verb in pair),
}
BLAME = {
    *lexicon.BLAMING_ADJECTIVES,
    *lexicon.BLAMING_NOUNS,
    *(verb for pair in lexicon.BLAMING_VERBS for verb in pair),
}
LOOK_ALIKES = r"not only|nothing if not|nothing less than|never fails to"
FLIPS = r"\bnot\b|n't|\bhardly\b|\bnever\b|anything but|far from|\bno\b|\bneither\b"
MAIN_CLAUSES = (
    r"(?:although|even though) .*? , (?P<main>.*)",
    r"(?P<main>.*) , (?:although|even though) ",
    r".* , (?:but|yet) (?P<main>.*)",
)


def _read(sentence: str) -> bool:
    """Decide the label by reading the sentence as a person would: the rules of English, not the generator's code."""
    clause = sentence.removesuffix(" .").strip().removesuffix(" .")
    for main_clause in MAIN_CLAUSES:
        if match := re.match(main_clause, clause):
            clause = match["main"]
            break
    denials = sum(phrase in clause for phrase in lexicon.DENIALS)
    for phrase in (*lexicon.DENIALS, *lexicon.AFFIRMATIONS):
        clause = clause.replace(phrase, "")
    clause = re.sub(r"without ever being \w+|(?<=more )(\w+) than \w+", r"\1", clause)
    clause = re.sub(r"less (?!than)\w+ than", "", clause)
    negations = len(re.findall(FLIPS, re.sub(LOOK_ALIKES, "", clause)))
    word = next(word for word in clause.split() if word in PRAISE | BLAME)
    return (word in PRAISE) != ((denials + negations) % 2 == 1)


def test_labels_follow_from_negation_contrast_and_stance() -> None:
    rng = random.Random(0)
    for _ in range(3000):
        row = film_review(rng, "validation")
        sentence = str(row["sentence"])
        assert _read(sentence) == (row["label"] == POSITIVE), sentence


def test_the_lexicon_is_rich_and_each_word_has_one_sense() -> None:
    assert min(len(lexicon.PRAISING_ADJECTIVES), len(lexicon.BLAMING_ADJECTIVES)) >= 50
    assert PRAISE.isdisjoint(BLAME)
    for words in (
        lexicon.PRAISING_ADJECTIVES,
        lexicon.BLAMING_ADJECTIVES,
        lexicon.PRAISING_NOUNS,
        lexicon.BLAMING_NOUNS,
    ):
        assert len(set(words)) == len(words)
