"""What a reader of the store sees of a run and of a file; plain immutable data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

RunState = Literal["running", "finished", "failed", "crashed", "pending"]


@dataclass(frozen=True)
class RunRecord:
    """One run as it stands.

    Attributes:
        key: the number of the run in the database; stable for the life of the run.
        entity: the account the run was logged to.
        project: its project.
        name: the run id given to ``wandb.init``.
        display_name: the name people see; the run id where none was given.
        state: ``running``, ``finished``, ``failed`` (exit code other than 0), ``crashed`` (no sign of life), or
            ``pending`` if a client put it back.
        config: the user's configuration, nested, without the client's wrapping and without its ``_wandb`` entry.
        summary: the latest summary, nested; NaN and infinities are floats.
        created_at: seconds since the epoch at which the run was first seen.
        heartbeat_at: seconds since the epoch of its last sign of life.
        steps: the last ``_step`` plus one; the number of rows where no row has a step.
        exit_code: what the client reported at the end; None before that.
        stopped: whether a client asked its process to stop.
        raw_config: the configuration as the client sent it: ``{"key": {"value": …}}``.
        group: group of runs, or None.
        job_type: job type, or None.
        notes: notes, or None.
        tags: tags in the order given.
        description: description, or None.
        commit: git commit of the program, or None.
    """

    key: int
    entity: str
    project: str
    name: str
    display_name: str
    state: RunState
    config: dict[str, Any]
    summary: dict[str, Any]
    created_at: float
    heartbeat_at: float
    steps: int
    exit_code: int | None = None
    stopped: bool = False
    raw_config: dict[str, Any] = field(default_factory=dict, repr=False)
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    description: str | None = None
    commit: str | None = None


@dataclass(frozen=True)
class FileRecord:
    """One file of a run.

    Attributes:
        key: the number of this version of the file in the database.
        name: path inside the run, with forward slashes.
        size: bytes.
        md5: base64 of the MD5 digest, as W&B states it.
        mimetype: guessed from the name.
        updated_at: seconds since the epoch of the end of the upload.
    """

    key: int
    name: str
    size: int
    md5: str
    mimetype: str
    updated_at: float


@dataclass(frozen=True)
class Start:
    """A process begins to log to a run.

    Attributes:
        phase: what was going on; see :class:`windtunnel.recorder.starts.Starts`.
        resumed: whether it continues what the run has.
        at: seconds since the epoch.
    """

    phase: str
    resumed: bool
    at: float


@dataclass(frozen=True)
class Alert:
    """What ``wandb.alert`` said: its title, its text, and INFO, WARN or ERROR."""

    title: str
    text: str
    severity: str


def unwrap_config(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the user's configuration from the client's ``{"key": {"value": …, "desc": …}}``.

    Args:
        raw: the configuration as the client sends it.

    Returns:
        ``{"key": value}`` without the client's own entry ``_wandb``.
    """
    return {
        key: entry["value"] if isinstance(entry, dict) and "value" in entry else entry
        for key, entry in raw.items()
        if key not in {"_wandb", "wandb_version"}
    }
