"""Parts of a method that have to be told of every step: they are made, and nothing tells them (criterion 4)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.rehearsal.values import Thing
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import quote
from windtunnel.rules.loaded import plain, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

# what is made -> what has to be called on it in training, any of them
UPDATED = {
    "glora.RankAllocator": ("step",),
    "torch.optim.swa_utils.AveragedModel": ("update_parameters",),
    "torch_ema.ExponentialMovingAverage": ("update",),
    "ema_pytorch.EMA": ("update",),
    "timm.utils.ModelEmaV2": ("update",),
    "timm.utils.ModelEmaV3": ("update",),
}
_WARM_UP = re.compile(r"warm_?up|tinit|start_step|allocat\w*_step|begin_step", re.IGNORECASE)
_NEVER = 1_000_000  # optimizer steps that no experiment of this kind makes


class MOD036(Rule):
    """A part of the method is made and never told of a step."""

    name = "part-never-updated"
    criterion = 4
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("silent-noop-method",)
    doc = Doc(
        what="Rank allocators, averaged models and the like that a training loop makes and whose step or update it "
        "never calls.",
        why="The method does nothing, and its results are those of the baseline.",
        example="allocator = RankAllocator(model, config); loss.backward(); optimizer.step()",
        instead="loss.backward(); allocator.step(optimizer); optimizer.step()",
        limits=f"Only parts of the table: {', '.join(UPDATED)}.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for trace in repo.traces("main", "train"):
            if trace.ended:
                continue
            called = {(str(event.data["type"]), str(event.data["name"])) for event in trace.of("method")}
            for event in trace.of("call"):
                result, name = event.data.get("result"), str(event.data["name"])
                wanted = UPDATED.get(name, ())
                type_ = result.type if isinstance(result, Thing) else ""
                if not wanted or any((type_, method) in called or ("", method) in called for method in wanted):
                    continue
                yield self.finding(
                    f"{name.rsplit('.', 1)[-1]} is made, and its {' or '.join(wanted)}() is never called in training",
                    where(repo, event),
                    evidence=quote(repo, event),
                    fix=f"call its {wanted[0]}() after each backward pass",
                    runs=(trace.run_id,) if trace.run_id else (),
                    modes=(trace.mode,),
                )
                return


class MOD037(Rule):
    """A method begins after the end of training."""

    name = "method-that-never-begins"
    criterion = 4
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("silent-noop-method",)
    doc = Doc(
        what="A number of warm-up or start steps written in the code that no training reaches.",
        why="What is to begin then never begins.",
        example="GLoRAConfig(warmup_steps=10**9)",
        instead="GLoRAConfig(warmup_steps=total_steps // 3)",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for trace in repo.traces("main", "train"):
            for event in trace.of("call", "new"):
                node = event.node
                for keyword in node.keywords if isinstance(node, ast.Call) else ():
                    value = plain(event.data["keywords"].get(keyword.arg))
                    if keyword.arg and _WARM_UP.search(keyword.arg) and isinstance(value, int) and value >= _NEVER:
                        yield self.finding(
                            f"{keyword.arg} is {value}: training ends long before",
                            where(repo, event),
                            evidence=quote(repo, event),
                            fix="take it from the number of steps that the run makes",
                            runs=(trace.run_id,) if trace.run_id else (),
                        )
                        return
