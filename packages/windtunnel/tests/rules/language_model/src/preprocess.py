"""Questions and answers as token ids, for training and for generation."""

import torch
from datasets import load_dataset
from omegaconf import DictConfig
from torch.utils.data import DataLoader
from transformers import AutoTokenizer, DataCollatorForSeq2Seq

CACHE = ".cache/"


def final_number(answer: str) -> str:
    """Return what stands after the mark of a gold answer."""
    return answer.rsplit("####", 1)[-1].strip().replace(",", "")


def load_tokenizer(cfg: DictConfig) -> AutoTokenizer:
    """Return a tokenizer that pads prompts on the left."""
    tokenizer = AutoTokenizer.from_pretrained(cfg.model.name, cache_dir=CACHE)
    tokenizer.padding_side = "left"
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer


def loaders(cfg: DictConfig, tokenizer: AutoTokenizer) -> tuple[DataLoader, DataLoader]:
    """Return the batches to train on and the prompts to generate from."""
    rows = load_dataset(cfg.dataset.name, cfg.dataset.config, split="train", cache_dir=CACHE)
    halves = rows.train_test_split(test_size=0.1, seed=42)

    def encode(row: dict) -> dict:
        prompt = tokenizer(f"Question: {row['question']}\nAnswer:")["input_ids"]
        answer = tokenizer(" " + final_number(row["answer"]), add_special_tokens=False)["input_ids"]
        ids = prompt + answer
        return {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": [-100] * len(prompt) + answer}

    def prompts(examples: list) -> dict:
        texts = [f"Question: {example['question']}\nAnswer:" for example in examples]
        encoded = tokenizer(texts, padding=True, return_tensors="pt")
        return {"prompts": encoded, "gold": [final_number(example["answer"]) for example in examples]}

    training = halves["train"].map(encode, remove_columns=halves["train"].column_names)
    size = cfg.training.batch_size
    collate = DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100)
    return (
        DataLoader(training, batch_size=size, shuffle=True, collate_fn=collate),
        DataLoader(halves["test"], batch_size=size, collate_fn=prompts),
    )


def to(batch: dict, device: torch.device) -> dict:
    """Return a batch on a device."""
    return {name: value.to(device) for name, value in batch.items()}
