from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from windtunnel.batch import result_folders, review_each
from windtunnel.errors import WindtunnelError

if TYPE_CHECKING:
    from pathlib import Path


def test_repositories_of_one_name_get_folders_of_their_own(tmp_path: Path) -> None:
    folders = result_folders(["a/x", "b/x", "y"], tmp_path)
    assert folders == [tmp_path / "x", tmp_path / "x-2", tmp_path / "y"]
    assert result_folders(["a", "b"], None) == [None, None]


def test_a_broken_repository_does_not_stop_the_batch(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.json").write_text("{")
    paths = [str(tmp_path / name) for name in ("none", "broken.json", "empty")]
    reviewed = {result.path: result for result in review_each(paths, {}, jobs=2)}
    assert set(reviewed) == set(paths)
    assert [reviewed[path].exit_code for path in paths] == [2, 2, 1]
    assert reviewed[paths[2]].record["outcome"] == "not ready"
    assert "not JSON" in reviewed[paths[1]].record["error"]


def test_a_cluster_without_its_client_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray.util.joblib", None)
    with pytest.raises(WindtunnelError, match=r"windtunnel\[cluster\]"):
        list(review_each([str(tmp_path)], {}, backend="ray"))
