"""GLUE data: from a hub id to padded, length-bucketed batches.

Also holds what the other files share: the error that ends a run with one line, and the table of tasks. Everything that
is downloaded, and the tokenised rows, lie under ``.cache/``.
"""

from __future__ import annotations

import math
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import tokenizers
import torch
from datasets import ClassLabel, Dataset, Value, disable_progress_bars, load_dataset
from datasets.exceptions import DatasetsError
from datasets.fingerprint import Hasher
from huggingface_hub import DatasetCard, hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError
from torch.utils.data import DataLoader
from transformers import AutoTokenizer, DataCollatorWithPadding
from transformers import logging as transformers_logging
from transformers.trainer_pt_utils import LengthGroupedSampler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omegaconf import DictConfig

CACHE = Path(".cache")


class ExperimentError(Exception):
    """What the user can put right: printed in one line, with a non-zero exit and without a traceback."""


@dataclass(frozen=True)
class Task:
    """Where a task lies on the hub and which of its columns are read."""

    hub_id: str
    configuration: str
    columns: Sequence[str]  # one sentence, or a pair
    eval_split: str = "validation"
    train_split: str = "train"
    further_split: str | None = None  # measured once, by the final model; never chosen by
    some_unlabelled: bool = False  # whether rows without a label lie among the others, and are left out
    scores: tuple[float, float] | None = None  # regression: the range of its scores; None: classes

    @property
    def metrics(self) -> tuple[str, ...]:
        """What can be measured; the first is the primary metric, which every run measures."""
        return ("pearson", "spearman") if self.scores else ("accuracy", "matthews_corrcoef")


TASKS = {
    "glue_mnli": Task(
        "nyu-mll/glue",
        "mnli",
        ("premise", "hypothesis"),
        eval_split="validation_matched",
        further_split="validation_mismatched",
    ),
    "glue_sst2": Task("nyu-mll/glue", "sst2", ("sentence",)),
    "glue_rte": Task("nyu-mll/glue", "rte", ("sentence1", "sentence2")),
    "glue_mrpc": Task("nyu-mll/glue", "mrpc", ("sentence1", "sentence2")),
    "glue_cola": Task("nyu-mll/glue", "cola", ("sentence",)),
    "glue_qnli": Task("nyu-mll/glue", "qnli", ("question", "sentence")),
    "glue_stsb": Task("nyu-mll/glue", "stsb", ("sentence1", "sentence2"), scores=(0.0, 5.0)),
    "snli": Task("stanfordnlp/snli", "plain_text", ("premise", "hypothesis"), some_unlabelled=True),
}


@dataclass(frozen=True)
class Source:
    """A dataset's files of one task, downloaded."""

    folder: Path
    files: dict[str, Any]  # split -> path or pattern below the folder
    name: str  # "generated" where the dataset's card says so, else the hub id and revision
    about: str  # the card's own description of the configuration


@dataclass(frozen=True)
class Data:
    """Tokenised rows of one task, and what is known about where they come from."""

    train: Dataset
    evaluation: Dataset
    collator: DataCollatorWithPadding
    label_names: list[str]  # empty: a regression
    source: str  # "generated", or the hub id and revision
    splits: str  # e.g. "train[6000 rows] -> validation"
    further: tuple[str, Dataset] | None = None  # a second split to measure on, by its name

    @property
    def majority_accuracy(self) -> float | None:
        """Accuracy of always answering with the evaluation split's most frequent label; None for a regression."""
        if not self.label_names:
            return None
        return Counter(self.evaluation["labels"]).most_common(1)[0][1] / len(self.evaluation)


def load_data(cfg: DictConfig, *, selection: bool = False) -> Data:
    """Load and tokenise the rows that ``cfg.dataset`` names.

    The libraries' own progress bars are switched off: they say nothing that the run's own lines do not.

    Args:
        cfg: the lifted configuration.
        selection: True for Optuna's trials: a seeded slice of the training rows takes the evaluation split's place
            and leaves the training rows, so that no choice is made on the reported split.

    Raises:
        ExperimentError: unknown task; a hub that cannot be reached; a missing split or column; a label outside the
            task's.
    """
    disable_progress_bars()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    name = cfg.dataset.name
    if name not in TASKS:
        raise ExperimentError(f"dataset.name: unknown task {name!r}; known: {', '.join(sorted(TASKS))}")
    task = TASKS[name]
    source = _fetch(task)
    train_split = cfg.dataset.get("train_split") or task.train_split
    eval_split = cfg.dataset.get("eval_split") or task.eval_split
    if train_split == eval_split:
        raise ExperimentError(
            f"dataset.train_split and dataset.eval_split are both {train_split!r}: name two splits of {name}"
        )
    splits = _read(source, task)
    train = _split(splits, train_split, task, about=source.about)
    evaluation = _split(splits, eval_split, task, about=source.about)
    train = _choose_rows(train, cfg.dataset.get("train_rows"), cfg.seed, where=f"{name}/{train_split}")
    label_names = [] if task.scores else train.features["label"].names
    measured = eval_split
    further = None
    if task.further_split is not None and eval_split == task.eval_split and not selection:
        further = _split(splits, task.further_split, task, about=source.about)
    if selection:
        measured = f"a slice of {train_split}"
        order = np.random.default_rng(cfg.seed).permutation(len(train))
        chosen_by = math.ceil(cfg.study.selection_fraction * len(train))
        if chosen_by == len(train):
            raise ExperimentError(
                f"study.selection_fraction: {cfg.study.selection_fraction} of {len(train)} training rows leaves none "
                "to train"
            )
        train, evaluation = train.select(order[chosen_by:]), train.select(order[:chosen_by])
    if cfg.mode == "trial":
        train = train.select(range(min(len(train), 2 * cfg.dataset.batch_size)))
        evaluation = evaluation.select(range(min(len(evaluation), 2 * cfg.dataset.batch_size)))
        further = further.select(range(min(len(further), 2 * cfg.dataset.batch_size))) if further else None
    described = f"{train_split}[{len(train)} rows] -> {measured}[{len(evaluation)} rows]"
    tokenizer = load_tokenizer(cfg.model.backbone)

    def tokenised(rows: Dataset, where: str) -> Dataset:
        return _tokenise(
            rows, task, tokenizer, cfg.dataset.max_length, where=where, folder=CACHE / "datasets" / "tokenised"
        )

    return Data(
        train=tokenised(train, f"{name}/{train_split}"),
        evaluation=tokenised(evaluation, f"{name}/{measured}"),
        collator=DataCollatorWithPadding(tokenizer),
        label_names=label_names,
        source=source.name,
        splits=described,
        further=(str(task.further_split), tokenised(further, f"{name}/{task.further_split}")) if further else None,
    )


def load_tokenizer(backbone: str) -> Any:
    """The backbone's tokenizer, which must know how to pad."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(backbone, cache_dir=str(CACHE / "models"))
    except Exception as error:  # a damaged file fails in whatever reads it
        raise ExperimentError(
            f"model.backbone: no tokenizer for {backbone!r} ({_first_line(error)}); if a file is damaged, remove "
            f"{CACHE / 'models'} and start again"
        ) from error
    if tokenizer.pad_token_id is None:
        raise ExperimentError(
            f"model.backbone: the tokenizer of {backbone!r} has no pad token, batches cannot be padded"
        )
    return tokenizer


def train_loader(
    data: Data,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    num_workers: int,
    first: int = 0,
    share: tuple[int, int] = (0, 1),
) -> DataLoader[Any]:
    """Batches of rows of like length, in an order that depends on the seed and the epoch alone.

    Args:
        data: the rows.
        batch_size: rows of a batch, over all processes.
        seed: of the run.
        epoch: from 0.
        num_workers: processes that load.
        first: batches to leave out, which an interrupted epoch has behind it.
        share: this process and how many there are: each gets every so many-th row of every batch. Where a batch has
            fewer rows than there are processes, a process without one gets the first row.
    """
    generator = torch.Generator().manual_seed(seed * 10_007 + epoch)
    rows = list(LengthGroupedSampler(batch_size, lengths=list(data.train["length"]), generator=generator))
    process, processes = share
    batches = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    return _loader(
        data,
        data.train,
        [batch[process::processes] or batch[:1] for batch in batches[first:]],
        num_workers=num_workers,
        generator=generator,
    )


def eval_loader(
    data: Data, rows: Dataset, batch_size: int, *, num_workers: int, share: tuple[int, int] = (0, 1)
) -> tuple[DataLoader[Any], list[int]]:
    """Batches of ``rows``, shortest first, and the index in ``rows`` of each one served.

    Several processes share the batches among them: each is served by one.
    """
    lengths = rows["length"]
    order = sorted(range(len(lengths)), key=lambda row: (lengths[row], row))
    process, processes = share
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)][process::processes]
    return _loader(data, rows, batches, num_workers=num_workers), [row for batch in batches for row in batch]


def _loader(
    data: Data, rows: Dataset, batches: list[list[int]], *, num_workers: int, generator: torch.Generator | None = None
) -> DataLoader[Any]:
    return _Loader(
        rows.remove_columns("length"),
        batch_sampler=batches,
        collate_fn=data.collator,
        num_workers=num_workers,
        pin_memory=torch.cuda.is_available(),
        generator=generator,
    )


class _Loader(DataLoader[Any]):
    """A loader whose processes do not see SIGTERM.

    A scheduler sends it to every process, and the one that trains needs its loaders until it has stored where it is.
    """

    def __iter__(self) -> Any:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # what is forked begins with it
        try:
            return super().__iter__()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _fetch(task: Task) -> Source:
    """The dataset's card and the task's files, one revision of both, below ``.cache/``."""
    cache = str(CACHE / "datasets" / "hub")
    try:
        path = Path(hf_hub_download(task.hub_id, "README.md", repo_type="dataset", cache_dir=cache))
        card = DatasetCard.load(path).data.to_dict()
        configurations = {entry["config_name"]: entry for entry in card.get("configs") or []}
        if task.configuration not in configurations:
            told = f" ({_about(card, next(iter(configurations)))})" if configurations else ""
            raise ExperimentError(
                f"{task.hub_id} has no configuration {task.configuration!r}, only {', '.join(configurations) or 'none'}"
                f"{told}; train one of those tasks, or add the missing one there"
            )
        files = {entry["split"]: entry["path"] for entry in configurations[task.configuration]["data_files"]}
        revision = path.parent.name  # the hub's cache keeps each commit in a folder named by it
        folder = snapshot_download(
            task.hub_id,
            repo_type="dataset",
            revision=revision,
            allow_patterns=[
                pattern for value in files.values() for pattern in ([value] if isinstance(value, str) else value)
            ],
            cache_dir=cache,
        )
    except (OSError, HfHubHTTPError) as error:
        raise ExperimentError(
            f"the dataset {task.hub_id!r} cannot be had from the hub ({_first_line(error)}); "
            "check the network, or HF_ENDPOINT if a loopback hub is meant"
        ) from error
    made_up = "machine-generated" in (card.get("language_creators") or [])
    return Source(
        folder=Path(folder),
        files=files,
        name="generated" if made_up else f"{task.hub_id}@{revision[:7]}",
        about=_about(card, task.configuration),
    )


def _about(card: dict[str, Any], configuration: str) -> str:
    """What the card says of a configuration, or nothing."""
    infos = card.get("dataset_info") or []
    entries = infos if isinstance(infos, list) else [infos]
    info: dict[str, Any] = next((entry for entry in entries if entry.get("config_name") in {configuration, None}), {})
    return str(info.get("description") or "").strip()


def _read(source: Source, task: Task) -> Any:
    # The files are named: without them, datasets looks for those of the card's first configuration.
    told: dict[str, Any] = {"data_files": source.files, "cache_dir": str(CACHE / "datasets")}
    wrong = (OSError, ValueError, DatasetsError)
    with suppress(*wrong):
        return load_dataset(str(source.folder), task.configuration, **told)
    try:  # what was made of the files may be damaged, and not they
        return load_dataset(str(source.folder), task.configuration, **told, download_mode="force_redownload")
    except wrong as error:
        reason = _first_line(error.__cause__ or error)
        raise ExperimentError(
            f"{task.hub_id}/{task.configuration} cannot be read ({reason}); if a file is damaged, remove "
            f"{CACHE / 'datasets'} and start again"
        ) from error


def _split(splits: Any, name: str, task: Task, *, about: str = "") -> Dataset:
    """One split, checked: it exists, is not empty, has the task's columns, and every label is one of the task's."""
    where = f"{task.hub_id}/{task.configuration}"
    if name not in splits:
        raise ExperimentError(
            f"{where} has no split {name!r}, only {', '.join(splits)}"
            + (f" ({about})" if about else "")
            + "; set run.dataset.train_split and run.dataset.eval_split to splits that exist"
        )
    rows = splits[name]
    if not len(rows):
        raise ExperimentError(f"{where}/{name} is empty")
    missing = [column for column in (*task.columns, "label") if column not in rows.column_names]
    if missing:
        raise ExperimentError(f"{where}/{name} lacks the columns {missing}; it has {rows.column_names}")
    for column in task.columns:
        if not isinstance(kind := rows.features[column], Value) or "string" not in kind.dtype:
            raise ExperimentError(f"{where}/{name}: the column {column!r} is {kind}, and a text is wanted")
        if lacking := rows.data.column(column).null_count:
            raise ExperimentError(f"{where}/{name}: {lacking} of {len(rows)} rows have no text in {column!r}")
    kind = rows.features["label"]
    if task.scores is not None:
        return _scored(rows, kind, task.scores, where=f"{where}/{name}")
    if not isinstance(kind, ClassLabel):
        raise ExperimentError(
            f"{where}/{name}: the column 'label' is {kind}, which names no classes; "
            f"{task.hub_id} as it is on the hub has a ClassLabel there"
        )
    if task.some_unlabelled:  # its annotators did not agree on them
        labelled = [row for row, label in enumerate(rows["label"]) if label != -1]
        if not labelled:
            raise ExperimentError(f"{where}/{name}: none of {len(rows)} rows has a label")
        rows = rows.select(labelled) if len(labelled) < len(rows) else rows
    unlabelled = sum(label is None or not 0 <= label < kind.num_classes for label in rows["label"])
    if unlabelled:
        raise ExperimentError(
            f"{where}/{name}: {unlabelled} of {len(rows)} labels are outside 0..{kind.num_classes - 1}; "
            "GLUE's test splits are unlabelled, train and measure on others"
        )
    return rows


def _scored(rows: Dataset, kind: Any, scores: tuple[float, float], *, where: str) -> Dataset:
    """A regression's split, checked: its labels are numbers in their range."""
    if not isinstance(kind, Value) or not kind.dtype.startswith("float"):
        raise ExperimentError(f"{where}: the column 'label' is {kind}, and a score is a float")
    low, high = scores
    outside = sum(score is None or not low <= score <= high for score in rows["label"])
    if outside:
        raise ExperimentError(
            f"{where}: {outside} of {len(rows)} scores are outside {low:g} to {high:g}; "
            "GLUE's test splits are unlabelled, train and measure on others"
        )
    return rows


def _choose_rows(rows: Dataset, count: int | None, seed: int, *, where: str) -> Dataset:
    """At most ``count`` rows, the same ones for a seed whatever the method."""
    if count is None:
        return rows
    if count > len(rows):
        print(f"warning: dataset.train_rows is {count} and {where} has {len(rows)}: all of them are used", flush=True)
        return rows
    return rows.shuffle(seed=seed, keep_in_memory=True).select(range(count))


def _tokenise(
    rows: Dataset, task: Task, tokenizer: Any, max_length: int, *, where: str = "", folder: Path | None = None
) -> Dataset:
    """Columns: what the tokenizer gives, ``labels``, and ``length`` in tokens.

    Args:
        rows: a split.
        task: which of its columns are read.
        tokenizer: the backbone's.
        max_length: in tokens; longer texts are cut, and how many is said.
        where: what the rows are called.
        folder: where tokenised rows are kept, by everything that they depend on; None keeps them in memory.
    """

    def encode(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        encoded = tokenizer(*(batch[column] for column in task.columns), truncation=True, max_length=max_length)
        columns = dict(encoded)
        columns["labels"] = batch["label"]
        columns["length"] = [len(ids) for ids in columns["input_ids"]]
        columns["cut"] = (
            [bool(one.overflowing) for one in encoded.encodings]
            if encoded.encodings  # a tokenizer in Python does not tell: whatever fills the length counts
            else [length >= max_length for length in columns["length"]]
        )
        return columns

    told = {"batched": True, "remove_columns": rows.column_names}
    if folder is None:
        made = rows.map(encode, **told, keep_in_memory=True)
    else:
        # datasets would hash `encode`, and a tokenizer's hash is not the same in every process.
        key = Hasher.hash(
            [rows._fingerprint, _identity(tokenizer), list(task.columns), max_length, tokenizers.__version__]
        )
        folder.mkdir(parents=True, exist_ok=True)
        made = _map_cached(rows, encode, folder / f"{key}.arrow", {**told, "new_fingerprint": key})
    if cut := sum(made["cut"]):
        print(
            f"warning: {cut} of {len(made)} texts of {where} are longer than dataset.max_length, "
            f"{max_length} tokens, and are cut there",
            flush=True,
        )
    return made.remove_columns("cut")


def _identity(tokenizer: Any) -> str:
    """All that a tokenizer's output depends on."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    inside = backend.to_str() if backend is not None else repr(sorted(tokenizer.get_vocab().items()))
    return f"{type(tokenizer).__name__} {inside} {tokenizer.special_tokens_map} {tokenizer.model_input_names}"


def _map_cached(rows: Dataset, encode: Any, path: Path, told: dict[str, Any]) -> Dataset:
    """``rows`` mapped, or what an earlier run kept of it; a file that was cut off or damaged is made again."""
    with suppress(pa.ArrowException, OSError):
        kept: Dataset = rows.map(encode, **told, cache_file_name=str(path))
        if len(kept) == len(rows):
            return kept
    path.unlink(missing_ok=True)
    made: Dataset = rows.map(encode, **told, cache_file_name=str(path))
    return made


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
