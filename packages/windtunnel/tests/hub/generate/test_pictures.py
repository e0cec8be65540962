from __future__ import annotations

import io
import random

import pytest
import torch
from PIL import Image
from torch import nn

from windtunnel.hub.catalog import Catalogue
from windtunnel.hub.generate import generate_splits


def tensors(rows: list[dict[str, object]], image: str, label: str) -> tuple[torch.Tensor, torch.Tensor]:
    pictures = [Image.open(io.BytesIO(row[image]["bytes"])) for row in rows]  # type: ignore[index]
    flat = torch.stack([torch.frombuffer(bytearray(one.tobytes()), dtype=torch.uint8) for one in pictures])
    channels = len(pictures[0].getbands())
    size = (pictures[0].height, pictures[0].width, channels)
    return flat.view(-1, *size).permute(0, 3, 1, 2).float() / 255 - 0.4, torch.tensor([row[label] for row in rows])


def splits(dataset: str, permute: int | None = None) -> dict[str, list[dict[str, object]]]:
    entry = Catalogue().dataset(dataset)
    assert entry is not None
    config = next(iter(entry.generated_configs))
    assert config.generated is not None
    return generate_splits(config.generated, config.columns, seed="test", permute=permute)


@pytest.mark.parametrize(("dataset", "image"), [("ylecun/mnist", "image"), ("uoft-cs/cifar10", "img")])
def test_the_class_of_a_picture_can_be_learned(dataset: str, image: str) -> None:
    rows = splits(dataset)
    pictures, labels = tensors(rows["train"], image, "label")
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.LazyConv2d(16, 5, 2), nn.ReLU(), nn.LazyConv2d(32, 5, 2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10)
    )
    network(pictures[:1])
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(6):
        for batch in torch.randperm(len(labels)).split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(pictures[batch]), labels[batch]).backward()
            optimizer.step()
    unseen, truth = tensors(rows["test"], image, "label")
    with torch.inference_mode():
        accuracy = (network(unseen).argmax(1) == truth).float().mean().item()
    assert accuracy > 0.7  # chance is 0.1


def test_permuted_labels_keep_the_pictures_and_their_share() -> None:
    told, mixed = splits("ylecun/mnist"), splits("ylecun/mnist", permute=1)
    assert [row["image"] for row in told["train"]] == [row["image"] for row in mixed["train"]]
    assert told["test"] == mixed["test"]
    before, after = ([row["label"] for row in rows["train"]] for rows in (told, mixed))
    assert sorted(before) == sorted(after)
    assert sum(a == b for a, b in zip(before, after, strict=True)) < len(before) / 2


def test_a_fine_class_has_its_coarse_one() -> None:
    rows = splits("uoft-cs/cifar100")["train"]
    coarse: dict[object, set[object]] = {}
    for row in random.Random(0).sample(rows, 1000):
        coarse.setdefault(row["fine_label"], set()).add(row["coarse_label"])
    assert all(len(found) == 1 for found in coarse.values())
    assert len({next(iter(found)) for found in coarse.values()}) == 20
