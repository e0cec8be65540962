"""The parts of a ``tokenizer.json`` in the form that every version of `tokenizers` from 0.15 on reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from windtunnel.hub.miniatures.tokenizer_spec import TokenizerSpec

Part = dict[str, Any]

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # SentencePiece's sign for a space

# how a text is cut before merging; the alternatives are those of the published tokenizers, each in its own order
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SINGLE_DIGITS = _WORDS + r"\p{N}" + _REST
THREE_DIGITS = _WORDS + r"\p{N}{1,3}" + _REST


def tokenizer_json(
    spec: TokenizerSpec, *, model: Part, normalizer: Part | None, pre_tokenizer: Part | None, decoder: Part
) -> Part:
    """Put the parts together; the template around a text is the option ``template`` of ``spec``."""
    added = [{"id": token.id, **token.attributes()} for token in spec.added]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{key: token[key] for key in ("id", *_ADDED_ORDER)} for token in added],
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": _post_processor(spec),
        "decoder": decoder,
        "model": model,
    }


_ADDED_ORDER = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")


def byte_level(*, prefix_space: bool = False, trim: bool = True, cut: bool = True) -> Part:
    """Bytes as printable characters, as GPT-2 has them."""
    return {"type": "ByteLevel", "add_prefix_space": prefix_space, "trim_offsets": trim, "use_regex": cut}


def sequence(kind: str, *parts: Part) -> Part:
    """Parts one after another; ``kind`` is the field's name for them ("pretokenizers", "normalizers", "decoders")."""
    return {"type": "Sequence", kind: list(parts)}


def replace(text: str, by: str) -> Part:
    """Replace one text by another."""
    return {"type": "Replace", "pattern": {"String": text}, "content": by}


def split(pattern: str, *, behavior: str = "Isolated", literal: bool = False) -> Part:
    """Cut where a pattern matches."""
    return {
        "type": "Split",
        "pattern": {"String" if literal else "Regex": pattern},
        "behavior": behavior,
        "invert": False,
    }


def metaspace() -> Part:
    """Spaces as SentencePiece writes them, one before the first word."""
    return {"type": "Metaspace", "replacement": SPACE, "add_prefix_space": True, "prepend_scheme": "always"}


def _post_processor(spec: TokenizerSpec) -> Part | None:
    template = spec.options.get("template")
    if template is None:
        return byte_level(prefix_space=True, trim=False) if spec.kind == "byte_level" else None
    ids = {token.content: token.id for token in spec.added}
    if template == "roberta":
        return {
            "type": "RobertaProcessing",
            "sep": [spec.options["sep"], ids[spec.options["sep"]]],
            "cls": [spec.options["cls"], ids[spec.options["cls"]]],
            "trim_offsets": True,
            "add_prefix_space": spec.options.get("prefix_space", False),
        }
    named = {part.partition(":")[0] for text in template.values() for part in text.split()} - {"$A", "$B"}
    return {
        "type": "TemplateProcessing",
        "single": _template(template["single"]),
        "pair": _template(template["pair"]),
        "special_tokens": {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in sorted(named)},
    }


def _template(text: str) -> Sequence[Mapping[str, Any]]:
    """``[CLS]:0 $A:0 [SEP]:0`` as the file has it; the number is the type of the segment."""
    parts = []
    for part in text.split():
        name, _, segment = part.rpartition(":")
        kind = {"$A": ("Sequence", "A"), "$B": ("Sequence", "B")}.get(name, ("SpecialToken", name))
        parts.append({kind[0]: {"id": kind[1], "type_id": int(segment)}})
    return parts
