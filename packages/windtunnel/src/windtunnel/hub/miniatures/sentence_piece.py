"""SentencePiece models, unigram or BPE, and the ``tokenizer.json`` that says the same.

The model file is written piece by piece, nothing is trained: scores follow from the order of the words. Only the table
that normalises characters is taken from the library, out of a model trained on one line.
"""

from __future__ import annotations

import base64
import json
import math
import string
from io import BytesIO
from typing import TYPE_CHECKING, Any

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as model_pb2

from windtunnel.hub.miniatures import tokenizer_json as parts
from windtunnel.hub.miniatures.merges import merges_for
from windtunnel.hub.miniatures.pieces import UNSPACED, endings, filled, spellings
from windtunnel.hub.miniatures.tokenizer_json import SPACE
from windtunnel.hub.miniatures.word_piece import ACCENTED

if TYPE_CHECKING:
    from windtunnel.hub.miniatures.tokenizer_spec import TokenizerSpec

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6  # types of a piece
CHARACTERS = string.ascii_letters + string.digits + string.punctuation + ACCENTED
RAREST = -16.0  # score of what no text holds, in natural logarithms
CHARACTER = -12.0


def files(spec: TokenizerSpec) -> dict[str, str | bytes]:
    """The vocabulary files of a SentencePiece tokenizer, by name.

    Options: ``unk`` (the unknown piece), ``pieces_from`` (id of the first piece that the model file holds too, where
    the tokenizer numbers its pieces in another way than the file does), ``head`` (the file's own first pieces then),
    ``bos``, ``eos`` and ``pad`` (pieces), ``quotes`` and ``lower`` (how ALBERT and XLNet normalise), ``template``,
    ``dummy_prefix``.
    """
    pieces = _unigram_pieces(spec) if spec.kind == "unigram" else _merged_pieces(spec)
    made: dict[str, str | bytes] = {}
    for name in spec.files:
        made[name] = _json(spec, pieces) if name == "tokenizer.json" else _model_file(spec, pieces)
    return made


Piece = tuple[str, float, int]


def _unigram_pieces(spec: TokenizerSpec) -> list[Piece]:
    words = spellings()
    plain = [*(SPACE + word for word in words[: 2 * UNSPACED]), *endings(), *(SPACE + word for word in words)]
    plain += words[:UNSPACED]
    texts = filled(spec.size, dict(spec.fixed), [SPACE, *CHARACTERS, *plain], filler=SPACE + "{}")
    ranks = {text: place for place, text in enumerate(dict.fromkeys(plain), 2)}
    fixed = set(spec.fixed.values())
    return [(text, 0.0, _type(spec, text)) if text in fixed else (text, _score(text, ranks), NORMAL) for text in texts]


def _score(text: str, ranks: dict[str, int]) -> float:
    if text in ranks:
        return -math.log(ranks[text]) - 2.0  # Zipf's law
    return CHARACTER if len(text) == 1 else RAREST


def _merged_pieces(spec: TokenizerSpec) -> list[Piece]:
    characters = [SPACE, *CHARACTERS]
    runs = [SPACE * length for length in (2, 4, 8)]
    words = [*runs, *(SPACE + word for word in spellings()), *spellings()[:UNSPACED]]
    room = spec.size - len(characters) - len(spec.fixed) - 256
    merged = ["".join(pair) for pair in merges_for(words, room=room)]
    octets = [f"<0x{octet:02X}>" for octet in range(256)]
    texts = filled(spec.size, dict(spec.fixed), [*octets, *merged], filler=SPACE + "{}")
    texts[len(texts) - len(characters) :] = characters  # where the published models have them
    fixed, known = set(spec.fixed.values()), set(octets)
    pieces: list[Piece] = []
    for text in texts:
        if text in fixed or text in known:
            pieces.append((text, 0.0, BYTE if text in known else _type(spec, text)))
        else:
            pieces.append((text, -float(len(pieces)), NORMAL))
    return pieces


def _type(spec: TokenizerSpec, text: str) -> int:
    if text == spec.options.get("unk", "<unk>"):
        return UNKNOWN
    added = {token.content: token.special for token in spec.added}
    return CONTROL if added.get(text) else USER_DEFINED


def _model_file(spec: TokenizerSpec, pieces: list[Piece]) -> bytes:
    options = spec.options
    held = pieces[options.get("pieces_from", 0) :]
    first: list[Piece] = [(text, 0.0, UNKNOWN if text == "<unk>" else CONTROL) for text in options.get("head", ())]
    model = model_pb2.ModelProto()
    for text, score, kind in [*first, *held]:
        model.pieces.add(piece=text, score=score, type=kind)
    ids = {piece.piece: place for place, piece in enumerate(model.pieces)}
    trained = model.trainer_spec
    trained.model_type = 1 if spec.kind == "unigram" else 2
    trained.vocab_size = len(model.pieces)
    trained.byte_fallback = spec.kind == "sentence_bpe"
    trained.unk_piece = options.get("unk", "<unk>")
    trained.unk_id = ids[trained.unk_piece]
    for role in ("bos", "eos", "pad"):
        piece = options.get(role)
        setattr(trained, f"{role}_id", ids.get(piece, -1) if piece else -1)
        if piece:
            setattr(trained, f"{role}_piece", piece)
    normalizer = model.normalizer_spec
    normalizer.name = "nmt_nfkc" if spec.kind == "unigram" else "identity"
    normalizer.precompiled_charsmap = _characters_map() if spec.kind == "unigram" else b""
    normalizer.add_dummy_prefix = options.get("dummy_prefix", True)
    normalizer.remove_extra_whitespaces = spec.kind == "unigram"
    normalizer.escape_whitespaces = True
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _characters_map() -> bytes:
    """The library's table of the rule nmt_nfkc."""
    trained = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c"]),
        model_writer=trained,
        vocab_size=8,
        hard_vocab_limit=False,
        normalization_rule_name="nmt_nfkc",
        num_threads=1,
        minloglevel=2,
    )
    table: bytes = model_pb2.ModelProto.FromString(trained.getvalue()).normalizer_spec.precompiled_charsmap
    return table


def _json(spec: TokenizerSpec, pieces: list[Piece]) -> str:
    made = _unigram_json(spec, pieces) if spec.kind == "unigram" else _bpe_json(spec, pieces)
    return json.dumps(made, ensure_ascii=False)


def _unigram_json(spec: TokenizerSpec, pieces: list[Piece]) -> dict[str, Any]:
    table = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(_characters_map()).decode("ascii")}
    normalizer = table
    if spec.options.get("quotes"):  # ALBERT and XLNet
        lowered = [{"type": "Lowercase"}] if spec.options.get("lower") else []
        quotes = (parts.replace("``", '"'), parts.replace("''", '"'))
        normalizer = parts.sequence("normalizers", *quotes, {"type": "NFKD"}, {"type": "StripAccents"}, *lowered, table)
    unknown = next(place for place, piece in enumerate(pieces) if piece[2] == UNKNOWN)
    model = {"type": "Unigram", "unk_id": unknown, "vocab": [[text, score] for text, score, _ in pieces]}
    cut = parts.sequence("pretokenizers", {"type": "WhitespaceSplit"}, parts.metaspace())
    return parts.tokenizer_json(spec, model=model, normalizer=normalizer, pre_tokenizer=cut, decoder=parts.metaspace())


def _bpe_json(spec: TokenizerSpec, pieces: list[Piece]) -> dict[str, Any]:
    vocabulary = {text: place for place, (text, _, _) in enumerate(pieces)}
    known = {text for text, _, kind in pieces if kind == NORMAL}
    merges = [
        f"{text[:cut]} {text[cut:]}"
        for text, _, kind in pieces
        if kind == NORMAL
        for cut in range(1, len(text))
        if text[:cut] in known and text[cut:] in known
    ]
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": spec.options.get("unk", "<unk>"),
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": True,
        "byte_fallback": True,
        "vocab": vocabulary,
        "merges": merges,
    }
    spaces = parts.replace(" ", SPACE)
    back: list[dict[str, Any]] = [parts.replace(SPACE, " "), {"type": "ByteFallback"}, {"type": "Fuse"}]
    if spec.options.get("dummy_prefix", True):
        normalizer = parts.sequence("normalizers", {"type": "Prepend", "prepend": SPACE}, spaces)
        cut_before = None
        back.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    else:
        normalizer = spaces
        cut_before = parts.split(" ", behavior="MergedWithPrevious", literal=True)
    return parts.tokenizer_json(
        spec,
        model=model,
        normalizer=normalizer,
        pre_tokenizer=cut_before,
        decoder=parts.sequence("decoders", *back),
    )
