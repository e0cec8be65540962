"""One request of a client's file stream, read from its JSON and checked.

The client sends a run's history, events, console output and summary to ``/files/ENTITY/PROJECT/RUN/file_stream``:
``{"files": {"wandb-history.jsonl": {"offset": 0, "content": ["{…}", …]}, …}, "complete": true, "exitcode": 0}``.
An empty request is a sign of life.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from windtunnel.recorder.errors import MalformedRequestError

SUMMARY_FILE = "wandb-summary.json"


@dataclass(frozen=True)
class StreamPost:
    """What one request says.

    Attributes:
        chunks: per file the number of its first line and its lines.
        summary: the new summary; None where the request has none.
        exit_code: the program's exit code where this is the last request; else None.
    """

    chunks: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    summary: dict[str, Any] | None = None
    exit_code: int | None = None


def read_post(body: object) -> StreamPost:
    """Read a request.

    Args:
        body: the parsed JSON of the request.

    Raises:
        MalformedRequestError: the request does not have the form above; the text says where.
    """
    if not isinstance(body, dict):
        raise MalformedRequestError(f"a file stream request is a JSON object, not {type(body).__name__}")
    files = body.get("files") or {}
    if not isinstance(files, dict):
        raise MalformedRequestError(f"'files' is a JSON object, not {type(files).__name__}")
    chunks = {str(name): _chunk(str(name), chunk) for name, chunk in files.items()}
    summary = None
    _, texts = chunks.pop(SUMMARY_FILE, (0, []))
    if texts:
        summary = json.loads(texts[-1])
        if not isinstance(summary, dict):
            raise MalformedRequestError(f"the summary is a JSON object, not {type(summary).__name__}")
    exit_code = None
    if body.get("complete"):
        exit_code = body.get("exitcode") or 0
        if not isinstance(exit_code, int):
            raise MalformedRequestError(f"'exitcode' is a whole number, not {exit_code!r}")
    return StreamPost(chunks, summary, exit_code)


def _chunk(name: str, chunk: object) -> tuple[int, list[str]]:
    if not isinstance(chunk, dict):
        raise MalformedRequestError(f"'files.{name}' is a JSON object, not {type(chunk).__name__}")
    offset, lines = chunk.get("offset", 0), chunk.get("content", [])
    if isinstance(offset, bool) or not isinstance(offset, int) or not 0 <= offset < 2**62:
        raise MalformedRequestError(f"'files.{name}.offset' is a whole number from 0, not {offset!r}")
    if isinstance(lines, str):
        lines = [lines]
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise MalformedRequestError(f"'files.{name}.content' is a list of texts")
    return offset, lines
