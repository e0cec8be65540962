from __future__ import annotations

import subprocess
import sys
from itertools import product
from typing import TYPE_CHECKING

import pytest

from glora import MissingDependencyError, RankPlan
from glora.heatmap import heat_map

if TYPE_CHECKING:
    from pathlib import Path

RANKS = {f"encoder.layer.{layer}.{kind}": layer * 3 for layer in (0, 2, 10) for kind in ("query", "output.dense")}


def test_layers_stand_in_their_order_and_matrices_in_the_models() -> None:
    axes = heat_map(RANKS | {"head": 4}).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "2", "10", "none"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["query", "output.dense", "head"]
    assert {tuple(map(int, text.get_position())): text.get_text() for text in axes.texts} == {
        (0, 0): "0", (1, 0): "6", (2, 0): "30", (0, 1): "0", (1, 1): "6", (2, 1): "30", (3, 2): "4",
    }  # fmt: skip


def test_two_towers_stand_in_rows_of_their_own() -> None:
    ranks = {
        f"{tower}.layer.{layer}.q": rank for rank, (tower, layer) in enumerate(product(("encoder", "decoder"), (0, 1)))
    }
    axes = heat_map({**ranks, "decoder.layer.0.cross": 7}).axes[0]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["encoder.layer.*.q", "decoder.layer.*.q", "cross"]
    assert sorted(text.get_text() for text in axes.texts) == ["0", "1", "2", "3", "7"]


def test_a_matrix_without_an_adapter_is_grey_and_one_that_does_not_exist_is_white() -> None:
    image = heat_map({"layer.0.q": 0, "layer.1.q": 1, "layer.1.k": 8}).axes[0].images[0]
    colours = image.cmap(image.norm(image.get_array()))
    red, green, blue, _ = colours[0, 0]
    assert red == green == blue < 1
    assert tuple(colours[1, 0][:3]) == (1, 1, 1)
    assert tuple(colours[0, 1]) != tuple(colours[0, 0])


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_plan_is_drawn_to_a_file_without_a_display(ending: str, tmp_path: Path) -> None:
    alphas = {name: 2 * rank for name, rank in RANKS.items() if rank}
    RankPlan(ranks=RANKS, alphas=alphas).plot(tmp_path / f"ranks.{ending}")
    assert (tmp_path / f"ranks.{ending}").stat().st_size > 1000


def test_matplotlib_is_asked_for_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "glora.heatmap")
    with pytest.raises(MissingDependencyError, match=r"pip install 'glora\[plot\]'"):
        RankPlan(ranks={"up": 1}, alphas={"up": 1}).plot()


def test_glora_itself_does_not_import_matplotlib() -> None:
    code = "import sys, glora; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
