"""Hydra's config sources, replaced by ones that cannot leave the submission.

``submission://`` serves the parsed YAML files of the submission, ``pkg://`` only Hydra's own defaults, ``structured://``
only what Hydra itself registered. ``file://`` is never there. Uses Hydra's ``SourcesRegistry`` and ``ConfigSource``
(hydra-core 1.3).
"""

from __future__ import annotations

import posixpath
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from hydra._internal.core_plugins.importlib_resources_config_source import ImportlibResourcesConfigSource
from hydra._internal.core_plugins.structured_config_source import StructuredConfigSource as HydraStructuredSource
from hydra._internal.sources_registry import SourcesRegistry
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from omegaconf import DictConfig, ListConfig, OmegaConf

from windtunnel.configuration.copies import Original

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hydra.core.object_type import ObjectType

    from windtunnel.reading.config_yaml import Document

_HYDRA_CONFIG = "hydra.conf"
_HYDRA_SECTION = "hydra/config"


class SubmissionSource(ConfigSource):  # type: ignore[misc]
    """The YAML files of a submission below one folder of it (``submission://config``)."""

    documents: Mapping[str, Document] = {}

    @staticmethod
    def scheme() -> str:
        return "submission"

    def _file(self, config_path: str) -> str:
        return posixpath.normpath(posixpath.join(self.path, str(self._normalize_file_name(config_path))))

    def load_config(self, config_path: str) -> ConfigResult:
        path = self._file(config_path)
        document = self.documents.get(path)
        if document is None:
            raise ConfigLoadError(f"Config not found : {path}")
        return ConfigResult(
            config=_parsed(document).copy(),
            path=self.full_path(),
            provider=self.provider,
            header=self._get_header_dict(document.text[:512]),
        )

    def available(self) -> bool:
        return self.is_group("")

    def is_group(self, config_path: str) -> bool:
        folder = posixpath.normpath(posixpath.join(self.path, config_path))
        return any(path.startswith(f"{folder}/") for path in self.documents)

    def is_config(self, config_path: str) -> bool:
        return self._file(config_path) in self.documents

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        folder = posixpath.normpath(posixpath.join(self.path, config_path))
        names = {path[len(folder) + 1 :].split("/")[0] for path in self.documents if path.startswith(f"{folder}/")}
        files: list[str] = []
        for name in names:
            self._list_add_result(files, posixpath.join(config_path, name), name, results_filter)
        return sorted(set(files))


class _HydraPackageSource(ImportlibResourcesConfigSource):  # type: ignore[misc]
    """Hydra's own configuration package and no other: reading any other would import it."""

    def __init__(self, provider: str, path: str) -> None:
        super().__init__(provider=provider, path=path)
        if self.path != _HYDRA_CONFIG:
            raise HydraException(f"the search path {path!r} names a package outside the repository")

    def load_config(self, config_path: str) -> ConfigResult:
        return _hydra_file(config_path).copy()

    def is_group(self, config_path: str) -> bool:
        return _hydra_group(config_path)

    def is_config(self, config_path: str) -> bool:
        return _hydra_has(config_path)


class StructuredConfigSource(HydraStructuredSource):  # type: ignore[misc]  # Hydra asks for this class by its name
    """What Hydra registered in its ConfigStore; a path would be imported."""

    whole: Original[DictConfig] | None = None  # Hydra's section, composed before: one merge instead of a dozen

    def __init__(self, provider: str, path: str) -> None:
        if path != "structured://":
            raise HydraException(f"the search path {path!r} names a module outside the repository")
        super().__init__(provider=provider, path=path)

    def __deepcopy__(self, memo: dict[int, object]) -> StructuredConfigSource:
        return self  # Hydra copies its sources for every command line, and with this one all that it ever registered

    def load_config(self, config_path: str) -> ConfigResult:
        if self.whole is not None and config_path == _HYDRA_SECTION:
            return ConfigResult(
                config=self.whole.copy(),
                path=self.full_path(),
                provider=self.provider,
                header={"package": "_global_"},
            )
        return super().load_config(config_path)


class _NoFiles(ConfigSource):  # type: ignore[misc]
    """Folders outside the submission, which do not exist here."""

    @staticmethod
    def scheme() -> str:
        return "file"

    def __init__(self, provider: str, path: str) -> None:
        raise HydraException(f"the search path {path!r} lies outside the repository")

    def load_config(self, config_path: str) -> ConfigResult:
        raise ConfigLoadError(config_path)

    def available(self) -> bool:
        return False

    def is_group(self, config_path: str) -> bool:
        return False

    def is_config(self, config_path: str) -> bool:
        return False

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        return []


@lru_cache(maxsize=256)
def _parsed(document: Document) -> Original[DictConfig | ListConfig]:
    return Original(OmegaConf.create(document.value))


def _package() -> ImportlibResourcesConfigSource:
    return ImportlibResourcesConfigSource("hydra", f"pkg://{_HYDRA_CONFIG}")


@lru_cache(maxsize=256)
def _hydra_file(config_path: str) -> Original[ConfigResult]:
    return Original(_package().load_config(config_path))


@lru_cache(maxsize=256)
def _hydra_group(config_path: str) -> bool:
    return ".." not in config_path and bool(_package().is_group(config_path))


@lru_cache(maxsize=256)
def _hydra_has(config_path: str) -> bool:
    return ".." not in config_path and bool(_package().is_config(config_path))


@contextmanager
def served(documents: Mapping[str, Document], hydra: Original[DictConfig] | None = None) -> Iterator[None]:
    """Put these sources in the place of Hydra's, and Hydra's back afterwards.

    Args:
        documents: the YAML files of the submission.
        hydra: Hydra's own section if it is known already; it is composed anew otherwise, with its schema.
    """
    registry = SourcesRegistry.instance()
    before = registry.types
    registry.types = {
        source.scheme(): source for source in (SubmissionSource, _HydraPackageSource, StructuredConfigSource, _NoFiles)
    }
    SubmissionSource.documents = documents
    StructuredConfigSource.whole = hydra
    try:
        yield
    finally:
        SubmissionSource.documents = {}
        StructuredConfigSource.whole = None
        registry.types = before
