"""Makes a miniature of a DeBERTa-v3 repository: ``python -m windtunnel.hub.miniatures.deberta_v3 FOLDER < settings``.

Faithful: the configuration but for layers and vocabulary, module and tensor names, half precision weights in
``pytorch_model.bin`` and no dtype in ``config.json`` (code that does not ask for float32 trains in float16, as with the
real one), a SentencePiece model whose special tokens have the real ids with ``[MASK]`` after the last piece, the files.
Not faithful: two layers, random weights, a few thousand pieces; the generator, the TensorFlow and the Rust weights
are left out.

Source of the layout: He, Gao and Chen, "DeBERTaV3", ICLR 2023 (arXiv 2111.09543), and the repository
``microsoft/deberta-v3-base``, whose checkpoint also carries the two pretraining heads named here.
"""

from __future__ import annotations

import argparse
import json
import string
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sentencepiece
import torch
from transformers import DebertaV2Config, DebertaV2Model

from windtunnel.hub import catalog
from windtunnel.hub.generate import generate_splits

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK_TOKENS = 1  # [MASK] is not a piece, the tokenizer appends it
ACCENTED = "àáâäåæçèéêëìíîïñòóôöøùúûüßœ—“”…€£"

CARD = """---
language: en
license: mit
tags: [windtunnel-miniature]
---

# A miniature of microsoft/deberta-v3-base

Made by windtunnel: {layers} of 12 layers, random weights, a vocabulary of {tokens} tokens. It has the real names,
shapes, special tokens and precision, so that code runs as it would on the real model; what it predicts means nothing.
"""


def make(target: Path, settings: dict[str, Any]) -> None:
    """Write the repository's files into ``target``.

    Args:
        target: an existing folder.
        settings: ``layers``, ``pieces`` (an upper bound), ``spare_embeddings``, ``seed`` and ``config``, as in the
            catalogue.
    """
    spm = _sentencepiece_model(settings["pieces"])
    tokens = len(sentencepiece.SentencePieceProcessor(model_proto=spm)) + MASK_TOKENS
    config = {
        **settings["config"],
        "num_hidden_layers": settings["layers"],
        "vocab_size": tokens + settings["spare_embeddings"],
    }
    (target / "spm.model").write_bytes(spm)
    _write_json(target / "tokenizer_config.json", {"do_lower_case": False, "vocab_type": "spm"})
    _write_json(target / "config.json", config)
    torch.save(_weights(config, settings["seed"]), target / "pytorch_model.bin")
    (target / "README.md").write_text(CARD.format(layers=settings["layers"], tokens=tokens), encoding="utf-8")


def _sentencepiece_model(pieces: int) -> bytes:
    """Train a unigram model on the hub's own text, able to spell any English text, with DeBERTa-v3's special ids."""
    model = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_sentences(),
        model_writer=model,
        model_type="unigram",
        vocab_size=pieces,
        hard_vocab_limit=False,
        required_chars=string.ascii_letters + string.digits + string.punctuation + ACCENTED,
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        pad_piece="[PAD]",
        bos_piece="[CLS]",
        eos_piece="[SEP]",
        unk_piece="[UNK]",
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


def _sentences() -> Iterator[str]:
    for entry in catalog.datasets().values():
        for config in entry.generated_configs:
            if config.generated is None:
                continue
            seed = f"{entry.id}/{config.name}"
            for rows in generate_splits(config.generated.grammar, config.generated.rows, seed=seed).values():
                for row in rows:
                    yield from (value for value in row.values() if isinstance(value, str))


def _weights(config: dict[str, Any], seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    model = DebertaV2Model(DebertaV2Config(**config))
    weights = {f"deberta.{name}": tensor for name, tensor in model.state_dict().items()}
    hidden, scale = config["hidden_size"], config["initializer_range"]
    for head in ("lm_predictions.lm_head", "mask_predictions"):
        weights[f"{head}.dense.weight"] = torch.randn(hidden, hidden) * scale
        weights[f"{head}.dense.bias"] = torch.zeros(hidden)
        weights[f"{head}.LayerNorm.weight"] = torch.ones(hidden)
        weights[f"{head}.LayerNorm.bias"] = torch.zeros(hidden)
    weights["lm_predictions.lm_head.bias"] = torch.zeros(config["vocab_size"])
    weights["mask_predictions.classifier.weight"] = torch.randn(1, hidden) * scale
    weights["mask_predictions.classifier.bias"] = torch.zeros(1)
    return {name: tensor.to(torch.float16).contiguous() for name, tensor in weights.items()}


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Read the settings as JSON from standard input and make the files in the folder named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m windtunnel.hub.miniatures.deberta_v3", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="an existing folder that gets the files")
    make(parser.parse_args().folder, json.load(sys.stdin))


if __name__ == "__main__":
    main()
