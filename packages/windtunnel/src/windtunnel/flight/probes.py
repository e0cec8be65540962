"""Further flights of one run, each of which asks one question of it: is it the same again, and does it learn.

A probe flies in full mode on the same miniatures, with a copy, results, home and recorder of its own; nothing of it
counts as a result of the experiment.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from windtunnel.evidence import Probe
from windtunnel.flight.copy import copy_repository
from windtunnel.flight.plan import run_command
from windtunnel.flight.results import hold
from windtunnel.flight.tower import Tower
from windtunnel.flight.workspace import Workspace
from windtunnel.report.record import CommandRecord

if TYPE_CHECKING:
    from windtunnel.flight.containment import Containment
    from windtunnel.flight.environment import Environment
    from windtunnel.flight.interrupts import Interrupts
    from windtunnel.flight.options import Options

Kind = Literal["again", "permuted"]

# what a reader is told of each, in the order in which they are flown
PROBES: dict[Kind, str] = {
    "again": "once more with the same seed",
    "permuted": "with the labels of its training rows permuted",
}
PERMUTATION_SEED = 20_251_201


def probe_of(
    kind: Kind,
    run_id: str,
    options: Options,
    *,
    containment: Containment,
    environment: Environment,
    interrupts: Interrupts,
) -> Probe:
    """Fly a run once more and return what came of it.

    Args:
        kind: what to ask.
        run_id: the run.
        options: of the flight that the probe belongs to.
        containment: what the run is kept in.
        environment: what it runs with.
        interrupts: whether the user asked to end it.
    """
    results_dir = Workspace(options.results_dir).probes / kind
    workspace = Workspace(results_dir)
    tmp = workspace.prepare()
    copy_repository(options.repository, workspace.repository, results_dir=options.results_dir)
    command = run_command(run_id, python=environment.python, results_dir=results_dir, mode="full")
    entry = CommandRecord(name=run_id, argv=list(command.argv), log=str(workspace.log(run_id)))
    with (
        hold(results_dir),
        Tower(
            replace(options, results_dir=results_dir, mode="full"),
            workspace,
            containment=containment,
            environment=environment,
            tmp=tmp,
            interrupts=interrupts,
            permute_labels=PERMUTATION_SEED if kind == "permuted" else None,
        ) as tower,
    ):
        flown = tower.run(command, entry, observe=lambda _: None)
        return Probe(kind, flown, tuple(tower.recorder.recorded()))
