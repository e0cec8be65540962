"""The catalogue's data files: one per dataset and per model, named by its id with ``--`` for ``/``.

Beside them one per family of text models and one per tokenizer, named by what the table of models calls them.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

# the parser in C where the installed wheel has it: ten times as fast
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def catalogue_files(kind: str) -> list[dict[str, Any]]:
    """Read every file of a kind, "datasets" or "models", in the order of their names."""
    return [_read(file) for file in _in_order(kind)]


@cache
def catalogue_file(kind: str, name: str) -> dict[str, Any]:
    """Read one file of a kind ("families", "tokenizers"; "" for those beside the folders); it must not be changed.

    Raises:
        LookupError: there is none of that name.
    """
    file = _folder(kind) / f"{name}.yaml"
    if not file.is_file():
        raise LookupError(f"the catalogue has no {kind}/{name}.yaml; it has {', '.join(sorted(catalogue_names(kind)))}")
    return _read(file)


@cache
def catalogue_names(kind: str) -> frozenset[str]:
    """The names of the files of a kind."""
    return frozenset(file.name.removesuffix(".yaml") for file in _in_order(kind))


def _folder(kind: str) -> Traversable:
    package = resources.files(__name__.rpartition(".")[0])
    return package / kind if kind else package


def _in_order(kind: str) -> list[Traversable]:
    files = (file for file in _folder(kind).iterdir() if file.name.endswith(".yaml"))
    return sorted(files, key=lambda file: file.name)


def _read(file: Traversable) -> dict[str, Any]:
    data: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader
    return data
