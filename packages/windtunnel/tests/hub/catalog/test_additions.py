from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.errors import CatalogError
from windtunnel.hub.catalog import Catalogue
from windtunnel.hub.catalog.additions import read_additions
from windtunnel.hub.unknown import unknown_dataset

if TYPE_CHECKING:
    from pathlib import Path

MINE = {"type": "dataset", "id": "me/mine", "splits": {"train": 30, "test": 10}, "columns": {"text": "string"}}


def _file(folder: Path, *lines: str | dict[str, Any]) -> Path:
    path = folder / "ids.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def test_a_line_adds_a_dataset_with_its_older_names(tmp_path: Path) -> None:
    catalogue = Catalogue([_file(tmp_path, "# mine", "", {**MINE, "aliases": ["mine"]})])
    entry = catalogue.dataset("me/mine")
    assert entry is not None
    assert entry.configs["default"].splits == ("train", "test")
    assert catalogue.canonical("dataset", "mine") == "me/mine"
    assert catalogue.dataset("openai/gsm8k") is not None
    assert Catalogue().dataset("me/mine") is None


def test_a_line_adds_to_what_the_table_knows(tmp_path: Path) -> None:
    labels = [f"intent {number}" for number in range(77)]
    path = _file(
        tmp_path, {"type": "dataset", "id": "polyai/banking77", "columns": {"text": "string", "label": labels}}
    )
    entry = Catalogue([path]).dataset("PolyAI/banking77")
    assert entry is not None
    (config,) = entry.generated_configs
    assert config.generated is not None
    assert config.generated.rows == {"train": 1500, "test": 300}


def test_another_line_is_another_digest(tmp_path: Path) -> None:
    digests = []
    for rows in (30, 31):
        catalogue = Catalogue([_file(tmp_path, {**MINE, "splits": {"train": rows}})])
        digests.append(catalogue.digest("dataset", "me/mine"))
    assert digests[0] != digests[1]


def test_every_bad_line_is_named_with_what_is_wrong(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "{not json",
        "[1]",
        {"id": "me/mine"},
        {"type": "dataset", "id": "me--mine"},
        {"type": "dataset", "id": "me/empty"},
        {**MINE, "make": {"grammar": "sonnets"}},
        {"type": "model", "id": "me/model"},
    )
    with pytest.raises(CatalogError) as caught:
        read_additions([path])
    text = str(caught.value)
    for said in (
        ":1 is not JSON",
        ":2 is not a JSON object",
        ':3 has no "type" that is "dataset" or "model"',
        ":4 has the id 'me--mine', which has '--'",
        ":5 (me/empty) has nothing that can be made",
        ":6 (me/mine) cannot be read (LookupError: there is no grammar 'sonnets'",
        ":7 (me/model) cannot be read",
    ):
        assert f"{path}{said}" in text


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"gone\.jsonl cannot be read"):
        Catalogue([tmp_path / "gone.jsonl"])


def test_what_a_hub_prints_for_an_unknown_dataset_can_be_read_back(tmp_path: Path) -> None:
    unknown = unknown_dataset("someone/their-data", None)
    entry = Catalogue([_file(tmp_path, *unknown.lines.splitlines())]).dataset("someone/their-data")
    assert entry is not None
    assert entry.generated_configs
