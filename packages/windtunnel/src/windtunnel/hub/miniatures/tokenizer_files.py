"""The files of a tokenizer, by name: the vocabulary in the repository's own forms, and what says how it is used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from windtunnel.hub.miniatures import byte_level, sentence_piece, word_piece

if TYPE_CHECKING:
    from windtunnel.hub.miniatures.tokenizer_spec import TokenizerSpec

KINDS = {
    "byte_level": byte_level.files,
    "word_piece": word_piece.files,
    "unigram": sentence_piece.files,
    "sentence_bpe": sentence_piece.files,
}


def tokenizer_files(spec: TokenizerSpec, chat_template: str | None) -> dict[str, str | bytes]:
    """Make all files of a tokenizer.

    Args:
        spec: the tokenizer.
        chat_template: written into ``tokenizer_config.json``; None if the repository has none.
    """
    made = KINDS[spec.kind](spec)
    if spec.config is not None:
        made["tokenizer_config.json"] = _json(_config(spec, chat_template))
    if spec.special_tokens_map:
        made["special_tokens_map.json"] = _json(dict(spec.special_tokens_map))
    return made


def _config(spec: TokenizerSpec, chat_template: str | None) -> dict[str, Any]:
    config = dict(spec.config or {})
    if "tokenizer_class" in config:  # repositories that name their class also list their added tokens
        config["added_tokens_decoder"] = {str(token.id): token.attributes() for token in spec.added}
    if chat_template:
        config["chat_template"] = chat_template
    return dict(sorted(config.items()))


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
