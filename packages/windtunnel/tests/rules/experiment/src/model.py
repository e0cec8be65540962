"""The classifiers of both methods."""

import torch
from omegaconf import DictConfig
from peft import LoraConfig, TaskType, get_peft_model
from transformers import AutoModelForSequenceClassification

CACHE = ".cache/"


def build(cfg: DictConfig) -> torch.nn.Module:
    """Return the model of the configured method."""
    base = AutoModelForSequenceClassification.from_pretrained(cfg.model.name, num_labels=2, cache_dir=CACHE)
    proposed = cfg.method == "proposed"
    adapter = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=cfg.model.rank,
        lora_alpha=2 * cfg.model.rank,
        target_modules=["query", "value"],
        use_rslora=proposed,
    )
    return get_peft_model(base, adapter)
