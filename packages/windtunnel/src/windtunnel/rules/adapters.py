"""Adapters: LoRA and its kin reach modules that are there, and are trained as PEFT takes them (criterion 4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from omegaconf import OmegaConf

from windtunnel.findings import Finding, Place, Severity
from windtunnel.knowledge.models import ADAPTABLE
from windtunnel.rehearsal.values import Const, Node, Sequence_, Thing, Value, constant
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import quote
from windtunnel.rules.loaded import base_of, config_places, hub, known_model, line_at, plain, text, things, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.knowledge.models import Model
    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo

_WRAPS = frozenset({"peft.get_peft_model", "peft.mapping.get_peft_model", "peft.inject_adapter_in_model"})
_LORA = frozenset(
    {"LoraConfig", "AdaLoraConfig", "LoHaConfig", "LoKrConfig", "IA3Config", "OFTConfig", "BOFTConfig", "VeraConfig"}
)
_CLASSIFIERS = (
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForMultipleChoice",
    "ForImageClassification",
    "ForAudioClassification",
)
_UNFREEZES = re.compile(r"requires_grad\s*=\s*True|requires_grad_\(\s*(True)?\s*\)|modules_to_save")


def wraps(trace: Trace) -> Iterator[tuple[Event, Value, Thing]]:
    """(Event, model, configuration) of each time adapters are put around a model."""
    for event in trace.of("call"):
        if event.data["name"] in _WRAPS:
            args, keywords = event.data["args"], event.data["keywords"]
            model = keywords.get("model") or (args[0] if args else Const(None))
            config = keywords.get("peft_config") or (args[1] if len(args) > 1 else None)
            for thing in things(config):
                if thing.type.startswith("peft.") and thing.type.rsplit(".", 1)[-1] in _LORA:
                    yield event, model, thing


def _keywords(config: Thing) -> dict[str, Value]:
    return dict(config.data.get("keywords", {}))


def _names(value: Value | None) -> list[str] | str | None:
    """``target_modules`` as plain names, or a pattern; None if it is not known."""
    if isinstance(value, Node):
        listed = OmegaConf.to_container(value.config, resolve=True)
        return [str(name) for name in listed] if isinstance(listed, list) else None
    known, found = constant(value) if value is not None else (False, None)
    if not known:
        return None
    if isinstance(found, str):
        return found
    return [str(name) for name in found] if isinstance(found, list | tuple | set) and found else None


def _origins(value: Value | None) -> Value | None:
    """A value that knows where in the configuration target modules stand."""
    if isinstance(value, Sequence_) and value.items:
        return value.items[0]
    if isinstance(value, Node) and len(value.config):
        from windtunnel.rehearsal.config_nodes import full_key  # noqa: PLC0415

        return Const(None, full_key(value.config))
    return value


def _model(repo: Repo, model: Value) -> Model | None:
    found = known_model(repo, model)
    if found is None:
        base = base_of(model)
        name = text(base.data.get("id")) if base is not None else None
        if name and "gpt2" in name.lower():  # sshleifer/tiny-gpt2 and its like are built as GPT-2 is
            return hub(repo).model("gpt2")
    return found


class MOD001(Rule):
    """Target modules of an adapter match nothing, or modules it cannot wrap."""

    name = "target-modules-that-do-not-fit"
    criterion = 4
    source = "table"
    categories: ClassVar[tuple[str, ...]] = ("lora-peft", "baseline-noop")
    doc = Doc(
        what=(
            "Entries of `target_modules` that match no module of the configured model, or a container "
            "(RobertaIntermediate, an attention block) instead of a linear layer."
        ),
        why="PEFT raises 'Target modules ... not found in the base model' or 'Target module ... is not supported'.",
        example="roberta-base with target_modules: [query, value, intermediate]",
        instead="target_modules: [query, value, dense]",
        limits="Only models whose modules the hub table has.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[tuple[Place, str], tuple[Finding, set[str]]] = {}
        for trace in repo.traces("main", "train"):
            for event, wrapped, config in wraps(trace):
                value = _keywords(config).get("target_modules")
                model, names = _model(repo, wrapped), _names(value)
                if model is None or names is None or not model.modules or names == "all-linear":
                    continue
                spots = config_places(repo, _origins(value), trace.run_id)
                made = next(
                    (where(repo, call) for call in trace.of("call") if call.data.get("result") is config),
                    where(repo, event),
                )
                for message, sure in self._complaints(model, names):
                    spot = spots[0] if spots else made
                    key = (spot, message)
                    if key in found:
                        found[key][1].add(trace.mode)
                        continue
                    finding = self.finding(
                        message,
                        spot,
                        evidence=line_at(repo, spot),
                        fix=f"name linear modules of it: {', '.join(model.linear_modules)}",
                        severity=Severity.BLOCKER if sure and event.certain and not event.guarded else Severity.WARNING,
                        related=tuple(place for place in dict.fromkeys((made, where(repo, event))) if place != spot),
                        runs=(trace.run_id,) if trace.run_id else (),
                        modes=(trace.mode,) if trace.mode else (),
                    )
                    found[key] = (finding, {trace.mode})
        yield from (finding for finding, _ in found.values())

    @staticmethod
    def _complaints(model: Model, names: list[str] | str) -> Iterator[tuple[str, bool]]:
        if isinstance(names, str):
            try:
                matched = model.matched_by_pattern(names)
            except re.error as error:
                yield f"the pattern {names!r} of target_modules is not one: {error}", True
                return
            if not matched:
                yield f"the pattern {names!r} of target_modules matches no module of {model.id!r}", True
            return
        by_name = {name: model.matched(name) for name in names}
        missing = [name for name, matched in by_name.items() if not matched]
        if len(missing) == len(names):
            yield f"none of the target modules {', '.join(map(repr, names))} is a module of {model.id!r}", True
            return
        for name, matched in by_name.items():
            wrong = [one for one in matched if one.kind not in ADAPTABLE]
            if wrong:
                yield (
                    (
                        f"the target module {name!r} matches {wrong[0].path!r} of {model.id!r}, a {wrong[0].kind} "
                        "and no linear layer, which PEFT refuses"
                    ),
                    True,
                )
        if missing:
            yield f"the target modules {', '.join(map(repr, missing))} match nothing in {model.id!r}", False


class MOD002(Rule):
    """The classification head stays frozen."""

    name = "frozen-classification-head"
    criterion = 4
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("lora-peft", "autograd")
    doc = Doc(
        what=(
            "Adapters around a model for classification, configured without `task_type` and without `modules_to_save`."
        ),
        why=(
            "PEFT freezes everything but the adapters; only task_type='SEQ_CLS' (or TOKEN_CLS) keeps the newly "
            "initialised head trainable, so that the classes are read off random numbers."
        ),
        example="get_peft_model(AutoModelForSequenceClassification.from_pretrained(...), LoraConfig(r=8))",
        instead='LoraConfig(r=8, task_type="SEQ_CLS")',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        seen: dict[tuple[str, int], tuple[Event, set[str]]] = {}
        for trace in repo.traces("main", "train"):
            for event, model, config in wraps(trace):
                base, keywords = base_of(model), _keywords(config)
                owner = str(base.data.get("class", "")) if base is not None else ""
                has_type = any(
                    not (isinstance(keywords.get(name), Const) and plain(keywords[name]) is None)
                    for name in ("task_type", "modules_to_save")
                    if name in keywords
                )
                if owner.endswith(_CLASSIFIERS) and not has_type and not config.data.get("args"):
                    seen.setdefault((event.path, event.line), (event, set()))[1].add(trace.run_id)
        unfrozen = any(_UNFREEZES.search(source.text) for source in repo.sources.values())
        for event, runs in seen.values():
            yield self.finding(
                (
                    "adapters without task_type around a model for classification: its new head stays frozen at "
                    "random weights"
                ),
                where(repo, event),
                evidence=quote(repo, event),
                fix=(
                    'give the configuration task_type="SEQ_CLS" ("TOKEN_CLS" for tags), or '
                    'modules_to_save=["classifier"]'
                ),
                severity=Severity.WARNING if unfrozen else Severity.BLOCKER,
                runs=tuple(sorted(run for run in runs if run)),
            )


class MOD005(Rule):
    """A quantised model is not prepared for training."""

    name = "quantised-model-not-prepared"
    criterion = 4
    severity = Severity.WARNING
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("lora-peft", "autograd")
    doc = Doc(
        what="Adapters around a model loaded in 4 or 8 bits without `prepare_model_for_kbit_training`.",
        why=(
            "Norms stay in half precision, the embedding gives outputs without gradients, and with gradient "
            "checkpointing nothing can be trained."
        ),
        example=(
            "model = AutoModelForCausalLM.from_pretrained(name, quantization_config=bits); model = "
            "get_peft_model(model, config)"
        ),
        instead="model = prepare_model_for_kbit_training(model); model = get_peft_model(model, config)",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        if any(
            "prepare_model_for_kbit_training" in source.text or "enable_input_require_grads" in source.text
            for source in repo.sources.values()
        ):
            return
        seen: dict[tuple[str, int], tuple[Event, set[str]]] = {}
        for trace in repo.traces("main", "train"):
            for event, model, _ in wraps(trace):
                if quantised(base_of(model)):
                    seen.setdefault((event.path, event.line), (event, set()))[1].add(trace.run_id)
        for event, runs in seen.values():
            yield self.finding(
                "adapters are put around a quantised model that was not prepared for training",
                where(repo, event),
                evidence=quote(repo, event),
                fix="model = prepare_model_for_kbit_training(model) before get_peft_model",
                runs=tuple(sorted(run for run in runs if run)),
            )


def quantised(base: Thing | None) -> int:
    """8 or 4 for a model that is loaded in that many bits, -1 for either of them, 0 for one that may be in none."""
    call = base.data.get("call") if base is not None else None
    keywords: dict[str, Any] = call.keywords if call is not None else {}
    for bits in (8, 4):
        if plain(keywords.get(f"load_in_{bits}bit")) is True:
            return bits
    configs = things(keywords.get("quantization_config"))
    value = keywords.get("quantization_config")
    if not configs or not isinstance(value, Thing):  # one of several values, of which one may be None
        return 0
    for bits in (8, 4):
        if plain(configs[0].data.get("keywords", {}).get(f"load_in_{bits}bit")) is True:
            return bits
    return -1 if configs[0].type.endswith("BitsAndBytesConfig") else 0


class MOD006(Rule):
    """Names of modules in the configuration match nothing in the model."""

    name = "configured-modules-that-do-not-exist"
    criterion = 4
    source = "table"
    categories: ClassVar[tuple[str, ...]] = ("baseline-noop", "silent-noop-method", "lora-peft")
    doc = Doc(
        what=(
            "A configured list of `target_modules`, read by code that looks for them itself, of which none is part "
            "of the name of a linear module of the configured model."
        ),
        why=(
            "No adapter is inserted and nothing says so: what is called LoRA is a full fine-tune, or nothing is "
            "trained."
        ),
        example="distilbert-base-uncased with target_modules: [q_proj, v_proj]",
        instead="target_modules: [q_lin, v_lin]",
        limits="Only models whose modules the hub table has.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        reported: set[Place] = set()
        for trace in repo.traces("main", "train"):
            if any(True for _ in wraps(trace)):
                continue
            models = [
                known_model(repo, event.data["result"])
                for event in trace.of("call")
                if isinstance(event.data.get("result"), Thing)
                and event.data["result"].type == "transformers.PreTrainedModel"
            ]
            known = [model for model in models if model is not None and model.modules]
            if not known or len(known) != len(models):
                continue
            for event in trace.of("read"):
                key = str(event.data["key"])
                if not key.endswith("target_modules") or not event.data["found"]:
                    continue
                names = _names(Node(event.data["node"][key.rpartition(".")[2]])) if _is_listed(event, key) else None
                spot = repo.config_place(key, trace.run_id) or repo.config_place(key.removeprefix("run."), trace.run_id)
                if not names or isinstance(names, str) or spot is None or spot in reported:
                    continue
                if any(
                    name in module.path
                    for name in names
                    for model in known
                    for module in model.modules
                    if module.kind == "linear"
                ):
                    continue
                reported.add(spot)
                yield self.finding(
                    (
                        f"none of {', '.join(map(repr, names))} is part of the name of a linear module of "
                        f"{known[0].id!r}, so that no adapter is inserted"
                    ),
                    spot,
                    evidence=line_at(repo, spot),
                    fix=(
                        f"name linear modules of it: {', '.join(known[0].linear_modules)}; and let the code refuse a "
                        "list that matches nothing"
                    ),
                    severity=Severity.BLOCKER if event.certain else Severity.WARNING,
                    related=(where(repo, event),),
                    runs=(trace.run_id,) if trace.run_id else (),
                )


def _is_listed(event: Event, key: str) -> bool:
    try:
        return OmegaConf.is_list(event.data["node"][key.rpartition(".")[2]])
    except Exception:  # noqa: BLE001 - a node whose value cannot be resolved holds no list
        return False
