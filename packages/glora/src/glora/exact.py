"""The signal ``exact``: ‖G‖_F itself, where G = ∂L/∂Δ is the full gradient of each adapter's update, not an estimate.

PEFT's adapter path is y = … + s · lora_B(lora_A(dropout(x))), so that with X the input of lora_A and D the gradient at
lora_B's output, G = Σ D ⊗ X / s. Both are taken at these two modules, which makes dropout, DoRA, rslora, lora_bias,
transformers' Conv1D and quantized base weights right without knowing of them. `glora.gradients` makes the norm of it.
An Embedding has no such modules; its layer's own output and the token numbers are read instead.

Measuring costs one matrix product per layer, about a third more than a step without, and memory for the pairs or the
sums. The gradients that are measured are those of this process; `GradientProbe.norms` averages them over replicas.

Not covered: gradients taken with `torch.autograd.grad` instead of ``backward`` (they are counted although no parameter
receives them) and whole-graph compilation (``torch.compile(fullgraph=True)``): the probe breaks the graph while armed.

Names of PEFT read here beside those in `glora.layers`: of an Embedding ``disable_adapters``, ``merged``,
``active_adapters``, ``_get_embed_scale``. Tested with PEFT 0.19.0 and 0.21.2.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from glora.errors import UnsupportedModelError
from glora.gradients import ConvolutionGradient, DenseGradient, LinearGradient, LookupGradient, frobenius

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor
    from torch.utils.hooks import RemovableHandle

    from glora.layers import Matrix


class GradientProbe:
    """Measures ‖∂L/∂Δ_k‖_F of adapted matrices, summed over everything since the last `norms`.

    Calls of a layer count when they happen while `armed`, in a forward pass that builds a graph, and ``backward``
    reaches them: several micro-batches, layers used twice and recomputed layers (gradient checkpointing) included. Make
    the probe before a compiled model runs for the first time.

    Args:
        matrices: The adapted matrices. They must not be resized while the probe is in use.

    Attributes:
        armed: Whether forward passes are measured; False at first. To be set between steps.

    Raises:
        UnsupportedModelError: If a matrix has no exact signal.

    Example:
        >>> probe = GradientProbe(list(matrices.values()))  # doctest: +SKIP
        >>> probe.armed = True  # doctest: +SKIP
        >>> model(**batch).loss.backward()  # doctest: +SKIP
        >>> norms = probe.norms()  # (matrices,)  # doctest: +SKIP
        >>> probe.close()  # doctest: +SKIP
    """

    def __init__(self, matrices: Sequence[Matrix]) -> None:
        for matrix in matrices:
            _check(matrix)
        self._taps = [_EmbeddingTap(matrix) if matrix.reversed else _Tap(matrix) for matrix in matrices]

    @property
    def armed(self) -> bool:
        """Whether forward passes are measured."""
        return any(tap.armed for tap in self._taps)

    @armed.setter
    def armed(self, value: bool) -> None:
        for tap in self._taps:
            tap.armed = value

    @property
    def size(self) -> int:
        """How many numbers are kept at present."""
        return sum(tap.gradient.size for tap in self._taps)

    @torch.no_grad()
    def norms(self, loss_scale: float | Tensor = 1.0, all_reduce: Callable[[Tensor], object] | None = None) -> Tensor:
        """Return ‖G‖_F of every matrix and forget what was measured; nothing waits for the device.

        Args:
            loss_scale: By what the loss was multiplied before ``backward`` (`torch.amp.GradScaler.get_scale`).
            all_reduce: Averages a tensor over the replicas in place; every replica must then call this method at the
                same step. ``None``: there is one process.

        Returns:
            (matrices,) float32 on the device of the first matrix, in units of loss per unit of weight; NaN for a
            matrix that no gradient reached, not finite where a gradient was not.
        """
        with torch.autocast(self._taps[0].device.type, enabled=False):
            norms = self._local_norms() if all_reduce is None else self._reduced_norms(all_reduce)
        for tap in self._taps:
            tap.gradient.clear()
        return torch.stack(torch._foreach_div(norms, [tap.factor for tap in self._taps])).float() / loss_scale

    def close(self) -> None:
        """Take all hooks off the model and forget what was measured."""
        for tap in self._taps:
            tap.close()

    def _local_norms(self) -> list[Tensor]:
        device = self._taps[0].device
        absent = torch.full((), torch.nan, device=device)
        measured = (tap.gradient.norm() for tap in self._taps)
        return [absent if norm is None else norm.to(device) for norm in measured]

    def _reduced_norms(self, all_reduce: Callable[[Tensor], object]) -> list[Tensor]:
        # Replicas take part with zeros where they measured nothing, as data parallelism does with unused parameters.
        device = self._taps[0].device
        reached = torch.zeros(len(self._taps), device=device)
        norms = []
        for k, tap in enumerate(self._taps):
            reached[k].fill_(float(tap.gradient.reached))
            total = tap.gradient.total(tap.matrix.b)
            all_reduce(total)
            norms.append(frobenius(total).to(device))
            tap.gradient.clear()
        all_reduce(reached)
        return list(torch.where(reached > 0, torch.stack(norms), torch.nan).unbind())


def _check(matrix: Matrix) -> None:
    if matrix.reversed and matrix.extras:
        raise UnsupportedModelError(
            f"`{matrix.name}` is an Embedding with DoRA, whose output does not show the adapter's own gradient, so it "
            'has no exact signal. Use signal="delta", or do not adapt this module.'
        )


class _Tap:
    """The hooks on one matrix's adapter path, and what came by.

    Bound methods, not closures, so that a copy of the model measures into a copy of the tap.
    """

    def __init__(self, matrix: Matrix) -> None:
        self.matrix = matrix
        self.armed = False
        self.device = matrix.b.device
        self.gradient = self._gradient()
        self._input: Tensor | None = None
        self._handles = self._attach()

    def record(self, x: Tensor, d: Tensor) -> None:
        """Take in one call: the input X and the gradient D at the output."""
        with torch.no_grad(), torch.autocast(d.device.type, enabled=False):
            self.gradient.add(x.detach(), d.detach())

    def close(self) -> None:
        for handle in self._handles:
            handle.remove()
        self.armed = False
        self._input = None
        self.gradient.clear()

    def _gradient(self) -> DenseGradient:
        if self.matrix.a.dim() == 2:
            return LinearGradient(self.matrix.outputs, self.matrix.inputs)
        return ConvolutionGradient(self.matrix.outputs, self._modules[0])

    @property
    def factor(self) -> float:
        """By what the recorded gradients are larger than ∂L/∂y: lora_B's output is multiplied by s."""
        return abs(self.matrix.scaling)

    @property
    def _modules(self) -> tuple[nn.Module, nn.Module]:
        layer, name = self.matrix.layer, self.matrix.adapter_name
        return layer.lora_A[name], layer.lora_B[name]

    def _attach(self) -> list[RemovableHandle]:
        lora_a, lora_b = self._modules
        return [lora_a.register_forward_pre_hook(self._see_input), lora_b.register_forward_hook(self._see_output)]

    def _see_input(self, _module: nn.Module, args: tuple[Tensor, ...]) -> None:
        if self.armed and torch.is_grad_enabled():
            self._input = args[0]

    def _see_output(self, _module: nn.Module, _args: object, output: Tensor) -> Tensor | None:
        # DoRA sends an identity matrix through first, whose output no gradient reaches: X belongs to this output alone.
        x, self._input = self._input, None
        return None if x is None or not output.requires_grad else _pass(output, x, self)


class _EmbeddingTap(_Tap):
    """The same for an Embedding, whose factors are parameters of the layer: y = W[x] + s · (Aᵀ[x] Bᵀ)."""

    @property
    def factor(self) -> float:
        return 1.0  # the layer's own output is read

    def _gradient(self) -> DenseGradient:
        base_layer = self.matrix.layer.get_base_layer()
        return LookupGradient(self.matrix.inputs, self.matrix.outputs, base_layer.padding_idx)

    def _attach(self) -> list[RemovableHandle]:
        return [self.matrix.layer.register_forward_hook(self._see_lookup)]

    def _see_lookup(self, layer: Any, args: tuple[Tensor, ...], output: Tensor) -> None:
        if self.armed and torch.is_grad_enabled() and output.requires_grad and self._contributes(layer):
            _listen(output, args[0], layer._get_embed_scale(), self)

    def _contributes(self, layer: Any) -> bool:
        return not layer.disable_adapters and not layer.merged and self.matrix.adapter_name in layer.active_adapters


class _Passage(torch.autograd.Function):
    """The identity, whose backward pass records the gradient that goes through.

    X is saved as autograd saves what it needs, so that activation checkpointing and offloading apply to it; a hook on
    the output would hold it in between.
    """

    @staticmethod
    def forward(ctx: Any, output: Tensor, x: Tensor, tap: _Tap) -> Tensor:
        ctx.save_for_backward(x)
        ctx.set_materialize_grads(False)
        ctx.tap = tap
        return output.view_as(output)

    @staticmethod
    def backward(ctx: Any, d: Tensor | None) -> tuple[Tensor | None, None, None]:
        if d is not None:
            ctx.tap.record(*ctx.saved_tensors, d)
        return d, None, None


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _pass(output: Tensor, x: Tensor, tap: _Tap) -> Tensor:
    passed: Tensor = _Passage.apply(output, x.detach(), tap)
    return passed


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _listen(output: Any, numbers: Tensor, factor: Tensor | None, tap: _Tap) -> None:
    # A hook on the tensor: models add to the output of an embedding in place, which a view of it would not bear.
    output.register_hook(partial(_hear, tap, numbers, factor))


def _hear(tap: _Tap, numbers: Tensor, factor: Tensor | None, d: Tensor) -> None:
    tap.record(numbers, d if factor is None else d * factor)
