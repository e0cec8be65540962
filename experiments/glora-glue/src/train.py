"""Train one run: Optuna's study where one is configured, then the final run, which alone is logged to W&B.

What lies in ``{results_dir}/{run_id}/`` afterwards: ``adapter/`` (loads with PEFT alone), ``checkpoint.pt`` (where to
go on after an interruption), ``predictions.csv`` (one row per evaluated example, also uploaded to the W&B run). No
figures and no metrics files: ``src.evaluate`` makes those from W&B.
"""

from __future__ import annotations

import csv
import errno
import fcntl
import glob
import hashlib
import json
import math
import os
import random
import re
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
import torch
import wandb
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object
from omegaconf import DictConfig, OmegaConf, open_dict
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, confusion_matrix, matthews_corrcoef
from torch import distributed
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException, start_processes
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.utils import clip_grad_norm_
from transformers import get_scheduler, set_seed

from src.model import SECTIONS, Method, Schedule, build_method, label, plan_schedule
from src.preprocess import Data, ExperimentError, eval_loader, load_data, train_loader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from datasets import Dataset

LOG_EVERY = 20  # steps between two reads of the per-step values from the device
# What two starts of one run may differ in: where it runs and where it writes; of one study, also where that is kept and
# how many trials there are to be.
WHERE = ("results_dir", "overwrite", "wandb", "launcher.num_processes", "launcher.device", "launcher.num_workers")
STUDY_APART = (*WHERE, "study.storage", "optuna.n_trials")
OUTPUTS = ("checkpoint.pt", "predictions.csv", "metrics.json")  # and adapter/, and src.evaluate's figures
CHECKPOINT_SECONDS = 600  # of training between two checkpoints, besides those of whole epochs
FAILED_FIRST = 5  # trials that fail before any has finished: the study ends, there is something else wrong
GRACE_SECONDS = 30  # that a process with an error waits for the first one, which may be telling the same error
CLAIM_SECONDS = 5  # for what another machine does to a shared study in the same moment to be seen
CLAIM_LOST_SECONDS = 900  # without a W&B run, after which who claimed a final run is taken for gone
LOCK_SECONDS = 10  # for the helpers of a killed process, which hold its folder, to notice
FREE_BYTES = 64 * 2**20  # what a checkpoint and an adapter may need
INIT_SECONDS = 60  # for the W&B server to answer
FINISH_SECONDS = 120  # for it to take what is left at the end of a run


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """Training was asked to stop, and has stored where it is."""


def never() -> bool:
    """Nobody asks to stop."""
    return False


def train(cfg: DictConfig, *, stop_requested: Callable[[], bool] = never) -> None:
    """Run ``cfg`` (lifted, mode applied): search if ``optuna.n_trials`` says so, then train and log the final run.

    Args:
        cfg: the lifted configuration.
        stop_requested: asked after every step; once true, training stores where it is and ends.

    Raises:
        ExperimentError: whatever the user can put right, in one line.
        Stopped: it ended because it was asked to.
    """
    with ExitStack() as stack:
        if not processes(cfg).is_main_process:  # the first one speaks for all
            stack.enter_context(redirect_stdout(stack.enter_context(Path(os.devnull).open("w"))))
        _train(cfg, stop_requested, stack)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a second process with the same run out of ``folder``: it would write the same files and the same W&B run.

    Raises:
        ExperimentError: another process has it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        waited = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > waited:
                    raise ExperimentError(
                        f"another process is training this run in {folder}; wait for it, or end it"
                    ) from None
                time.sleep(0.5)
                continue
            except OSError:  # a file system without locks
                pass
            break
        yield
    finally:
        os.close(handle)


def _train(cfg: DictConfig, stop_requested: Callable[[], bool], stack: ExitStack) -> None:
    first = processes(cfg).is_main_process
    folder = Path(cfg.results_dir) / cfg.run_id
    if cfg.mode == "trial":
        folder /= "trial"  # a trial must not touch what a full run of the same name has left
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExperimentError(f"results_dir: {folder} cannot be made ({error.strerror})") from error
    if first:
        stack.enter_context(alone(folder))
    checkpoint = Checkpoint(folder / "checkpoint.pt", cfg)
    if first and ((cfg.overwrite and checkpoint.obsolete()) or cfg.mode == "trial"):
        discard_study(cfg, folder)
        checkpoint.discard()
    processes(cfg).wait_for_everyone()
    state = checkpoint.load()
    if state is not None and state["finished"]:
        raise ExperimentError(f"{cfg.run_id} is finished in {folder}; overwrite=true starts it afresh")
    if first and state is None:
        if cfg.mode == "full" and not cfg.overwrite:
            refuse_finished(cfg)
        discard_outputs(folder, cfg.run_id)
    chosen: dict[str, Any] = {}
    if cfg.optuna.n_trials > 0:
        if first:
            require_wandb(cfg)  # a wrong key is better known before the trials than after them
        chosen = state["chosen"] if state is not None else search(cfg, folder, stop_requested=stop_requested)
        cfg = with_parameters(cfg, chosen)
    run = start_wandb(cfg, folder, resume=state is not None)
    try:
        fit = final_run(cfg, run, checkpoint, state, chosen, stop_requested=stop_requested)
    except BaseException as error:
        # Finishing may wait for the server, and whoever waits should know for what.
        print(f"{type(error).__name__}: telling W&B that the run failed", file=sys.stderr, flush=True)
        with suppress(Exception):  # a server or a client that is gone: what went wrong before is what counts
            run.finish(exit_code=1)
        raise
    try:
        run.finish()
    except TimeoutError as error:
        raise ExperimentError(
            f"W&B did not take all of {cfg.run_id} within {FINISH_SECONDS} s of its end; once the server is back, "
            "start the same command again: only what is missing is sent"
        ) from error
    # Only once W&B has everything: a run killed before this point goes on from its last epoch.
    finished = {**fit.state_dict(), "chosen": chosen, "finished": True}
    if first and cfg.mode == "trial":
        checkpoint.discard()  # a trial is nothing to go on from
    elif first:
        checkpoint.save(finished)
    processes(cfg).wait_for_everyone()


def final_run(
    cfg: DictConfig,
    run: Any,
    checkpoint: Checkpoint,
    state: dict[str, Any] | None,
    chosen: dict[str, Any],
    *,
    stop_requested: Callable[[], bool],
) -> Fit:
    """Train and evaluate the run that is reported, logging to the W&B run; returns the finished fit."""
    folder = checkpoint.path.parent
    everyone = processes(cfg)
    with everyone.main_process_first():
        data = load_data(cfg)
    print(f"{cfg.run_id}: {cfg.method_name} on {cfg.dataset.name} ({data.source}), {data.splits}", flush=True)
    _warn_of_precision(cfg)
    if state is not None and state["source"] != (data.source, data.splits):
        raise ExperimentError(
            f"the checkpoint {checkpoint.path} was made with {' '.join(state['source'])}, and the data are now "
            f"{data.source} {data.splits}; overwrite=true starts afresh"
        )
    history = History(run, [] if state is None else state["history"], stop_requested=stop_requested)

    def store() -> None:
        kept = {**fit.state_dict(), "history": history.rows, "chosen": chosen, "finished": False}
        kept["source"] = (data.source, data.splits)
        if everyone.is_main_process:
            checkpoint.save(kept)
        everyone.wait_for_everyone()

    fit = Fit(cfg, data, log=history.log, state=state, stop_requested=stop_requested, store=store)
    described = {
        "data_source": data.source,
        "data_splits": data.splits,
        "label_names": data.label_names,
        "adapted_matrices": len(fit.method.targets),
        "total_rank_budget": fit.method.budget,
        "steps_per_epoch": fit.schedule.steps_per_epoch,
        "total_steps": fit.schedule.total_steps,
        "hardware_found": _hardware(fit.device, everyone.num_processes),
        "optuna_chosen": chosen,
        **{f"effective_{name}": value for name, value in fit.method.effective.items()},
    }
    run.config.update(described, allow_val_change=True)
    for warning in mismatches(cfg, fit):
        print(f"warning: {warning}", flush=True)
    result: Evaluated | None = None
    while fit.epoch < cfg.training.epochs:
        stopped: Stopped | None = None
        try:
            result = fit.run_epoch()
        except Stopped as asked:  # in the middle of an epoch
            stopped = asked
        store()
        if stopped is not None:
            raise stopped
    if cfg.mode == "trial":
        # Every branch runs: a second model takes up what was written, as a resumed run does.
        fit = Fit(cfg, data, log=history.log, state=checkpoint.load(required=True))
        result = None
    if result is None:
        result = fit.evaluate()
    further = {}
    if data.further is not None:
        name, rows = data.further
        further = {f"final_{name}_{key.partition('_')[2]}": value for key, value in fit.evaluate(rows).metrics.items()}
    if everyone.is_main_process:
        _save_predictions(folder / "predictions.csv", result)
        fit.method.save(folder / "adapter")
        wandb.save(str(folder / "predictions.csv"), base_path=str(folder), policy="now")
    ranks = {label(name): rank for name, rank in fit.method.ranks().items()}
    summary = {
        **{f"final_{name}": value for name, value in result.metrics.items()},
        **{f"best_{name}": value for name, value in fit.best.items()},
        **further,
        "best_epoch": fit.best_epoch,
        "trainable_parameters": fit.method.trainable_parameters(),
        "adapter_parameters": fit.method.adapter_parameters(),
        "total_rank": sum(ranks.values()),
        "initial_ranks": {label(name): rank for name, rank in fit.initial_ranks.items()},
        "ranks": ranks,
        "peak_memory_bytes": fit.peak_memory(),
    }
    if data.label_names:
        summary |= {"majority_class_accuracy": data.majority_accuracy, "confusion_matrix": result.confusion}
    if cfg.evaluation.track_training_time:
        summary["training_seconds"] = fit.training_seconds
    for name, value in summary.items():
        wandb.summary[name] = value
    print(
        f"{cfg.run_id}: finished, "
        + ", ".join(f"{name} {value:.4f}" for name, value in result.metrics.items())
        + f", {fit.training_seconds:.1f} s of training, total rank {summary['total_rank']}",
        flush=True,
    )
    return fit


class History:
    """The rows of a W&B run, in an order that a resumed run repeats; a row's place is its W&B step.

    W&B drops what is logged at a step it already has, and a killed client may not have sent its last rows. Both come
    right where the steps are places in one list: what W&B has is skipped, what it lacks is sent again. The optimizer
    step is a column, ``optimizer_step``.

    Args:
        run: the W&B run; it knows how many rows it has.
        rows: what an interrupted run had logged when its checkpoint was written.
        stop_requested: a scheduler that asks to stop may have ended W&B's client already. Rows are kept then.
    """

    def __init__(self, run: Any, rows: list[dict[str, Any]], *, stop_requested: Callable[[], bool] = never) -> None:
        self.rows = list(rows)
        self._stop_requested = stop_requested
        self._client_gone = False
        self._stored: int = run.starting_step
        # No last values in the summary: it is for what a finished run has.
        run.define_metric("optimizer_step", summary="none")
        run.define_metric("*", step_metric="optimizer_step", summary="none")
        for place, row in enumerate(self.rows):
            self._send(place, row)

    def log(self, row: dict[str, Any], step: int) -> None:
        """Log what belongs to optimizer step ``step`` (from 1)."""
        self.rows.append({"optimizer_step": step, **row})
        self._send(len(self.rows) - 1, self.rows[-1])

    def _send(self, place: int, row: dict[str, Any]) -> None:
        if place < self._stored or self._client_gone:
            return
        try:
            wandb.log(row, step=place)
        except ConnectionError:
            time.sleep(0.5)  # the signal that ended the client is on its way here, too
            if not self._stop_requested():
                raise
            self._client_gone = True


class Evaluated:
    """One pass over an evaluation split: metrics, and every example's prediction in the split's order.

    Args:
        logits: (rows, classes), or (rows, 1) for a regression.
        labels: (rows,).
        names: of the metrics.
    """

    def __init__(self, logits: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], names: list[str]) -> None:
        self.labels = labels
        self.confidence: np.ndarray[Any, Any] | None = None  # (rows,) probability of the predicted class
        self.confusion: list[list[int]] | None = None
        scores, truth = torch.from_numpy(logits), torch.from_numpy(labels)
        if logits.shape[1] == 1:
            self.predictions = logits[:, 0]  # (rows,) scores
            loss = mse_loss(scores[:, 0], truth)
        else:
            self.predictions = logits.argmax(axis=1)  # (rows,) classes
            self.confidence = scores.softmax(dim=1).amax(dim=1).numpy()
            self.confusion = confusion_matrix(labels, self.predictions, labels=range(logits.shape[1])).tolist()
            loss = cross_entropy(scores, truth)
        self.metrics: dict[str, float] = {"validation_loss": float(loss)}
        for name in names:
            self.metrics[f"validation_{name}"] = float(SCORES[name](labels, self.predictions))


def _correlation(of: Callable[..., Any]) -> Callable[..., float]:
    def score(labels: np.ndarray[Any, Any], predictions: np.ndarray[Any, Any]) -> float:
        if min(np.ptp(labels), np.ptp(predictions)) == 0:
            return 0.0  # a constant is correlated with nothing
        return float(of(labels, predictions).statistic)

    return score


SCORES: dict[str, Callable[..., float]] = {
    "accuracy": accuracy_score,
    "matthews_corrcoef": matthews_corrcoef,
    "pearson": _correlation(pearsonr),
    "spearman": _correlation(spearmanr),
}


class Fit:
    """A model in training, advanced by whole epochs, or to where it is asked to stop.

    Args:
        cfg: the lifted configuration.
        data: the rows.
        log: called with a row of metrics and the optimizer step (from 1) it belongs to.
        state: what :meth:`state_dict` gave, to go on from there.
        stop_requested: asked after every step; once true, :meth:`run_epoch` raises :class:`Stopped`.
        store: called in long epochs, to keep what :meth:`state_dict` gives.
    """

    def __init__(
        self,
        cfg: DictConfig,
        data: Data,
        *,
        log: Callable[[dict[str, Any], int], None],
        state: dict[str, Any] | None = None,
        stop_requested: Callable[[], bool] = never,
        store: Callable[[], None] | None = None,
    ) -> None:
        self.cfg = cfg
        self._stop_requested = stop_requested
        self._store = store
        self.data = data
        self.log = log
        self.accelerator = processes(cfg)
        several = self.accelerator.num_processes > 1
        self._share = (self.accelerator.process_index, self.accelerator.num_processes)
        self.device = self.accelerator.device if several else _device(cfg.launcher.device)
        self.schedule: Schedule = plan_schedule(cfg, math.ceil(len(data.train) / cfg.dataset.batch_size))
        set_seed(cfg.seed)
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        self.method: Method = build_method(cfg, data.label_names, self.schedule, self.device)
        self.initial_ranks = self.method.ranks()
        self.epoch = self.step = 0
        self._batches = 0  # of the present epoch that are behind
        self.training_seconds = 0.0
        self._moved = False  # whether a step has been seen to change parameters
        self.best: dict[str, float] = {}
        self.best_epoch = 0
        self._last = ""
        self._peak_memory = 0
        if state is not None:
            self.method.load_state_dict(state["method"])
        self.model = self.method.model
        if several:
            set_seed(cfg.seed + self._share[0])  # each its own dropout; the weights are already drawn
        self._forward = self.accelerator.prepare_model(self.model) if several else self.model
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=cfg.launcher.precision == "fp16")
        self.optimizer = torch.optim.AdamW(
            [p for p in self.model.parameters() if p.requires_grad],
            lr=cfg.training.learning_rate,
            weight_decay=cfg.training.weight_decay,
        )
        self.scheduler = get_scheduler(
            cfg.training.lr_scheduler,
            self.optimizer,
            num_warmup_steps=self.schedule.lr_warmup_steps,
            num_training_steps=self.schedule.total_steps,
        )
        if state is not None:
            self.load_state_dict(state)

    def run_epoch(self) -> Evaluated:
        """One pass over the training rows, then one over the evaluation split."""
        loader = train_loader(
            self.data,
            self.cfg.dataset.batch_size,
            seed=self.cfg.seed,
            epoch=self.epoch,
            num_workers=self.cfg.launcher.num_workers,
            first=self._batches,
            share=self._share,
        )
        self.model.train()
        pending: list[tuple[int, float, float, dict[str, float], torch.Tensor]] = []
        started = counted = shown = self._flushed = self._now()
        first = self._batches
        for batch in loader:
            step_started = time.perf_counter()
            learning_rate = self.scheduler.get_last_lr()[0]
            values, changes = self._optimize(
                {key: value.to(self.device, non_blocking=True) for key, value in batch.items()}
            )
            pending.append((self.step, learning_rate, time.perf_counter() - step_started, changes, values))
            self._batches += 1
            # Rows are logged at the same steps whether or not a run was stopped in between.
            if self._batches % LOG_EVERY == 0:
                changes.update(self.method.observed())
                self._flush(pending)
                shown = self._show(started, shown, self._batches - first)
            stop, store = self._interruptions(time.perf_counter() - counted)
            if stop or store:
                self._flush(pending)
                self.training_seconds += self._now() - counted
                if stop:
                    raise Stopped(f"at step {self.step} of {self.schedule.total_steps}")
                if self._store is not None:
                    self._store()
                counted = self._flushed = self._now()
        self._flush(pending)
        self.training_seconds += self._now() - counted
        self.epoch += 1
        self._batches = 0
        result = self.evaluate()
        for name, value in result.metrics.items():
            self._require_finite(name, value, self.step)
        self.log({**result.metrics, "epoch": self.epoch}, self.step)
        self._remember_best(result.metrics)
        print(
            f"epoch {self.epoch}/{self.cfg.training.epochs}: "
            + ", ".join(f"{name} {value:.4f}" for name, value in result.metrics.items()),
            flush=True,
        )
        if self.epoch < self.cfg.training.epochs and self._interruptions(0.0)[0]:
            raise Stopped(f"after epoch {self.epoch} of {self.cfg.training.epochs}")
        return result

    def _interruptions(self, since: float) -> tuple[bool, bool]:
        """Whether to stop, and whether to store, after this step; several processes agree, and so only now and then."""
        due = self._store is not None and since > CHECKPOINT_SECONDS and self._batches % LOG_EVERY == 0
        if self._share[1] == 1:
            return self._stop_requested(), due
        if self._batches % LOG_EVERY:  # counted from 1 within an epoch, and 0 at its end
            return False, False
        answers = gather_object([(self._stop_requested(), due)])
        return any(stop for stop, _ in answers), any(due for _, due in answers)

    def _optimize(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        """One optimizer step; returns what is to be logged.

        On the device, (4,): the sum of the loss over this process's rows, how many are right, how many there are, and
        the gradient norm. And what the method logs.
        """
        rows, scale = self._rows_and_scale(len(batch["labels"]))
        with self._autocast():
            output = self._forward(**batch)
        loss_scale = self.scaler.get_scale()
        self.scaler.scale(output.loss * scale if scale != 1 else output.loss).backward()
        self.scaler.unscale_(self.optimizer)
        rate = self.scheduler.get_last_lr()[0]
        checked = not self._moved and rate > 0
        if checked:
            self._require_gradients(output.logits, batch["labels"])
        try:
            changes = self.method.after_backward(self.optimizer, loss_scale)
        except ExperimentError:
            self._require_finite("loss", float(output.loss.detach()), self.step + 1)  # the cause, where it is one
            raise
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        norm = clip_grad_norm_(parameters, self.cfg.training.max_grad_norm)
        before = [p.detach().clone() for p in parameters] if checked else []
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.scheduler.step()
        self.step += 1
        if self.scaler.is_enabled() and not math.isfinite(norm):  # too large for fp16: the scaler has left the step out
            for parameter in parameters:
                parameter.grad = torch.zeros_like(parameter)
        elif checked:
            self._require_moved(parameters, before, rate)
        changes |= self.method.after_step(self.step)
        self.optimizer.zero_grad()
        logits, labels = output.logits.detach().float(), batch["labels"]
        # The loss that is logged is the task's alone: AdaLoRA adds its orthogonality term to the one it trains on.
        if self.data.label_names:
            loss = cross_entropy(logits, labels)
            right = (logits.argmax(dim=-1) == labels).float().mean()
        else:
            loss = mse_loss(logits[:, 0], labels)
            right = torch.zeros_like(loss)
        return torch.stack((loss * rows, right * rows, torch.full_like(loss, rows), norm.detach())), changes

    def _autocast(self) -> torch.autocast:
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.cfg.launcher.precision)
        return torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None)

    def _rows_and_scale(self, served: int) -> tuple[int, float]:
        """How many rows of the batch are this process's, and what makes the mean over processes that over all rows."""
        process, processes = self._share
        batch_size = self.cfg.dataset.batch_size
        total = min(batch_size, len(self.data.train) - self._batches * batch_size)
        rows = served if process < total else 0  # without a row of its own it was served another's
        return rows, rows * processes / total

    def _require_gradients(self, logits: torch.Tensor, labels: torch.Tensor) -> None:
        wanted = (len(labels), max(1, len(self.data.label_names)))
        if tuple(logits.shape) != wanted:
            raise ExperimentError(
                f"the logits of {self.cfg.model.backbone} have the shape {tuple(logits.shape)}, and {wanted} fits "
                f"{len(labels)} rows of {self.cfg.dataset.name}"
            )
        without = [name for name, p in self.model.named_parameters() if p.requires_grad and p.grad is None]
        if without:
            raise ExperimentError(
                f"the loss reaches {len(without)} trainable parameters not at all, {without[0]} first: "
                "they would stay as they are"
            )

    def _require_moved(self, parameters: list[torch.Tensor], before: list[torch.Tensor], rate: float) -> None:
        names = {id(p): name for name, p in self.model.named_parameters()}
        changed: dict[str, bool] = {}
        for parameter, old in zip(parameters, before, strict=True):
            part = "adapters" if "lora_" in names[id(parameter)] else "head"
            changed[part] = changed.get(part, False) or not torch.equal(parameter, old)
        for part, moved in changed.items():
            if not moved:
                raise ExperimentError(
                    f"step {self.step}, at a learning rate of {rate:g}, left the {part} as they were: "
                    "nothing is trained"
                )
        self._moved = True

    def _flush(self, pending: list[tuple[int, float, float, dict[str, float], torch.Tensor]]) -> None:
        """Log the steps that wait, with one read of the device for all of them."""
        if not pending:
            return
        read = torch.stack([entry[4] for entry in pending])  # (steps, 4)
        if self._share[1] > 1:
            read[:, :3] = self.accelerator.reduce(read[:, :3].contiguous(), reduction="sum")
        values = read.tolist()
        now = time.perf_counter()
        # A GPU only takes orders while a step is timed; what it took for all of them is known here.
        average = (now - self._flushed) / len(pending) if self.device.type == "cuda" else None
        self._flushed = now
        for (step, learning_rate, seconds, changes, _), (losses, right, rows, norm) in zip(
            pending, values, strict=True
        ):
            loss = losses / rows
            self._require_finite("loss", loss, step)
            if not self.scaler.is_enabled():
                self._require_finite("gradient norm", norm, step)
            row = {
                "train_loss": loss,
                "learning_rate": learning_rate,
                "gradient_norm": norm,
                "step_seconds": seconds if average is None else average,
            }
            if self.data.label_names:
                row["train_accuracy"] = right / rows
            self.log({**row, **changes}, step)
            accuracy = f", accuracy {right / rows:.3f}" if self.data.label_names else ""
            self._last = f"loss {loss:.4f}{accuracy}, learning rate {learning_rate:.2e}"
        pending.clear()

    def _require_finite(self, name: str, value: float, step: int) -> None:
        if not math.isfinite(value):
            raise ExperimentError(
                f"the {name} is {value} at step {step} of {self.schedule.total_steps}; lower training.learning_rate "
                f"({self.cfg.training.learning_rate:g})"
            )

    def _show(self, started: float, shown: float, done: int) -> float:
        now = time.perf_counter()
        if now - shown < 5:
            return shown
        left = (self.schedule.total_steps - self.step) * (now - started) / done
        print(
            f"epoch {self.epoch + 1}/{self.cfg.training.epochs}, step {self.step}/{self.schedule.total_steps}, "
            f"{self._last}, {done / (now - started):.1f} steps/s, {left:.0f} s left",
            flush=True,
        )
        return now

    @torch.no_grad()
    def evaluate(self, rows: Dataset | None = None) -> Evaluated:
        """Loss and predictions on the evaluation split, or on other rows, in their own order."""
        self.model.eval()
        loader, order = eval_loader(
            self.data,
            self.data.evaluation if rows is None else rows,
            self.cfg.dataset.batch_size,
            num_workers=self.cfg.launcher.num_workers,
            share=self._share,
        )
        logits, labels = [], []
        for batch in loader:
            moved = {key: value.to(self.device, non_blocking=True) for key, value in batch.items()}
            labels.append(moved.pop("labels"))
            with self._autocast():
                logits.append(self.model(**moved).logits.float())
        mine = (order, torch.cat(logits).cpu().numpy(), torch.cat(labels).cpu().numpy()) if order else None
        parts = [part for part in gather_object([mine]) if part is not None]
        served, scores, truth = (np.concatenate([part[place] for part in parts]) for place in range(3))
        back = np.argsort(served)  # shortest rows came first
        return Evaluated(scores[back], truth[back], list(self.cfg.evaluation.metrics))

    def _remember_best(self, metrics: dict[str, float]) -> None:
        name = self.cfg.optuna.metric
        sign = 1 if self.cfg.optuna.direction == "maximize" else -1
        if not self.best or sign * metrics[name] > sign * self.best[name]:
            self.best, self.best_epoch = dict(metrics), self.epoch

    def peak_memory(self) -> int:
        """Bytes: allocated on the GPU by this run, or resident in this process; over all processes of a resumed run."""
        if self.device.type == "cuda":
            here = torch.cuda.max_memory_allocated(self.device)
        else:
            here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return max(self._peak_memory, here)

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next epoch depends on."""
        return {
            "method": self.method.state_dict(),
            "weights": {name: p.detach() for name, p in self.model.named_parameters() if p.requires_grad},
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "epoch": self.epoch,
            "batches": self._batches,
            "step": self.step,
            "training_seconds": self.training_seconds,
            "initial_ranks": self.initial_ranks,
            "best": (self.best, self.best_epoch),
            "peak_memory": self.peak_memory(),
            "random": gather_object([_random_state()]),  # one of each process
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where ``state`` was taken; the method's own part is already loaded, since it decides the shapes."""
        names = {name for name, p in self.model.named_parameters() if p.requires_grad}
        if names != set(state["weights"]):
            odd = sorted(names ^ set(state["weights"]))
            raise ExperimentError(
                f"the checkpoint holds other parameters than the model, {odd[0]} first; overwrite=true"
            )
        self.model.load_state_dict(state["weights"], strict=False)
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.epoch, self.step, self.training_seconds = state["epoch"], state["step"], state["training_seconds"]
        self._batches = state["batches"]
        self.initial_ranks = state["initial_ranks"]
        self.best, self.best_epoch = state["best"]
        self._peak_memory = state["peak_memory"]
        if len(state["random"]) == self._share[1]:
            _set_random_state(state["random"][self._share[0]])
        else:
            print(
                f"warning: {len(state['random'])} processes wrote the checkpoint and {self._share[1]} go on from it: "
                "dropout is drawn anew",
                flush=True,
            )


def _random_state() -> tuple[Any, ...]:
    return (
        random.getstate(),
        np.random.get_state(),  # noqa: NPY002 - libraries draw from it
        torch.get_rng_state(),
        torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
    )


def _set_random_state(state: tuple[Any, ...]) -> None:
    python, numpy, cpu, cuda = state
    random.setstate(python)
    np.random.set_state(numpy)  # noqa: NPY002
    torch.set_rng_state(cpu)
    if cuda is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(cuda)


def discard_outputs(folder: Path, run_id: str) -> None:
    """Remove what an earlier start of the run left, so that nothing of it can be taken for the new one's."""
    shutil.rmtree(folder / "adapter", ignore_errors=True)
    for path in (*(folder / name for name in OUTPUTS), *folder.glob(f"{glob.escape(run_id)}_*.pdf")):
        path.unlink(missing_ok=True)


class Checkpoint:
    """One file, replaced whole or not at all, that only the configuration it was made from can load."""

    def __init__(self, path: Path, cfg: DictConfig) -> None:
        self.path = path
        self.fingerprint = fingerprint(cfg, leave_out=(*WHERE, "study"))

    def discard(self) -> None:
        """Start afresh."""
        self.path.unlink(missing_ok=True)

    def obsolete(self) -> bool:
        """Whether a run cannot go on from the file: it is finished, another configuration's, or damaged."""
        try:
            state = self.load()
        except ExperimentError:
            return True
        return state is not None and state["finished"]

    def save(self, state: dict[str, Any]) -> None:
        """Write ``state`` so that a reader finds the old file or the new one, never a part."""
        partial = self.path.with_suffix(".partial")
        try:
            free = os.statvfs(self.path.parent)
            if free.f_bavail * free.f_frsize < FREE_BYTES:
                raise OSError(errno.ENOSPC, f"less than {FREE_BYTES >> 20} MiB are free")  # noqa: TRY301
            with partial.open("wb") as file:
                torch.save({**state, "fingerprint": self.fingerprint}, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path)
        except (OSError, RuntimeError) as error:
            partial.unlink(missing_ok=True)
            disk = error if isinstance(error, OSError) else error.__context__  # torch's own comes on top of it
            reason = getattr(disk, "strerror", None) or str(error).splitlines()[0]
            raise ExperimentError(
                f"the checkpoint {self.path} cannot be written ({reason}); free space and start again"
            ) from error

    def load(self, *, required: bool = False) -> dict[str, Any] | None:
        """The state last saved, or None where there is none."""
        if not self.path.exists():
            if required:
                raise ExperimentError(f"the checkpoint {self.path} was written and is gone")
            return None
        try:
            # Our own file: it holds optimizer and random states, which the weights-only reader does not take.
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=False)
        except Exception as error:
            raise ExperimentError(f"the checkpoint {self.path} cannot be read ({error}); overwrite=true") from error
        if state["fingerprint"] != self.fingerprint:
            raise ExperimentError(
                f"the checkpoint {self.path} is from another configuration of this run id; overwrite=true starts afresh"
            )
        return state


def fingerprint(cfg: DictConfig, *, leave_out: Sequence[str]) -> str:
    """SHA-256 of the configuration without the keys (dotted) that do not change what is trained."""
    told = cfg.copy()
    with open_dict(told):
        for key in leave_out:
            section, _, leaf = key.rpartition(".")
            (OmegaConf.select(told, section) if section else told).pop(leaf)
    return hashlib.sha256(json.dumps(OmegaConf.to_container(told), sort_keys=True).encode()).hexdigest()


def search(cfg: DictConfig, folder: Path, *, stop_requested: Callable[[], bool] = never) -> dict[str, Any]:
    """Optuna's study on a slice of the training rows; returns the best parameters by their names in the search space.

    Trials are never logged to W&B. The study lives in ``study.storage`` and goes on where it stopped; ``n_trials``
    counts finished trials. Of several processes the first one asks Optuna, the others train what it was told.
    """
    everyone = processes(cfg)
    with everyone.main_process_first():
        data = load_data(cfg, selection=True)
    if everyone.is_main_process:
        best = _search(cfg, folder, data, stop_requested)
        _shared(None)
        return dict(_shared(best))
    while (chosen := _shared(None)) is not None:
        with suppress(ExperimentError, optuna.TrialPruned):
            run_trial(cfg, data, chosen, lambda _value, _epoch: False, stop_requested)
    return dict(_shared(None))


def _search(cfg: DictConfig, folder: Path, data: Data, stop_requested: Callable[[], bool]) -> dict[str, Any]:
    space = {name: _suggester(form) for name, form in search_space(cfg).items()}
    print(f"study: {study_cost(cfg, len(data.train))} before the final run ({data.splits})", flush=True)
    _warn_of_precision(cfg)
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # a trial that fails is told in one line, below
    study = optuna.create_study(
        study_name=_study_name(cfg),
        storage=_storage(cfg, folder),
        direction=cfg.optuna.direction,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
        load_if_exists=True,
    )
    here = f"{socket.gethostname()}:{folder.resolve()}"
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        if trial.user_attrs.get("machine", here) == here:  # nobody else works here: it was killed
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    several = processes(cfg).num_processes > 1
    # An error that one process alone may meet leaves the others waiting for it: it ends the study, which goes on later.
    failures = (ExperimentError,) if several else (ExperimentError, RuntimeError)

    def objective(trial: optuna.Trial) -> float:
        trial.set_user_attr("machine", here)
        study.sampler = optuna.samplers.TPESampler(seed=_sampler_seed(cfg.seed, study, trial.number))
        chosen = {name: suggest(trial, name) for name, suggest in space.items()}
        _shared(chosen)

        def prune(value: float, epoch: int) -> bool:
            trial.report(value, epoch)
            return bool(trial.should_prune())

        try:
            value = run_trial(cfg, data, chosen, prune, stop_requested)
        except failures as error:
            reason = _first_line(error)
            trial.set_user_attr("error", reason)
            print(f"trial {trial.number}: failed with {chosen}: {reason}", flush=True)
            raise
        except Stopped as stopped:
            raise Stopped(f"{stopped} in trial {trial.number}, which begins again") from None
        print(f"trial {trial.number}: {cfg.optuna.metric} {value:.4f} with {chosen}", flush=True)
        return value

    finished = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)

    def give_up(study: optuna.Study, _trial: optuna.trial.FrozenTrial) -> None:
        if len(_failed(study)) >= FAILED_FIRST and not study.get_trials(deepcopy=False, states=finished):
            study.stop()

    left = cfg.optuna.n_trials - len(study.get_trials(deepcopy=False, states=finished))
    if left > 0:
        study.optimize(
            objective,
            n_trials=left + cfg.optuna.n_trials,  # as many again may fail
            catch=failures,
            callbacks=[optuna.study.MaxTrialsCallback(cfg.optuna.n_trials, states=finished), give_up],
        )
    values = [trial.value for trial in study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))]
    failed = _failed(study)
    if not values:
        raise ExperimentError(
            f"study: none of {len(failed)} trials finished"
            + (f"; the last one failed with {failed[-1].params}: {failed[-1].user_attrs['error']}" if failed else "")
        )
    if len(values) > 1 and len(set(values)) == 1:
        raise ExperimentError(
            f"study: all {len(values)} trials ended with {cfg.optuna.metric} {values[0]}: "
            "nothing was learnt to choose by; give more epochs, or another search space"
        )
    print(
        f"study: best {cfg.optuna.metric} {study.best_value:.4f} with {study.best_params}"
        + (f"; {len(failed)} trials failed" if failed else ""),
        flush=True,
    )
    if cfg.study.storage is not None:
        claim_final_run(study, here, abandoned=lambda since: _abandoned(cfg, since))
    return dict(study.best_params)


def _study_name(cfg: DictConfig) -> str:
    """Only trials of the same configuration belong to one study; how many there are to be does not change it."""
    return f"{cfg.run_id} {fingerprint(cfg, leave_out=STUDY_APART)[:12]}"


def discard_study(cfg: DictConfig, folder: Path) -> None:
    """Remove the study that a finished run's parameters came from, if there is one."""
    if cfg.optuna.n_trials > 0:
        storage = _storage(cfg, folder)
        if (name := _study_name(cfg)) in optuna.get_all_study_names(storage):
            optuna.delete_study(study_name=name, storage=storage)


def _abandoned(cfg: DictConfig, since: float) -> bool:
    """Whether W&B knows that the final run claimed at ``since`` (Unix time) has ended early, or was never begun."""
    state = wandb_state(cfg)
    if state is None:
        return time.time() - since > CLAIM_LOST_SECONDS
    return state in {"failed", "crashed", "killed"}


def claim_final_run(
    study: optuna.Study, claimant: str, *, abandoned: Callable[[float], bool], settle: float = CLAIM_SECONDS
) -> None:
    """Make sure that of all machines that work on one study, one trains the final run.

    Args:
        study: the study, which keeps the claim.
        claimant: this machine and folder.
        abandoned: asked of another's claim, with its Unix time, whether it has come to nothing.
        settle: seconds for two that claim in the same moment.

    Raises:
        ExperimentError: another one does.
    """
    holder, since = study.user_attrs.get("final_run"), study.user_attrs.get("final_run_since", 0.0)
    if holder is None or (holder != claimant and abandoned(since)):
        study.set_user_attr("final_run_since", time.time())
        study.set_user_attr("final_run", claimant)
        time.sleep(settle)  # whoever found none in the same moment has written by then, and the last to write has it
    if (holder := study.user_attrs["final_run"]) != claimant:
        raise ExperimentError(
            f"the study is finished, and its final run is trained by {holder}; nothing is left to do here. (Should it "
            "end early, a start of this command takes it over.)"
        )


def run_trial(
    cfg: DictConfig,
    data: Data,
    chosen: dict[str, Any],
    prune: Callable[[float, int], bool],
    stop_requested: Callable[[], bool],
) -> float:
    """Train with the ``chosen`` parameters; returns the last epoch's ``optuna.metric``.

    Raises:
        ExperimentError: the run cannot be trained so, or its value is not finite.
        optuna.TrialPruned: ``prune``, asked with every epoch's value in the first process, says so.
    """
    fit = Fit(with_parameters(cfg, chosen), data, log=lambda _row, _step: None, stop_requested=stop_requested)
    value = math.nan
    while fit.epoch < fit.cfg.training.epochs:
        value = fit.run_epoch().metrics[cfg.optuna.metric]
        if _shared(prune(value, fit.epoch)):
            raise optuna.TrialPruned
    return value


def _failed(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that failed by themselves; one that was interrupted has left no error."""
    failed = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.FAIL,))
    return [trial for trial in failed if "error" in trial.user_attrs]


def _sampler_seed(seed: int, study: optuna.Study, number: int) -> int:
    """A seed for each trial, so that a study that was interrupted draws what it would have drawn.

    It counts the trials before this one but those that were interrupted, which are run again.
    """
    interrupted = {t.number for t in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.FAIL,))}
    interrupted -= {trial.number for trial in _failed(study)}
    place = sum(earlier not in interrupted for earlier in range(number))
    return int(np.random.SeedSequence([seed, place]).generate_state(1)[0])


def _shared(value: Any) -> Any:
    """The first process's ``value``, in all of them."""
    return broadcast_object_list([value])[0]


def study_cost(cfg: DictConfig, rows: int) -> str:
    """What the study will cost, in words: trials x epochs x steps, a range where one of these is searched."""
    searched = {parameter_path(cfg, name): extremes(form) for name, form in search_space(cfg).items()}
    trials = cfg.optuna.n_trials
    epochs = sorted(searched.get("training.epochs", [cfg.training.epochs]))
    steps = sorted(math.ceil(rows / size) for size in searched.get("dataset.batch_size", [cfg.dataset.batch_size]))

    def span(low: int, high: int) -> str:
        return str(low) if low == high else f"{low} to {high}"

    total = span(trials * epochs[0] * steps[0], trials * epochs[-1] * steps[-1])
    return f"{trials} trials x {span(epochs[0], epochs[-1])} epochs x {span(steps[0], steps[-1])} steps = {total} steps"


def _storage(cfg: DictConfig, folder: Path) -> optuna.storages.BaseStorage:
    """Where the study lives.

    Raises:
        ExperimentError: it cannot be opened.
    """
    try:
        if cfg.study.storage:
            try:
                return optuna.storages.get_storage(cfg.study.storage)
            except Exception:  # noqa: BLE001 - of two machines that begin together one finds the tables half made
                time.sleep(CLAIM_SECONDS)
                return optuna.storages.get_storage(cfg.study.storage)
        journal = folder / "study.journal"
        _cut_last_line(journal)
        backend = optuna.storages.journal.JournalFileBackend(str(journal))
        return optuna.storages.JournalStorage(backend)
    except Exception as error:  # noqa: BLE001 - each database has errors of its own
        raise ExperimentError(
            without_password(
                f"study.storage: {cfg.study.storage or folder / 'study.journal'} cannot be opened "
                f"({_first_line(error)}); give an Optuna URL such as postgresql+psycopg://user@host/name, or null for "
                "a file beside the results"
            )
        ) from None  # the cause may show the URL


def _cut_last_line(journal: Path) -> None:
    """Take off a line that a full disk or a power cut has left without its end: Optuna would write on behind it."""
    if not journal.exists():
        return
    with journal.open("r+b") as file:
        whole = file.read()
        file.truncate(whole.rfind(b"\n") + 1)


def without_password(text: str) -> str:
    """``text`` with the password of a URL in it left out."""
    text = re.sub(r"(\w://[^\s:/@]*):\S*@", r"\1:***@", text)
    return re.sub(r"(password=)[^\s&]*", r"\1***", text, flags=re.IGNORECASE)


def search_space(cfg: DictConfig) -> dict[str, dict[str, Any]]:
    """The search space by name, every name and form checked.

    Raises:
        ExperimentError: a name that reaches no key or more than one, or a form that is not one of loguniform, uniform,
            int (``low`` and ``high``, numbers in this order) and categorical (``choices``); all of them at once.
    """
    told = cfg.optuna.get("search_space")
    space = OmegaConf.to_container(told) if isinstance(told, DictConfig) else told
    if not isinstance(space, dict) or not space:
        raise ExperimentError(
            f"optuna.search_space is {space!r} with optuna.n_trials {cfg.optuna.n_trials}; give names with their forms"
        )
    problems = []
    for name, form in space.items():
        try:
            parameter_path(cfg, str(name))
        except ExperimentError as error:
            problems.append(str(error))
        if not _is_form(form):
            problems.append(
                f"optuna.search_space.{name!s} is {form}; give type: loguniform (low above 0), uniform or int with low "
                "below high, or type: categorical with a list of choices"
            )
    if problems:
        raise ExperimentError("; ".join(problems))
    return {str(name): form for name, form in space.items()}


def _is_form(form: Any) -> bool:
    kind = form.get("type") if isinstance(form, dict) else None
    if kind == "categorical":
        return set(form) == {"type", "choices"} and isinstance(form["choices"], list) and bool(form["choices"])
    if kind not in {"loguniform", "uniform", "int"} or set(form) != {"type", "low", "high"}:
        return False
    numbers = (int,) if kind == "int" else (int, float)
    if any(isinstance(form[end], bool) or not isinstance(form[end], numbers) for end in ("low", "high")):
        return False
    return bool(form["low"] < form["high"] and (kind != "loguniform" or form["low"] > 0))


def extremes(form: dict[str, Any]) -> list[Any]:
    """The values of a form that must all be possible: its choices, or its two ends."""
    return list(form["choices"]) if form["type"] == "categorical" else [form["low"], form["high"]]


def _suggester(form: dict[str, Any]) -> Callable[[optuna.Trial, str], Any]:
    kind = form["type"]
    if kind == "categorical":
        return lambda trial, name: trial.suggest_categorical(name, form["choices"])
    if kind == "int":
        return lambda trial, name: trial.suggest_int(name, form["low"], form["high"])
    return lambda trial, name: trial.suggest_float(name, form["low"], form["high"], log=kind == "loguniform")


def parameter_path(cfg: DictConfig, name: str) -> str:
    """The one configuration path that a search-space name means: a leaf's name, or a dotted path.

    Raises:
        ExperimentError: no path, or several, end in ``name``; the message lists what could be meant.
    """
    method = SECTIONS[cfg.method_name]
    # What a trial can change: the rows and the optimizer are the same in all of them.
    tunable = ["dataset.batch_size", *(f"training.{key}" for key in cfg.training if key != "optimizer")]
    tunable += [*(f"{method}.{key}" for key in cfg[method]), "model.peft.init_rank"]
    matches = [path for path in tunable if path == name or path.rpartition(".")[2] == name]
    if len(matches) != 1:
        about = f"could be {' or '.join(matches)}" if matches else f"is none of {', '.join(tunable)}"
        raise ExperimentError(f"optuna.search_space: {name} {about}")
    return matches[0]


def with_parameters(cfg: DictConfig, chosen: dict[str, Any]) -> DictConfig:
    """A copy of ``cfg`` in which each search-space name has its value."""
    copy = cfg.copy()
    with open_dict(copy):
        for name, value in chosen.items():
            OmegaConf.update(copy, parameter_path(cfg, name), value)
    return copy


def mismatches(cfg: DictConfig, fit: Fit) -> list[str]:
    """Where the configuration describes another machine or model than the one found: recorded, and said."""
    found = [
        (key, cfg.model[key.partition(".")[2]], value) for key, value in fit.method.shape.items() if value is not None
    ]
    warned = [
        f"{key} is {told} in the run file, {value} in {cfg.model.backbone}"
        for key, told, value in found
        if told != value
    ]
    warned += [
        f"{name} does not fit {fit.schedule.total_steps} steps and a total rank of {fit.method.budget} over "
        f"{len(fit.method.targets)} matrices: {value} is used instead"
        for name, value in fit.method.effective.items()
    ]
    told = _count(cfg.model.num_parameters)
    counts = fit.method.backbone_parameters
    if told is None or all(abs(count - told) > 0.06 * told for count in counts):
        every, inner = (f"{count / 1e6:.1f}M" for count in counts)
        warned.append(
            f"model.num_parameters is {cfg.model.num_parameters}, {cfg.model.backbone} has {every} "
            f"({inner} without embeddings)"
        )
    hardware = _hardware(fit.device, fit.accelerator.num_processes)
    if cfg.hardware.gpu_type.lower() not in hardware["type"].lower() or cfg.hardware.num_gpus != hardware["num_gpus"]:
        warned.append(
            f"hardware is {cfg.hardware.num_gpus} x {cfg.hardware.gpu_type} in the run file, "
            f"{hardware['num_gpus']} GPUs ({hardware['type']}) here: training times are not comparable"
        )
    return warned


def _count(text: str) -> float | None:
    """``86M`` as 86e6; None where the text is no count."""
    units = {"K": 1e3, "M": 1e6, "B": 1e9}
    try:
        return float(text[:-1]) * units[text[-1].upper()]
    except (KeyError, ValueError, IndexError):
        return None


def _hardware(device: torch.device, processes: int) -> dict[str, Any]:
    if device.type == "cuda":
        return {"type": torch.cuda.get_device_name(device), "num_gpus": processes}
    each = f", {processes} processes" if processes > 1 else ""
    return {"type": f"cpu, {torch.get_num_threads()} threads{each}", "num_gpus": 0}


def processes(cfg: DictConfig) -> Accelerator:
    """This process among those that train together, as the environment tells of them; most often it is alone.

    Raises:
        ExperimentError: one device is named for several processes.
    """
    device = _device(cfg.launcher.device)
    everyone = Accelerator(cpu=device.type == "cpu", mixed_precision="no")  # what is cast is this file's to say
    if everyone.num_processes > 1 and device.index is not None:
        raise ExperimentError(
            f"launcher.device: {cfg.launcher.device!r} is one device for {everyone.num_processes} processes; auto"
        )
    return everyone


def launch(cfg: DictConfig, *, asked: list[int]) -> int:
    """Train ``cfg`` in ``launcher.num_processes`` processes on this machine; returns the exit code.

    The first process's messages are shown and its exit code is returned. The others end when it does.

    Args:
        cfg: the lifted configuration.
        asked: gets an entry when a scheduler asks to stop, which is passed on.
    """
    count = cfg.launcher.num_processes
    with tempfile.TemporaryDirectory(prefix="glora-glue-") as folder:
        arguments = (OmegaConf.to_container(cfg), folder)
        context: Any = start_processes(  # type: ignore[no-untyped-call]
            _process, args=arguments, nprocs=count, join=False, start_method="spawn"
        )
        told = False
        while True:
            try:
                if context.join(timeout=0.5, grace_period=GRACE_SECONDS):
                    return 0
            except ProcessExitedException as error:
                if error.exit_code > 0:
                    return error.exit_code
                print(
                    f"error: process {error.error_index} was ended by {error.signal_name}, out of memory perhaps; the "
                    "same command goes on from the last checkpoint",
                    file=sys.stderr,
                    flush=True,
                )
                return 128 - error.exit_code
            except ProcessRaisedException as error:
                print(error, file=sys.stderr, flush=True)
                return 1
            except KeyboardInterrupt:  # the processes have had it too, and are telling W&B
                told = True
            if asked and not told:
                told = True
                for process in context.processes:
                    process.terminate()


def _process(index: int, told: dict[str, Any], folder: str) -> None:
    """One of several processes: takes its place among them, trains, ends with an exit code."""
    cfg = OmegaConf.create(told)
    count = cfg.launcher.num_processes
    os.environ.update(RANK=str(index), LOCAL_RANK=str(index), WORLD_SIZE=str(count), MASTER_ADDR="127.0.0.1")
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: asked.append(number))

    def action() -> None:
        device = _device(cfg.launcher.device)
        if device.type == "cuda":
            if count > torch.cuda.device_count():
                raise ExperimentError(
                    f"launcher.num_processes: {count} processes, and {torch.cuda.device_count()} GPUs are here"
                )
            torch.cuda.set_device(index)
        else:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # nothing outside this machine takes part
            os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
            torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        # A file in place of a port: nothing listens that a stranger could reach.
        store = distributed.FileStore(  # type: ignore[attr-defined]
            str(Path(folder) / "store"), count
        )
        backend = "nccl" if device.type == "cuda" else "gloo"
        distributed.init_process_group(backend, store=store, rank=index, world_size=count, timeout=timedelta(hours=1))
        train(cfg, stop_requested=lambda: bool(asked))
        distributed.destroy_process_group()

    ended = Path(folder) / "ended"  # what the first process says is what is shown, if it comes to say it
    try:
        code, message = outcome(action)
        if message and (index == 0 or not _appears(ended)):
            print(f"process {index}: {message}" if index else message, file=sys.stderr, flush=True)
    except Exception:
        if index and _appears(ended):
            sys.exit(1)
        raise
    finally:
        if index == 0:
            ended.touch()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one, passed on by the parent, would change the exit code
    sys.exit(code)


def _appears(path: Path) -> bool:
    """Wait for a file; whether it comes within GRACE_SECONDS."""
    waited = time.monotonic() + GRACE_SECONDS
    while not path.exists() and time.monotonic() < waited:
        time.sleep(0.1)
    return path.exists()


def outcome(action: Callable[[], None]) -> tuple[int, str]:
    """Run ``action``; returns the exit code and, where it did not succeed, the one line that says why."""
    try:
        action()
    except Stopped as stopped:
        return 128 + signal.SIGTERM, f"stopped {stopped}; the same command goes on from there"
    except ExperimentError as error:
        return 1, f"error: {error}"
    except ConnectionError as error:  # of a client's own process too: W&B's runs beside this one
        return 1, f"error: W&B's client, or a server, is gone ({error}); the same command goes on from its checkpoint"
    except OSError as error:  # a full disk, a folder without rights: nothing that a traceback would explain
        return 1, f"error: {error}; free space, or mend what it names, and start again"
    except KeyboardInterrupt:
        return 130, "interrupted"
    return 0, ""


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ExperimentError(f"launcher.device: {name!r} is no device; auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ExperimentError(f"launcher.device: {name!r} is asked for and CUDA is not available here; auto or cpu")
    return device


def _warn_of_precision(cfg: DictConfig) -> None:
    """Say where the processor has no instructions for the precision: a step can take a minute then."""
    if _device(cfg.launcher.device).type == "cpu" and not _is_quick(cfg.launcher.precision):
        print(
            f"warning: launcher.precision={cfg.launcher.precision}, and torch has no fast products of this type on "
            "this processor: a step can take a hundred times as long as with launcher.precision=fp32",
            flush=True,
        )


def _is_quick(precision: str) -> bool:
    asked = {"bf16": "_is_mkldnn_bf16_supported", "fp16": "_is_mkldnn_fp16_supported"}.get(precision)
    try:
        return asked is None or bool(getattr(torch.ops.mkldnn, asked)())
    except (AttributeError, RuntimeError):  # a torch that cannot tell
        return True


def _save_predictions(path: Path, result: Evaluated) -> None:
    partial = path.with_suffix(".partial")
    try:
        with partial.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["row", "label", "prediction", "confidence"])
            if result.confidence is None:  # a regression
                for row, (score, predicted) in enumerate(zip(result.labels, result.predictions, strict=True)):
                    writer.writerow([row, f"{score:.6g}", f"{predicted:.6g}", ""])
            else:
                told = zip(result.labels, result.predictions, result.confidence, strict=True)
                for row, (truth, predicted, confidence) in enumerate(told):
                    writer.writerow([row, int(truth), int(predicted), f"{confidence:.6f}"])
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ExperimentError(f"{path} cannot be written ({error.strerror}); free space and start again") from error


def require_wandb(cfg: DictConfig) -> None:
    """Make sure that the W&B server answers and takes the key.

    Raises:
        ExperimentError: it does not.
    """
    try:
        user = wandb.Api(timeout=INIT_SECONDS).viewer
    except (wandb.errors.Error, OSError, ValueError) as error:
        raise _no_wandb(cfg, error) from error
    print(f"W&B: {cfg.wandb.entity}/{cfg.wandb.project} as {user.username}", flush=True)


def refuse_finished(cfg: DictConfig) -> None:
    """Make sure that W&B has no finished run of this id, which a new one would replace.

    Raises:
        ExperimentError: it has one.
    """
    if wandb_state(cfg) == "finished":
        path = f"{cfg.wandb.entity}/{cfg.wandb.project}/{cfg.run_id}"
        raise ExperimentError(f"W&B has a finished run {path}; overwrite=true replaces it")


def wandb_state(cfg: DictConfig) -> str | None:
    """The state of this run id in W&B: None where it has none, or cannot be asked, which who needs it will find out."""
    with suppress(wandb.errors.Error, OSError, ValueError):
        return str(wandb.Api(timeout=INIT_SECONDS).run(f"{cfg.wandb.entity}/{cfg.wandb.project}/{cfg.run_id}").state)
    return None


def start_wandb(cfg: DictConfig, folder: Path, *, resume: bool) -> Any:
    """Begin the W&B run of this run id, or go on with it; its files go below ``folder``, or to WANDB_DIR.

    Raises:
        ExperimentError: the server cannot be reached or refuses.
    """
    told: Any = OmegaConf.to_container(cfg, resolve=True)
    if cfg.study.storage is not None:
        told["study"]["storage"] = without_password(cfg.study.storage)
    try:
        return wandb.init(
            entity=cfg.wandb.entity,
            project=cfg.wandb.project,
            id=cfg.run_id,
            name=cfg.run_id,
            config=told,
            dir=os.environ.get("WANDB_DIR") or str(folder),
            resume="allow" if resume else None,
            mode=cfg.wandb.mode if processes(cfg).is_main_process else "disabled",
            settings=wandb.Settings(
                init_timeout=INIT_SECONDS, finish_timeout=FINISH_SECONDS, finish_timeout_raises=True
            ),
        )
    except (wandb.errors.Error, OSError) as error:
        raise _no_wandb(cfg, error) from error


def _no_wandb(cfg: DictConfig, error: Exception) -> ExperimentError:
    return ExperimentError(
        f"the W&B run {cfg.wandb.entity}/{cfg.wandb.project}/{cfg.run_id} cannot be started ({_first_line(error)}); "
        "check WANDB_API_KEY, WANDB_BASE_URL, wandb.entity in config/config.yaml and the network"
    )


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
