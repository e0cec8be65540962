"""A loopback W&B server: the unmodified ``wandb`` client logs to it and reads back, with no account and no network.

Checked with wandb 0.31, 0.23, 0.22, 0.19 and 0.17. Everything is kept in one SQLite file, which survives a restart and
a killed process, and is all that :func:`recorded_in` needs to read a flight again.

Covered, writing: ``wandb.init`` (also ``resume`` as ``allow``, ``must``, ``never``), configuration, ``log`` with
tables, media and charts, ``summary``, ``define_metric``, ``watch``, ``alert``, system metrics, console output,
``wandb.save``, ``log_code``, ``wandb sync`` of offline runs, and the end of a run: ``finished``, ``failed`` or
``crashed``.

Covered, reading through ``wandb.Api()``: ``run``, ``runs`` with filters and orders, ``projects``, ``history``
(sampled, ``samples`` honoured; with ``keys`` only rows that have all of them), ``scan_history``, ``summary``,
``config``, ``state``, ``metadata``, ``lastHistoryStep``, ``files``, ``file(…).download()``, ``upload_file``,
``console_logs``, ``update``, ``stop``, ``delete``.

Covered, artifacts: versions, aliases, tags, metadata, references, tables, incremental ones, drafts, ``log_artifact``,
``use_artifact``, ``log_model``, ``use_model``, links to portfolios, ``download``, ``verify``, ``files``, ``delete``,
``logged_by``, ``used_by``, and the lists of types, collections and versions. An artifact is kept in one piece per file,
at most 2 GiB each.

Not covered, answered with GraphQL errors that name what is missing: sweeps, reports, launch, teams, registries,
automations, forks and rewinds, several processes writing to one run, and the web interface. Custom charts are taken and
not kept.

As JSON has no NaN, ``history(keys=…)`` gives the texts ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``, as the real
service does; ``history()`` without keys and the summary give floats.
"""

from __future__ import annotations

from windtunnel.recorder.recorded import recorded_in
from windtunnel.recorder.records import FileRecord, RunRecord, RunState
from windtunnel.recorder.server import Recorder
from windtunnel.recorder.store import Store

__all__ = ["FileRecord", "Recorder", "RunRecord", "RunState", "Store", "recorded_in"]
