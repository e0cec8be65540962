"""AdaLoRA: its budget is one per matrix, and is allocated (criterion 4)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.rehearsal.values import Const
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import gather, quote
from windtunnel.rules.loaded import config_places, plain, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.rehearsal import Event
    from windtunnel.repo import Repo


_DEFAULT_INIT_R = 12  # of AdaLoraConfig
_TOTAL = re.compile(r"(^|[._])total(_|$)|rank_budget$")


class MOD003(Rule):
    """AdaLoRA's budget does not fit its ranks."""

    name = "adalora-budget"
    criterion = 4
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("lora-peft", "library-api")
    doc = Doc(
        what=(
            "`AdaLoraConfig` whose `target_r`, the average rank per matrix at the end, is above `init_r`, the rank "
            "at the start; usually a budget for all matrices together."
        ),
        why=(
            "There is nothing to prune: the comparison of budgets compares something else, or torch refuses the "
            "number of ranks to drop. `r` is ignored by AdaLoRA: without init_r the rank is 12."
        ),
        example="AdaLoraConfig(r=8, target_r=128)   # 128 ranks for the whole model",
        instead="AdaLoraConfig(init_r=12, target_r=8, total_step=steps)   # 8 per matrix on average",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for group in gather(
            repo.traces("main", "train"), ["call"], lambda event: event.line if _is_adalora(event) else None
        ):
            keywords = group.first.data["keywords"]
            target, initial = plain(keywords.get("target_r")), plain(keywords.get("init_r"))
            total = next((name for name in ("target_r", "init_r") if _is_total(group.first, name)), "")
            given = plain(keywords.get(total)) if total else None
            if total and not (isinstance(given, int | float) and given <= _DEFAULT_INIT_R):
                yield self.finding(
                    f"{total} is the rank of each matrix, and is given a budget for all of them",
                    where(repo, group.first),
                    evidence=quote(repo, group.first),
                    fix=f"divide the total budget by the number of adapted matrices for {total}",
                    runs=group.runs,
                )
                continue
            if "init_r" in keywords and not isinstance(initial, int | float):
                continue
            started = initial if isinstance(initial, int | float) else _DEFAULT_INIT_R
            if not isinstance(target, int | float) or target <= started:
                continue
            note = (
                " (r is ignored by AdaLoRA, and init_r is 12 unless given)"
                if "r" in keywords and "init_r" not in keywords
                else ""
            )
            yield self.finding(
                (
                    f"target_r={target} is the average rank per matrix, above the {started} that AdaLoRA starts "
                    f"from{note}; a budget for the whole model is not what it takes"
                ),
                where(repo, group.first),
                evidence=quote(repo, group.first),
                fix=(
                    "divide the total budget by the number of adapted matrices, and start above it: init_r = 1.5 * "
                    "target_r"
                ),
                related=tuple(
                    dict.fromkeys(
                        spot
                        for trace, event in group.events
                        for spot in config_places(repo, event.data["keywords"].get("target_r"), trace.run_id)
                    )
                ),
                runs=group.runs,
            )


def _is_total(event: Event, name: str) -> bool:
    """Whether a rank is given a value whose name says that it is a total, and nothing divides it."""
    keywords = event.node.keywords if isinstance(event.node, ast.Call) else []
    value = next((keyword.value for keyword in keywords if keyword.arg == name), None)
    key = event.data["keywords"].get(name)
    said = [ast.unparse(value)] if isinstance(value, ast.Name | ast.Attribute | ast.Subscript) else []
    said += [key.origin] if value is not None and said and isinstance(key, Const) and key.origin else []
    return any(_TOTAL.search(text) for text in said)


class MOD004(Rule):
    """AdaLoRA never allocates its budget."""

    name = "adalora-never-allocates"
    criterion = 4
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("lora-peft", "silent-noop-method", "library-api", "baseline-noop")
    doc = Doc(
        what="AdaLoRA without `update_and_allocate` anywhere in the code, or without `total_step`.",
        why=(
            "Without the call after each backward pass no rank is ever pruned: AdaLoRA is then LoRA in SVD form. "
            "Without total_step its configuration raises ValueError (PEFT 0.14 and later)."
        ),
        example="loss.backward(); optimizer.step()",
        instead=(
            "loss.backward(); optimizer.step(); model.base_model.update_and_allocate(global_step); "
            "optimizer.zero_grad()"
        ),
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        called = any("update_and_allocate" in source.text for source in repo.sources.values())
        for group in gather(
            repo.traces("main", "train"), ["call"], lambda event: event.line if _is_adalora(event) else None
        ):
            keywords = group.first.data["keywords"]
            without_total = "total_step" not in keywords or (
                isinstance(keywords["total_step"], Const) and not plain(keywords["total_step"])
            )
            wrong = ["update_and_allocate is never called, so that no rank is ever reallocated"] if not called else []
            wrong += (
                ["it has no total_step, which its configuration requires"]
                if without_total and not group.first.data["starred"]
                else []
            )
            if wrong:
                yield self.finding(
                    f"AdaLoRA: {'; '.join(wrong)}",
                    where(repo, group.first),
                    evidence=quote(repo, group.first),
                    fix=(
                        "pass total_step (all optimizer steps of the run), and call "
                        "model.base_model.update_and_allocate(global_step) after each optimizer step, before "
                        "zero_grad"
                    ),
                    severity=Severity.BLOCKER if group.certain else Severity.WARNING,
                    runs=group.runs,
                )


def _is_adalora(event: Event) -> bool:
    return str(event.data["name"]).startswith("peft.") and str(event.data["name"]).endswith(".AdaLoraConfig")
