"""What would have to be known of an id to serve it, as the line that adds it to a file for ``--catalog``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from windtunnel.evidence import UnknownId

if TYPE_CHECKING:
    from collections.abc import Mapping

DATASET_URL = "https://huggingface.co/datasets/{id}"
_DATASET_HELP = """\
# {id} as {url} shows it. "columns": each column in its order with its type ("string",
# "int64", "float32", "bool", "list<string>", "list<message>" for chats), a list of names for a class label,
# {{"list": names}} for a tag per token, {{"struct": {{field: type}}}} for nested fields. "splits": how many rows each
# has. "configs": {{name: what differs there}} if there are several. "make": {{"grammar": NAME}} if it must be told."""
_MODEL_HELP = """\
# {id} as its config.json has it: "family" is its model_type; "repository" may hold "config" (the keys in which it
# differs from its family) and "tokenizer" (the name of one in the catalogue)."""


def unknown_dataset(repo_id: str, line: Mapping[str, Any] | None) -> UnknownId:
    """The id of a dataset with what is missing of it.

    Args:
        repo_id: as it was asked for.
        line: what the table has of it, None if nothing.
    """
    known = dict(line or {})
    asked = {"type": "dataset", "id": known.get("id", repo_id)}
    if "splits" not in known and not isinstance(known.get("configs"), dict):
        asked["splits"] = {"train": 1000, "test": 200}
    if "columns" not in known:
        asked["columns"] = {"text": "string", "label": ["negative", "positive"]}
    if line and "columns" in asked and isinstance(known.get("configs"), list):
        asked["configs"] = known["configs"]
    if "columns" in known:
        asked["make"] = {"grammar": "topics", "roles": {}}
    name = str(asked["id"])
    help_lines = _DATASET_HELP.format(id=name, url=DATASET_URL.format(id=name))
    return UnknownId("dataset", repo_id, f"{help_lines}\n{json.dumps(asked, ensure_ascii=False)}")


def unknown_model(repo_id: str, line: Mapping[str, Any] | None) -> UnknownId:
    """The id of a model with what is missing of it; the arguments are those of :func:`unknown_dataset`."""
    known = dict(line or {})
    asked = {
        "type": "model",
        "id": known.get("id", repo_id),
        "family": known.get("family") or "llama",
        "hidden_size": known.get("hidden_size", 2048),
        "layers": known.get("layers", 16),
        "repository": {"config": {}},
    }
    return UnknownId("model", repo_id, f"{_MODEL_HELP.format(id=asked['id'])}\n{json.dumps(asked)}")


def unknown_download(url: str) -> UnknownId:
    """An address outside the hub of which nothing is known; no line of a file for ``--catalog`` adds one."""
    return UnknownId(
        "download", url, f"# {url} is no address that windtunnel's hub stands in for; use a dataset or model of the hub"
    )
