"""Byte-level BPE as GPT-2 introduced it: every text can be written, no token is unknown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from windtunnel.hub.miniatures import tokenizer_json as parts
from windtunnel.hub.miniatures.merges import merges_for
from windtunnel.hub.miniatures.pieces import CAPITALISED, UNSPACED, filled, spellings

if TYPE_CHECKING:
    from windtunnel.hub.miniatures.tokenizer_spec import TokenizerSpec

PRINTABLE = (*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1))
SPACE = "\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}"  # how a space is written
LINE_END = "\N{LATIN CAPITAL LETTER C WITH DOT ABOVE}"

_CUTS: dict[str, Any] = {
    "gpt2": parts.byte_level(),
    "qwen2": parts.sequence("pretokenizers", parts.split(parts.SINGLE_DIGITS), parts.byte_level(trim=False, cut=False)),
    "llama3": parts.sequence("pretokenizers", parts.split(parts.THREE_DIGITS), parts.byte_level(cut=False)),
    "digits": parts.sequence("pretokenizers", {"type": "Digits", "individual_digits": True}, parts.byte_level()),
    "falcon": parts.sequence(
        "pretokenizers",
        {"type": "Punctuation", "behavior": "Contiguous"},
        parts.byte_level(),
        {"type": "Digits", "individual_digits": False},
        parts.split("[0-9][0-9][0-9]"),
    ),
    "bloom": parts.sequence(
        "pretokenizers",
        parts.split(r" ?[^(\s|[.,!?…。，、।۔،])]+"),  # noqa: RUF001 - the punctuation of other scripts
        parts.byte_level(cut=False),
    ),
}


def files(spec: TokenizerSpec) -> dict[str, str | bytes]:
    """The vocabulary files of a byte-level tokenizer, by name.

    The option ``pattern`` says how a text is cut into words: "gpt2", "qwen2", "llama3", "digits", "falcon", "bloom".
    """
    alphabet = _alphabet()
    room = spec.size - len(alphabet) - len(spec.fixed)
    merges = merges_for(_words(), room=room)
    tokens = filled(spec.size, dict(spec.fixed), [*alphabet, *map("".join, merges)], filler=SPACE + "{}")
    vocabulary = {token: place for place, token in enumerate(tokens)}
    written = [" ".join(pair) for pair in merges]
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": spec.options.get("unk"),
        "continuing_subword_prefix": "" if spec.options["pattern"] == "gpt2" else None,
        "end_of_word_suffix": "" if spec.options["pattern"] == "gpt2" else None,
        "fuse_unk": False,
        "byte_fallback": False,
        "vocab": vocabulary,
        "merges": written,
    }
    if spec.options.get("ignore_merges"):
        model["ignore_merges"] = True
    normalizer = {"type": "NFC"} if spec.options.get("nfc") else None
    cut = dict(_CUTS[spec.options["pattern"]])
    if spec.options.get("prefix_space"):
        cut = parts.byte_level(prefix_space=True)
    together = parts.tokenizer_json(
        spec, model=model, normalizer=normalizer, pre_tokenizer=cut, decoder=parts.byte_level(prefix_space=True)
    )
    made = {
        "tokenizer.json": json.dumps(together, ensure_ascii=False),
        "vocab.json": json.dumps(vocabulary, ensure_ascii=False),
        "merges.txt": "\n".join(["#version: 0.2", *written, ""]),
    }
    return {name: made[name] for name in spec.files}


def _alphabet() -> list[str]:
    """The character that stands for each byte, the printable ones first."""
    others = [byte for byte in range(256) if byte not in PRINTABLE]
    return [*map(chr, PRINTABLE), *(chr(256 + place) for place in range(len(others)))]


def _words() -> list[str]:
    known = spellings()
    runs = [LINE_END * 2, *(SPACE * length for length in (2, 3, 4, 8))]
    unspaced = known[: UNSPACED * 2]
    endings = ["'s", "'t", "'re", "'ve", "'ll", "'m", "'d", SPACE + "=", SPACE + "+", SPACE + "-", SPACE + "*", "##"]
    first, rest = known[: 2 * CAPITALISED], known[2 * CAPITALISED :]
    return [*runs, *endings, *(SPACE + word for word in first), *unspaced, *(SPACE + word for word in rest)]
