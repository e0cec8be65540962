"""What a model is called with: the arguments that its forward takes (criterion 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from windtunnel.rehearsal.values import Thing
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import gather, quote
from windtunnel.rules.loaded import where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding, Place
    from windtunnel.rehearsal import Event, Trace
    from windtunnel.rehearsal.values import Value
    from windtunnel.repo import Repo

# columns of datasets that no forward of transformers takes, by the names that they have most often
_FOREIGN = frozenset(
    {
        "length", "lengths", "idx", "id", "index", "text", "texts", "sentence", "sentence1", "sentence2", "premise",
        "hypothesis", "question", "answer", "answers", "context", "label_text", "offset_mapping", "word_ids",
        "overflow_to_sample_mapping", "special_tokens_mask", "num_truncated_tokens", "cut", "prompt", "target",
        "targets", "raw_text", "example_id", "tokens", "ner_tags",
    }
)  # fmt: skip


class DAT030(Rule):
    """A model is called with a column that its forward does not take."""

    name = "column-reaches-the-model"
    criterion = 3
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("tokenize-collate",)
    doc = Doc(
        what="`model(**batch)` of a model of transformers, with a batch that still holds columns such as `length`, "
        "`idx` or the texts.",
        why="TypeError: forward() got an unexpected keyword argument.",
        example='model(**batch)   # the dataset still has "length"',
        instead='DataLoader(rows.remove_columns("length"), ...)',
        limits="Batches whose columns are known.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for group in gather(repo.traces("main", "train"), ["invoke"], _foreign):
            event = group.first
            found = _foreign(event)
            if found is None or not group.certain:
                continue
            name = found[1]
            yield self.finding(
                f"the model is called with {name!r}, which its forward does not take",
                where(repo, event),
                evidence=quote(repo, event),
                fix=f"remove the column {name!r} before the batches are made",
                related=_loader(repo, group.trace),
                runs=group.runs,
                modes=group.modes,
            )


def _loader(repo: Repo, trace: Trace) -> tuple[Place, ...]:
    """Where batches are made."""
    made = [event for event in trace.of("call") if str(event.data["name"]) == "torch.utils.data.DataLoader"]
    return tuple(dict.fromkeys(where(repo, event) for event in made))


def _foreign(event: Event) -> tuple[int, str] | None:
    """The line, and the first argument that the model does not take."""
    if not str(event.data["type"]).startswith(("transformers.PreTrained", "peft.")):
        return None
    given = event.data["keywords"].items()
    return next(((event.line, name) for name, value in given if name in _FOREIGN and not _is_text(value)), None)


def _is_text(value: Value) -> bool:
    """Whether a part of a batch is a column of texts, which its collator refuses before any model is called."""
    loader, name = value.data.get("batch_field") or (None, None) if isinstance(value, Thing) else (None, None)
    dataset = loader.data.get("dataset") if isinstance(loader, Thing) else None
    columns = dataset.data.get("columns") if isinstance(dataset, Thing) else None
    return isinstance(columns, dict) and "string" in str(columns.get(name))
