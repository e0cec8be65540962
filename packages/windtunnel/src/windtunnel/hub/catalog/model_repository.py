"""From the line of a text model to all that its miniature is made of."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from windtunnel.hub.catalog.files import catalogue_file, catalogue_names
from windtunnel.hub.catalog.model_scale import scaled

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS_OF_FAMILY = ("weights_class", "weights_config", "weights", "dtype", "norm_start", "generation", "chat")
SETTINGS_OF_LINE = ("sentence_transformers",)
DEFAULT_WEIGHTS = "model.safetensors"


@cache
def family_names() -> frozenset[str]:
    """The families of text models that miniatures can be made of."""
    return catalogue_names("families")


def text_settings(line: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, tuple[int, int]]]:
    """Collect the settings of the recipe ``text_model``.

    Args:
        line: ``id``, ``family``, ``hidden_size``, ``layers`` and ``repository``. The last may hold ``config`` (where it
            differs from the family's), ``without`` (keys of the family's configuration that the real one lacks),
            ``tokenizer`` (a name), ``tokenizer_files``, ``tokenizer_config`` (where it differs; null if the repository
            has none), ``chat`` (the name of a template), ``generation``, ``weights`` (a file name), ``weights_class``,
            ``dtype``, ``shape`` (where it differs) and ``sentence_transformers``.

    Returns:
        The settings, and the widths that are not the real ones.
    """
    own = line["repository"]
    family = catalogue_file("families", line["family"])
    family = {**family, "shape": {**family["shape"], **own.get("shape", {})}}
    small = scaled(_real_config(line, family), family)
    settings = {key: own.get(key, family.get(key)) for key in SETTINGS_OF_FAMILY}
    settings |= {key: own[key] for key in SETTINGS_OF_LINE if key in own}
    chat = settings.pop("chat")
    return {
        **settings,
        "id": line["id"],
        "config": dict(small.config),
        "layers": list(small.layers),
        "widths": {key: list(widths) for key, widths in small.widths.items()},
        "weights": settings["weights"] or DEFAULT_WEIGHTS,
        "tokenizer": _tokenizer(own, catalogue_file("tokenizers", own.get("tokenizer") or family["tokenizer"])),
        "chat_template": catalogue_file("", "chat_templates")[chat] if chat else None,
    }, dict(small.widths)


def _real_config(line: Mapping[str, Any], family: Mapping[str, Any]) -> dict[str, Any]:
    own = line["repository"]
    sizes = {family["shape"]["hidden"]: line["hidden_size"], **dict.fromkeys(family["layers"], line["layers"])}
    config = {**family["config"], **sizes, **own.get("config", {})}
    return {key: value for key, value in config.items() if key not in own.get("without", ())}


def _tokenizer(own: Mapping[str, Any], tokenizer: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(tokenizer)
    if "tokenizer_files" in own:
        made["files"] = own["tokenizer_files"]
    if "tokenizer_config" in own:
        changed = own["tokenizer_config"]
        made["config"] = None if changed is None else {**made.get("config", {}), **changed}
    return made
