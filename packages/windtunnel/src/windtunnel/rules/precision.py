"""Precision and devices: weights, optimizer, scaler and placement go together (criterion 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Finding, Place, Severity
from windtunnel.rehearsal.joining import options
from windtunnel.rehearsal.libraries.registry import family
from windtunnel.rehearsal.values import Const, Library, Thing, Value
from windtunnel.rules.adapters import quantised
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import gather, quote
from windtunnel.rules.loaded import base_of, parts_of, plain, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo

_HALF = frozenset({"torch.float16", "torch.half"})
_BRAIN = frozenset({"bf16", "bfloat16"})
_ADAM = ("Adam", "AdamW", "NAdam", "RAdam")


def _dtype(model: Thing | None) -> str:
    """The type that a model's weights are loaded in, "" if it is not known or the library's default."""
    call = model.data.get("call") if model is not None else None
    if model is None or call is None:
        return ""
    value = call.keywords.get("torch_dtype") or call.keywords.get("dtype")
    found = options(value) if value is not None else ()
    names = {
        one.name
        if isinstance(one, Library)
        else f"torch.{one.value}"
        if isinstance(one, Const) and isinstance(one.value, str)
        else ""
        for one in found
    }
    return names.pop() if len(names) == 1 else ""


def _trained(trace: Trace, event: Event) -> Thing | None:
    """The transformers model, without adapters, whose parameters an optimizer was given."""
    for argument in (*event.data["args"], *event.data["keywords"].values()):
        for part in parts_of(argument):
            owner = part.data.get("of_model") if isinstance(part, Thing) else None
            for _ in range(4):
                if isinstance(owner, Thing) and "of_model" in owner.data:
                    owner = owner.data["of_model"]
            if isinstance(owner, Thing) and owner.type.startswith(("transformers.", "peft.")):
                return owner if owner.type == "transformers.PreTrainedModel" else None
    loaded = [
        call.data["result"]
        for call in trace.of("call")
        if isinstance(call.data.get("result"), Thing)
        and call.data["result"].type in {"transformers.PreTrainedModel", "peft.PeftModel"}
    ]
    kinds = {(model.type, _dtype(model)) for model in loaded}
    return loaded[0] if len(kinds) == 1 and loaded[0].type == "transformers.PreTrainedModel" else None


def _optimizers(trace: Trace) -> Iterator[tuple[Event, Thing]]:
    for event in trace.of("call"):
        result = event.data.get("result")
        if isinstance(result, Thing) and family(result.type) == "optimizer":
            yield event, result


def _loaded_at(repo: Repo, trace: Trace, model: Thing) -> tuple[Place, ...]:
    return tuple(where(repo, event) for event in trace.of("call") if event.data.get("result") is model)[:1]


def _enabled(event: Event) -> bool:
    value = event.data["keywords"].get("enabled")
    return value is None or plain(value) is True


class MOD021(Rule):
    """A gradient scaler meets weights in float16."""

    name = "scaler-with-half-weights"
    criterion = 4
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("device-dtype-amp",)
    doc = Doc(
        what="An enabled GradScaler over an optimizer of a model that was loaded in float16 itself.",
        why="ValueError: Attempting to unscale FP16 gradients. The scaler is for float32 weights under autocast.",
        example="model = AutoModel.from_pretrained(name, torch_dtype=torch.float16); scaler = GradScaler()",
        instead="load the weights in float32 (or bfloat16 without a scaler), and let autocast choose float16",
        limits="Adapters are kept in float32 by PEFT, and are left alone.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[tuple[str, int], tuple[Event, tuple[Place, ...], set[str], bool]] = {}
        for trace in repo.traces("main", "train"):
            models = [
                model
                for event, _ in _optimizers(trace)
                if (model := _trained(trace, event)) is not None and _dtype(model) in _HALF
            ]
            if not models or not any(
                event.data["name"] in {"step", "unscale_"} and "GradScaler" in str(event.data["type"])
                for event in trace.of("method")
            ):
                continue
            for event in trace.of("call"):
                if str(event.data["name"]).endswith(".GradScaler") and _enabled(event):
                    entry = found.setdefault(
                        (event.path, event.line), (event, _loaded_at(repo, trace, models[0]), set(), event.certain)
                    )
                    entry[2].add(trace.run_id)
        for event, places, runs, certain in found.values():
            yield self.finding(
                (
                    "the scaler is enabled for a model whose weights are float16 themselves: it refuses to unscale "
                    "their gradients"
                ),
                where(repo, event),
                evidence=quote(repo, event),
                fix="load the weights in float32 and leave float16 to autocast, or use bfloat16 without a scaler",
                severity=Severity.BLOCKER if certain else Severity.WARNING,
                related=places,
                runs=tuple(sorted(run for run in runs if run)),
            )


class MOD022(Rule):
    """Adam steps weights in float16."""

    name = "adam-on-half-weights"
    criterion = 4
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("device-dtype-amp", "numeric")
    doc = Doc(
        what="Adam or AdamW over all weights of a model that was loaded in float16, with no float32 copy.",
        why="eps=1e-8 is 0 in float16, and the squares of small gradients are too: 0/0 gives NaN in the first steps.",
        example=(
            "model = AutoModelForCausalLM.from_pretrained(name, torch_dtype=torch.float16); AdamW(model.parameters())"
        ),
        instead="torch_dtype=torch.float32 with autocast, or bfloat16",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[tuple[str, int], tuple[Event, tuple[Place, ...], set[str], bool]] = {}
        for trace in repo.traces("main", "train"):
            for event, optimizer in _optimizers(trace):
                model = _trained(trace, event)
                eps = plain(event.data["keywords"].get("eps"))
                if (
                    not optimizer.type.rsplit(".", 1)[-1].startswith(_ADAM)
                    or _dtype(model) not in _HALF
                    or model is None
                    or (isinstance(eps, float) and eps > 1e-7)
                ):
                    continue
                if self._converted(trace, model):
                    continue
                entry = found.setdefault(
                    (event.path, event.line), (event, _loaded_at(repo, trace, model), set(), event.certain)
                )
                entry[2].add(trace.run_id)
        for event, places, runs, _ in found.values():
            yield self.finding(
                "Adam steps weights that are float16: its eps is 0 there, and weights turn NaN within the first steps",
                where(repo, event),
                evidence=quote(repo, event),
                fix="load the weights in float32 and use autocast, or load them in bfloat16",
                related=places,
                runs=tuple(sorted(run for run in runs if run)),
            )

    @staticmethod
    def _converted(trace: Trace, model: Thing) -> bool:
        """Whether the model is turned to another type after loading."""
        for event in trace.of("method"):
            if event.data["receiver"] is model:
                named = str(event.data["name"])
                if named in {"float", "bfloat16"}:
                    return True
                if named == "to" and any(
                    isinstance(value, Library) and value.name in {"torch.float32", "torch.bfloat16"}
                    for value in (*event.data["args"], *event.data["keywords"].values())
                ):
                    return True
        return False


class MOD023(Rule):
    """bf16 is configured, and float16 is what happens."""

    name = "bf16-taken-for-fp16"
    criterion = 4
    severity = Severity.WARNING
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("device-dtype-amp",)
    doc = Doc(
        what="A configuration that says bf16, with an enabled GradScaler or an autocast without dtype.",
        why=(
            "autocast without dtype computes in float16 on a GPU; bfloat16 needs no scaler, and weights in it are "
            "refused by one."
        ),
        example='autocast(enabled=precision in {"fp16", "bf16"}); GradScaler(enabled=precision in {"fp16", "bf16"})',
        instead='autocast("cuda", dtype=torch.bfloat16); GradScaler(enabled=precision == "fp16")',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[tuple[str, int], tuple[Event, str, set[str]]] = {}
        for trace in repo.traces("main", "train"):
            if not self._brain(trace):
                continue
            for event in trace.of("call"):
                name = str(event.data["name"])
                if name.endswith(".GradScaler") and _enabled(event):
                    found.setdefault(
                        (event.path, event.line),
                        (event, "a gradient scaler is enabled for bf16, which needs none", set()),
                    )[2].add(trace.run_id)
                elif (
                    name.endswith(".autocast")
                    and plain(event.data["keywords"].get("enabled") or Const(value=True)) is True
                    and "dtype" not in event.data["keywords"]
                    and len(event.data["args"]) < 2
                    and not event.data["starred"]
                ):
                    found.setdefault(
                        (event.path, event.line),
                        (event, "bf16 is configured, and autocast without dtype computes in float16", set()),
                    )[2].add(trace.run_id)
        for event, message, runs in found.values():
            yield self.finding(
                message,
                where(repo, event),
                evidence=quote(repo, event),
                fix="pass dtype=torch.bfloat16 to autocast, and enable the scaler for fp16 only",
                runs=tuple(sorted(run for run in runs if run)),
            )

    @staticmethod
    def _brain(trace: Trace) -> bool:
        """Whether the mixed precision that the code reads in the configuration is bf16."""
        for event in trace.of("read"):
            key = str(event.data["key"]).rsplit(".", 1)[-1]
            if not event.data["found"] or not ("precision" in key or key in {"bf16", "amp_dtype", "mixed"}):
                continue
            try:
                value = event.data["node"][key]
            except Exception:  # noqa: BLE001, S112 - what cannot be resolved says nothing
                continue
            if (value is True and key == "bf16") or str(value).lower() in _BRAIN:
                return True
        return False


class MOD024(Rule):
    """A model that its loader placed is moved again."""

    name = "placed-model-moved-again"
    criterion = 4
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("device-dtype-amp",)
    doc = Doc(
        what="`.to(device)` on a model loaded with `device_map` or in 4 or 8 bits.",
        why=(
            "transformers refuses to move a model in 8 bits (in 4 bits with older bitsandbytes); accelerate refuses "
            "it for a model that is spread over devices."
        ),
        example=(
            'model = AutoModelForCausalLM.from_pretrained(name, load_in_8bit=True, device_map="auto"); model.to("cuda")'
        ),
        instead="leave .to(device) out, and ask the model where it is: device = next(model.parameters()).device",
        limits="On a single GPU, an unquantised model that fits may be moved; that is a note.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        def key(event: Event) -> int | None:
            return event.line if event.data["name"] in {"to", "cuda"} and self._placed(event) else None

        for group in gather(repo.traces("main", "train", "evaluate"), ["method"], key):
            receiver = group.first.data["receiver"]
            base = base_of(receiver)
            if base is None:
                continue
            bits = max((quantised(base_of(event.data["receiver"])) for _, event in group.events), default=0)
            refused = bits == 8 and receiver is base  # around adapters it is torch's own method, which does not ask
            what = f"is loaded in {bits} bits" if bits > 0 else "is quantised" if bits else "is placed by device_map"
            yield self.finding(
                f"a model that {what} is moved again with .{group.first.data['name']}()",
                where(repo, group.first),
                evidence=quote(repo, group.first),
                fix="leave it out: the model is where device_map put it",
                severity=Severity.BLOCKER if refused and group.certain else Severity.WARNING if bits else Severity.NOTE,
                related=_loaded_at(repo, group.trace, base),
                runs=group.runs,
            )

    @staticmethod
    def _placed(event: Event) -> bool:
        receiver: Value = event.data["receiver"]
        if not isinstance(receiver, Thing) or family(receiver.type) != "model":
            return False
        base = base_of(receiver)
        call = base.data.get("call") if base is not None else None
        if call is None:
            return False
        device_map = call.keywords.get("device_map")
        mapped = device_map is not None and all(
            isinstance(one, Const) and one.value is not None for one in options(device_map)
        )
        return bool(quantised(base)) or mapped
