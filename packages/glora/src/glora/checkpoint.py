"""Loading an adapter whose ranks differ from the model's: the model takes the saved ranks on before it is loaded.

Neither PEFT nor torch does so. ``load_adapter`` onto an adapter that exists does not read the saved config, and
``load_state_dict`` compares shapes: both end with a size mismatch. Two ways lead around it: `prepare_for_checkpoint`,
called before either of them, and `follow_checkpoints`, after which the model's ``load_adapter`` does so by itself, for
callers that one cannot change (`transformers.Trainer`).

A matrix that has lost its adapter and has one in the checkpoint gets a new one, from PEFT's public ``inject_adapter``.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glora.adapter_files import CONFIG, SavedAdapter, ranks_of
from glora.adapters import adapted_matrices, unwrap_model
from glora.errors import StateError
from glora.layers import alpha_at
from glora.patterns import anchored, exactly
from glora.resize import adapter_parameters, resize_adapters, rewrite_config

if TYPE_CHECKING:
    import os

    from peft import PeftModel
    from torch import Tensor, nn

    Scales = Mapping[str, tuple[float, int]]  # (alpha, rank) by module name


def prepare_for_checkpoint(
    model: nn.Module, checkpoint: str | os.PathLike[str] | Mapping[str, Tensor], adapter_name: str = "default"
) -> None:
    """Give an adapter of `model` the ranks of a saved one, so that ``load_adapter`` or ``load_state_dict`` fits.

    Values of resized matrices are to be overwritten by the loading that follows. Parameters are exchanged: build the
    optimizer afterwards.

    Args:
        model: A `peft.PeftModel`, or a wrapper around one.
        checkpoint: The folder that ``save_pretrained`` or a Trainer wrote, or the ``state_dict`` of a PEFT model.
        adapter_name: The adapter.

    Raises:
        AdapterFileError: If the folder holds no LoRA adapter that can be read.
        StateError: If it is of other matrices, or scaled otherwise.
        UnsupportedModelError: If the model's adapter cannot be resized.

    Example:
        >>> prepare_for_checkpoint(model, "checkpoint-1500")  # doctest: +SKIP
        >>> model.load_adapter("checkpoint-1500", "default", is_trainable=True)  # doctest: +SKIP
    """
    inner, _ = unwrap_model(model)
    if isinstance(checkpoint, Mapping):
        ranks = ranks_of({key: value.shape for key, value in checkpoint.items()}, adapter_name)
        if not ranks:
            raise StateError(
                f"The state holds no LoRA factor of the adapter `{adapter_name}` ({len(checkpoint)} entries, keys such "
                f"as `{next(iter(checkpoint), '')}`); give the state_dict of the PEFT model, or the folder."
            )
        take_on(inner, adapter_name, ranks, {})
        return
    # Beside other adapters, PEFT writes all but "default" into folders of their own.
    own = Path(checkpoint) / adapter_name
    folder = own if adapter_name != "default" and (own / CONFIG).is_file() else Path(checkpoint)
    saved = SavedAdapter.read(folder)
    matrices = adapted_matrices(inner, adapter_name)
    for name in (name for name in saved.ranks if name in matrices):
        if abs(matrices[name].scaling - saved.scaling(name)) > 1e-6 * abs(saved.scaling(name)):
            raise StateError(
                f"The adapter in {folder} scales `{name}` by {saved.scaling(name):g}, the model's by "
                f"{matrices[name].scaling:g}: loaded, it would compute another function. Use the LoraConfig that it "
                "was trained with, or PeftModel.from_pretrained."
            )
    take_on(inner, adapter_name, saved.ranks, {name: (saved.alpha(name), rank) for name, rank in saved.ranks.items()})


def follow_checkpoints(model: PeftModel, adapter_name: str = "default") -> None:
    """Let ``model.load_adapter`` take on the ranks of every folder that it loads into an adapter from now on.

    Args:
        model: The PEFT model.
        adapter_name: The adapter.
    """
    loader = vars(model).get("load_adapter")
    while isinstance(loader, _FollowingLoader):
        if loader.adapter_name == adapter_name:
            return
        loader = loader.further
    model.load_adapter = _FollowingLoader(model, adapter_name)


class _FollowingLoader:
    """``load_adapter`` of one model. An object, not a closure, so that copies of the model load into themselves."""

    def __init__(self, model: Any, adapter_name: str) -> None:
        self._model = model
        self.adapter_name = adapter_name
        self.further = vars(model).get("load_adapter")  # another adapter's

    def __call__(self, model_id: Any, adapter_name: str, *args: Any, **options: Any) -> Any:
        known = adapter_name == self.adapter_name and adapter_name in self._model.peft_config
        if known and Path(model_id).is_dir():  # an id on the hub is left to PEFT
            prepare_for_checkpoint(self._model, model_id, adapter_name)
        load = self.further or partial(type(self._model).load_adapter, self._model)
        return load(model_id, adapter_name, *args, **options)


def take_on(model: PeftModel, adapter_name: str, ranks: Mapping[str, int], scales: Scales) -> None:
    """Bring an adapter to `ranks`, in which a missing matrix has rank 0.

    Args:
        model: The PEFT model.
        adapter_name: The adapter.
        ranks: The new ranks.
        scales: (alpha, rank) whose scaling a matrix gets that has no adapter now; the others keep theirs.

    Raises:
        StateError: If a matrix has no adapter now and cannot get one.
    """
    matrices = adapted_matrices(model, adapter_name)
    absent = [name for name, rank in ranks.items() if rank > 0 and name not in matrices]
    if absent:
        modules = dict(model.get_base_model().named_modules())
        for name in absent:
            if name not in modules or name not in scales:
                why = "the model has no such module" if name not in modules else "its scaling is not in the state"
                raise StateError(
                    f"The checkpoint has an adapter of rank {ranks[name]} on `{name}`, the model has none and cannot "
                    f"get one: {why}. Build the model with the LoraConfig that the run started with."
                )
        _restore(model, adapter_name, {name: ranks[name] for name in absent}, scales)
        matrices = adapted_matrices(model, adapter_name)
    resize_adapters(model, adapter_name, {name: ranks.get(name, 0) for name in matrices}, keep="first")


def _restore(model: PeftModel, adapter_name: str, ranks: Mapping[str, int], scales: Scales) -> None:
    """Put adapters on modules that have none."""
    matrices = adapted_matrices(model, adapter_name)
    dtype = next(iter(matrices.values())).a.dtype
    was_trained = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    lasting = model.peft_config[adapter_name]
    config = copy.copy(lasting)
    config.target_modules = exactly(ranks)
    config.exclude_modules = config.modules_to_save = config.layers_to_transform = config.layers_pattern = None
    config.rank_pattern = {anchored(name): rank for name, rank in ranks.items()}
    config.alpha_pattern = {
        anchored(name): alpha_at(rank, like=scales[name], rslora=lasting.use_rslora) for name, rank in ranks.items()
    }
    model.peft_config[adapter_name] = config
    try:
        model.base_model.inject_adapter(model.get_base_model(), adapter_name)
    finally:
        model.peft_config[adapter_name] = lasting
        for parameter, trained in was_trained:  # PEFT 0.19 freezes trained copies of whole modules
            parameter.requires_grad = trained
    present = adapted_matrices(model, adapter_name)
    for parameter in adapter_parameters(present[name] for name in ranks).values():
        parameter.data = parameter.data.to(dtype)
    rewrite_config(model, adapter_name, present.values(), retarget=True)
