"""Follow one entry point from its command line to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.configuration.environment import without_environment
from windtunnel.rehearsal.machine import MOST_STEPS, Exhausted, Left, Machine, Raised
from windtunnel.rehearsal.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from windtunnel.rehearsal.program import Program
    from windtunnel.rehearsal.values import Value


def rehearse(
    program: Program,
    entry: str,
    argv: Sequence[str],
    *,
    run_id: str = "",
    mode: str = "",
    environment: Mapping[str, Value] | None = None,
    script: bool = False,
    meant: bool = False,
    most_steps: int = MOST_STEPS,
) -> Trace:
    """Follow ``python -m src.<entry> argv`` and give what was met.

    Args:
        program: the submission.
        entry: "main", "train" or "evaluate".
        argv: the arguments of the command line.
        run_id: of the run, for the record.
        mode: "trial" or "full", for the record.
        environment: variables that the starting process sets.
        script: started as a file instead of as a module.
        most_steps: nodes of the tree to look at; what comes after them is not seen.
        meant: with the run's file merged at the root, where code that looks for it there means it to be.
    """
    trace = Trace(entry, run_id, mode)
    machine = Machine(program, trace, argv, environment, script=script, most_steps=most_steps)
    machine.meant = meant
    try:
        with without_environment():
            machine.module(f"src.{entry}")
    except (Exhausted, RecursionError) as error:
        trace.ended = str(error) if isinstance(error, Exhausted) else "calls nested too deeply"
    except (Left, Raised):
        pass
    trace.facts["steps"] = machine.steps
    return trace
