"""Compose the configuration of one entry point, as ``@hydra.main`` would for a given command line."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from hydra import conf, version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.core_plugins import basic_launcher, basic_sweeper
from hydra.core.utils import setup_globals
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import InterpolationKeyError
from packaging.version import InvalidVersion, Version

from windtunnel.configuration.copies import Original
from windtunnel.configuration.environment import without_environment
from windtunnel.configuration.guard import explosion
from windtunnel.configuration.sources import served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from windtunnel.configuration.repair import Mended
    from windtunnel.reading.config_yaml import Document

UNSPECIFIED = "unspecified"
REGISTERED = (conf, basic_launcher, basic_sweeper)  # importing them puts Hydra's own configuration in its ConfigStore


@dataclass(frozen=True)
class Entry:
    """What a ``@hydra.main`` says.

    Attributes:
        folder: the folder that ``config_path`` leads to, relative to the repository; None if there is none.
        name: ``config_name``.
        version_base: as given; ``UNSPECIFIED`` where the argument is absent, None where it is None.
    """

    folder: str | None
    name: str | None
    version_base: str | None = UNSPECIFIED


@dataclass(frozen=True)
class Composition:
    """A composed configuration, or why there is none.

    Attributes:
        config: what the decorated function is called with, struct flag set; None after an error.
        error: Hydra's own words in one line, "" without an error.
        kind: the name of the exception.
        changes_directory: whether Hydra starts the function in another working directory than the caller's.
        run_dir: ``hydra.run.dir`` as far as it can be resolved.
        choices: what was chosen from each group.
    """

    config: DictConfig | None
    error: str = ""
    kind: str = ""
    changes_directory: bool = False
    run_dir: str = ""
    choices: Mapping[str, Any] | None = None

    @cached_property
    def original(self) -> Original[DictConfig | None]:
        """The configuration, to be copied."""
        return Original(self.config)


def is_version_base(given: str | None) -> bool:
    """Whether ``@hydra.main`` takes this ``version_base``."""
    if given in {None, UNSPECIFIED}:
        return True
    try:
        Version(str(given))
    except InvalidVersion:
        return False
    return True


@lru_cache(maxsize=4)
def hydra_section(version_base: str | None) -> Original[DictConfig]:
    """``{"hydra": ...}`` as it is without any configuration of the submission."""
    version_base = version_base if is_version_base(version_base) else UNSPECIFIED
    search_path = ConfigSearchPathImpl()
    search_path.append("hydra", "pkg://hydra.conf")
    search_path.append("schema", "structured://")
    with _version_base(version_base), served({}), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config: DictConfig = ConfigLoaderImpl(search_path).load_configuration(None, overrides=[], run_mode=RunMode.RUN)
    OmegaConf.set_struct(config, value=None)
    return Original(config)


def compose(
    documents: Mapping[str, Document],
    entry: Entry,
    overrides: Sequence[str],
    section: Original[DictConfig] | None = None,
) -> Composition:
    """Compose for one command line.

    Args:
        documents: the YAML files of the submission by their path, all of them read without complaint.
        entry: what the entry point's decorator says.
        overrides: the arguments of the command line.
        section: of :func:`hydra_section`; saves composing Hydra's own section; keys that Hydra does not have are then
            not noticed.
    """
    search_path = ConfigSearchPathImpl()
    search_path.append("hydra", "pkg://hydra.conf")
    if entry.folder is not None:
        search_path.append("main", f"submission://{entry.folder}")
    search_path.append("schema", "structured://")
    with (
        without_environment(),
        _version_base(entry.version_base),
        served(documents, section),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            loader = ConfigLoaderImpl(search_path)
            config = loader.load_configuration(entry.name, overrides=list(overrides), run_mode=RunMode.RUN)
            bomb = explosion(config)
            if bomb:
                return Composition(None, error=bomb, kind="InterpolationExplosion")
            return _composition(config)
        except Exception as error:  # noqa: BLE001 - whatever Hydra says of a hostile file is the answer
            return Composition(None, error=_in_one_line(error), kind=type(error).__name__)


def fresh(mended: Mended) -> Mended:
    """The same with a configuration of its own, which may be changed."""
    config = mended.composition.original.copy()
    return replace(mended, composition=replace(mended.composition, config=config))


def _composition(config: DictConfig) -> Composition:
    chdir = OmegaConf.select(config, "hydra.job.chdir")
    if chdir is None:
        chdir = not version.base_at_least("1.2")
    run_dir = _resolved(config, "hydra.run.dir")
    choices = OmegaConf.to_container(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    return Composition(
        config,
        changes_directory=bool(chdir) and run_dir not in {".", "./"},
        run_dir=run_dir,
        choices={str(key): value for key, value in choices.items()} if isinstance(choices, dict) else {},
    )


def _resolved(config: DictConfig, key: str) -> str:
    try:
        return str(OmegaConf.select(config, key))
    except InterpolationKeyError:
        raise  # as Hydra does when it starts the job
    except Exception:  # noqa: BLE001 - resolvers such as ${now:} and ${oc.env:} have no value here
        return ""


def _in_one_line(error: BaseException) -> str:
    texts: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(texts) < 3:
        text = " ".join(str(seen).split())
        if text and text not in texts:
            texts.append(text)
        seen = seen.__cause__
    return "; ".join(texts)[:600] or type(error).__name__


@contextmanager
def _version_base(given: str | None) -> Iterator[None]:
    """Hydra's process-wide ``version_base``, set for one composition.

    ``${hydra:...}`` and ``${now:...}`` are registered too.
    """
    setup_globals()
    before = version.getbase()
    try:
        if given == UNSPECIFIED:
            version.VersionBase.instance().setbase(version.__compat_version__)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                version.setbase(given)
        yield
    finally:
        version.VersionBase.instance().version_base = before
