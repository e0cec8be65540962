"""The README.md of a miniature: it says what is real and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from windtunnel.hub.miniatures.tokenizer_spec import TokenizerSpec

CARD = """---
tags: [windtunnel-miniature]
---

# A miniature of {id}

Made by windtunnel: {layers} of {real_layers} layers, random weights, {parameters:.1f} million parameters. It has the
real names, precision, vocabulary size ({tokens} tokens, most of them synthetic) and special tokens, so that code runs
as it would on the real model; what it predicts means nothing.
{widths}"""

WIDTHS = """
Of a heavy model the widths are smaller too:

| configuration | real | here |
| --- | ---: | ---: |
{rows}
"""


def card(settings: Mapping[str, Any], spec: TokenizerSpec, parameters: int) -> str:
    """Write the card.

    Args:
        settings: the recipe's.
        spec: the tokenizer.
        parameters: how many numbers the weights have.
    """
    rows = "\n".join(f"| {key} | {real} | {made} |" for key, (real, made) in settings["widths"].items())
    layers, real_layers = settings["layers"]
    return CARD.format(
        id=settings["id"],
        layers=layers,
        real_layers=real_layers,
        parameters=parameters / 1e6,
        tokens=spec.tokens,
        widths=WIDTHS.format(rows=rows) if rows else "",
    )
