"""The three methods: LoRA, AdaLoRA and GLoRA on one sequence classifier.

All three adapt the same matrices (every linear layer of the encoder), train the same head, scale alike
(alpha / r = 2) and spend the same kind of budget: the sum of the ranks over all adapted matrices. The methods
themselves are libraries (``peft``, ``glora``); a class here says how each is built from a run configuration and what it
does around an optimizer step.
"""

from __future__ import annotations

import math
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from peft import AdaLoraConfig, LoraConfig, TaskType, get_peft_model
from safetensors import SafetensorError
from torch import nn
from transformers import AutoModelForSequenceClassification

from glora import GLoRAConfig, GLoRAError, RankAllocator
from src.preprocess import CACHE, ExperimentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from omegaconf import DictConfig

ALPHA_PER_RANK = 2.0  # alpha / r, the same for every method and kept by every change of rank
SECTIONS = {"GLoRA": "glo_ra", "AdaLoRA": "adalora", "LoRA": "lora"}  # method_name -> its section in a run file
LR_WARMUP_SHARE = 0.06  # of the steps, where the configured learning-rate warm-up does not fit: RoBERTa's for GLUE


@dataclass(frozen=True)
class Schedule:
    """The steps of one run, thresholds made to fit it.

    ``effective`` holds each configured threshold that the run could not reach, with the value that replaced it.
    """

    steps_per_epoch: int
    total_steps: int
    lr_warmup_steps: int
    allocation_step: int | None  # GLoRA: the reallocation; AdaLoRA: the first pruning; LoRA: none
    effective: dict[str, int]


def plan_schedule(cfg: DictConfig, steps_per_epoch: int) -> Schedule:
    """Fit the thresholds of ``cfg`` to the run: one epoch (learning rate: 6 % of the steps) where they do not fit.

    A run of a single epoch cannot spend one epoch on warming up; half its steps take the epoch's place.
    """
    total = steps_per_epoch * cfg.training.epochs
    if total < 2 and cfg.method_name != "LoRA":
        raise ExperimentError(
            "the run has one optimizer step, and adaptive ranks need one before and one after they change; "
            "give more rows, more epochs or a smaller dataset.batch_size"
        )
    effective: dict[str, int] = {}
    lr_warmup = int(cfg.training.lr_warmup_steps)
    if lr_warmup >= total:
        effective["lr_warmup_steps"] = lr_warmup = int(LR_WARMUP_SHARE * total)
    allocation: int | None = None
    name = {"GLoRA": "warmup_steps", "AdaLoRA": "adaptation_start_step"}.get(cfg.method_name)
    if name is not None:
        allocation = int(cfg[SECTIONS[cfg.method_name]][name])
        if allocation >= total:
            effective[name] = allocation = max(1, min(steps_per_epoch, total // 2))
    return Schedule(steps_per_epoch, total, lr_warmup, allocation, effective)


def total_rank(cfg: DictConfig, matrices: int) -> int:
    """The budget: the sum of the ranks over all adapted matrices (``auto``: matrices x init_rank)."""
    section = SECTIONS[cfg.method_name]
    budget = cfg[section].total_rank_budget
    total = matrices * int(cfg.model.peft.init_rank) if budget == "auto" else int(budget)
    if total < matrices:
        raise ExperimentError(
            f"{section}.total_rank_budget: {total} is less than one rank for each of the {matrices} adapted matrices; "
            f"give {matrices} or more, or auto"
        )
    return total


def spread(total: int, parts: int) -> list[int]:
    """Share ``total`` evenly over ``parts``: two neighbouring integers, the larger ones spaced out, none lost."""
    return [total * (part + 1) // parts - total * part // parts for part in range(parts)]


class Method:
    """A classifier with its adapter, and what the method does around an optimizer step.

    Args:
        cfg: the lifted configuration.
        label_names: the task's labels, in the order of their numbers; none for a regression.
        schedule: the steps of the run.
        device: where the model is built, so that all that a method keeps lies beside the weights.

    Attributes:
        model: the PEFT model.
        targets: the adapted matrices, by their names in the base model.
        budget: the total rank the method ends with.
        effective: configured values that this run or model cannot have, with what replaced them.
    """

    def __init__(self, cfg: DictConfig, label_names: list[str], schedule: Schedule, device: torch.device) -> None:
        base = _load_base(cfg, label_names).to(device)
        self.cfg = cfg
        self.schedule = schedule
        self.effective = dict(schedule.effective)
        self.backbone_parameters = _count_backbone(base)
        self.shape = {
            "model.hidden_size": getattr(base.config, "hidden_size", None),
            "model.num_layers": getattr(base.config, "num_hidden_layers", None),
        }
        self.targets = _linear_layers(base)
        self.budget = total_rank(cfg, len(self.targets))
        self.model = get_peft_model(base, self._peft_config(_head(base)))
        if cfg.training.gradient_checkpointing:
            self.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            self.model.enable_input_require_grads()

    def _peft_config(self, head: list[str]) -> LoraConfig:
        return self._lora_config(spread(self.budget, len(self.targets)), head)

    def _lora_config(self, ranks: list[int], head: list[str]) -> LoraConfig:
        base_rank = max(ranks)
        odd = {
            f"^{re.escape(name)}$": rank for name, rank in zip(self.targets, ranks, strict=True) if rank != base_rank
        }
        return LoraConfig(
            task_type=TaskType.SEQ_CLS,
            r=base_rank,
            lora_alpha=int(ALPHA_PER_RANK * base_rank),
            rank_pattern=odd,
            alpha_pattern={pattern: int(ALPHA_PER_RANK * rank) for pattern, rank in odd.items()},
            target_modules=list(self.targets),
            modules_to_save=head,
        )

    def after_backward(self, optimizer: torch.optim.Optimizer, loss_scale: float) -> dict[str, float]:  # noqa: ARG002
        """Between backward and clipping, with the step's gradients in place; returns what is to be logged.

        ``loss_scale`` is what the loss was multiplied by; the parameters' gradients are without it already.
        """
        return {}

    def after_step(self, step: int) -> dict[str, float]:  # noqa: ARG002
        """After ``step`` (from 1) optimizer steps, gradients still in place; returns what is to be logged."""
        return {}

    def observed(self) -> dict[str, float]:
        """What the method has seen so far, logged now and then; reading it may wait for the device."""
        return {}

    def ranks(self) -> dict[str, int]:
        """The rank in use of every adapted matrix."""
        return {name: layer.r["default"] for name, layer in _adapted_layers(self.model)}

    def trainable_parameters(self) -> int:
        """Parameters that the optimizer moves, the head's included."""
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)

    def adapter_parameters(self) -> int:
        """Parameters of the ranks in use, without the head: what the adapter costs once it is stored."""
        ranks = self.ranks()
        return sum(
            ranks[name] * (layer.in_features + layer.out_features) for name, layer in _adapted_layers(self.model)
        )

    def state_dict(self) -> dict[str, Any]:
        """What the method must remember beside the weights, to continue as if never stopped."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what :meth:`state_dict` kept; before the optimizer exists, since shapes may change."""

    def save(self, folder: Path) -> None:
        """Write the adapter so that PEFT alone can load it, whole or not at all."""
        partial = folder.with_name(f"{folder.name}.partial")
        try:
            shutil.rmtree(partial, ignore_errors=True)
            # The embeddings are never adapted; left to find that out, PEFT asks the hub at the end of every run.
            self.model.save_pretrained(str(partial), save_embedding_layers=False)
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(partial, ignore_errors=True)
            reason = getattr(error, "strerror", None) or str(error)
            raise ExperimentError(f"the adapter {folder} cannot be written ({reason}); free space") from error


class GLoRA(Method):
    """LoRA whose ranks are shared out once, at the end of the warm-up, by the EMA of the gradient norms."""

    def __init__(self, cfg: DictConfig, label_names: list[str], schedule: Schedule, device: torch.device) -> None:
        super().__init__(cfg, label_names, schedule, device)
        section = cfg.glo_ra
        keys = (
            "min_rank", "max_rank", "signal", "keep", "budget_unit", "control",
            "growth", "cost_exponent", "uniform_share", "drop_fraction",
        )  # fmt: skip
        options = {key: section[key] for key in keys if section.get(key) is not None}
        in_parameters = options.get("budget_unit") == "parameters"  # then the budget is what LoRA has at the start
        try:
            self.allocator = RankAllocator(
                self.model,
                GLoRAConfig(
                    total_rank=None if in_parameters else self.budget,
                    beta=section.beta_ema,
                    warmup_steps=schedule.allocation_step or 1,
                    seed=cfg.seed,
                    **options,
                ),
            )
        except GLoRAError as error:
            raise ExperimentError(f"glo_ra: {error}") from error

    def _peft_config(self, head: list[str]) -> LoraConfig:
        return self._lora_config([int(self.cfg.model.peft.init_rank)] * len(self.targets), head)

    def after_backward(self, optimizer: torch.optim.Optimizer, loss_scale: float) -> dict[str, float]:
        try:
            if not self.allocator.step(optimizer, loss_scale=loss_scale):
                return {}
        except GLoRAError as error:
            raise ExperimentError(f"glo_ra: {error}") from error
        before = dict.fromkeys(self.targets, int(self.cfg.model.peft.init_rank))
        changed = _changed(before, self.allocator.ranks)
        if self.cfg.glo_ra.get("control") == "equal":  # nothing moves, and the optimizer is disturbed all the same
            for name, parameter in self.model.named_parameters():
                if "lora_" in name:
                    optimizer.state.pop(parameter, None)
        elif not changed:
            raise ExperimentError(
                f"glo_ra: the reallocation left every one of {len(before)} matrices at rank {before[self.targets[0]]}, "
                f"so this run would be LoRA's; with a total rank of {self.budget} lower glo_ra.min_rank or raise "
                "glo_ra.max_rank"
            )
        return {**self._signal(), **changed}

    def observed(self) -> dict[str, float]:
        return {} if self.allocator.reallocated else self._signal()

    def _signal(self) -> dict[str, float]:
        signal = {f"signal/{label(name)}": value for name, value in self.allocator.signal.items()}
        return {"beta_ema": self.cfg.glo_ra.beta_ema, **signal}

    def ranks(self) -> dict[str, int]:
        return self.allocator.ranks

    def state_dict(self) -> dict[str, Any]:
        return self.allocator.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        try:
            self.allocator.load_state_dict(state)
        except GLoRAError as error:
            raise ExperimentError(f"glo_ra: the checkpoint cannot be taken up: {error}") from error


class AdaLoRA(Method):
    """PEFT's AdaLoRA, its contract kept: a budget, a pruning phase that fits the run, a call after every step.

    Half of the steps after ``adaptation_start_step`` prune, the other half train what is left. Shapes never shrink
    while PEFT's AdaLoRA trains (pruned singular values are held at zero): the optimizer goes on holding all of them.
    """

    def __init__(self, cfg: DictConfig, label_names: list[str], schedule: Schedule, device: torch.device) -> None:
        super().__init__(cfg, label_names, schedule, device)
        # The configuration can only say an integer per matrix; the allocator takes the exact total.
        self._allocator.target_bgt = self.budget
        self._ranks = self.ranks()
        config = self.model.peft_config["default"]
        self._settled = config.total_step - config.tfinal  # the step that prunes last

    @property
    def _allocator(self) -> Any:
        return self.model.base_model.rankallocator

    def _peft_config(self, head: list[str]) -> AdaLoraConfig:
        section = self.cfg.adalora
        target = self.budget / len(self.targets)
        init_rank = math.ceil(1.5 * target) if section.init_rank == "auto" else int(section.init_rank)
        if init_rank * len(self.targets) <= self.budget:  # there would be nothing to prune
            self.effective["init_rank"] = init_rank = math.ceil(1.5 * target)
        start, total = self.schedule.allocation_step or 0, self.schedule.total_steps
        final_steps = (total - start) // 2
        pruning_steps = total - start - final_steps
        return AdaLoraConfig(
            task_type=TaskType.SEQ_CLS,
            init_r=init_rank,
            target_r=max(1, math.floor(target)),
            tinit=start,
            tfinal=final_steps,
            deltaT=max(1, min(10, pruning_steps // 10)),
            total_step=total,
            beta1=section.beta1,
            beta2=section.beta2,
            orth_reg_weight=section.orth_reg_weight,
            lora_alpha=int(ALPHA_PER_RANK * init_rank),  # PEFT divides it by the initial rank
            target_modules=list(self.targets),
            modules_to_save=head,
        )

    def after_step(self, step: int) -> dict[str, float]:
        config = self.model.peft_config["default"]
        pattern, before = config.rank_pattern, self._ranks
        self.model.base_model.update_and_allocate(step)
        if config.rank_pattern is not pattern:
            self._ranks = self.ranks()
        total = sum(self._ranks.values())
        if step == self._settled and total != self.budget:
            raise ExperimentError(
                f"adalora: the total rank is {total} after the last pruning, step {step}, and not {self.budget}; "
                "give more steps after adalora.adaptation_start_step"
            )
        return _changed(before, self._ranks)

    def ranks(self) -> dict[str, int]:
        pattern = self.model.peft_config["default"].rank_pattern or {}
        # PEFT drops the adapter's name from these keys when it saves.
        kept = {key.removesuffix(".default"): sum(mask) for key, mask in pattern.items()}
        return {name: kept.get(f"{name}.lora_E", layer.r["default"]) for name, layer in _adapted_layers(self.model)}

    def adapter_parameters(self) -> int:
        return super().adapter_parameters() + sum(self.ranks().values())  # and one singular value for each rank

    def state_dict(self) -> dict[str, Any]:
        allocator = self._allocator
        return {
            "importance": (allocator.ipt, allocator.exp_avg_ipt, allocator.exp_avg_unc),
            "rank_pattern": self.model.peft_config["default"].rank_pattern,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        allocator = self._allocator
        device = next(self.model.parameters()).device
        allocator.ipt, allocator.exp_avg_ipt, allocator.exp_avg_unc = (
            {name: value.to(device) for name, value in part.items()} for part in state["importance"]
        )
        self.model.peft_config["default"].rank_pattern = state["rank_pattern"]
        self._ranks = self.ranks()


def build_method(cfg: DictConfig, label_names: list[str], schedule: Schedule, device: torch.device) -> Method:
    """The method that ``cfg.method_name`` names, on ``cfg.model.backbone``."""
    return {"GLoRA": GLoRA, "AdaLoRA": AdaLoRA, "LoRA": Method}[cfg.method_name](cfg, label_names, schedule, device)


def label(matrix: str) -> str:
    """A matrix's name as a W&B key: from its layer on, without dots, which W&B reads as nesting."""
    return matrix[matrix.find("layer.") if "layer." in matrix else 0 :].replace(".", "_")


def _changed(before: dict[str, int], after: dict[str, int]) -> dict[str, float]:
    return {f"rank/{label(name)}": rank for name, rank in after.items() if rank != before[name]}


def _load_base(cfg: DictConfig, label_names: list[str]) -> Any:
    try:
        return AutoModelForSequenceClassification.from_pretrained(
            cfg.model.backbone,
            **_answers(label_names),
            dtype=torch.float32,  # the hub's DeBERTa-v3 is stored in half precision, which no CPU trains well
            attn_implementation=None if cfg.launcher.attention == "auto" else cfg.launcher.attention,
            cache_dir=str(CACHE / "models"),
        )
    except Exception as error:  # a damaged file fails in whatever reads it
        first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ExperimentError(
            f"model.backbone: {cfg.model.backbone!r} cannot be loaded ({first}); if a file is damaged, remove "
            f"{CACHE / 'models'} and start again"
        ) from error


def _answers(label_names: list[str]) -> dict[str, Any]:
    """What the head predicts: one of the classes, or one score."""
    if not label_names:
        return {"num_labels": 1, "problem_type": "regression"}
    return {
        "num_labels": len(label_names),
        "problem_type": "single_label_classification",
        "id2label": dict(enumerate(label_names)),
        "label2id": {name: number for number, name in enumerate(label_names)},
    }


def _linear_layers(base: Any) -> list[str]:
    """Every projection of attention and feed-forward: the linear layers of the backbone's encoder."""
    prefix = f"{base.base_model_prefix}.encoder."
    names = [name for name, module in base.named_modules() if isinstance(module, nn.Linear) and name.startswith(prefix)]
    if not names:
        raise ExperimentError(
            f"model.backbone: {type(base).__name__} has no linear layer under {prefix}*: not an encoder"
        )
    return names


def _head(base: Any) -> list[str]:
    """The parts outside the backbone: new weights, trained in full by every method."""
    return [
        name
        for name, child in base.named_children()
        if name != base.base_model_prefix and any(True for _ in child.parameters())
    ]


def _adapted_layers(model: nn.Module) -> Iterator[tuple[str, Any]]:
    for name, module in model.named_modules():
        if hasattr(module, "lora_A") and hasattr(module, "r"):
            yield name.removeprefix("base_model.model."), module


def _count_backbone(base: Any) -> tuple[int, int]:
    """Parameters of the pretrained part: in all, and without the embeddings (papers count either way)."""
    backbone = getattr(base, base.base_model_prefix)
    every = sum(p.numel() for p in backbone.parameters())
    embeddings = sum(p.numel() for name, p in backbone.named_parameters() if name.startswith("embeddings."))
    return every, every - embeddings
