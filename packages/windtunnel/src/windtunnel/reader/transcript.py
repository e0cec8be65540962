"""Everything that was sent and received, a line of JSON each, and the same read back in the place of an endpoint.

No header and no key is ever part of it.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict, deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from windtunnel.errors import UsageError

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
    """

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


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
    """

    def __init__(self, endpoint: Endpoint, path: Path) -> None:
        self._endpoint = endpoint
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        except OSError as error:
            raise UsageError(f"--log {path} cannot be written: {error.strerror}; give another file") from error

    def ask(self, request: dict[str, Any]) -> Received:
        """Answer a request, and write both down."""
        try:
            received = self._endpoint.ask(request)
        except EndpointError as error:
            self._write(request, error={"message": str(error), "again": error.again})
            raise
        self._write(request, response=asdict(received))
        return received

    def _write(self, request: dict[str, Any], **what: Any) -> None:
        line = {
            "key": key_of(request),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "request": request,
            **what,
        }
        with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


class Replayed:
    """A recorded file as an endpoint: the same requests get the same answers, and the same errors, in the same order.

    Args:
        path: the file.

    Raises:
        UsageError: it cannot be read, or holds no exchange.
    """

    def __init__(self, path: Path) -> None:
        self._answers: defaultdict[str, deque[dict[str, Any]]] = defaultdict(deque)
        try:
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.strip():
                    exchange = json.loads(line)
                    (exchange.get("response") or exchange["error"]).keys()  # one of the two is there
                    self._answers[exchange["key"]].append(exchange)
        except OSError as error:
            raise UsageError(f"--replay {path} cannot be read: {error.strerror}; give a log of --log") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UsageError(f"--replay {path} is no log of exchanges: {error}"[:300]) from error
        if not self._answers:
            raise UsageError(f"--replay {path} holds no exchange")

    def ask(self, request: dict[str, Any]) -> Received:
        """Answer a request as it was answered then."""
        left = self._answers.get(key_of(request))
        if not left:
            raise EndpointError(
                "the log has no answer to this: the code, the context, the model or windtunnel is another", again=False
            )
        exchange = left.popleft()
        if "error" in exchange:
            raise EndpointError(exchange["error"]["message"], again=bool(exchange["error"]["again"]))
        return Received(**exchange["response"])


def key_of(request: dict[str, Any]) -> str:
    """What tells one request from another."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode("utf-8", "backslashreplace")).hexdigest()
