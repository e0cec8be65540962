"""transformers and peft: models, tokenizers, trainers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.rehearsal.libraries.registry import Call, attributes, function, invocation, method, results
from windtunnel.rehearsal.values import NONE, Const, Instance, Mapping_, Sequence_, Thing, Value, unknown

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine

MODEL = "transformers.PreTrainedModel"
TOKENIZER = "transformers.PreTrainedTokenizerBase"
results(
    "torch.optim.lr_scheduler.LRScheduler",
    "transformers.get_scheduler",
    "transformers.get_linear_schedule_with_warmup",
    "transformers.get_cosine_schedule_with_warmup",
    "transformers.get_constant_schedule",
    "transformers.get_constant_schedule_with_warmup",
    "transformers.get_polynomial_decay_schedule_with_warmup",
    "transformers.optimization.get_scheduler",
)


@function("*.from_pretrained")
def _from_pretrained(machine: Machine, called: Call) -> Value | None:
    parts = called.name.split(".")
    if len(parts) < 3 or not parts[-2][:1].isupper():
        return None
    owner = parts[-2]
    base = called.argument(0, "pretrained_model_name_or_path" if parts[0] != "peft" else "model") or NONE
    if "Tokenizer" in owner or "Processor" in owner or "FeatureExtractor" in owner:
        return Thing(
            TOKENIZER if "Tokenizer" in owner else f"transformers.{owner}",
            data={"call": called, "id": base, "class": owner},
        )
    if owner.endswith("Config"):
        return Thing("transformers.PretrainedConfig", data={"call": called, "id": base})
    if parts[0] == "peft":
        return Thing("peft.PeftModel", data={"call": called, "base": base}, origin=base.tags)
    return Thing(MODEL, data={"call": called, "id": base, "class": owner})


@function("*.from_config")
def _from_config(machine: Machine, called: Call) -> Value | None:
    parts = called.name.split(".")
    return (
        Thing(MODEL, data={"call": called, "class": parts[-2]})
        if len(parts) > 2 and parts[-2].startswith("AutoModel")
        else None
    )


@function("peft.get_peft_model", "peft.mapping.get_peft_model", "peft.inject_adapter_in_model")
def _peft(machine: Machine, called: Call) -> Value | None:
    base = called.argument(0, "model") or NONE
    config = called.argument(1, "peft_config") or NONE
    before = tuple(base.data.get("called", ())) if isinstance(base, Thing) else ()
    return Thing(
        "peft.PeftModel",
        data={"call": called, "base": base, "peft_config": config, "called_before": before},
        origin=base.tags,
    )


@function("peft.prepare_model_for_kbit_training")
def _prepare(machine: Machine, called: Call) -> Value | None:
    model = called.argument(0, "model") or NONE
    if isinstance(model, Thing):
        model.data["prepared"] = True
    return model


@invocation("tokenizer", TOKENIZER)
def _tokenize(machine: Machine, thing: Thing, called: Call) -> Value | None:
    made = Thing("transformers.BatchEncoding", data={"call": called, "tokenizer": thing}, origin=called.tags)
    kind = "torch.Tensor" if called.plain(99, "return_tensors") == "pt" else "list"
    for name in ("input_ids", "attention_mask"):
        column = Thing(kind, data={"encoded": (made, name)}, origin=called.tags)
        made.attributes[name] = column
        if kind == "list":
            column.data["element"] = Thing("", data={"encoded": (made, name)}, origin=called.tags)
    made.data["items"] = dict(made.attributes)
    return made


@method("transformers.BatchEncoding", "to")
def _encoding_to(machine: Machine, receiver: Value, called: Call) -> Value | None:
    return receiver


@method("transformers.BatchEncoding", "items")
def _encoding_items(machine: Machine, receiver: Value, called: Call) -> Value | None:
    held = receiver.data.get("items", {}) if isinstance(receiver, Thing) else {}
    return Sequence_(
        "list",
        [Sequence_("tuple", [Const(key), value]) for key, value in held.items()],
        more=True,
        item=Sequence_("tuple", [unknown("str"), unknown(tags=receiver.tags)]),
    )


@method("model", "generate")
def _generate(machine: Machine, receiver: Value, called: Call) -> Value | None:
    return Thing("torch.Tensor", data={"generated": called, "model": receiver}, origin=called.tags)


@method(
    "model",
    "gradient_checkpointing_enable",
    "enable_input_require_grads",
    "resize_token_embeddings",
    "print_trainable_parameters",
    "save_pretrained",
    "merge_and_unload",
)
def _configured(machine: Machine, receiver: Value, called: Call) -> Value | None:
    if isinstance(receiver, Thing):
        receiver.data.setdefault("called", []).append(called.name)
    return receiver if called.name == "merge_and_unload" else NONE


@method("model", "get_base_model", "unload")
def _base(machine: Machine, receiver: Value, called: Call) -> Value | None:
    base = receiver.data.get("base") if isinstance(receiver, Thing) else None
    return base if isinstance(base, Value) else None


@attributes("model", "config")
def _config(machine: Machine, receiver: Thing, at: ast.AST) -> Value | None:
    made = Thing("transformers.PretrainedConfig", data={"model": receiver})
    receiver.attributes["config"] = made
    return made


@function("transformers.Trainer", "transformers.Seq2SeqTrainer", "trl.SFTTrainer", "trl.DPOTrainer")
def _trainer(machine: Machine, called: Call) -> Value | None:
    from windtunnel.rehearsal.library_calls import call_back  # noqa: PLC0415 - the two call each other

    call_back(machine, called)
    return Thing("transformers.Trainer", data={"call": called, "keywords": called.keywords}, origin=called.tags)


@method("transformers.Trainer", "train", "evaluate", "predict")
def _train(machine: Machine, receiver: Value, called: Call) -> Value | None:
    made = unknown(tags=receiver.tags)
    if called.name == "evaluate":
        return Mapping_({}, more=True)
    made.data["trainer"] = receiver
    return made


__all__ = ["Instance"]
