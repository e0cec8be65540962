"""Exporting a mixed-rank adapter for servers that know one rank only.

PEFT scales every matrix by its own alpha_k / r_k. Others do not:

* vLLM reads one factor for all matrices, ``lora_alpha / r`` of the config, and drops ``rank_pattern`` and
  ``alpha_pattern``;
* llama.cpp divides one alpha, the config's, by the rank that each tensor has.

At one rank and one alpha for all matrices the three agree. So every A gets rows and every B columns of zeros up to the
greatest rank, which leaves B A as it is; where matrices differ in their scaling, B takes up the difference.

Source: vLLM's ``PEFTHelper`` and ``LoRAModel.from_lora_tensors``, llama.cpp's ``llama_adapter_lora_weight::get_scale``.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file

from glora.adapter_files import SAFETENSORS, SavedAdapter
from glora.adapters import SUPPORTED_INITIALISATIONS
from glora.errors import ExportError

if TYPE_CHECKING:
    import os

    from torch import Tensor

# What vLLM takes as --max-lora-rank; its default is 16.
VLLM_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)

# Rank dimension of a factor, by how its key ends.
_RANK_DIMENSION = {
    ".lora_A.weight": 0,
    ".lora_embedding_A": 0,
    ".lora_B.weight": 1,
    ".lora_embedding_B": 1,
}


def export_uniform(adapter: str | os.PathLike[str], out: str | os.PathLike[str]) -> int:
    """Write a saved adapter again, zero-padded to one rank, with the same function.

    Args:
        adapter: The folder that ``save_pretrained`` wrote.
        out: The folder to make. It appears whole or not at all.

    Returns:
        The rank of all matrices, which vLLM's ``--max-lora-rank`` must reach.

    Raises:
        AdapterFileError: If `adapter` cannot be read.
        ExportError: If it is a variant that those servers cannot compute, or `out` cannot be written.
    """
    saved = SavedAdapter.read(adapter)
    _check(saved)
    rank = max(saved.ranks.values())
    if rank > VLLM_RANKS[-1]:
        warnings.warn(
            f"The greatest rank of {adapter} is {rank}, and vLLM takes at most {VLLM_RANKS[-1]}; llama.cpp has no "
            "such limit. Train with a lower `max_rank` to serve it with vLLM.",
            stacklevel=2,
        )
    widest = max(saved.ranks, key=saved.ranks.__getitem__)
    scaling = saved.scaling(widest)
    tensors = {key: _padded(key, tensor, rank, saved, scaling) for key, tensor in saved.tensors().items()}
    config = copy.copy(saved.config)
    config.r, config.rank_pattern, config.alpha_pattern, config.use_rslora = rank, {}, {}, False
    alpha = scaling * rank
    config.lora_alpha = int(alpha) if float(alpha).is_integer() else alpha
    target = Path(out)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ExportError(f"{target} exists and is not empty; give a new folder.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            config.save_pretrained(str(draft))
            save_file(tensors, draft / SAFETENSORS, metadata={"format": "pt"})
            draft.chmod(0o755)  # a temporary folder is its owner's alone
            draft.replace(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise ExportError(f"The adapter cannot be written to {target}: {error}.") from error
    return rank


def _check(saved: SavedAdapter) -> None:
    config = saved.config
    asked = {
        "use_dora": config.use_dora,
        "lora_bias": config.lora_bias,
        "bias": config.bias != "none",
        "init_lora_weights": config.init_lora_weights not in SUPPORTED_INITIALISATIONS,  # it changed the base weights
        "target_parameters": bool(config.target_parameters),
        "alora_invocation_tokens": bool(getattr(config, "alora_invocation_tokens", None)),
        "arrow_config": bool(getattr(config, "arrow_config", None)),
    }
    for name in (name for name, refused in asked.items() if refused):
        raise ExportError(
            f"{saved.folder} was trained with `{name}={getattr(config, name)!r}`, which vLLM and llama.cpp cannot "
            "compute. Merge it instead: PeftModel.from_pretrained(base, folder).merge_and_unload()."
        )
    for name in saved.ranks:
        if (problem := saved.problem_of(name)) is not None:
            raise ExportError(f"{saved.folder}: `{name}` {problem}, and has no one rank to be padded to.")


def _padded(key: str, tensor: Tensor, rank: int, saved: SavedAdapter, scaling: float) -> Tensor:
    for ending, dim in _RANK_DIMENSION.items():
        if key.endswith(ending):
            name = key.removeprefix("base_model.model.").removesuffix(ending)
            if dim == 1 and saved.scaling(name) != scaling:
                tensor = tensor * (saved.scaling(name) / scaling)
            shape = [*tensor.shape[:dim], rank - tensor.shape[dim], *tensor.shape[dim + 1 :]]
            return torch.cat([tensor, tensor.new_zeros(shape)], dim).contiguous()
    return tensor.contiguous()  # a copy in modules_to_save
