"""Compositions that are made once: of the same documents, and of the modes of one command line."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf, open_dict

from windtunnel.configuration.compose import fresh, hydra_section
from windtunnel.configuration.repair import compose_mended
from windtunnel.contract import MODES

if TYPE_CHECKING:
    from windtunnel.configuration.compose import Entry
    from windtunnel.configuration.repair import Mended
    from windtunnel.reading.config_yaml import Document

_MODE = re.compile(rf"mode=(?:{'|'.join(MODES)})")
_ASKED = re.compile(r"\$\{\s*\.*mode\b")


@lru_cache(maxsize=64)
def composed(documents: tuple[Document, ...], entry: Entry, overrides: tuple[str, ...], first: bool) -> Mended:
    """Compose for one command line; what is returned must not be changed, see :func:`~.compose.fresh`.

    Args:
        documents: the YAML files of the submission, the same objects for the same contents.
        entry: what the entry point's decorator says.
        overrides: the arguments of the command line.
        first: whether Hydra's own section is held against its schema, which takes longer.
    """
    modes = [override for override in overrides if _MODE.fullmatch(override)]
    if len(modes) == 1 and not _depends_on_mode(documents):
        common = composed(documents, entry, tuple(word for word in overrides if word != modes[0]), first)
        config = common.composition.config
        if config is not None and not common.mistakes and _has_scalar(config, "mode"):
            made = fresh(common)
            assert made.composition.config is not None  # noqa: S101 - fresh keeps it
            with open_dict(made.composition.config):
                made.composition.config["mode"] = modes[0].partition("=")[2]
            return made
    section = None if first else hydra_section(entry.version_base)
    return compose_mended({document.path: document for document in documents}, entry, overrides, section)


def _depends_on_mode(documents: tuple[Document, ...]) -> bool:
    """Whether more than the key may change with it: a group of this name, or an interpolation."""
    return any("/mode/" in document.path or _ASKED.search(document.text) for document in documents)


def _has_scalar(config: DictConfig, key: str) -> bool:
    node = config._get_node(key) if key in config else None
    return node is not None and not OmegaConf.is_config(node)
