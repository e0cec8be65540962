"""What is given to ``json.dump``: whether JSON can hold it (criterion 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.rehearsal.values import Const, Instance, Mapping_, Node, Path_, Sequence_, Text, Thing, Value
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import gather, place, quote
from windtunnel.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.rehearsal import Event
    from windtunnel.repo import Repo

_DEEPEST = 6
_MOST = 100  # items of one container that are looked at
# what the json module refuses, by the type that the rehearsal knows it by
_REFUSED = {
    "numpy.bool": "a truth value of NumPy's (from comparing what a scipy test gave)",
    "numpy.ndarray": "a NumPy array",
    "pandas.DataFrame": "a DataFrame",
    "pandas.Series": "a Series",
    "torch.Tensor": "a tensor",
    "wandb.HTTPSummary": "a W&B summary",
}
_PERHAPS = frozenset({"numpy.ndarray", "pandas.Series", "torch.Tensor"})  # types that an operation may have changed


class EVC003(Rule):
    """Something is dumped that JSON cannot hold."""

    name = "not-json-serialisable"
    criterion = 8
    categories: ClassVar[tuple[str, ...]] = ("evaluate-cli",)
    source = "rehearsal"
    doc = Doc(
        what="Arguments of `json.dump` and `json.dumps` without `default=`: truth values of NumPy, tensors, "
        "DataFrames, W&B summaries, nodes of OmegaConf, sets.",
        why='It raises "TypeError: Object of type bool is not JSON serializable" when everything has been computed.',
        example='json.dump({"significant": p_value < 0.05}, file)   # p_value from scipy',
        instead='json.dump({"significant": bool(p_value < 0.05)}, file)',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""

        def key(event: Event) -> int | None:
            if not str(event.data["how"]).startswith("json.") or {"default", "cls"} & set(event.data["keywords"]):
                return None
            return event.line if _refused(event.data["value"]) else None

        for group in gather(repo.traces(), ["dump"], key):
            found = _refused(group.first.data["value"])
            if found is None:
                continue
            what, sure = found
            yield self.finding(
                f"json cannot hold {what}",
                place(repo, group.first),
                evidence=quote(repo, group.first),
                fix="convert it first: bool(), float(), .tolist(), str(), OmegaConf.to_container()",
                severity=None if sure and group.certain else Severity.WARNING,
                runs=group.runs,
                modes=group.modes,
                stage=Stage.EVALUATION if group.trace.entry == "evaluate" else Stage.TRIAL,
            )


def _refused(value: Value, depth: int = _DEEPEST) -> tuple[str, bool] | None:
    """(what json would refuse in a value, whether it is sure), None if nothing is known to be wrong."""
    if isinstance(value, Thing):
        return (_REFUSED[value.type], value.type not in _PERHAPS) if value.type in _REFUSED else None
    if isinstance(value, Node):
        return f"a {type(value.config).__name__} of OmegaConf", True
    if isinstance(value, Path_):
        # os.path gives text, pathlib an object; only the latter is refused, and a rehearsal does not tell them apart
        return None
    if isinstance(value, Instance):
        return f"an object of class {value.cls.node.name}", not value.cls.libraries()
    if isinstance(value, Sequence_):
        if value.kind == "set":
            return "a set", True
        parts = [*value.items[:_MOST], *([value.item] if value.item is not None else [])]
    elif isinstance(value, Mapping_):
        parts = [*list(value.items.values())[:_MOST], *([value.item] if value.item is not None else [])]
        parts += [inner for _, inner in value.patterns[:_MOST]]
        if any(isinstance(key, tuple) for key in value.items):
            return "a tuple as key", True
    else:
        return None
    for part in parts if depth else ():
        if isinstance(part, Const | Text):
            continue
        found = _refused(part, depth - 1)
        if found is not None:
            return found
    return None
