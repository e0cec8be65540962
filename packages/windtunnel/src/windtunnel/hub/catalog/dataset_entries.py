"""What the catalogue says of a dataset: its configs, columns and splits, and how its rows are made.

The facts are those of the knowledge table, ``knowledge/data/datasets.jsonl``; adding a dataset is adding one line there
or in a file of one's own. Most need nothing else to be made: the grammar follows from the columns, the number of rows
from the grammar. Where that is not so, a line or one of its configs has ``make``, an object with

* ``grammar``: a key of ``windtunnel.hub.generate.GRAMMARS``;
* ``roles``: role → column, where the names of the columns do not tell;
* ``labels``: the names of the classes, where the column itself is a plain number;
* ``rows``: split → number of rows;
* ``sentences``: how many sentences a text has, the fewest and the most;
* ``picture``: ``width``, ``height`` and ``channels`` of the pictures, and ``groups``, of each class its group's number;

or null, if its rows cannot be made; and ``files``, split → the paths of its files, if they are not Parquet files named
as ``push_to_hub`` names them. A path with ``*-of-NUMBER`` stands for so many files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from windtunnel.hub.generate import GRAMMARS, Picture, assign_roles, can_fill, find_grammar, is_beside
from windtunnel.hub.generate.exchange import is_training
from windtunnel.knowledge.datasets import Column, dataset_from
from windtunnel.knowledge.hub import table_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.knowledge.datasets import Dataset

DEFAULT_CONFIG = "default"


@dataclass(frozen=True)
class Generated:
    """How the rows of a config are made.

    Attributes:
        grammar: a key of ``GRAMMARS``.
        rows: split name → number of rows.
        unlabelled: the splits whose targets stay hidden.
        roles: role of the grammar → column.
        labels: the names of the classes, where the column does not have them.
        sentences: how many a text has, None as the grammar likes.
        picture: how its pictures are.
    """

    grammar: str
    rows: Mapping[str, int]
    unlabelled: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    sentences: tuple[int, int] | None = None
    picture: Picture = field(default_factory=Picture)

    @property
    def target(self) -> tuple[str, ...]:
        """The columns that a learner has to predict from the others, empty for plain text."""
        return tuple(self.roles[role] for role in GRAMMARS[self.grammar].target if role in self.roles)


@dataclass(frozen=True)
class DatasetConfig:
    """One config (subset) of a dataset.

    Attributes:
        name: as ``load_dataset`` takes it.
        columns: in the order of the real files.
        splits: in the order of the real card.
        folders: the names under which a served folder may hold it, its own first.
        generated: how the hub makes it, None if it can only be served.
        files: split → the paths of its files, empty for the usual Parquet files.
    """

    name: str
    columns: tuple[Column, ...]
    splits: tuple[str, ...]
    folders: tuple[str, ...]
    generated: Generated | None = None
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetEntry:
    """A dataset repository.

    Attributes:
        id: with its namespace, as the hub shows it today.
        configs: by name.
        default: the config that is loaded without a name, None if one must be named.
        gated: whether its terms must be accepted first.
        removed: why it cannot be had any more, "" if it can.
        script_only: whether it holds a loading script and no data files.
    """

    id: str
    configs: Mapping[str, DatasetConfig]
    default: str | None = None
    gated: bool = False
    removed: str = ""
    script_only: bool = False

    @property
    def generated_configs(self) -> tuple[DatasetConfig, ...]:
        """The configs that the hub can make itself."""
        return tuple(config for config in self.configs.values() if config.generated)


class Datasets(Mapping[str, DatasetEntry]):
    """The datasets of the catalogue by their id; an entry is read when it is asked for.

    Args:
        lines: the lines of the table, by id.
    """

    def __init__(self, lines: Mapping[str, Mapping[str, Any]]) -> None:
        self._lines = lines
        self._entries: dict[str, DatasetEntry] = {}

    def __getitem__(self, dataset_id: str) -> DatasetEntry:
        if dataset_id not in self._entries:
            self._entries[dataset_id] = dataset_entry(self._lines[dataset_id])
        return self._entries[dataset_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


@cache
def datasets() -> Datasets:
    """Every dataset of the catalogue by its id."""
    return Datasets({line["id"]: line for line in table_lines("datasets").values()})


def dataset_entry(line: Mapping[str, Any]) -> DatasetEntry:
    """Read a line of the table.

    Raises:
        LookupError: ``make`` names a grammar that there is not.
    """
    known = dataset_from(line, line["id"])
    listed = line.get("configs", {})
    own: Mapping[str, Mapping[str, Any]] = listed if isinstance(listed, dict) else {name: {} for name in listed}
    names = known.configs or (known.default_config or DEFAULT_CONFIG,)
    configs = {name: _config(line, known, name, {**line, **own.get(name, {})}, alone=len(names) == 1) for name in names}
    read = {name: config for name, config in configs.items() if config is not None}
    default = known.default_config or (names[0] if len(names) == 1 and known.all_configs else None)
    return DatasetEntry(
        id=line["id"],
        configs=read,
        default=default or (None if known.configs else names[0]),
        gated=known.gated,
        removed=known.removed,
        script_only=known.script_only_since is not None,
    )


def _config(
    line: Mapping[str, Any], known: Dataset, name: str, data: Mapping[str, Any], *, alone: bool
) -> DatasetConfig | None:
    columns, splits = known.columns(name if known.configs else None), known.splits(name if known.configs else None)
    if not columns or not splits:
        return None
    given = {
        split: (paths,) if isinstance(paths, str) else tuple(paths) for split, paths in data.get("files", {}).items()
    }
    hidden = known.hidden_labels(name if known.configs else None)
    last = line["id"].rpartition("/")[2]
    return DatasetConfig(
        name=name,
        columns=tuple(columns.values()),
        splits=tuple(splits),
        folders=tuple(dict.fromkeys((name, last) if alone else (name,))),
        generated=_generated(tuple(columns.values()), splits, hidden, data.get("make", {})),
        files=given,
    )


def _generated(
    columns: tuple[Column, ...],
    splits: Mapping[str, int | None],
    hidden: tuple[str, ...],
    make: Mapping[str, Any] | None,
) -> Generated | None:
    if make is None:
        return None
    labels = tuple(make.get("labels", ()))
    if "grammar" in make:
        if make["grammar"] not in GRAMMARS:
            raise LookupError(f"there is no grammar {make['grammar']!r}; there are {', '.join(GRAMMARS)}")
        found = (
            make["grammar"],
            assign_roles(GRAMMARS[make["grammar"]], columns, given=make.get("roles"), labels=labels),
        )
    else:
        found = find_grammar(columns) or ("", {})
    name, roles = found
    others = [column for column in columns if column.name not in roles.values()]
    named = "grammar" in make
    if not roles or not all(can_fill(column) and (named or is_beside(column)) for column in others):
        return None
    training, other = GRAMMARS[name].most_rows
    rows = {
        split: min(real or training, training if is_training(split, splits) else other)
        for split, real in splits.items()
    }
    sentences = make.get("sentences")
    return Generated(
        grammar=name,
        rows={**rows, **make.get("rows", {})},
        unlabelled=tuple(split for split in hidden if split in splits),
        roles=roles,
        labels=labels,
        sentences=(sentences[0], sentences[1]) if sentences else None,
        picture=_picture(make.get("picture", {})),
    )


def _picture(given: Mapping[str, Any]) -> Picture:
    return Picture(**{**given, "groups": tuple(given.get("groups", ()))})
