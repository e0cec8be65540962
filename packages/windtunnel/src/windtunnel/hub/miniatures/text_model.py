"""Makes a text model in miniature: ``python -m windtunnel.hub.miniatures.text_model FOLDER < settings``.

Faithful: the configuration but for layers and, of a heavy model, widths; module and tensor names; the precision and the
file of the weights; the tokenizer's classes, files, size, special tokens and their ids; the generation settings. Not
faithful: two layers, random weights, synthetic pieces, chat templates of our own wording, one file instead of shards.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from windtunnel.hub.miniatures.model_card import card
from windtunnel.hub.miniatures.recipe import run_recipe
from windtunnel.hub.miniatures.tokenizer_files import tokenizer_files
from windtunnel.hub.miniatures.tokenizer_spec import TokenizerSpec
from windtunnel.hub.miniatures.weights import write_weights

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def make(target: Path, settings: Mapping[str, Any]) -> None:
    """Write the repository's files into ``target``.

    Args:
        target: an existing folder.
        settings: what :func:`windtunnel.hub.catalog.model_repository.text_settings` returns.
    """
    spec = TokenizerSpec.from_data(settings["tokenizer"])
    for name, content in tokenizer_files(spec, settings["chat_template"]).items():
        _write(target / name, content)
    parameters = write_weights(target, settings)
    _write(target / "config.json", _json(settings["config"]))
    if settings["generation"]:
        _write(target / "generation_config.json", _json(settings["generation"]))
    if "sentence_transformers" in settings:
        for name, content in _sentence_files(settings).items():
            (target / name).parent.mkdir(exist_ok=True)
            _write(target / name, content)
    _write(target / "README.md", card(settings, spec, parameters))


def _sentence_files(settings: Mapping[str, Any]) -> dict[str, str]:
    """What `sentence-transformers` reads: a transformer, a pooling and where the real one has it a normalisation."""
    encoder = settings["sentence_transformers"]
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")] + [("2_Normalize", "Normalize")] * encoder["normalize"]
    pooling = {
        "word_embedding_dimension": settings["config"]["hidden_size"],
        "pooling_mode_cls_token": encoder["pooling"] == "cls",
        "pooling_mode_mean_tokens": encoder["pooling"] == "mean",
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }
    return {
        "modules.json": _json(
            [
                {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
                for place, (path, kind) in enumerate(modules)
            ]
        ),
        "1_Pooling/config.json": _json(pooling),
        "sentence_bert_config.json": _json({"max_seq_length": encoder["max_seq_length"], "do_lower_case": False}),
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


if __name__ == "__main__":
    run_recipe(make, "text_model")
