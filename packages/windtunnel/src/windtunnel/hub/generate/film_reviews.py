"""Film-review sentences whose label is decided by composition, in the style of SST-2.

A clause has a sense, praise or blame, made of a word of either sense and, for the other sense, a negation ("not",
"hardly", "never", "anything but", "no", "far from", "neither … nor"); look-alikes leave the sense as it is ("not only
… but", "nothing if not"), comparisons name both senses and follow one ("less dull than moving"). A clause may be denied
or affirmed as a whole ("it is not true that …", "it is true that …"). A sentence is one clause, or two of opposite
sense joined by a contrast, where the main clause decides: the one after "but" or "yet", the one that is not introduced
by "although". Negators, frames and word order are drawn independently of the label, so a count of words says little.

The training split uses seven words of eight of each list; the other splits use all, so that part of what is evaluated
needs words whose sense comes from pretraining.

Style source: Socher et al., "Recursive Deep Models for Semantic Compositionality Over a Sentiment Treebank", EMNLP
2013: lower case, words and punctuation apart, a trailing space. No sentence is taken from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from windtunnel.hub.generate import film_lexicon as lexicon

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from windtunnel.hub.generate.cells import Row

NEGATIVE, POSITIVE = 0, 1

# Chosen by us so that logistic regression on unigrams stays below 0.65 and a small pretrained encoder learns the rest.
# That affirmative clauses are the majority gives slow starters a first signal: with contrast and negation at 0.4,
# AdaLoRA of mean rank 2 stayed at chance for two epochs.
CONTRAST_SHARE = 0.2
NEGATION_SHARE = 0.25
STANCE_SHARE = 0.05  # clauses denied or affirmed as a whole
HELD_OUT_EVERY = 8  # one word of so many is kept out of the training split

SHORTEST, LONGEST = 5, 16  # words, punctuation counted; SST-2 has 9 on average, and two cores pay by the word

Word = TypeVar("Word")


def film_review(rng: random.Random, split: str) -> Row:
    """Draw one sentence of 5 to 16 words and its label.

    Returns:
        ``sentence`` (lower case, trailing space) and ``label`` (0 negative, 1 positive).
    """
    reviewer = _Reviewer(rng, all_words=split != "train")
    label = rng.choice((NEGATIVE, POSITIVE))
    while True:
        words = reviewer.sentence(praises=label == POSITIVE).split()
        if SHORTEST <= len(words) <= LONGEST:
            return {"sentence": " ".join(words) + " ", "label": label}


class _Reviewer:
    """Builds sentences from the words that a split may use."""

    def __init__(self, rng: random.Random, *, all_words: bool) -> None:
        self._rng = rng
        self._all_words = all_words

    def sentence(self, *, praises: bool) -> str:
        if self._happens(CONTRAST_SHARE):
            text = self._contrast(main=self._clause(praises=praises), aside=self._clause(praises=not praises))
        else:
            text = self._clause(praises=praises) if self._happens(0.75) else self._fragment(praises=praises)
            if self._happens(0.2):
                text += f" {self._one(lexicon.CIRCUMSTANCES)}"
        return f"{text} ." if self._happens(0.6) else text

    def _contrast(self, *, main: str, aside: str) -> str:
        return self._one(
            (
                f"{aside} , but {main}",
                f"{aside} , but {main}",
                f"{aside} , yet {main}",
                f"although {aside} , {main}",
                f"even though {aside} , {main}",
                f"{main} , although {aside}",
                f"{main} , even though {aside}",
            )
        )

    def _clause(self, *, praises: bool) -> str:
        stance = ""
        if self._happens(STANCE_SHARE):
            denied = self._happens(0.5)
            stance = self._one(lexicon.DENIALS if denied else lexicon.AFFIRMATIONS) + " "
            praises = praises != denied
        negated = self._happens(NEGATION_SHARE)
        frame = self._one((self._adjectives, self._adjectives, self._noun, self._verb))
        return f"{stance}{self._one(lexicon.SUBJECTS)} {frame(praises != negated, negated)}"

    def _adjectives(self, praising: bool, negated: bool) -> str:
        first, second = self._two_adjectives(praising=praising)
        opposite, _ = self._two_adjectives(praising=not praising)
        intense = f"{self._one(lexicon.INTENSIFIERS)} {first}" if self._happens(0.4) else first
        if negated:
            return self._one(
                (
                    f"is not {intense}",
                    f"is n't {intense}",
                    f"is hardly {first}",
                    f"is never {intense}",
                    f"is anything but {first}",
                    f"is far from {first}",
                    f"does not feel {intense}",
                    f"never feels {intense}",
                    f"is neither {first} nor {second}",
                )
            )
        return self._one(
            (
                f"is {intense}",
                f"is {first} and {second}",
                f"feels {intense}",
                f"proves {intense}",
                f"is as {first} as it is {second}",
                f"is not only {first} but {second}",
                f"is nothing if not {first}",
                f"is {first} without ever being {opposite}",
                f"is more {first} than {opposite}",
                f"is less {opposite} than {first}",
            )
        )

    def _noun(self, praising: bool, negated: bool) -> str:
        noun = self._one(self._words(lexicon.PRAISING_NOUNS if praising else lexicon.BLAMING_NOUNS))
        phrase = _with_article(noun)
        if negated:
            return self._one(
                (
                    f"is not {phrase}",
                    f"is hardly {phrase}",
                    f"is anything but {phrase}",
                    f"is no {noun}",
                    f"never becomes {phrase}",
                    f"is far from being {phrase}",
                )
            )
        return self._one(
            (
                f"is {phrase}",
                f"is simply {phrase}",
                f"turns out to be {phrase}",
                f"ends up as {phrase}",
                f"is nothing less than {phrase}",
            )
        )

    def _verb(self, praising: bool, negated: bool) -> str:
        third, base = self._one(self._words(lexicon.PRAISING_VERBS if praising else lexicon.BLAMING_VERBS))
        audience = self._one(lexicon.AUDIENCES)
        if negated:
            return self._one(
                (
                    f"never {third} {audience}",
                    f"hardly {third} {audience}",
                    f"does not {base} {audience}",
                    f"does n't {base} {audience}",
                    f"does anything but {base} {audience}",
                )
            )
        return self._one((f"{third} {audience}", f"really {third} {audience}", f"never fails to {base} {audience}"))

    def _fragment(self, *, praises: bool) -> str:
        negated = self._happens(NEGATION_SHARE)
        first, second = self._two_adjectives(praising=praises != negated)
        genre = self._one(lexicon.GENRES)
        phrase = _with_article(self._one((f"{first} {genre}", f"{first} , {second} {genre}")))
        if negated:
            return f"{self._one(('not', 'hardly', 'never', 'anything but', 'far from'))} {phrase}"
        return self._one((phrase, f"this is {phrase}", f"nothing less than {phrase}"))

    def _two_adjectives(self, *, praising: bool) -> tuple[str, str]:
        words = self._words(lexicon.PRAISING_ADJECTIVES if praising else lexicon.BLAMING_ADJECTIVES)
        first, second = self._rng.sample(words, 2)
        return first, second

    def _words(self, words: Sequence[Word]) -> Sequence[Word]:
        if self._all_words:
            return words
        return [word for place, word in enumerate(words) if place % HELD_OUT_EVERY != HELD_OUT_EVERY - 1]

    def _one(self, options: Sequence[Word]) -> Word:
        return self._rng.choice(options)

    def _happens(self, share: float) -> bool:
        return self._rng.random() < share


def _with_article(phrase: str) -> str:
    return f"{'an' if phrase.startswith(('a', 'e', 'i', 'o', 'u', 'honest')) else 'a'} {phrase}"
