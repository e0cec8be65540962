"""How small a miniature is: few layers always, and a smaller width where the real one would make it heavy.

The rule. A miniature has two layers, the real vocabulary and the real width as long as that is at most
``LARGEST_PARAMETERS``. Otherwise its widths (hidden size, feed-forward, width of a head) are divided by the smallest
whole number that brings it down to ``SHRUNK_PARAMETERS``: code that meets another width than the real one gains
nothing from a width in between, and one pass over a vocabulary of 150 thousand tokens is slow enough. The number of
heads and of key-value heads stays, and a head keeps at least ``SMALLEST_HEAD`` numbers; where nothing reaches the
target, the largest divisor is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LAYERS = 2
LARGEST_PARAMETERS = 150_000_000
SHRUNK_PARAMETERS = 50_000_000
SMALLEST_HEAD = 8
CROSS_ATTENTION = 1.5  # a decoder's layer beside an encoder has two attentions, with feed-forwards about this much more


@dataclass(frozen=True)
class Shape:
    """Where a family's configuration says how wide it is.

    Attributes:
        hidden: the key of the hidden size.
        heads: the key of the number of heads.
        groups: the key of the number of key-value heads, "" if there is one for each head.
        head: the key of the width of a head, "" if it is the hidden size divided by the heads.
        inner: the key of the width inside a feed-forward, "" if it is four times the hidden size.
        matrices: of a feed-forward: two, or three where it is gated.
        embedding: the key of the width of the token embeddings, "" if it is the hidden size.
        experts: the key of the number of feed-forwards in a layer.
        stacks: 2 for an encoder with a decoder.
        shared: whether all layers have the same weights.
        single_group: the key that says there is one key-value head only.
    """

    hidden: str
    heads: str
    groups: str = ""
    head: str = ""
    inner: str = ""
    matrices: int = 2
    embedding: str = ""
    experts: str = ""
    stacks: int = 1
    shared: bool = False
    single_group: str = ""

    def parameters(self, config: Mapping[str, Any], layers: int) -> int:
        """About how many parameters a model of ``layers`` layers has; positions, norms and task heads are left out."""
        hidden, heads = config[self.hidden], config[self.heads]
        groups = 1 if config.get(self.single_group) else config.get(self.groups) or heads
        head = config.get(self.head) or hidden // heads
        inner = config.get(self.inner) or 4 * hidden
        attention = 2 * hidden * head * (heads + groups)
        feed_forward = self.matrices * hidden * inner * config.get(self.experts, 1)
        layer = attention + feed_forward
        stack = layer if self.shared else layers * layer
        blocks = stack if self.stacks == 1 else int(stack * (1 + CROSS_ATTENTION))
        width = config.get(self.embedding) or hidden
        # transformers ties the two tables unless the configuration says otherwise
        tables = 1 if config.get("tie_word_embeddings", True) else 2
        return int(config["vocab_size"] * width * tables + blocks)

    def divisor(self, config: Mapping[str, Any], layers: int) -> int:
        """By what the widths are divided; 1 if they are kept."""
        if self.parameters(config, layers) <= LARGEST_PARAMETERS:
            return 1
        found = 1
        for divisor in range(2, config[self.hidden] // config[self.heads] + 1):
            if not self._divides(config, divisor):
                continue
            found = divisor
            if self.parameters({**config, **self.divided(config, divisor)}, layers) <= SHRUNK_PARAMETERS:
                break
        return found

    def divided(self, config: Mapping[str, Any], divisor: int) -> dict[str, int]:
        """The widths divided, by their key; an embedding narrower than the hidden size is kept."""
        keys = [self.hidden, self.head, self.inner]
        if config.get(self.embedding) == config[self.hidden]:
            keys.append(self.embedding)
        return {key: config[key] // divisor for key in keys if config.get(key)}

    def _divides(self, config: Mapping[str, Any], divisor: int) -> bool:
        small = self.divided(config, divisor)
        if any(config[key] % divisor for key in small):
            return False
        if not small.get(self.head) and small[self.hidden] % config[self.heads]:
            return False
        head = small.get(self.head) or small[self.hidden] // config[self.heads]
        return head >= SMALLEST_HEAD and head % 2 == 0  # rotary embeddings turn pairs


@dataclass(frozen=True)
class Scaled:
    """A configuration made small.

    Attributes:
        config: what ``config.json`` holds.
        layers: those that are left and those of the real model.
        widths: key → the real width and that of the miniature, for those that differ.
    """

    config: Mapping[str, Any]
    layers: tuple[int, int]
    widths: Mapping[str, tuple[int, int]]


def scaled(config: Mapping[str, Any], family: Mapping[str, Any]) -> Scaled:
    """Make the configuration of a real model small.

    Args:
        config: the real one.
        family: ``shape``, ``layers`` (the keys of the number of layers), ``per_layer`` (keys of lists with one value a
            layer), ``also_divided`` (further widths) and ``set`` (what the few layers need said), as in the catalogue.
    """
    shape = Shape(**family["shape"])
    real = max(config[key] for key in family["layers"])
    layers = min(LAYERS, real)
    small = {**config, **{key: min(LAYERS, config[key]) for key in family["layers"]}, **family.get("set", {})}
    small |= {key: config[key][:layers] for key in family.get("per_layer", ()) if key in config}
    divisor = shape.divisor(small, layers)
    rope = config.get("rope_scaling") or {}
    if divisor > 1 and "long_factor" in rope:  # one number for each pair of a head's width
        cut = {key: rope[key][: len(rope[key]) // divisor] for key in ("long_factor", "short_factor")}
        small["rope_scaling"] = {**rope, **cut}
    widths = shape.divided(config, divisor) if divisor > 1 else {}
    widths |= {key: config[key] // divisor for key in family.get("also_divided", ()) if divisor > 1 and config.get(key)}
    changed = {key: (int(config[key]), width) for key, width in widths.items()}
    return Scaled({**small, **widths}, (layers, real), changed)
