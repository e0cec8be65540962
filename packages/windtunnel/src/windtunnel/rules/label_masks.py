"""Labels of tokens: of the same sequence as the inputs, masked where they should be, and only there (criterion 3)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.rehearsal.libraries.dataset_columns import given_by
from windtunnel.rehearsal.values import Const, constant
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.labels import decoded_labels, holds_ignored_labels, overwritten_inputs
from windtunnel.rules.loaded import entered, model_loads, where
from windtunnel.rules.tokenising import encoding_of, is_padded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo


class DAT024(Rule):
    """Labels with -100 are decoded."""

    name = "ignored-labels-decoded"
    criterion = 3
    categories: ClassVar[tuple[str, ...]] = ("tokenize-collate",)
    doc = Doc(
        what="`decode` or `batch_decode` of labels that hold -100 for positions to ignore.",
        why=(
            "A fast tokenizer raises OverflowError (out of range integral type conversion attempted) in the first "
            "evaluation."
        ),
        example='refs = tokenizer.batch_decode(batch["labels"], skip_special_tokens=True)',
        instead=(
            'labels = batch["labels"].masked_fill(batch["labels"] == -100, tokenizer.pad_token_id)\nrefs = '
            "tokenizer.batch_decode(labels, skip_special_tokens=True)"
        ),
        limits=(
            "Labels are followed within one function; a function that mentions -100 or masks is believed to replace it."
        ),
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        if not holds_ignored_labels(repo.sources.values()):
            return
        traces = list(repo.traces("main", "train", "evaluate"))
        followed = entered(traces)
        for source in (source for source in repo.sources.values() if "decode(" in source.text):
            for function, call in decoded_labels(source.tree):
                reached = (source.path, function.lineno) in followed
                yield self.finding(
                    f"{ast.unparse(call)[:120]} decodes labels that hold -100",
                    source.place(call),
                    evidence=source.quote(call),
                    fix=(
                        "replace -100 by the pad token first: labels = labels.masked_fill(labels == -100, "
                        "tokenizer.pad_token_id)"
                    ),
                    severity=Severity.BLOCKER if reached else Severity.WARNING,
                )


class DAT025(Rule):
    """Masking the labels overwrites the inputs."""

    name = "masked-labels-overwrite-inputs"
    criterion = 3
    categories: ClassVar[tuple[str, ...]] = ("tokenize-collate",)
    doc = Doc(
        what=(
            "Labels that are the very lists (or tensor) of the input ids, or a shallow copy of a batch of them, and "
            "are then changed in place."
        ),
        why=(
            "The -100 lands in the input ids too: the embedding gets an index out of range, on a GPU as a "
            "device-side assert."
        ),
        example=(
            'labels = encoded["input_ids"].copy()   # batched: a new outer list, the same inner ones\nlabels[i][:n] '
            "= [-100] * n"
        ),
        instead='labels = [list(ids) for ids in encoded["input_ids"]]',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        batched: dict[int, bool] = {}
        for trace in repo.traces("main", "train", "evaluate"):
            for event in trace.of("mapped"):
                node = getattr(event.data["function"], "node", None)
                known, plain = constant(event.data["keywords"].get("batched") or Const(value=False))
                if node is not None and known:
                    batched[id(node)] = batched.get(id(node), False) or plain is True
        for source in (source for source in repo.sources.values() if "input_ids" in source.text):
            for node, name, shallow in overwritten_inputs(source.tree, batched):
                how = (
                    "is a shallow copy of the batch's input ids, whose lists it shares"
                    if shallow
                    else "is the input ids themselves"
                )
                yield self.finding(
                    f"{name!r} {how}, so that this line changes the inputs too",
                    source.place(node),
                    evidence=source.quote(node),
                    fix=(
                        "copy every list: labels = [list(ids) for ids in encoded['input_ids']] (for a tensor: .clone())"
                    ),
                )


class DAT023(Rule):
    """Labels are tokenised apart from the inputs of a causal language model."""

    name = "labels-tokenised-apart"
    criterion = 3
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("tokenize-collate",)
    doc = Doc(
        what="A causal language model whose labels are the ids of another text than its inputs.",
        why=(
            "Logits and labels have different lengths (a crash), or position i is trained to give a token that has "
            "nothing to do with input i."
        ),
        example='out = tokenizer(question); out["labels"] = tokenizer(answer)["input_ids"]',
        instead="ids = question_ids + answer_ids; labels = [-100] * len(question_ids) + answer_ids",
        limits="Encoder-decoder models take labels of their own and are left alone.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[tuple[str, int], tuple[Finding, set[str]]] = {}
        for trace in repo.traces("main", "train"):
            owners = {load.owner for load in model_loads(trace)}
            if not any("CausalLM" in owner or "LMHead" in owner for owner in owners) or any(
                "Seq2Seq" in owner or "ConditionalGeneration" in owner for owner in owners
            ):
                continue
            for event in trace.of("mapped"):
                given = given_by(event.data["result"]) or {}
                inputs, labels = encoding_of(given.get("input_ids")), encoding_of(given.get("labels"))
                if inputs is None or labels is None or inputs is labels:
                    continue
                call, other = labels.data["call"].node, inputs.data["call"].node
                first, second = _first_argument(call), _first_argument(other)
                if not first or first == second:
                    continue
                path = getattr(event.data["function"], "path", event.path)
                source = repo.sources.get(path)
                if source is None or (path, call.lineno) in found:
                    continue
                finding = self.finding(
                    (
                        f"the labels are the tokens of {first}, the inputs those of {second}: a causal language "
                        "model needs one sequence with labels of the same length"
                    ),
                    source.place(call),
                    evidence=source.quote(call),
                    fix=(
                        "tokenise prompt and answer into one sequence, and mask the prompt in a copy of its ids "
                        "with -100"
                    ),
                    severity=Severity.BLOCKER if event.certain else Severity.WARNING,
                    related=(where(repo, event),),
                )
                found[path, call.lineno] = (finding, set())
        yield from (finding for finding, _ in found.values())


def _first_argument(node: ast.AST) -> str:
    return ast.unparse(node.args[0])[:80] if isinstance(node, ast.Call) and node.args else ""


class DAT026(Rule):
    """Padding stays in the labels."""

    name = "padding-in-labels"
    criterion = 3
    severity = Severity.WARNING
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("tokenize-collate",)
    doc = Doc(
        what="Labels that are a copy of padded input ids, with nothing that replaces the padding by -100.",
        why="Most of the loss is about predicting padding; accuracy per token counts it as well.",
        example='out = tokenizer(text, padding="max_length"); out["labels"] = out["input_ids"].copy()',
        instead=(
            'out["labels"] = [token if seen else -100 for token, seen in zip(out["input_ids"], out["attention_mask"])]'
        ),
        limits="DataCollatorForLanguageModeling makes its own labels, so that code with it is left alone.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        seen: set[tuple[str, int]] = set()
        for trace in repo.traces("main", "train"):
            if any(str(event.data["name"]).endswith("ForLanguageModeling") for event in trace.of("call")):
                continue
            for event in trace.of("mapped"):
                function = event.data["function"]
                given = given_by(event.data["result"]) or {}
                labels = given.get("labels")
                encoding = encoding_of(labels)
                node = getattr(function, "node", None)
                if (
                    encoding is None
                    or encoding is not encoding_of(given.get("input_ids"))
                    or not is_padded(encoding)
                    or node is None
                ):
                    continue
                words = ast.unparse(node)
                source = repo.sources.get(function.path)
                if (
                    source is None
                    or "pad_token" in words
                    or "attention_mask" in words
                    or (function.path, node.lineno) in seen
                ):
                    continue
                seen.add((function.path, node.lineno))
                yield self.finding(
                    "the labels are a copy of padded input ids, so that padding is trained and measured like text",
                    source.place(node),
                    evidence=source.quote(node),
                    fix="set the labels of padding to -100 (where attention_mask is 0)",
                    related=(where(repo, event),),
                )
