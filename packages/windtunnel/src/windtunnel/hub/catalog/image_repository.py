"""From the line of an image model to all that its miniature is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from windtunnel.hub.catalog.files import catalogue_file

if TYPE_CHECKING:
    from collections.abc import Mapping

LAYERS = 2  # of a transformer; a stage of a convolutional network keeps one block


def image_settings(line: Mapping[str, Any]) -> dict[str, Any]:
    """Collect the settings of the recipe ``image_model``.

    Args:
        line: ``id``, ``family``, ``hidden_size`` and ``layers`` where the family has them, and ``repository``, which
            may hold ``config`` and ``preprocessor`` (where they differ from the family's) and ``weights_class``.
    """
    own = line["repository"]
    family = catalogue_file("families", line["family"])
    sizes = {key: line[name] for name, key in family.get("size_keys", {}).items()}
    real = {**family["config"], **sizes, **own.get("config", {})}
    few = {key: min(LAYERS, real[key]) for key in family["layers"]}
    stages = family.get("per_stage")
    if stages:
        few[stages] = [1] * len(real[stages])
    return {
        "id": line["id"],
        "weights_class": own.get("weights_class", family["weights_class"]),
        "config": {**real, **few},
        "preprocessor": {**family["preprocessor"], **own.get("preprocessor", {})},
        "shortened": {key: [real[key], value] for key, value in few.items() if real[key] != value},
    }


def timm_settings(line: Mapping[str, Any]) -> dict[str, Any]:
    """Collect the settings of the recipe ``timm_model``: the architecture is what stands before the tag of the id."""
    return {"id": line["id"], "architecture": line["id"].partition("/")[2].partition(".")[0]}
