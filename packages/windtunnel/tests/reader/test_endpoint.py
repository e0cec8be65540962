"""The openai client against a real server on loopback that misbehaves in every way that servers do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from windtunnel.errors import UsageError
from windtunnel.reader.endpoint import OpenAIEndpoint
from windtunnel.reader.transcript import EndpointError, Recorded, Replayed

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Chat

KEY = "sk-test-THIS-IS-THE-KEY-0123456789"
REQUEST = {"model": "o3", "messages": [{"role": "user", "content": "Is it?"}]}
TEXT = json.dumps({"answer": "no defect", "claims": []})


def endpoint(timeout: float = 20.0, retries: int = 1) -> OpenAIEndpoint:
    return OpenAIEndpoint(timeout_seconds=timeout, retries=retries)


@pytest.mark.parametrize("script", [[], ["whole"], ["429"], ["500"]])
def test_an_answer_comes_streamed_or_whole_at_once_or_after_trouble(chat: Chat, script: list[str]) -> None:
    chat.script = script
    received = endpoint().ask(REQUEST)
    assert received.text == TEXT
    assert received.finish_reason == "stop"
    assert received.prompt_tokens > 0


def test_usage_is_what_the_endpoint_counts(chat: Chat) -> None:
    received = endpoint().ask(REQUEST)
    assert (received.prompt_tokens, received.completion_tokens) == (1000, 50)
    assert chat.requests[0]["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("script", "said", "again"),
    [
        (["500", "500"], "status 500", True),
        (["429", "429"], "status 429", True),
        (["401"], "status 401", False),
        (["closed"], "incomplete|ends in the middle|peer closed", True),
        (["no completion"], "no chat completion", True),
        (["refusal"], "it refuses", False),
        (["filtered"], "content filter", False),
        (["length"], "longer than it may be", False),
    ],
)
def test_trouble_is_an_error_that_says_which_and_whether_to_ask_again(
    chat: Chat, script: list[str], said: str, again: bool
) -> None:
    chat.brain = lambda _: "word " * 40
    chat.script = script
    with pytest.raises(EndpointError, match=said) as caught:
        endpoint().ask(REQUEST)
    assert caught.value.again is again
    assert KEY not in str(caught.value)


def test_a_slow_answer_ends_at_its_deadline(chat: Chat) -> None:
    chat.brain = lambda _: "word " * 400
    chat.script = ["slow"]
    with pytest.raises(EndpointError, match=r"within 1 s"):
        endpoint(timeout=1.0, retries=0).ask(REQUEST)


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(EndpointError, match="cannot be reached"):
        endpoint(retries=0).ask(REQUEST)


def test_without_a_key_or_a_server_there_is_nothing_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        endpoint()


def test_a_local_server_needs_no_key(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    assert endpoint().ask(REQUEST).text == TEXT
    assert chat.requests


def test_the_key_is_sent_and_is_in_no_log(chat: Chat, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    chat.brain = lambda _: f"the key is {KEY}"
    recorded = Recorded(endpoint(retries=0), log)
    assert recorded.ask(REQUEST).text == "the key is ***"
    chat.script = ["500"]
    with pytest.raises(EndpointError):
        recorded.ask(REQUEST)
    assert all(KEY in header for header in chat.keys)
    assert KEY not in log.read_text()
    assert len(log.read_text().splitlines()) == 2


def test_a_log_answers_as_the_endpoint_did_errors_included(chat: Chat, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    recorded = Recorded(endpoint(retries=0), log)
    first = recorded.ask(REQUEST)
    chat.script = ["429"]
    with pytest.raises(EndpointError) as caught:
        recorded.ask(REQUEST)
    count = len(chat.requests)
    replayed = Replayed(log)
    assert replayed.ask(REQUEST) == first
    with pytest.raises(EndpointError, match="429") as again:
        replayed.ask(REQUEST)
    assert again.value.again is caught.value.again
    with pytest.raises(EndpointError, match="no answer to this"):
        replayed.ask({**REQUEST, "model": "other"})
    assert len(chat.requests) == count


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"key": 1}'])
def test_what_is_no_log_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "log.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match="--replay"):
        Replayed(path)
