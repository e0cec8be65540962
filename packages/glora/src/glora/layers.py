"""One adapted matrix: a LoRA layer of PEFT, of whatever kind, seen through one of its adapters.

PEFT stores the two factors of an update Δ = s B A in four ways. They have one thing in common, on which everything
else in this package rests: the rank is dimension 0 of A and dimension 1 of B.

| layer | A | B | starts at zero |
| --- | --- | --- | --- |
| Linear, Conv1D of transformers | (r, in) | (out, r) | B |
| Conv1d, Conv2d, Conv3d | (r, in, *kernel) | (out, r, 1, …) | B |
| Embedding | (r, vocabulary) | (width, r) | A |

A convolution's update is a matrix too: B has a kernel of one, so Δ = B A with A as (r, in · kernel).

Names of PEFT read and written here: ``lora_A``, ``lora_B``, ``lora_embedding_A``, ``lora_embedding_B``,
``lora_magnitude_vector``, ``r``, ``lora_alpha``, ``scaling``, ``use_rslora``, ``lora_variant``,
``adapter_layer_names``, ``other_param_names``, ``get_base_layer``. Tested with PEFT 0.19.0 and 0.21.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from peft.tuners.lora import Embedding

if TYPE_CHECKING:
    from torch.nn import Module, Parameter


@dataclass(frozen=True, eq=False)
class Matrix:
    """One adapted matrix.

    Attributes:
        name: The module's name as in the base model.
        layer: PEFT's LoRA layer.
        adapter_name: The adapter it is seen through.
    """

    name: str
    layer: Any
    adapter_name: str

    @property
    def reversed(self) -> bool:
        """Whether A is the factor that starts at zero and B the one that is drawn (Embedding)."""
        return isinstance(self.layer, Embedding)

    @property
    def a(self) -> Parameter:
        """A, (r, in, *kernel)."""
        factor = self._factors[0]
        weight: Parameter = factor if self.reversed else factor.weight
        return weight

    @property
    def b(self) -> Parameter:
        """B, (out, r, *ones)."""
        factor = self._factors[1]
        weight: Parameter = factor if self.reversed else factor.weight
        return weight

    @property
    def rank(self) -> int:
        """The present rank r."""
        rank: int = self.layer.r[self.adapter_name]
        return rank

    @property
    def alpha(self) -> float:
        """The present numerator of the scaling."""
        alpha: float = self.layer.lora_alpha[self.adapter_name]
        return alpha

    @property
    def scaling(self) -> float:
        """The present factor s of B A."""
        scaling: float = self.layer.scaling[self.adapter_name]
        return scaling

    @property
    def rslora(self) -> bool:
        """Whether the scaling is alpha/√r instead of alpha/r."""
        return bool(self.layer.use_rslora.get(self.adapter_name, False))

    @property
    def inputs(self) -> int:
        """Width of A's rows, the kernel included."""
        return self.a[0].numel()

    @property
    def outputs(self) -> int:
        """Height of B's columns."""
        return self.b.shape[0]

    @property
    def cost(self) -> int:
        """Parameters per rank."""
        return self.inputs + self.outputs

    @property
    def limit(self) -> int:
        """The rank of a full update, above which a rank adds parameters and no capacity, or the present one if more."""
        return max(self.rank, min(self.inputs, self.outputs))

    @property
    def extras(self) -> dict[str, Parameter]:
        """Parameters of the adapter that do not depend on the rank: DoRA's magnitude, the bias of lora_B."""
        found = {}
        if self.adapter_name in self.layer.lora_magnitude_vector:
            found["lora_magnitude_vector"] = self.layer.lora_magnitude_vector[self.adapter_name].weight
        if not self.reversed and self._factors[1].bias is not None:
            found["lora_B.bias"] = self._factors[1].bias
        return found

    @property
    def alone(self) -> bool:
        """Whether the layer has no other adapter."""
        return not (self.layer.r.keys() - {self.adapter_name})

    def alpha_at(self, rank: int) -> float:
        """Return the alpha with which `rank` has the present scaling."""
        return alpha_at(rank, like=(self.alpha, self.rank), rslora=self.rslora)

    def install(self, a: Parameter, b: Parameter) -> None:
        """Put new factors of another rank in the place of the present ones; the scaling stays."""
        name, rank = self.adapter_name, a.shape[0]
        self.layer.lora_alpha[name] = self.alpha_at(rank)
        if self.reversed:
            self.layer.lora_embedding_A[name], self.layer.lora_embedding_B[name] = a, b
        else:
            lora_a, lora_b = self._factors
            lora_a.weight, lora_b.weight = a, b
            for module, attribute in ((lora_a, "out"), (lora_b, "in")):  # Linear counts features, convolutions channels
                kind = "features" if hasattr(module, "out_features") else "channels"
                setattr(module, f"{attribute}_{kind}", rank)
        self.layer.r[name] = rank
        # As PEFT computes it on loading, so that a loaded adapter computes bit for bit the same.
        self.layer.scaling[name] = self.layer.lora_alpha[name] / (math.sqrt(rank) if self.rslora else rank)

    def remove(self, base: Module) -> None:
        """Take the adapter away from the layer; without another adapter, the layer becomes its base layer again.

        Args:
            base: The base model that holds the layer.
        """
        if self.alone:
            parent, _, child = self.name.rpartition(".")
            setattr(base.get_submodule(parent), child, self.layer.get_base_layer())
            return
        # `layer.delete_adapter` would activate another adapter in this layer alone.
        for attribute in {*self.layer.adapter_layer_names, *self.layer.other_param_names}:
            entries = getattr(self.layer, attribute, None)
            if entries is not None and self.adapter_name in entries:
                del entries[self.adapter_name]
        self.layer.lora_variant.pop(self.adapter_name, None)

    @property
    def _factors(self) -> tuple[Any, Any]:
        if self.reversed:
            return self.layer.lora_embedding_A[self.adapter_name], self.layer.lora_embedding_B[self.adapter_name]
        return self.layer.lora_A[self.adapter_name], self.layer.lora_B[self.adapter_name]


def alpha_at(rank: int, *, like: tuple[float, int], rslora: bool) -> float:
    """Return the alpha with which `rank` has the scaling of the (alpha, rank) in `like`."""
    alpha, other = like
    if rslora:
        return number(Fraction(alpha * math.sqrt(rank / other)))
    return number(Fraction(alpha) / other * rank)


def number(value: Fraction) -> int | float:
    """Return a fraction as an int where it is one, which is how people write alphas."""
    return value.numerator if value.denominator == 1 else float(value)
