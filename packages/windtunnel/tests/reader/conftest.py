"""A chat-completions server on loopback, as well and as badly behaved as a test asks for."""

from __future__ import annotations

import gzip
import json
import shutil
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.reader.context import with_context
from windtunnel.submission import load
from windtunnel.submission.model import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from windtunnel.submission import Submission

KEY = "sk-test-THIS-IS-THE-KEY-0123456789"
EXPERIMENT = Path(__file__).parents[4] / "experiments" / "glora-glue"
NO_DEFECT = {"answer": "no defect", "claims": []}


class Chat:
    """The server.

    Attributes:
        brain: what it answers to the text of a question: an object of the answer's form, or any text.
        script: how it behaves at each request, in turn; well, when it is at its end. See `_Handler.do_POST`.
        requests: what it was sent.
        keys: the authorization headers it was sent.
        usage: what it says it counted.
    """

    def __init__(self) -> None:
        self.brain: Callable[[str], Any] = lambda _: NO_DEFECT
        self.script: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.usage: dict[str, Any] = {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.chat = self  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        chat: Chat = self.server.chat  # type: ignore[attr-defined]
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        chat.requests.append(request)
        chat.keys.append(self.headers.get("Authorization", ""))
        behaviour = chat.script.pop(0) if chat.script else "well"
        if behaviour in {"429", "500", "401"}:
            message = f"no, and your key is {self.headers.get('Authorization')}"
            self._send(int(behaviour), {"error": {"message": message, "type": "test"}}, {"Retry-After": "0"})
            return
        if behaviour in {"endless", "trickle", "bomb", "redirect"}:
            self._misbehave(behaviour, chat)
            return
        answer = chat.brain(request["messages"][-1]["content"])
        text = answer if isinstance(answer, str) else json.dumps(answer)
        if behaviour == "malformed":
            text = text[: len(text) // 2] + "}}"
        if behaviour == "whole":
            message = {"role": "assistant", "content": text}
            self._send(
                200,
                {
                    "id": "1",
                    "object": "chat.completion",
                    "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                },
                {},
            )
        elif behaviour == "no completion":
            self._send(200, {"hello": "world"}, {})
        else:
            self._stream(text, behaviour)

    def _misbehave(self, behaviour: str, chat: Chat) -> None:
        """Send without an end, byte by byte, more than it looks, or the client to somebody else."""
        self.send_response(307 if behaviour == "redirect" else 200)
        self.send_header("Content-Type", "application/json")
        if behaviour == "bomb":
            self.send_header("Content-Encoding", "gzip")
        if behaviour == "redirect":
            self.send_header("Location", chat.url + "/elsewhere")
        self.send_header("Connection", "close")
        self.end_headers()
        if behaviour == "bomb":
            self._write(gzip.compress(b" " * 10**7))
        deadline = time.monotonic() + 8
        while behaviour in {"endless", "trickle"} and time.monotonic() < deadline:
            if not self._write(b" " * 65536 if behaviour == "endless" else b" "):
                return
            if behaviour == "trickle":
                time.sleep(0.2)

    def _stream(self, text: str, behaviour: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        field = "refusal" if behaviour == "refusal" else "content"
        pieces = [text[place : place + 40] for place in range(0, len(text), 40)]
        for number, piece in enumerate(pieces):
            if behaviour == "closed" and number:
                return
            if behaviour == "slow":
                time.sleep(0.4)
            self._event({"choices": [{"index": 0, "delta": {field: piece}, "finish_reason": None}]})
        finish = {"length": "length", "filtered": "content_filter"}.get(behaviour, "stop")
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        self._event({"choices": [], "usage": self.server.chat.usage})
        self._write(b"data: [DONE]\n\n")

    def _event(self, what: dict[str, Any]) -> None:
        head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "test"}
        self._write(b"data: " + json.dumps(head | what).encode() + b"\n\n")

    def _write(self, data: bytes) -> bool:
        """Send, unless the client had enough."""
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            self.close_connection = True
            return False
        return True

    def _send(self, status: int, body: dict[str, Any], headers: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self._write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    """A server that the environment points to."""
    server = Chat()
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield server
    server.close()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the project's own experiment, to be changed."""
    folder = tmp_path / "experiment"
    shutil.copytree(EXPERIMENT, folder, ignore=shutil.ignore_patterns("__pycache__", ".cache", "results"))
    return folder


def submission_of(folder: Path) -> Submission:
    context = Context("Gradient norms tell ranks.", "Average the gradient norms.", "Compare with LoRA.")
    return with_context(load(str(folder), runs=None, stdin=None), context, ())


def claim(path: str, line: int, quote: str, **changes: Any) -> dict[str, Any]:
    given = {
        "statement": "The average is taken of the wrong quantity.",
        "path": path,
        "line": line,
        "quote": quote,
        "blocks": True,
        "why": "The method is another.",
        "fix": "Average the norms.",
    }
    return {**given, **changes}


def defects(*claims: dict[str, Any]) -> dict[str, Any]:
    return {"answer": "defects", "claims": list(claims)}
