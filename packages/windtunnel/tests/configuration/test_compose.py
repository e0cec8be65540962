from pathlib import Path

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from windtunnel.configuration import Entry, compose
from windtunnel.configuration.compose import UNSPECIFIED, hydra_section
from windtunnel.configuration.composed import composed
from windtunnel.configuration.environment import without_environment
from windtunnel.configuration.repair import compose_mended
from windtunnel.reading import config_yaml

ROOT = """\
defaults:
  - _self_
  - run: null
mode: full
training:
  epochs: 3
  lr: 2e-4
"""
RUN = "# @package _global_\nrun_id: a\ntraining:\n  epochs: 5\nextra: {deep: [1, 2]}\n"


def documents(**files: str):
    named = {"config/config.yaml": ROOT, "config/run/a.yaml": RUN} | {
        path.replace("__", "/") + ".yaml": text for path, text in files.items()
    }
    return {path: config_yaml.read(path, text) for path, text in named.items()}


ENTRY = Entry("config", "config", "1.3")


@pytest.mark.parametrize(
    "overrides",
    [["run=a"], ["run=a", "mode=trial", "training.epochs=1"], ["run=a", "+training.new=1"], ["~training.lr"], []],
)
def test_it_composes_what_hydra_composes_from_files(tmp_path: Path, overrides: list[str]):
    for path, document in documents().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(document.text)
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(tmp_path / "config"), version_base="1.3"):
        expected = hydra_compose("config", overrides=overrides)

    found = compose(documents(), ENTRY, overrides)
    again = compose(documents(), ENTRY, overrides, hydra_section("1.3"))

    assert found.error == ""
    assert found.config == expected
    assert again.error == ""
    assert again.config == expected
    assert OmegaConf.is_struct(found.config)
    assert OmegaConf.is_struct(again.config)


def test_hydra_composes_as_before_afterwards(tmp_path: Path):
    compose(documents(), ENTRY, ["run=a"])
    (tmp_path / "config.yaml").write_text("a: 1\n")
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        assert hydra_compose("config").a == 1


@pytest.mark.parametrize(
    ("overrides", "error"),
    [(["run=missing"], "missing"), (["nothing.there=1"], "nothing"), (["run="], ""), (["a=b=c=["], "mismatched input")],
)
def test_what_hydra_refuses_is_said_in_its_words(overrides: list[str], error: str):
    found = compose(documents(), ENTRY, overrides)
    if error:
        assert found.config is None
        assert error in found.error
        assert "\n" not in found.error


@pytest.mark.parametrize(
    "hostile",
    [
        "hydra:\n  searchpath: ['pkg://os']\na: 1\n",
        "hydra:\n  searchpath: ['file:///etc']\na: 1\n",
        "hydra:\n  searchpath: ['structured://antigravity']\na: 1\n",
        "defaults:\n  - ../../../../etc/hostname\na: 1\n",
        "defaults:\n  - /../../outside\na: 1\n",
    ],
)
def test_nothing_outside_the_submission_is_read_or_imported(hostile: str, tmp_path: Path):
    import sys

    before = set(sys.modules)
    found = compose(documents(config__config=hostile), ENTRY, [])
    assert found.config is None
    assert found.error
    assert "antigravity" not in set(sys.modules) - before


def test_the_environment_is_not_handed_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WANDB_API_KEY", "secret-of-the-user")
    found = compose(documents(config__config="key: ${oc.env:WANDB_API_KEY,none}\n"), ENTRY, [])
    with without_environment():
        assert found.config is not None
        assert found.config.key == "none"
        with without_environment():
            pass
        assert found.config.key == "none"
    assert (
        OmegaConf.create({"key": "${oc.env:WANDB_API_KEY}"}).key == "secret-of-the-user"
    )  # put back for everybody else


def test_an_explosion_is_refused():
    text = "".join(f"a{index}: ${{a{index + 1}}}${{a{index + 1}}}\n" for index in range(40)) + "a40: x\n"
    found = compose(documents(config__config=text), ENTRY, [])
    assert found.kind == "InterpolationExplosion"


@pytest.mark.parametrize(
    ("version_base", "hydra", "changes"),
    [
        (UNSPECIFIED, "", True),
        ("1.1", "", True),
        ("1.3", "", False),
        (None, "", False),
        (UNSPECIFIED, "hydra: {job: {chdir: false}}\n", False),
        (UNSPECIFIED, "hydra: {run: {dir: .}}\n", False),
        ("1.3", "hydra: {job: {chdir: true}}\n", True),
    ],
)
def test_the_working_directory_is_hydras(version_base: str | None, hydra: str, changes: bool):
    found = compose(documents(config__config=ROOT + hydra), Entry("config", "config", version_base), ["run=a"])
    assert found.error == ""
    assert found.changes_directory is changes


def test_a_version_base_that_hydra_cannot_read_is_a_mistake_and_not_an_exception():
    files = {"config/config.yaml": config_yaml.read("config/config.yaml", "mode: full\n")}
    mended = compose_mended(files, Entry("config", "config", "one point three"), ())
    assert [mistake.what for mistake in mended.mistakes] == ["other"]
    assert "'one point three'" in mended.mistakes[0].error
    assert mended.composition.config == {"mode": "full"}


@pytest.mark.parametrize(
    ("text", "mode"),
    [("mode: full\n", "trial"), ("mode: full\nwandb:\n  mode: ${mode}\n", "trial"), ("mode:\n  name: full\n", "trial")],
)
def test_a_mode_composes_as_hydra_does_it(text: str, mode: str):
    files = {"config/config.yaml": config_yaml.read("config/config.yaml", text)}
    entry = Entry("config", "config", None)
    words = (f"mode={mode}",)
    assert composed(tuple(files.values()), entry, words, first=True).composition.config == (
        compose_mended(files, entry, words).composition.config
    )


def test_a_mode_that_is_not_there_is_still_a_mistake():
    files = (config_yaml.read("config/config.yaml", "seed: 1\n"),)
    assert composed(files, Entry("config", "config", None), ("mode=trial",), first=True).mistakes
