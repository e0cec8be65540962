"""What is known of one dataset on the hub: its configs, splits and columns, and what keeps it from loading.

Facts only; what they mean for a submission is a rule's affair. Whatever is not known is None or empty, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRIPTS_REFUSED_SINCE = "4.0.0"  # of `datasets`: "Dataset scripts are no longer supported", its release notes


@dataclass(frozen=True)
class Column:
    """One column of a dataset.

    Attributes:
        name: its name.
        dtype: "string", "int64", "float32", "bool", "image", "audio", "class" for a class label; "list<T>" for a
            list of T, "struct" for nested fields, "list<message>" for chat messages with `role` and `content`.
        labels: the names of a class label (or of a list of class labels) in their order, empty for any other column.
        fields: what a "struct" or a "list<struct>" holds, empty if that is not known, and for any other column.
    """

    name: str
    dtype: str
    labels: tuple[str, ...] = ()
    fields: tuple[Column, ...] = ()


@dataclass(frozen=True)
class _Config:
    splits: Mapping[str, int | None] | None
    columns: Mapping[str, Column] | None
    hidden_labels: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """A dataset repository.

    Attributes:
        id: as it was asked for.
        canonical: with its namespace, as the hub shows it today.
        configs: as ``load_dataset`` takes them; empty if not known.
        all_configs: whether ``configs`` is the whole list, so that another name is wrong.
        config_required: whether ``load_dataset`` refuses the id without a config.
        default_config: what it loads then, None if a config is required or the default is not known.
        script_only_since: the version of `datasets` since which it cannot be loaded because only a loading script
            exists; None if it has data files, or if that is not known. Its Parquet conversion, if it has one, lies
            under ``refs/convert/parquet``.
        removed: why the repository cannot be had any more, "" if it can.
        gated: whether its terms must be accepted with an account first.
        remote_code: whether earlier versions of `datasets` ask for ``trust_remote_code=True``.
        note: what else a reader should know, in a sentence.
    """

    id: str
    canonical: str
    configs: tuple[str, ...]
    all_configs: bool
    config_required: bool
    default_config: str | None
    script_only_since: str | None
    removed: str
    gated: bool
    remote_code: bool
    note: str
    _by_config: Mapping[str, _Config]

    def splits(self, config: str | None = None) -> Mapping[str, int | None] | None:
        """The splits of a config and about how many rows each has; None if not known.

        Args:
            config: left out, the default config, or what all configs have in common.
        """
        known = self._of(config)
        return known.splits if known else None

    def columns(self, config: str | None = None) -> Mapping[str, Column] | None:
        """The columns of a config by name; None if not known."""
        known = self._of(config)
        return known.columns if known else None

    def hidden_labels(self, config: str | None = None) -> tuple[str, ...]:
        """The splits of a config whose labels are not published (-1 or empty in the files)."""
        known = self._of(config)
        return known.hidden_labels if known else ()

    def labels(self, config: str | None = None) -> tuple[str, ...]:
        """The class names of a config that has just one labelled column, else empty."""
        labelled = [column.labels for column in (self.columns(config) or {}).values() if column.labels]
        return labelled[0] if len(labelled) == 1 else ()

    def _of(self, config: str | None) -> _Config | None:
        if config is not None:
            return self._by_config.get(config)
        if self.default_config is not None:
            return self._by_config.get(self.default_config)
        known = list(self._by_config.values())
        if not known:
            return None
        first = known[0]
        return _Config(
            splits=first.splits if all(one.splits == first.splits for one in known) else None,
            columns=first.columns if all(one.columns == first.columns for one in known) else None,
            hidden_labels=first.hidden_labels if all(one.hidden_labels == first.hidden_labels for one in known) else (),
        )


def dataset_from(data: Mapping[str, Any], asked_for: str) -> Dataset:
    """Read one line of the table.

    Args:
        data: the line: ``id``, ``aliases``, ``configs`` (names, or a mapping of names to what differs there), and
            ``splits``, ``columns``, ``hidden`` that hold for every config which does not say otherwise.
        asked_for: the id as the submission has it.
    """
    listed = data.get("configs", {})
    own: dict[str, dict[str, Any]] = dict(listed) if isinstance(listed, dict) else {name: {} for name in listed}
    default = data.get("default")
    by_config = {name: _config({**data, **differs}) for name, differs in own.items()}
    if not by_config and ("splits" in data or "columns" in data):
        default = default or "default"
        by_config = {default: _config(data)}
    elif default is None and len(by_config) == 1 and data.get("all_configs", True):
        default = next(iter(by_config))
    return Dataset(
        id=asked_for,
        canonical=data["id"],
        configs=tuple(own),
        all_configs=bool(own) and data.get("all_configs", True),
        config_required=data.get("config_required", default is None and len(own) > 1),
        default_config=default,
        script_only_since=SCRIPTS_REFUSED_SINCE if data.get("script_only") else None,
        removed=data.get("removed", ""),
        gated=data.get("gated", False),
        remote_code=data.get("remote_code", False),
        note=data.get("note", ""),
        _by_config=by_config,
    )


def _config(data: Mapping[str, Any]) -> _Config:
    splits = data.get("splits")
    columns = data.get("columns")
    return _Config(
        splits=dict.fromkeys(splits) if isinstance(splits, list) else splits,
        columns={name: column_from(name, dtype) for name, dtype in columns.items()} if columns is not None else None,
        hidden_labels=tuple(data.get("hidden", ())),
    )


def column_from(name: str, dtype: str | list[str] | dict[str, Any]) -> Column:
    """Read a column of the table.

    Args:
        name: its name.
        dtype: its type as a string, a list of class names, ``{"list": class names}`` for tags per token,
            ``{"struct": {name: type}}`` for nested fields, or ``{"list": {name: type}}`` for a list of such.
    """
    if isinstance(dtype, list):
        return Column(name, "class", tuple(dtype))
    if isinstance(dtype, str):
        return Column(name, dtype)
    ((kind, inside),) = dtype.items()
    if isinstance(inside, list):
        return Column(name, "list<class>", tuple(inside))
    fields = tuple(column_from(field, of) for field, of in inside.items())
    return Column(name, "list<struct>" if kind == "list" else "struct", fields=fields)
