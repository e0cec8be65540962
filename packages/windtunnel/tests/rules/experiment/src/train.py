"""Training, and the search for a learning rate."""

import copy

import optuna
import torch
import wandb
from omegaconf import DictConfig, OmegaConf

from src.model import build
from src.preprocess import loaders


def search(cfg: DictConfig) -> DictConfig:
    """Return the configuration with the best parameters that a study found."""

    def objective(trial: optuna.Trial) -> float:
        tried = copy.deepcopy(cfg)
        for name, space in tried.optuna.search_space.items():
            value = trial.suggest_float(name, space.low, space.high, log=space.type == "loguniform")
            OmegaConf.update(tried, name, value)
        return train(tried, log=False)

    study = optuna.create_study(direction=cfg.optuna.direction)
    study.optimize(objective, n_trials=cfg.optuna.n_trials)
    for name, value in study.best_params.items():
        OmegaConf.update(cfg, name, value)
    return cfg


def train(cfg: DictConfig, *, log: bool) -> float:
    """Train with every seed and return the mean accuracy."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if log:
        wandb.init(
            entity=cfg.wandb.entity,
            project=cfg.wandb.project,
            id=cfg.run_id,
            mode=cfg.wandb.mode,
            config=OmegaConf.to_container(cfg, resolve=True),
        )
    accuracies = []
    for seed in range(1 if cfg.mode == "trial" else cfg.training.seeds):
        torch.manual_seed(seed)
        accuracies.append(one_seed(cfg, device, log=log))
        if log:
            wandb.log({"seed_accuracy": accuracies[-1]})
    mean = sum(accuracies) / len(accuracies)
    if log:
        wandb.summary["accuracy"] = mean
        wandb.finish()
    return mean


def one_seed(cfg: DictConfig, device: torch.device, *, log: bool) -> float:
    """Train once and return the accuracy on the validation split."""
    training, validation = loaders(cfg, selection=not log)
    model = build(cfg).to(device)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=cfg.training.learning_rate)
    for epoch in range(cfg.training.epochs):
        model.train()
        for step, batch in enumerate(training):
            if cfg.training.max_batches and step >= cfg.training.max_batches:
                break
            loss = model(**batch.to(device)).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if log:
                wandb.log({"train_loss": loss.item(), "epoch": epoch})
    return accuracy(cfg, model, validation, device)


@torch.no_grad()
def accuracy(
    cfg: DictConfig, model: torch.nn.Module, validation: torch.utils.data.DataLoader, device: torch.device
) -> float:
    """Return the share of validation rows that the model labels right."""
    model.eval()
    right = seen = 0
    for step, batch in enumerate(validation):
        if step >= cfg.dataset.eval_batches:
            break
        moved = batch.to(device)
        predicted = model(**moved).logits.argmax(dim=-1)
        right += int((predicted == moved["labels"]).sum())
        seen += len(predicted)
    return right / max(1, seen)
