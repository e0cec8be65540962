from __future__ import annotations

import importlib
import sys
from importlib.resources import files

import pytest

import glora


def test_all_is_sorted_and_names_what_is_exported() -> None:
    assert glora.__all__ == sorted(glora.__all__)
    assert len(set(glora.__all__)) == len(glora.__all__)
    for name in glora.__all__:
        assert getattr(glora, name).__module__.startswith("glora.")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="NoSuchName"):
        glora.__getattr__("NoSuchName")


def test_the_package_says_that_it_is_typed() -> None:
    assert files("glora").joinpath("py.typed").is_file()


def test_the_callback_is_imported_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "glora.callback", raising=False)
    monkeypatch.delitem(sys.modules, "glora")
    anew = importlib.import_module("glora")
    assert "glora.callback" not in sys.modules
    assert anew.GLoRACallback.__module__ == "glora.callback"


def test_without_transformers_the_callback_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.delitem(sys.modules, "glora.callback", raising=False)
    monkeypatch.delattr(glora, "callback", raising=False)
    with pytest.raises(glora.MissingDependencyError, match=r"pip install 'glora\[trainer\]'"):
        glora.__getattr__("GLoRACallback")
