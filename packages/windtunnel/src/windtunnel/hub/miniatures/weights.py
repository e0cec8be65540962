"""Random weights of a model under its real names, the same for the same id, in the real precision and file.

The model is built without memory and filled here, tensor by tensor, so that a big vocabulary is drawn once and not
twice. Matrices get the family's own spread, norms begin as the identity.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import torch
import transformers
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

SPREAD = 0.02


def write_weights(target: Path, settings: Mapping[str, Any]) -> int:
    """Draw the weights and write them into ``target``; return how many numbers they have.

    Args:
        target: the repository's folder.
        settings: the recipe's: ``id``, ``config``, ``weights_class``, ``weights_config``, ``weights`` (file name),
            ``dtype``, ``norm_start``.
    """
    config_class = transformers.CONFIG_MAPPING[settings["config"]["model_type"]]
    config = config_class.from_dict({**settings["config"], **(settings["weights_config"] or {})})
    with torch.device("meta"):
        model = getattr(transformers, settings["weights_class"])(config)
    model.to_empty(device="cpu")
    model.tie_weights()
    _untie(model, settings["config"])
    start = settings["norm_start"]
    fill(
        model,
        seed=seed_of(settings["id"]),
        spread=_spread(settings["config"]),
        norm_start=1.0 if start is None else start,
    )
    dtype = getattr(torch, settings["dtype"] or settings["config"].get("torch_dtype") or "float32")
    model.to(dtype)
    model.save_pretrained(target, max_shard_size="100GB")
    written = target / "model.safetensors"
    if settings["weights"] != written.name:
        torch.save(_own(model), target / settings["weights"])
        written.unlink()
    return sum(tensor.numel() for tensor in model.parameters())


def fill(model: nn.Module, *, seed: int, spread: float, norm_start: float) -> None:
    """Draw all numbers of ``model`` in the order of its parameters.

    Args:
        model: with memory, tied where it is tied.
        seed: the same gives the same numbers.
        spread: the standard deviation of matrices.
        norm_start: the weight of a norm that leaves its input as wide as it is.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, spread, generator=generator)
            else:
                parameter.fill_(norm_start if name.endswith("weight") else 0.0)
        for buffer in model.buffers():
            if buffer.is_floating_point():
                buffer.zero_()


def _untie(model: transformers.PreTrainedModel, config: Mapping[str, Any]) -> None:
    """Give the head weights of its own where the real ones have; transformers 5 builds every T5 with shared ones."""
    head, table = model.get_output_embeddings(), model.get_input_embeddings()
    if config.get("tie_word_embeddings") is False and head is not None and head.weight is table.weight:
        head.weight = nn.Parameter(torch.empty_like(table.weight))


def _own(model: transformers.PreTrainedModel) -> dict[str, Tensor]:
    return {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}


def _spread(config: Mapping[str, Any]) -> float:
    return float(config.get("initializer_range") or config.get("init_std") or SPREAD)


def seed_of(model_id: str) -> int:
    """The seed of a model's weights."""
    return int.from_bytes(hashlib.sha256(model_id.encode()).digest()[:6], "big")
