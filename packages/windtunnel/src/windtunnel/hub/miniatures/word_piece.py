"""WordPiece as BERT has it: whole words first, then the longest piece from the left."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING

from windtunnel.hub.miniatures import tokenizer_json as parts
from windtunnel.hub.miniatures.pieces import endings, filled, spellings, words

if TYPE_CHECKING:
    from windtunnel.hub.miniatures.tokenizer_spec import TokenizerSpec

ACCENTED = "àáâäãåæçèéêëìíîïñòóôöõøùúûüßœ¡¢£¥§©«®°²³·¹»½¿–—‘’“”…€™"  # noqa: RUF001


def files(spec: TokenizerSpec) -> dict[str, str | bytes]:
    """The vocabulary files of a WordPiece tokenizer, by name; the option ``lower`` says whether letters are lowered."""
    lower = spec.options["lower"]
    pieces = filled(spec.size, dict(spec.fixed), _pieces(lower=lower))
    model = {
        "type": "WordPiece",
        "unk_token": spec.options.get("unk", "[UNK]"),
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": {piece: place for place, piece in enumerate(pieces)},
    }
    together = parts.tokenizer_json(
        spec,
        model=model,
        normalizer={
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": lower,
        },
        pre_tokenizer={"type": "BertPreTokenizer"},
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
    )
    made = {"tokenizer.json": json.dumps(together, ensure_ascii=False), "vocab.txt": "\n".join([*pieces, ""])}
    return {name: made[name] for name in spec.files}


def _pieces(*, lower: bool) -> list[str]:
    letters = string.ascii_lowercase if lower else string.ascii_letters
    characters = string.punctuation + string.digits + letters + ACCENTED
    known = words() if lower else spellings()
    numbers = [str(number) for number in range(10, 100)]
    inside = [f"##{ending}" for ending in endings()] + [f"##{number:02d}" for number in range(100)]
    return [
        *characters,
        *(f"##{character}" for character in characters),
        *known[:4000],
        *inside,
        *known[4000:],
        *numbers,
    ]
