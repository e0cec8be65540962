"""Training on questions and answers, and the share of right final numbers."""

import torch
import wandb
from omegaconf import DictConfig, OmegaConf

from src.model import build
from src.preprocess import load_tokenizer, loaders, to


def search(cfg: DictConfig) -> DictConfig:
    """Return the configuration as it is; nothing is searched."""
    return cfg


def train(cfg: DictConfig, *, log: bool) -> float:
    """Train once and return the share of right answers."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    wandb.init(
        entity=cfg.wandb.entity,
        project=cfg.wandb.project,
        id=cfg.run_id,
        mode=cfg.wandb.mode,
        config=OmegaConf.to_container(cfg, resolve=True),
    )
    tokenizer = load_tokenizer(cfg)
    training, validation = loaders(cfg, tokenizer)
    model = build(cfg).to(device)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=cfg.training.learning_rate)
    for epoch in range(cfg.training.epochs):
        model.train()
        for step, batch in enumerate(training):
            if cfg.training.max_batches and step >= cfg.training.max_batches:
                break
            batch = to(batch, device)  # noqa: PLW2901 - as training loops are written
            outputs = model(**batch)
            loss = outputs.loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            wandb.log({"train_loss": loss.item(), "epoch": epoch})
    share = accuracy(cfg, model, tokenizer, validation, device)
    wandb.summary["exact_match"] = share
    wandb.finish()
    return share


@torch.no_grad()
def accuracy(cfg: DictConfig, model: torch.nn.Module, tokenizer: object, validation: object, device: object) -> float:
    """Return the share of right final numbers."""
    model.eval()
    right = seen = 0
    for step, batch in enumerate(validation):
        if step >= cfg.dataset.eval_batches:
            break
        prompts = batch["prompts"].to(device)
        made = model.generate(
            input_ids=prompts["input_ids"], attention_mask=prompts["attention_mask"], max_new_tokens=16
        )
        texts = tokenizer.batch_decode(made[:, prompts["input_ids"].shape[1] :], skip_special_tokens=True)
        right += sum(text.strip() == gold for text, gold in zip(texts, batch["gold"], strict=True))
        seen += len(texts)
    return right / max(1, seen)
