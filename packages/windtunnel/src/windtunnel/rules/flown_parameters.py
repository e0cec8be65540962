"""Parameters of a flight: that training moves them, and that an optimizer holds the head (criterion 12)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from windtunnel.findings import Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_processes import effective_steps, ended, line_at, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import CommandFlown, ParameterSeen, ProcessSeen
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

# a first step of LoRA moves B alone, and a warm-up may begin at a learning rate that half precision does not see
_FEWEST = 3
_ADAPTERS = re.compile(r"\b(lora_\w+|adapters?|prefix_\w+|prompt_\w+|ia3_\w+|vera_\w+|hada_\w+)\b", re.IGNORECASE)
_HEADS = re.compile(r"(?:^|\.)(classifier|score|qa_outputs|classification_head)\.")


class FLY033(Rule):
    """Training moves no parameter."""

    name = "parameters-at-rest"
    criterion = 12
    source = "flight"
    doc = Doc(
        what=f"Processes with at least {_FEWEST} effective optimizer steps after which every parameter of the "
        "optimizers, or every parameter of the adapters, has the values that it had before.",
        why="The method trains nothing: steps are taken, and the weights stay or are put back.",
        example="model.load_state_dict(initial)   # after every step",
        instead="optimizer.step()",
        limits="Parameters that are used for some inputs only, and single ones, are left alone.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for mode, command, process in _trained(repo):
            exercised = True
            held = [seen for seen in process.parameters if seen.in_optimizer]
            adapters = [seen for seen in process.parameters if _ADAPTERS.search(seen.name)]
            if held and not any(seen.moved for seen in held):
                what = f"none of the {len(held)} parameters that the optimizers hold"
                lasting = any(seen.had_gradient for seen in held)
            elif adapters and not any(seen.moved or seen.had_gradient for seen in adapters):
                what = f"none of the {len(adapters)} parameters of the adapters, such as {adapters[0].name},"
                lasting = True
            else:
                continue
            at = place_of(process.optimizers[0].place)
            yield self.finding(
                f"{what} has moved after {effective_steps([process])} effective steps",
                at,
                evidence=line_at(repo, at),
                fix="let the loss depend on these parameters, hand them to the optimizer, and keep what it changes",
                severity=None if lasting else Severity.UNDECIDED,
                runs=(command.name,),
                modes=(mode,),
            )
        if not exercised:
            raise Skip(f"not exercised: no process was seen to take {_FEWEST} effective steps")


class FLY034(Rule):
    """The classification head is left out of the optimizer."""

    name = "head-left-out"
    criterion = 12
    source = "flight"
    severity = Severity.WARNING
    doc = Doc(
        what="Heads (classifier, score, qa_outputs) of the trained model all of whose parameters require a gradient, "
        "are held by no optimizer and never moved.",
        why="A new head has random weights; left out of the optimizer it keeps them, and the rest learns around it.",
        example='params = [p for name, p in model.named_parameters() if "lora_" in name]',
        instead="params = [p for p in model.parameters() if p.requires_grad]",
        limits="Only heads under these names.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for mode, command, process in _trained(repo):
            exercised = True
            heads = [seen for seen in process.parameters if _HEADS.search(seen.name)]
            if not heads or any(seen.in_optimizer or seen.moved for seen in heads) or not _held(process):
                continue
            optimizer = process.optimizers[0]
            at = place_of(optimizer.built or optimizer.place)
            yield self.finding(
                f"no optimizer holds {heads[0].name} or any other parameter of the head, though they require gradients",
                at,
                evidence=line_at(repo, at),
                fix="hand the optimizer every parameter that requires a gradient, or freeze the head on purpose",
                runs=(command.name,),
                modes=(mode,),
            )
        if not exercised:
            raise Skip(f"not exercised: no process was seen to take {_FEWEST} effective steps")


def _trained(repo: Repo) -> Iterator[tuple[str, CommandFlown, ProcessSeen]]:
    """(mode, command, process) of each process that was seen to its end with enough steps and all its parameters."""
    for flight in repo.flown():
        for command in flight.training:
            for process in ended(command, "torch"):
                if effective_steps([process]) >= _FEWEST and not {"parameters", "optimizers"} & {*process.cut}:
                    yield flight.mode, command, process


def _held(process: ProcessSeen) -> list[ParameterSeen]:
    """The named parameters of the optimizers: without names nothing is known of what is left out."""
    return [seen for seen in process.parameters if seen.in_optimizer and seen.name]
