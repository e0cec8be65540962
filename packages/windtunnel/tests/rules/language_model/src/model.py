"""A causal language model with adapters."""

import torch
from omegaconf import DictConfig
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

CACHE = ".cache/"


def build(cfg: DictConfig) -> torch.nn.Module:
    """Return the model with adapters around it."""
    base = AutoModelForCausalLM.from_pretrained(cfg.model.name, torch_dtype=torch.bfloat16, cache_dir=CACHE)
    adapter = LoraConfig(task_type="CAUSAL_LM", r=cfg.model.rank, target_modules=list(cfg.model.target_modules))
    return get_peft_model(base, adapter)
