import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from windtunnel.reading import Unreadable, config_yaml


@pytest.mark.parametrize(
    "scalar",
    [
        "2e-4",
        "1e5",
        "1.5",
        "1.",
        ".5",
        "+1e3",
        "-.inf",
        "on",
        "yes",
        "no",
        "Off",
        "null",
        "~",
        "",
        "2024-01-01",
        "0x10",
        "0o7",
        "010",
        "1_000",
        "1:30",
        "'1'",
        '"a"',
        "text",
        "12e",
        "e5",
        "1e",
        "true",
    ],
)
def test_scalars_have_omegaconfs_types(scalar: str):
    text = f"key: {scalar}\n"
    ours = config_yaml.read("c.yaml", text).value["key"]
    theirs = OmegaConf.to_container(OmegaConf.create(text))["key"]
    assert type(ours) is type(theirs)
    assert ours == theirs


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,5}", fullmatch=True),
        st.from_regex(r"[-+0-9eE._:xo]{1,8}|[a-z]{1,6}", fullmatch=True),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=300, deadline=None)
def test_any_scalar_has_omegaconfs_type(pairs: dict[str, str]):
    text = "".join(f"{key}: {value}\n" for key, value in pairs.items())
    ours = config_yaml.read("c.yaml", text)
    try:
        theirs = OmegaConf.to_container(OmegaConf.create(text))
    except Exception:  # noqa: BLE001 - where OmegaConf refuses, so may we
        return
    if not isinstance(theirs, dict):
        return
    assert isinstance(ours, config_yaml.Document)
    assert repr(ours.value) == repr(theirs)


def test_every_key_and_item_has_its_place():
    document = config_yaml.read("c.yaml", "a: 1\nb:\n  c: [x, y]\n  d:\n    - 1\n    - e: 2\n")
    assert document.places["a",] == (1, 1)
    assert document.places["b", "c"] == (3, 3)
    assert document.places["b", "c", 1] == (3, 10)
    assert document.places["b", "d", 1, "e"] == (6, 7)
    assert document.place(("b", "c", "nothing")).line == 3
    assert document.quote(("b", "d", 1, "e")) == "- e: 2"


def test_a_key_that_stands_twice_is_told_with_both_lines():
    document = config_yaml.read("c.yaml", "a: 1\nb: 2\na: 3\n")
    assert document.duplicates == ((("a",), 1, 3),)


@pytest.mark.parametrize(
    ("text", "package"),
    [
        ("# @package _global_\na: 1\n", "_global_"),
        ("\n# note\n# @package x.y\na: 1\n", "x.y"),
        ("a: 1\n# @package z\n", None),
        ("", None),
    ],
)
def test_the_package_stands_in_the_header(text: str, package: str | None):
    assert config_yaml.read("c.yaml", text).package == package


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{index}: &a{index} [{', '.join([f'*a{index - 1}'] * 10)}]" for index in range(1, 10)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (bomb(), "aliases"),
        ("[" * 5_000, "nesting"),
        ("a: " + "{b: " * 300 + "1" + "}" * 300, "nesting"),
        ("\n".join(" " * index + "a:" for index in range(1_300)), "nesting"),
        ("a: !!python/object/apply:os.system [ls]\n", "tag"),
        ("a: !mine 1\n", "tag"),
        ("? [1, 2]\n: x\n", "shape"),
        ("a:\n\tb: 1\n", "tab"),
        ("a: [1\n", "syntax"),
        ("a: 1\n---\nb: 2\n", "syntax"),
        ("a: \x00\n", "syntax"),
        ("a: *nothing\n", "syntax"),
        ("x" * 1_000_001, "size"),
    ],
    ids=lambda value: value if len(value) < 10 else "",
)
def test_a_hostile_file_is_refused_in_a_sentence_and_at_once(text: str, kind: str):
    before = time.perf_counter()
    found = config_yaml.read("c.yaml", text)
    assert isinstance(found, Unreadable)
    assert found.kind == kind
    assert found.message
    assert time.perf_counter() - before < 5


def test_a_file_that_is_not_text_is_refused():
    assert config_yaml.read("c.yaml", None).kind == "encoding"


def test_merge_keys_are_followed():
    assert config_yaml.read("c.yaml", "base: &b {x: 1, y: 2}\nother:\n  <<: *b\n  y: 3\n").value["other"] == {
        "x": 1,
        "y": 3,
    }
