import re
import time

import pytest

from windtunnel.knowledge.patterns import refusal

LONG_NAME = "roberta.encoder.layer.11.attention.output.dense.aaaaaaaaaaaa!"


@pytest.mark.parametrize(
    "pattern",
    [
        r".*\.(q|v)_proj",
        r"model\.layers\.\d+\.self_attn\.(q_proj|k_proj)",
        r".*(query|value)$",
        r"(?:.*\.)?q_proj",
        r".*layers\.(0|1|2)\..*proj.*",
        r"[a-z_.]+\[x]",
        r"\(a+\)*",
    ],
)
def test_patterns_as_people_write_them_are_tried(pattern):
    assert refusal(pattern) == ""


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+b",
        r"(.*)*b",
        r"((a|aa))*b",
        r"(a?)+b",
        r"(a{2,9})+b",
        r"([a-z]+\.)*b",
        "a" * 501,
        ".*a" * 5,
        r"(x(a+)y)+",
    ],
)
def test_patterns_that_may_take_for_ever_are_refused(pattern):
    assert refusal(pattern)


@pytest.mark.parametrize(
    "pattern", ["(", ")", "[", "\\", "{", "a{", "[^", "[]", "*", "(?", "((((", "))))", "[\\", "x{2"]
)
def test_broken_patterns_are_read_to_their_end(pattern):
    assert isinstance(refusal(pattern), str)


def test_the_worst_pattern_that_is_tried_ends_soon():
    pattern = ".*a.*a.*a.*ab"
    assert refusal(pattern) == ""
    start = time.process_time()
    re.fullmatch(pattern, LONG_NAME)
    assert time.process_time() - start < 0.2
