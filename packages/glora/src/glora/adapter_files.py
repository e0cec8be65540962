"""A saved LoRA adapter: what its folder says of every matrix's rank and alpha, without the base model.

A folder as ``save_pretrained`` writes it: ``adapter_config.json`` beside ``adapter_model.safetensors`` or
``adapter_model.bin``. Ranks are read from the tensors, which are what is there; alphas from the config's patterns.
Files are read without running code from them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig, PeftConfig
from peft.utils.other import get_pattern_key
from safetensors import SafetensorError, safe_open

from glora.errors import AdapterFileError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from torch import Tensor

CONFIG = "adapter_config.json"
SAFETENSORS = "adapter_model.safetensors"
PICKLED = "adapter_model.bin"

_PREFIX = "base_model.model."
_FACTORS = (".lora_A.weight", ".lora_embedding_A")
_ZEROED = (".lora_B.weight", ".lora_embedding_B")


@dataclass(frozen=True)
class SavedAdapter:
    """A saved adapter.

    Attributes:
        folder: Where it lies.
        config: Its config.
        shapes: Shape of every tensor by key.
        ranks: Rank of every matrix, by module name as in the base model, in the order of the names.
    """

    folder: Path
    config: LoraConfig
    shapes: dict[str, tuple[int, ...]]
    ranks: dict[str, int]

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> SavedAdapter:
        """Read config and shapes.

        Raises:
            AdapterFileError: If the folder holds no LoRA adapter, or what it holds cannot be read; the text names
                the file.
        """
        path = Path(folder)
        if not (path / CONFIG).is_file():
            raise AdapterFileError(f"{path / CONFIG} does not exist; give the folder that save_pretrained wrote.")
        try:
            config = PeftConfig.from_pretrained(str(path))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise AdapterFileError(f"{path / CONFIG} cannot be read as a PEFT config: {error}") from error
        if not isinstance(config, LoraConfig) or type(config).__name__ != "LoraConfig":
            raise AdapterFileError(f"{path / CONFIG} is a {type(config).__name__}, not a LoraConfig.")
        shapes = _shapes(path)
        ranks = ranks_of(shapes)
        if not ranks:
            raise AdapterFileError(f"{path} holds no LoRA factor ({len(shapes)} tensors); it is no LoRA adapter.")
        return cls(path, config, shapes, ranks)

    def alpha(self, name: str) -> float:
        """Return alpha of a matrix, as PEFT looks it up."""
        key = get_pattern_key(self.config.alpha_pattern.keys(), name)
        alpha: float = self.config.alpha_pattern.get(key, self.config.lora_alpha)
        return alpha

    def scaling(self, name: str) -> float:
        """Return the factor of B A of a matrix."""
        rank = self.ranks[name]
        return self.alpha(name) / (math.sqrt(rank) if self.config.use_rslora else rank)

    def problem_of(self, name: str) -> str | None:
        """Say why the factors of a matrix are not those of one rank, such as several experts' in one tensor."""
        for of_a, of_b in zip(_FACTORS, _ZEROED, strict=True):
            wide, tall = (self.shapes.get(f"{_PREFIX}{name}{ending}") for ending in (of_a, of_b))
            if wide is None:
                continue
            key = get_pattern_key(self.config.rank_pattern.keys(), name)
            told = self.config.rank_pattern.get(key, self.config.r)
            if tall is None or len(tall) < 2 or not wide[0] == tall[1] == told:
                return f"has factors {wide} and {tall} at a rank of {told} in the config"
        return None

    def tensors(self) -> dict[str, Tensor]:
        """Load all tensors to the CPU.

        Raises:
            AdapterFileError: If the file cannot be read.
        """
        path = _tensor_file(self.folder)
        try:
            if path.name == PICKLED:
                loaded: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
                return loaded
            with safe_open(path, framework="pt") as file:
                return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - a safetensors file is no dict
        except _UNREADABLE as error:
            raise AdapterFileError(f"{path} cannot be read: {error}") from error


def ranks_of(shapes: Mapping[str, Sequence[int]], adapter_name: str | None = None) -> dict[str, int]:
    """Return the rank of every matrix by module name as in the base model, in the order of the names.

    Args:
        shapes: Shapes of tensors by key.
        adapter_name: The adapter, where its name is a part of the keys, as in a model's own state; in a saved adapter
            it is not.
    """
    named = (f".lora_A.{adapter_name}.weight", f".lora_embedding_A.{adapter_name}")
    endings = _FACTORS if adapter_name is None else named
    return {
        key[len(_PREFIX) :].removesuffix(ending): shape[0]
        for key, shape in sorted(shapes.items())
        for ending in endings
        if key.startswith(_PREFIX) and key.endswith(ending) and shape
    }


_UNREADABLE = (OSError, ValueError, RuntimeError, EOFError, KeyError, SafetensorError)


def _tensor_file(folder: Path) -> Path:
    for name in (SAFETENSORS, PICKLED):
        if (folder / name).is_file():
            return folder / name
    raise AdapterFileError(f"{folder} holds neither {SAFETENSORS} nor {PICKLED}; give a complete adapter folder.")


def _shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    path = _tensor_file(folder)
    try:
        if path.name == SAFETENSORS:
            with safe_open(path, framework="pt") as file:
                return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
        loaded: Any = torch.load(path, map_location="meta", weights_only=True)
        return {key: tuple(value.shape) for key, value in loaded.items()}
    except (*_UNREADABLE, AttributeError) as error:
        raise AdapterFileError(f"{path} cannot be read: {error}") from error
