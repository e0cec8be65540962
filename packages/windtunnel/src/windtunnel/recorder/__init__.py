"""A loopback W&B server: the unmodified ``wandb`` client logs to it and reads back, with no account and no network.

Checked with wandb 0.31 and 0.26. Everything is kept in one SQLite file, which survives a restart and a killed process.

Covered, writing: ``wandb.init`` (also ``resume`` as ``allow``, ``must``, ``never``), configuration, ``log``,
``summary``, system metrics, console output, ``wandb.save``, ``wandb sync`` of offline runs, and the end of a run:
``finished``, ``failed`` or ``crashed``.

Covered, reading through ``wandb.Api()``: ``run``, ``runs`` with filters and orders, ``projects``, ``history``
(sampled, ``samples`` honoured; with ``keys`` only rows that have all of them), ``scan_history``, ``summary``,
``config``, ``state``, ``metadata``, ``lastHistoryStep``, ``files``, ``file(…).download()``, ``upload_file``,
``console_logs``, ``update``, ``delete``.

Not covered, answered with GraphQL errors that name what is missing: artifacts, sweeps, reports, launch, alerts,
teams, registries, forks and rewinds, several processes writing to one run, and the web interface.

As JSON has no NaN, ``history(keys=…)`` gives the texts ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``, as the real
service does; ``history()`` without keys and the summary give floats.
"""

from __future__ import annotations

from windtunnel.recorder.recorded import recorded_in
from windtunnel.recorder.records import FileRecord, RunRecord, RunState
from windtunnel.recorder.server import Recorder
from windtunnel.recorder.store import Store

__all__ = ["FileRecord", "Recorder", "RunRecord", "RunState", "Store", "recorded_in"]
