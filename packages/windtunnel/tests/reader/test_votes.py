from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from windtunnel.reader.answers import Claim
from windtunnel.reader.votes import agreed


def made(line: int, statement: str = "It is wrong.", *, blocks: bool = True, path: str = "src/model.py") -> Claim:
    return Claim(statement=statement, path=path, line=line, quote="x", blocks=blocks, why="", fix="")


CLAIMS = st.lists(
    st.builds(
        made, st.integers(1, 12), st.sampled_from(["One.", "Two.", "Three."]), blocks=st.booleans(),
        path=st.sampled_from(["src/model.py", "src/train.py"]),
    ),
    max_size=6,
)  # fmt: skip


@given(st.lists(CLAIMS, min_size=1, max_size=4), st.integers(0, 2**31))
def test_neither_the_order_of_askings_nor_that_of_claims_matters(votes: list[list[Claim]], seed: int) -> None:
    other = [list(claims) for claims in votes]
    draw = random.Random(seed)
    draw.shuffle(other)
    for claims in other:
        draw.shuffle(claims)
    assert agreed(votes) == agreed(other)


@given(st.lists(CLAIMS, min_size=1, max_size=4))
def test_no_claim_is_lost_and_none_counts_an_asking_twice(votes: list[list[Claim]]) -> None:
    kept, lost = agreed(votes)
    assert sum(one.askings for one in (*kept, *lost)) == sum(map(len, votes))
    assert all(one.askings <= len(votes) for one in (*kept, *lost))
    assert all(2 * one.askings > len(votes) for one in kept)


def test_neighbouring_lines_that_both_askings_claim_stay_two_claims() -> None:
    votes = [[made(6, "A note.", blocks=False), made(7, "It divides by the wrong count.")] for _ in range(2)]
    kept, lost = agreed(votes)
    assert [(one.claim.line, one.claim.blocks, one.askings) for one in kept] == [(6, False, 2), (7, True, 2)]
    assert not lost


def test_a_claim_that_blocks_is_told_in_the_words_of_one_that_says_so() -> None:
    votes = [[made(6, "A note.", blocks=False)], [made(6, "A worthless score.")], [made(7, "The score is void.")]]
    kept, _ = agreed(votes)
    assert [(one.claim.statement, one.claim.blocks, one.askings) for one in kept] == [("A worthless score.", True, 3)]


def test_what_is_further_apart_is_not_the_same() -> None:
    kept, lost = agreed([[made(6)], [made(9)]])
    assert not kept
    assert [one.claim.line for one in lost] == [6, 9]


def test_a_few_that_say_it_blocks_do_not_block() -> None:
    votes = [[made(6)], [made(6)], [made(6, blocks=False)], [], []]
    kept, _ = agreed(votes)
    assert [(one.askings, one.claim.blocks) for one in kept] == [(3, False)]


def test_neighbours_that_have_no_word_in_common_are_not_the_same() -> None:
    kept, lost = agreed([[made(6, "Learning rate is unused.")], [made(7, "Divides by the wrong count.")]])
    assert not kept
    assert len(lost) == 2
