"""What is known of one model on the hub: its family, its modules by name, its sizes, and what loading it needs.

Facts only; what they mean for a submission is a rule's affair. Whatever is not known is None or empty, never guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from windtunnel.knowledge.patterns import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

ADAPTABLE = ("linear", "embedding", "conv")  # the kinds of module that PEFT's LoRA can wrap


@dataclass(frozen=True)
class Module:
    """One module inside a model.

    Attributes:
        path: its dotted name, with ``*`` for the number of a layer.
        kind: "linear" (nn.Linear or GPT-2's Conv1D), "embedding", "conv", "norm", "container" (has children),
            "other" (dropout, activation and what else has neither children nor a matrix).
        head: whether only a task head brings it (``classifier``, ``score``, ``lm_head``).
    """

    path: str
    kind: str
    head: bool = False


@dataclass(frozen=True)
class Model:
    """A model repository.

    Attributes:
        id: as it was asked for.
        canonical: with its namespace where it has one, as the hub shows it today.
        family: the ``model_type`` of its configuration ("bert", "llama", "qwen3", ...); "" if transformers does
            not load it.
        gated: whether its terms must be accepted with an account first; None if not known.
        modules: of the family, in order, the layers folded into one with ``*``; empty if not known.
        block_class: the class of one layer ("Qwen3DecoderLayer"), "" if not known.
        heads: the auto classes that load it with a trained or a new task head ("SequenceClassification", ...).
        is_decoder: whether it generates from left to right without an encoder.
        is_encoder_decoder: whether it has both.
        parameters: in millions, about.
        hidden_size: the width of its hidden states.
        layers: how many blocks (of the encoder where there are two stacks).
        max_length: the longest input in tokens, None if not bounded or not known.
        pad_token: whether its tokenizer has one; None if not known or there is no tokenizer.
        needs: distributions beside transformers and torch that loading it takes.
        slow_tokenizer_needs: distributions that only the slow tokenizer takes.
        min_transformers: the first version that knows the family, None if every version in use does.
        remote_code: whether it loads only with ``trust_remote_code=True``.
        note: what else a reader should know, in a sentence.
    """

    id: str
    canonical: str
    family: str
    gated: bool | None
    modules: tuple[Module, ...]
    block_class: str
    heads: tuple[str, ...]
    is_decoder: bool
    is_encoder_decoder: bool
    parameters: float | None
    hidden_size: int | None
    layers: int | None
    max_length: int | None
    pad_token: bool | None
    needs: tuple[str, ...]
    slow_tokenizer_needs: tuple[str, ...]
    min_transformers: str | None
    remote_code: bool
    note: str

    @property
    def linear_modules(self) -> tuple[str, ...]:
        """The last names of its linear modules, heads left out: what ``target_modules`` usually names."""
        return _last_names(self.modules, kinds=("linear",))

    @property
    def embedding_modules(self) -> tuple[str, ...]:
        """The last names of its embeddings."""
        return _last_names(self.modules, kinds=("embedding",))

    @property
    def container_modules(self) -> tuple[str, ...]:
        """The last names under which a module that LoRA cannot wrap is found (containers, norms, dropout)."""
        return _last_names(self.modules, kinds=("container", "norm", "other"))

    def matched(self, target: str) -> tuple[Module, ...]:
        """The modules that PEFT matches with one entry of a ``target_modules`` list: by name or dotted suffix.

        Layer numbers in the entry match, whatever they are. Empty may mean that the modules are not known.
        """
        wanted = re.sub(r"(?<=\.)\d+(?=\.|$)|^\d+(?=\.)", "*", target)
        return tuple(one for one in self.modules if one.path == wanted or one.path.endswith("." + wanted))

    def matched_by_pattern(self, pattern: str) -> tuple[Module, ...]:
        """The modules that PEFT matches with ``target_modules`` given as one string, a pattern for whole names.

        The number of the first and of the last layer are tried.

        Raises:
            ValueError: the pattern is none, or it is not tried because that could take for ever.
        """
        if why := refusal(pattern):
            raise ValueError(f"the pattern {pattern[:80]!r} is not tried: it {why}")
        numbers = {"0", str((self.layers or 2) - 1)}
        try:
            compiled = re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{pattern[:80]!r} is not a regular expression: {error}") from error
        return tuple(
            one for one in self.modules if any(compiled.fullmatch(one.path.replace("*", number)) for number in numbers)
        )


def _last_names(modules: tuple[Module, ...], *, kinds: tuple[str, ...]) -> tuple[str, ...]:
    names = (one.path.rpartition(".")[2] for one in modules if one.kind in kinds and not one.head)
    return tuple(dict.fromkeys(name for name in names if name not in {"", "*"}))


def model_from(data: Mapping[str, Any], families: Mapping[str, Any], built: Mapping[str, Any], asked_for: str) -> Model:
    """Read one line of the table.

    Args:
        data: the line; what it does not say, its family says.
        families: facts kept by hand, by ``model_type``.
        built: what transformers builds of each family, by ``model_type``.
        asked_for: the id as the submission has it.
    """
    family = data.get("family", "")
    facts: dict[str, Any] = {**built.get(data.get("architecture", family), {}), **families.get(family, {}), **data}
    modules = [
        Module(path, kind.removesuffix("@head"), head=kind.endswith("@head"))
        for path, kind in facts.get("modules", {}).items()
    ]
    return Model(
        id=asked_for,
        canonical=data["id"],
        family=family,
        gated=facts.get("gated", False),
        modules=tuple(modules),
        block_class=facts.get("block_class", ""),
        heads=tuple(facts.get("heads", ())),
        is_decoder=facts.get("is_decoder", False),
        is_encoder_decoder=facts.get("is_encoder_decoder", False),
        parameters=facts.get("parameters"),
        hidden_size=facts.get("hidden_size"),
        layers=facts.get("layers"),
        max_length=facts.get("max_length"),
        pad_token=facts.get("pad_token"),
        needs=tuple(facts.get("needs", ())),
        slow_tokenizer_needs=tuple(facts.get("slow_tokenizer_needs", ())),
        min_transformers=facts.get("min_transformers"),
        remote_code=facts.get("remote_code", False),
        note=facts.get("note", ""),
    )
