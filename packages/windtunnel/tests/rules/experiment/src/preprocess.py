"""Batches of tokenised sentences."""

from datasets import load_dataset
from omegaconf import DictConfig
from torch.utils.data import DataLoader
from transformers import AutoTokenizer, DataCollatorWithPadding

CACHE = ".cache/"


def loaders(cfg: DictConfig, *, selection: bool = False) -> tuple[DataLoader, DataLoader]:
    """Return the batches of the training and validation splits; for selection of two parts of the training split."""
    tokenizer = AutoTokenizer.from_pretrained(cfg.model.name, cache_dir=CACHE)
    rows = load_dataset(cfg.dataset.name, cfg.dataset.config, cache_dir=CACHE)

    def tokenise(batch: dict) -> dict:
        encoded = tokenizer(batch["sentence"], truncation=True, max_length=cfg.dataset.max_length)
        encoded["labels"] = batch["label"]
        return encoded

    ready = rows.map(tokenise, batched=True, remove_columns=rows["train"].column_names)
    collate = DataCollatorWithPadding(tokenizer)
    size = cfg.training.batch_size
    if selection:
        parts = ready["train"].train_test_split(test_size=0.1, seed=0)
        return (
            DataLoader(parts["train"], batch_size=size, shuffle=True, collate_fn=collate),
            DataLoader(parts["test"], batch_size=size, collate_fn=collate),
        )
    return (
        DataLoader(ready["train"], batch_size=size, shuffle=True, collate_fn=collate),
        DataLoader(ready["validation"], batch_size=size, collate_fn=collate),
    )
