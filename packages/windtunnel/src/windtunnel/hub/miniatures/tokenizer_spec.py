"""What a tokenizer of the catalogue says of itself: its kind, its size, and which tokens have which id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from windtunnel.hub.miniatures.pieces import numbered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class AddedToken:
    """A token that is found in a text before anything else is done with it.

    Attributes:
        id: its id.
        content: as it is written.
        special: whether ``skip_special_tokens`` drops it.
        lstrip: whether it takes the space before it along, as RoBERTa's mask does.
    """

    id: int
    content: str
    special: bool
    lstrip: bool = False

    def attributes(self) -> dict[str, Any]:
        """The fields that ``tokenizer_config.json`` has for it."""
        return {
            "content": self.content,
            "lstrip": self.lstrip,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": self.special,
        }


@dataclass(frozen=True)
class TokenizerSpec:
    """A tokenizer, as the file of that name in the catalogue describes it.

    Attributes:
        kind: "byte_level", "word_piece", "unigram" or "sentence_bpe".
        size: the pieces of the model itself; added tokens may follow.
        added: the added tokens in the order of their ids.
        fixed: id → piece of the model, for those below ``size`` whose id is known: special and reserved ones.
        options: what the kind needs beside: a pattern, whether letters are lowered, the template around a text.
        config: the content of ``tokenizer_config.json``, None if the repository has none.
        special_tokens_map: the content of ``special_tokens_map.json``; empty if the repository has none.
        files: the files of the repository that hold the vocabulary.
    """

    kind: str
    size: int
    added: tuple[AddedToken, ...]
    fixed: Mapping[int, str]
    options: Mapping[str, Any]
    config: Mapping[str, Any] | None
    special_tokens_map: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ("tokenizer.json",)

    @property
    def tokens(self) -> int:
        """How many tokens there are with the added ones: ``len(tokenizer)``."""
        return max([self.size - 1, *(token.id for token in self.added)]) + 1

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> TokenizerSpec:
        """Read the data of a tokenizer.

        Keys: ``kind``, ``size``, ``special`` and ``plain`` (id → text of added tokens), ``special_ranges``,
        ``plain_ranges`` and ``reserved`` (runs of numbered tokens: ``first`` id, ``text`` with ``{}``, ``numbers``
        [from, to]; reserved ones are pieces of the model and not added), ``lstrip``, ``options``, ``config``,
        ``special_tokens_map``, ``files``.
        """
        special = _ids(data.get("special", {})) | _runs(data.get("special_ranges", ()))
        plain = _ids(data.get("plain", {})) | _runs(data.get("plain_ranges", ()))
        lstrip = set(data.get("lstrip", ()))
        texts = sorted([*((id_, text, True) for id_, text in special.items()),
                        *((id_, text, False) for id_, text in plain.items())])  # fmt: skip
        pieces = {id_: text for id_, text, _ in texts} | _runs(data.get("reserved", ()))
        return cls(
            kind=data["kind"],
            size=data["size"],
            added=tuple(AddedToken(id_, text, special=one, lstrip=text in lstrip) for id_, text, one in texts),
            fixed={id_: text for id_, text in pieces.items() if id_ < data["size"]},
            options=data.get("options", {}),
            config=data.get("config", {}),
            special_tokens_map=data.get("special_tokens_map", {}),
            files=tuple(data.get("files", ("tokenizer.json",))),
        )


def _ids(texts: Mapping[Any, str]) -> dict[int, str]:
    return {int(id_): text for id_, text in texts.items()}  # JSON has no integer keys


def _runs(runs: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    return {
        run["first"] + place: text
        for run in runs
        for place, text in enumerate(numbered(run["text"], run["numbers"][0], run["numbers"][1]))
    }
