"""A tiny classifier, a tiny dataset and composed configurations: everything here runs without a hub or a server."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hydra import compose, initialize_config_dir

if TYPE_CHECKING:
    from collections.abc import Callable

EXPERIMENT = Path(__file__).resolve().parents[2] / "experiments" / "glora-glue"
MINILM = "all-MiniLM-L6-v2-22M--GLUE-SST-2"
RUN_IDS = {"GLoRA": f"proposed-{MINILM}", "AdaLoRA": f"comparative-1-{MINILM}", "LoRA": f"comparative-2-{MINILM}"}
GOOD, BAD = ["fine", "lovely", "bright", "warm"], ["dull", "grim", "stale", "cold"]
FILLER = ["the", "film", "is", "a", "very", "plot", "cast", "and", "with", "of"]


@pytest.fixture
def experiment() -> Path:
    return EXPERIMENT


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random two-layer BERT with a word-level vocabulary, saved where from_pretrained finds it, in half precision."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("backbone")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *GOOD, *BAD, *FILLER]
    (folder / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        hidden_dropout_prob=0.1,
        initializer_range=0.3,  # a random backbone whose features tell words apart, so that a head can learn
    )  # fmt: skip
    BertModel(config).to(torch.float16).save_pretrained(folder)
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def composed(tmp_path: Path, backbone: str) -> Callable[..., Any]:
    """Compose a run configuration as Hydra's command line does; by default the MiniLM one, made tiny."""

    def build(method: str = "GLoRA", *overrides: str, mode: str = "full", tiny: bool = True) -> Any:
        return compose_run(method, *overrides, results=tmp_path / "results", backbone=backbone, mode=mode, tiny=tiny)

    return build


def compose_run(
    method: str, *overrides: str, results: Path, backbone: str, mode: str = "full", tiny: bool = True
) -> Any:
    """What the command line composes; a method stands for its MiniLM run."""
    shrunk = [
        f"run.model.backbone={backbone}",
        "run.dataset.batch_size=8",
        "run.dataset.max_length=16",
        "run.training.epochs=3",
        "run.dataset.train_rows=64",
        "launcher.device=cpu",
    ]
    chosen = [f"run={RUN_IDS.get(method, method)}", f"results_dir={results}", f"mode={mode}"]
    with initialize_config_dir(version_base="1.3", config_dir=str(EXPERIMENT / "config")):
        return compose("config", overrides=[*chosen, *(shrunk if tiny else []), *overrides])


def build_data(backbone: str) -> Any:
    """64 training and 24 evaluation sentences whose label is the polarity of one word."""
    from datasets import ClassLabel, Dataset, Features, Value
    from transformers import DataCollatorWithPadding

    from src import preprocess

    generator = random.Random(1)

    def rows(count: int) -> Any:
        labels = [generator.randrange(2) for _ in range(count)]
        text = [
            " ".join([*generator.choices(FILLER, k=generator.randint(2, 9)), generator.choice(GOOD if label else BAD)])
            for label in labels
        ]
        features = Features({"sentence": Value("string"), "label": ClassLabel(names=["negative", "positive"])})
        return Dataset.from_dict({"sentence": text, "label": labels}, features=features)

    tokenizer = preprocess.load_tokenizer(backbone)
    task = preprocess.TASKS["glue_sst2"]
    train, evaluation = (preprocess._tokenise(rows(count), task, tokenizer, 16) for count in (64, 24))
    return preprocess.Data(
        train=train,
        evaluation=evaluation,
        collator=DataCollatorWithPadding(tokenizer),
        label_names=["negative", "positive"],
        source="generated",
        splits="train[64 rows] -> validation[24 rows]",
    )


@pytest.fixture
def data(backbone: str) -> Any:
    return build_data(backbone)
