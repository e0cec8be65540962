"""Everything that was sent and received, a line of JSON each, and the same read back in the place of an endpoint.

No header and no key is ever part of it.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import defaultdict, deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from windtunnel.errors import UsageError, WindtunnelError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Received:
    """What an endpoint answered.

    Attributes:
        text: the answer.
        finish_reason: why it ended there.
        prompt_tokens: as the endpoint counts them; estimated where it does not.
        completion_tokens: likewise.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


class EndpointError(Exception):
    """There is no answer; the text says why, without a key in it.

    Args:
        message: why.
        again: whether to ask again may help.
        partial: what was received of an answer.
        tokens: in and out, as far as they were taken.
        wait: seconds after which the endpoint wants to be asked again.
    """

    def __init__(
        self,
        message: str,
        *,
        again: bool,
        partial: str = "",
        tokens: tuple[int, int] = (0, 0),
        wait: float | None = None,
    ) -> None:
        super().__init__(message)
        self.again = again
        self.partial = partial
        self.tokens = tokens
        self.wait = wait


class Endpoint(Protocol):
    """Something that answers."""

    def ask(self, request: dict[str, Any]) -> Received:
        """Answer a request.

        Raises:
            EndpointError: there is no answer.
        """


class Recorded:
    """An endpoint whose every exchange is written to a file as it happens.

    Args:
        endpoint: the one that answers.
        path: the file, to which lines are appended.

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(self, endpoint: Endpoint, path: Path) -> None:
        self._endpoint = endpoint
        self._path = path
        self._call = uuid.uuid4().hex
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="ascii")
        except OSError as error:
            raise UsageError(f"--log {path} cannot be written: {error.strerror}; give another file") from error

    def ask(self, request: dict[str, Any]) -> Received:
        """Answer a request, and write both down.

        Raises:
            WindtunnelError: they cannot be written down.
        """
        try:
            received = self._endpoint.ask(request)
        except EndpointError as error:
            told = {"message": str(error), "again": error.again, "partial": error.partial, "tokens": error.tokens}
            self._write(request, error=told)
            raise
        self._write(request, response=asdict(received))
        return received

    def _write(self, request: dict[str, Any], **what: Any) -> None:
        line = {
            "call": self._call,
            "key": key_of(request),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "request": request,
            **what,
        }
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            raise WindtunnelError(f"--log {self._path} cannot be written: {error.strerror}; give another") from error


class _Failure(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    message: str = Field(max_length=1000)
    again: bool
    partial: str = ""
    tokens: Annotated[list[int], Field(min_length=2, max_length=2)] = Field(default_factory=lambda: [0, 0])


class _Response(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    text: str
    finish_reason: str
    prompt_tokens: int = Field(ge=0, le=10**9)
    completion_tokens: int = Field(ge=0, le=10**9)


class _Exchange(BaseModel):
    """A line of a log; the request is told by its key."""

    model_config = ConfigDict(strict=True, extra="ignore")

    call: str
    key: str
    response: _Response | None = None
    error: _Failure | None = None


class Replayed:
    """A log as an endpoint: the requests of its last call get the same answers, and errors, in the same order.

    A last line that was cut off is passed over.

    Args:
        path: the file.

    Raises:
        UsageError: it cannot be read, or is no log.
    """

    def __init__(self, path: Path) -> None:
        exchanges = _exchanges(path)
        self._answers: defaultdict[str, deque[_Exchange]] = defaultdict(deque)
        for exchange in exchanges:
            if exchange.call == exchanges[-1].call:
                self._answers[exchange.key].append(exchange)

    def ask(self, request: dict[str, Any]) -> Received:
        """Answer a request as it was answered then."""
        left = self._answers.get(key_of(request))
        if not left:
            raise EndpointError(
                "the log has no answer to this: the code, the context, the model or windtunnel is another", again=False
            )
        exchange = left.popleft()
        if exchange.response is not None:
            return Received(**exchange.response.model_dump())
        told = exchange.error or _Failure(message="", again=False)
        into, out = told.tokens
        raise EndpointError(told.message, again=told.again, partial=told.partial, tokens=(into, out))


def _exchanges(path: Path) -> list[_Exchange]:
    try:
        lines = [line for line in path.read_text(encoding="utf-8", errors="replace").split("\n") if line.strip()]
    except OSError as error:
        raise UsageError(f"--replay {path} cannot be read: {error.strerror}; give a log of --log") from error
    found: list[_Exchange] = []
    for number, line in enumerate(lines, start=1):
        try:
            exchange = _Exchange.model_validate_json(line)
        except ValidationError as error:
            if number == len(lines) and found and not line.rstrip().endswith("}"):
                break
            raise UsageError(f"--replay {path}, line {number}: no exchange of a log of --log") from error
        if (exchange.response is None) == (exchange.error is None):
            raise UsageError(f"--replay {path}, line {number}: neither a response nor an error, or both")
        found.append(exchange)
    if not found:
        raise UsageError(f"--replay {path} holds no exchange")
    return found


def key_of(request: dict[str, Any]) -> str:
    """What tells one request from another."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode("utf-8", "backslashreplace")).hexdigest()
