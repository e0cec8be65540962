"""Tokenising and collating: what the tokenizer makes fits the collator and the model (criterion 3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from windtunnel.rehearsal.values import Const, Library, Sequence_, Thing, Value
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import gather, quote
from windtunnel.rules.loaded import known_model, model_loads, text, things, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding, Place
    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo

_LOADER = "torch.utils.data.DataLoader"
_PADS_ONLY_INPUTS = ("DataCollatorWithPadding", "DataCollatorForLanguageModeling")
_TENSORS_ONLY = (
    "DataCollatorWithPadding",
    "DataCollatorForTokenClassification",
    "DataCollatorForSeq2Seq",
    "DataCollatorForLanguageModeling",
)
_SETS_PAD_TOKEN = re.compile(r"\bpad_token(_id)?\s*=[^=]|[\"']pad_token[\"']|\bpad_token_id\s*or\b")


def _collator(value: Value | None) -> str | None:
    """The last name of a collator of transformers, "" for torch's own, None if it is the submission's or not known."""
    if value is None or (isinstance(value, Const) and value.value is None):
        return ""
    if isinstance(value, Thing) and "Collator" in value.type:
        return value.type.rsplit(".", 1)[-1]
    if isinstance(value, Library) and value.name.startswith("transformers."):
        return value.name.rsplit(".", 1)[-1]
    return None


def _loaders(trace: Trace) -> Iterator[tuple[Event, Thing, str]]:
    """(Event, dataset, collator) of each DataLoader over a dataset of `datasets`."""
    for event in trace.of("call"):
        if event.data["name"] != _LOADER:
            continue
        args, keywords = event.data["args"], event.data["keywords"]
        dataset = keywords.get("dataset") or (args[0] if args else None)
        collator = _collator(keywords.get("collate_fn"))
        if collator is not None and isinstance(dataset, Thing) and dataset.type == "datasets.Dataset":
            yield event, dataset, collator


def _map_place(repo: Repo, trace: Trace, dataset: Thing) -> Place | None:
    """The last ``map`` of a dataset."""
    mapped = dataset.data.get("mapped")
    for event in trace.of("mapped"):
        if mapped is not None and event.node is mapped[0].node:
            return where(repo, event)
    return None


def encoding_of(value: Value | None) -> Thing | None:
    """The call of a tokenizer whose input ids a value is, or is a copy of."""
    found = value.data.get("encoded") if isinstance(value, Thing) else None
    return found[0] if found is not None and found[1] == "input_ids" else None


def is_padded(encoding: Thing) -> bool:
    """Whether a call of a tokenizer pads, or may pad."""
    padding = encoding.data["call"].keywords.get("padding")
    return padding is not None and not (isinstance(padding, Const) and padding.value in {False, None, "do_not_pad"})


def _is_list(value: Value | None) -> bool:
    return (
        isinstance(value, Sequence_)
        or encoding_of(value) is not None
        or (isinstance(value, Thing) and value.type == "list")
    )


class DAT021(Rule):
    """Text columns reach a collator that makes tensors."""

    name = "text-reaches-tensor-collator"
    criterion = 3
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("tokenize-collate",)
    doc = Doc(
        what=(
            "Columns of strings that are still in a dataset whose batches are made by DataCollatorWithPadding and "
            "its kin."
        ),
        why=(
            "tokenizer.pad cannot make a tensor of strings: ValueError in the first batch. `set_format('torch')` "
            "does not remove them."
        ),
        example=(
            'data = data.map(encode, batched=True)   # "sentence" is still there\nDataLoader(data, '
            "collate_fn=DataCollatorWithPadding(tokenizer))"
        ),
        instead='data = data.map(encode, batched=True, remove_columns=["sentence", "idx"])',
        limits="Only datasets whose columns the hub table has, or whose columns were all removed and made anew.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[tuple[Place, tuple[str, ...]], list[tuple[Trace, Event]]] = {}
        for trace in repo.traces("main", "train"):
            for event, dataset, collator in _loaders(trace):
                columns = dataset.data.get("columns")
                if columns is None or collator not in _TENSORS_ONLY or not event.certain:
                    continue
                kept = dataset.data.get("output") or list(columns)
                texts = tuple(
                    name for name in kept if columns.get(name) in {"string", "list<string>", "list<message>", "struct"}
                )
                if texts:
                    spot = _map_place(repo, trace, dataset) or where(repo, event)
                    found.setdefault((spot, texts), []).append((trace, event))
        for (spot, texts), events in found.items():
            source = repo.sources.get(spot.path)
            yield self.finding(
                f"text is left in the dataset that the collator turns into tensors: {', '.join(map(repr, texts))}",
                spot,
                evidence=source.line(spot.line).strip() if source is not None else "",
                fix=(
                    f"remove {'them' if len(texts) > 1 else 'it'} in map (remove_columns=...), or let set_format "
                    "name the columns to keep"
                ),
                related=(where(repo, events[0][1]),),
                runs=tuple(sorted({trace.run_id for trace, _ in events if trace.run_id})),
                modes=tuple(sorted({trace.mode for trace, _ in events if trace.mode})),
            )


class DAT022(Rule):
    """Sequences of different lengths reach a collator that does not pad them."""

    name = "unpadded-sequences"
    criterion = 3
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("tokenize-collate",)
    doc = Doc(
        what=(
            "Token ids made without padding whose batches are stacked by torch's default or default_data_collator; "
            "labels per token whose batches are padded by DataCollatorWithPadding or "
            "DataCollatorForLanguageModeling, which pad the inputs only."
        ),
        why="ValueError or RuntimeError in the first batch: the lists have different lengths.",
        example=(
            "DataLoader(tokenised, batch_size=8, collate_fn=DataCollatorWithPadding(tokenizer))   # labels have one "
            "id per token"
        ),
        instead=(
            "DataLoader(tokenised, batch_size=8, collate_fn=DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100))"
        ),
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[tuple[str, int, str], list[tuple[Trace, Event, Thing]]] = {}
        for trace in repo.traces("main", "train"):
            for event, dataset, collator in _loaders(trace):
                added = dataset.data.get("added", {})
                encoding = encoding_of(added.get("input_ids"))
                if encoding is None or is_padded(encoding) or self._single(event) or not event.certain:
                    continue
                kept = dataset.data.get("output")
                if collator in {"", "default_data_collator", "DefaultDataCollator"}:
                    found.setdefault((event.path, event.line, "the token ids"), []).append((trace, event, dataset))
                elif (
                    collator in _PADS_ONLY_INPUTS
                    and _is_list(added.get("labels"))
                    and (kept is None or "labels" in kept)
                ):
                    found.setdefault(
                        (event.path, event.line, f"the labels, which {collator} leaves as they are,"), []
                    ).append((trace, event, dataset))
        for (_, _, what), entries in found.items():
            trace, event, dataset = entries[0]
            spot = _map_place(repo, trace, dataset)
            yield self.finding(
                f"{what} are lists of different lengths, and nothing pads them",
                where(repo, event),
                evidence=quote(repo, event),
                fix=(
                    "pad in the tokenizer (padding='max_length'), or use a collator that pads both: "
                    "DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100)"
                ),
                related=(spot,) if spot is not None else (),
                runs=tuple(sorted({entry[0].run_id for entry in entries if entry[0].run_id})),
                modes=tuple(sorted({entry[0].mode for entry in entries if entry[0].mode})),
            )

    @staticmethod
    def _single(event: Event) -> bool:
        if "batch_sampler" in event.data["keywords"]:
            return False
        value = event.data["keywords"].get("batch_size")
        args = event.data["args"]
        value = value or (args[1] if len(args) > 1 else None)
        return value is None or (isinstance(value, Const) and value.value in {None, 1})


class DAT027(Rule):
    """A batch is asked for a key that it does not have."""

    name = "key-missing-in-batch"
    criterion = 3
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("tokenize-collate", "dataset-schema")
    doc = Doc(
        what=(
            '`batch["labels"]` where the label column was removed in `map`, has another name, or is not among the '
            "columns of `set_format`."
        ),
        why="KeyError in the first batch.",
        example=(
            "data = raw.map(encode, remove_columns=raw.column_names)   # encode gives input_ids only\nloss = "
            'criterion(model(batch["input_ids"]).logits, batch["labels"])'
        ),
        instead='def encode(row):\n    out = tokenizer(row["text"])\n    out["labels"] = row["label"]\n    return out',
        limits="Batches of the collators of torch and transformers, of datasets whose columns are known.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        def key(event: Event) -> tuple[int, str] | None:
            wanted = text(event.data["key"])
            columns = event.data["receiver"].data.get("columns") if event.data["type"] == "batch" else None
            if columns is None or wanted is None or wanted in columns or event.data.get("default") or not event.certain:
                return None
            return event.line, wanted

        for group in gather(repo.traces("main", "train"), ["subscript"], key):
            columns = group.first.data["receiver"].data["columns"]
            loader = group.first.data["receiver"].data.get("loader")
            dataset = loader.data.get("dataset") if isinstance(loader, Thing) else None
            spot = _map_place(repo, group.trace, dataset) if isinstance(dataset, Thing) else None
            yield self.finding(
                f"a batch has no {text(group.first.data['key'])!r}; it has {', '.join(map(repr, columns))}",
                where(repo, group.first),
                evidence=quote(repo, group.first),
                fix="keep the column in map (or give it in its function), under the name that is read here",
                related=(spot,) if spot is not None else (),
                runs=group.runs,
                modes=group.modes,
            )


class DAT028(Rule):
    """Padding is asked of a tokenizer that has no pad token."""

    name = "pad-token-missing"
    criterion = 12
    source = "table"
    categories: ClassVar[tuple[str, ...]] = ("tokenize-collate", "tokenizer")
    doc = Doc(
        what=(
            "padding=True, or a collator that pads, with the tokenizer of a model that has no pad token (GPT-2, "
            "Llama, ...), which nothing sets."
        ),
        why="ValueError: Asking to pad but the tokenizer does not have a padding token.",
        example='tokenizer = AutoTokenizer.from_pretrained("gpt2"); tokenizer(texts, padding=True)',
        instead="tokenizer.pad_token = tokenizer.eos_token",
        limits="Only models of the hub table.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        if any(_SETS_PAD_TOKEN.search(source.text) for source in repo.sources.values()):
            return

        def key(event: Event) -> int | None:
            return event.line if self._pads(event) is not None and event.certain else None

        for group in gather(repo.traces("main", "train"), ["invoke", "call", "method"], key):
            for trace, event in group.events:
                tokenizer = self._pads(event)
                model = known_model(repo, tokenizer)
                if tokenizer is None or model is None or model.pad_token is not False:
                    continue
                loads = [where(repo, load.event) for load in model_loads(trace) if text(load.id) == model.id]
                yield self.finding(
                    f"the tokenizer of {model.id!r} has no pad token, and is asked to pad",
                    where(repo, event),
                    evidence=quote(repo, event),
                    fix=(
                        "set one after loading: tokenizer.pad_token = tokenizer.eos_token (and "
                        "model.config.pad_token_id)"
                    ),
                    related=tuple(dict.fromkeys(loads)),
                    runs=group.runs,
                    modes=group.modes,
                )
                break

    @staticmethod
    def _pads(event: Event) -> Thing | None:
        """The tokenizer that is asked to pad."""
        data: dict[str, Any] = event.data
        found: list[Thing] = []
        if event.kind == "invoke" and data["type"] == "transformers.PreTrainedTokenizerBase":
            padding = data["keywords"].get("padding")
            found = (
                [data["receiver"]]
                if isinstance(padding, Const) and padding.value in {True, "max_length", "longest"}
                else []
            )
        elif (
            event.kind == "method" and data["type"] == "transformers.PreTrainedTokenizerBase" and data["name"] == "pad"
        ):
            found = [data["receiver"]]
        elif event.kind == "call" and str(data["name"]).rsplit(".", 1)[-1] in _TENSORS_ONLY:
            value = data["keywords"].get("tokenizer") or next(iter(data["args"]), None)
            found = things(value, "transformers.PreTrainedTokenizerBase")
        return found[0] if found else None
