from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.flight.observer.observer import SHIMS
from windtunnel.hub import Hub
from windtunnel.hub.catalog import Catalogue
from windtunnel.hub.downloads import find_download
from windtunnel.hub.shelf import MOST_DOWNLOADS, MissingRepositoryError, Shelf
from windtunnel.hub.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# as the observer puts the shim in place, without a flight around it
SHIM = f"""
import os, sys
sys.path[:0] = [{str(SHIMS)!r}, {str(SHIMS.parent / "observer" / "inside")!r}]
import torchvision_downloads
from _windtunnel_observer import importing
importing.install()
told = []
torchvision_downloads.install(os.environ["HF_ENDPOINT"], told.append)
"""


@pytest.fixture
def with_shim(run_client: Callable[[Hub, str], Any]) -> Callable[[Hub, str], Any]:
    return lambda hub, code: run_client(hub, SHIM + code)


@pytest.mark.slow
def test_torchvision_reads_its_datasets_as_the_hub_has_them(with_shim: Callable[[Hub, str], Any], store: Path) -> None:
    code = """
from torchvision import datasets
from datasets import load_dataset
for name, same in (("CIFAR10", "uoft-cs/cifar10"), ("CIFAR100", "uoft-cs/cifar100"), ("MNIST", "ylecun/mnist"),
                   ("FashionMNIST", "zalando-datasets/fashion_mnist")):
    read = getattr(datasets, name)("data", train=False, download=True)
    again = getattr(datasets, name)("data", train=True, download=True)
    rows = load_dataset(same, split="test")
    label = "fine_label" if name == "CIFAR100" else "label"
    image = "img" if name.startswith("CIFAR") else "image"
    picture, number = read[7]
    same = picture.tobytes() == rows[7][image].tobytes() and number == rows[7][label]
    answer[name] = [len(again), len(read), same]
answer["classes"] = datasets.CIFAR10("data").classes
answer["told"] = told
"""
    with Hub(store=store) as hub:
        answer = with_shim(hub, code)
    assert answer.pop("classes")[:2] == ["airplane", "automobile"]
    told = answer.pop("told")
    assert len(told) == 10  # an archive of each CIFAR, four files of each MNIST
    assert told[0].startswith("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz was answered by the hub")
    assert answer == {key: [2000, 500, True] for key in ("CIFAR10", "CIFAR100", "MNIST", "FashionMNIST")}
    assert hub.unknown == hub.failures == []


@pytest.mark.slow
def test_weights_of_torchvision_and_timm_load(with_shim: Callable[[Hub, str], Any], store: Path) -> None:
    code = """
import timm, torch, torchvision
network = torchvision.models.resnet18(weights="IMAGENET1K_V1")
answer["torchvision"] = list(network(torch.zeros(1, 3, 64, 64)).shape)
answer["timm"] = list(timm.create_model("resnet18", pretrained=True, num_classes=10)(torch.zeros(1, 3, 64, 64)).shape)
answer["told"] = told
"""
    with Hub(store=store) as hub:
        answer = with_shim(hub, code)
    assert answer["torchvision"] == [1, 1000]
    assert answer["timm"] == [1, 10]
    assert len(answer["told"]) == 1
    assert next(request.repo_id for request in hub.requests if request.repo_type == "model").startswith(
        "timm/resnet18."
    )


def test_an_address_that_nothing_is_known_of_is_undecided(with_shim: Callable[[Hub, str], Any], store: Path) -> None:
    code = """
from torchvision import datasets
try:
    datasets.KMNIST("data", download=True)
except Exception as error:
    answer["error"] = str(error)
"""
    with Hub(store=store) as hub:
        answer = with_shim(hub, code)
    assert answer["error"]
    assert {(unknown.repo_type, "KMNIST" in unknown.lines or "kmnist" in unknown.lines) for unknown in hub.unknown} == {
        ("download", True)
    }


def test_weights_that_torchvision_does_not_know_are_a_failure_of_the_hub(
    with_shim: Callable[[Hub, str], Any], store: Path
) -> None:
    code = """
import torch
try:
    torch.hub.load_state_dict_from_url("https://download.pytorch.org/models/never-12345678.pth")
except Exception as error:
    answer["error"] = str(error)
"""
    with Hub(store=store) as hub:
        with_shim(hub, code)
    assert any("never-12345678.pth" in failure for failure in hub.failures)


@pytest.mark.parametrize(
    "url",
    [
        "https://download.pytorch.org/models/../x-12345678.pth",
        "https://download.pytorch.org/models/a/b-12345678.pth",
        "https://download.pytorch.org/models/.pth",
        "https://download.pytorch.org/models/x\0-12345678.pth",
        "https://example.org/train-images-idx3-ubyte.gz",
        "",
    ],
)
def test_addresses_of_another_form_are_not_looked_for(url: str) -> None:
    assert find_download(url) is None


def test_whoever_tries_addresses_out_is_answered_no_more(tmp_path: Path) -> None:
    shelf = Shelf(Store(tmp_path), Catalogue(), {})
    for number in range(MOST_DOWNLOADS):
        with pytest.raises(MissingRepositoryError):
            shelf.download(f"https://example.org/{number}")
    with pytest.raises(MissingRepositoryError):
        shelf.download("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz")
    assert not list(tmp_path.iterdir())
