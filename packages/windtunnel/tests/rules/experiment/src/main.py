"""Run one configuration: set the mode, search if asked to, train."""

import hydra
from omegaconf import DictConfig

from src.train import search, train


@hydra.main(config_path="../config", config_name="config", version_base="1.3")
def main(cfg: DictConfig) -> None:
    """Set what the mode asks for and train."""
    if cfg.mode == "trial":
        cfg.wandb.mode = "disabled"
        cfg.optuna.n_trials = 0
        cfg.training.epochs = 1
        cfg.training.max_batches = 2
        cfg.dataset.eval_batches = 2
    elif cfg.mode == "full":
        cfg.wandb.mode = "online"
    else:
        raise ValueError(f"mode is {cfg.mode!r}; it must be trial or full")
    if cfg.optuna.n_trials > 0:
        cfg = search(cfg)
    train(cfg, log=True)


if __name__ == "__main__":
    main()
