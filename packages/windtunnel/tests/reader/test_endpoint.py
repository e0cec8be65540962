"""The openai client against a real server on loopback that misbehaves in every way that servers do."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from windtunnel.errors import UsageError
from windtunnel.reader.endpoint import OpenAIEndpoint
from windtunnel.reader.secrets import Secrets
from windtunnel.reader.transcript import EndpointError, Recorded, Replayed

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Chat

KEY = "sk-test-THIS-IS-THE-KEY-0123456789"
REQUEST = {"model": "o3", "messages": [{"role": "user", "content": "Is it?"}]}
TEXT = json.dumps({"answer": "no defect", "claims": []})


def endpoint(timeout: float = 20.0) -> OpenAIEndpoint:
    return OpenAIEndpoint(timeout_seconds=timeout)


@pytest.mark.parametrize("script", [[], ["whole"]])
def test_an_answer_comes_streamed_or_whole(chat: Chat, script: list[str]) -> None:
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
        (["500"], "status 500", True),
        (["429"], "status 429", True),
        (["401"], "status 401", False),
        (["closed"], "ends in the middle", True),
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
    with pytest.raises(EndpointError, match="within 1 s"):
        endpoint(timeout=1.0).ask(REQUEST)


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(EndpointError, match="cannot be reached"):
        endpoint().ask(REQUEST)


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
    chat.brain = lambda _: f"the key is {KEY}, and escaped"
    recorded = Recorded(endpoint(), log)
    assert recorded.ask(REQUEST).text == "the key is ***, and escaped"
    chat.script = ["500"]
    with pytest.raises(EndpointError):
        recorded.ask(REQUEST)
    assert all(KEY in header for header in chat.keys)
    assert KEY not in log.read_text()
    assert len(log.read_text().splitlines()) == 2


ESCAPED = "".join(f"\\u{ord(letter):04x}" for letter in KEY)


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        f'{{"answer": "no defect", "claims": [], "{ESCAPED}": 1}}',
        base64.b64encode(f"Bearer {KEY}".encode()).decode(),
        quote(KEY + "/+é"),
        KEY[:20],
        KEY[5:],
        KEY[::-1],
    ],
)
def test_a_key_that_a_server_sends_back_is_recognised_in_any_form(chat: Chat, tmp_path: Path, form: str) -> None:
    chat.brain = lambda _: form
    log = tmp_path / "log.jsonl"
    text = Recorded(endpoint(), log).ask(REQUEST).text + log.read_text()
    assert "***" in text
    assert not any(KEY[at : at + 8] in text for at in range(len(KEY) - 8))


def test_white_space_around_a_key_is_taken_off_and_others_are_refused(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY + "\n")
    assert endpoint().ask(REQUEST).text == TEXT
    assert chat.keys == [f"Bearer {KEY}"]
    monkeypatch.setenv("OPENAI_API_KEY", KEY + "é")
    with pytest.raises(UsageError) as caught:
        endpoint()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cretpw@127.0.0.1/v1",
        "http://user:s3cretpw#x@127.0.0.1/v1",
        "ftp://a",
        "http://",
        "http://a:b/",
        "x y",
    ],
)
def test_a_base_url_that_cannot_be_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    with pytest.raises(UsageError, match="OPENAI_BASE_URL") as caught:
        endpoint()
    assert "s3cretpw" not in str(caught.value)


@pytest.mark.parametrize("key", ["x", "none", "EMPTY"])
def test_a_key_of_a_local_server_hides_nothing(chat: Chat, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    chat.brain = lambda _: f"x none EMPTY {key}"
    assert endpoint().ask(REQUEST).text == f"x none EMPTY {key}"


@pytest.mark.parametrize("script", ["endless", "trickle", "bomb", "redirect"])
def test_what_a_server_may_send_and_how_long_is_bounded(chat: Chat, script: str) -> None:
    chat.script = [script]
    began = time.monotonic()
    with pytest.raises(EndpointError) as caught:
        endpoint(timeout=2.0).ask(REQUEST)
    assert time.monotonic() - began < 6
    said = {
        "endless": "more than 4000000 bytes",
        "trickle": "within 2 s",
        "bomb": "compressed",
        "redirect": "status 307",
    }
    assert said[script] in str(caught.value)
    assert len(chat.requests) == 1


@pytest.mark.parametrize("usage", ["abc", None, -5, 10**400, 1.5, True, [1]])
def test_a_count_that_is_none_is_estimated(chat: Chat, usage: object) -> None:
    chat.usage = {"prompt_tokens": usage, "completion_tokens": usage, "total_tokens": 0}
    for script in ("well", "whole"):
        chat.script = [script]
        try:
            received = endpoint().ask(REQUEST)
        except EndpointError:
            continue
        assert 0 <= received.prompt_tokens < 10**7
        assert 0 <= received.completion_tokens < 10**7


def test_what_was_received_of_an_answer_that_failed_is_counted_and_logged(chat: Chat, tmp_path: Path) -> None:
    chat.brain = lambda _: "word " * 30
    chat.script = ["length"]
    log = tmp_path / "log.jsonl"
    with pytest.raises(EndpointError) as caught:
        Recorded(endpoint(), log).ask(REQUEST)
    assert caught.value.tokens == (1000, 50)
    assert json.loads(log.read_text())["error"]["partial"].startswith("word word")


def test_a_log_answers_as_the_endpoint_did_errors_included(chat: Chat, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    recorded = Recorded(endpoint(), log)
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


def test_of_a_log_the_last_call_is_replayed_and_a_line_that_was_cut_off_is_passed_over(
    chat: Chat, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    for text in ("first \u2028 call", "second call"):
        chat.brain = lambda _, text=text: text
        Recorded(endpoint(), log).ask(REQUEST)
    with log.open("a") as file:
        file.write('{"call": "x", "key": "y", "resp')
    assert Replayed(log).ask(REQUEST).text == "second call"


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "{",
        "[]",
        '{"key": 1}',
        "[" * 100_000,
        '{"call": "a", "key": "b"}',
        '{"call": "a", "key": "b", "error": {"x": 1}}',
        '{"call": "a", "key": "b", "response": {"text": 5}}',
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "log.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match="--replay"):
        Replayed(path)


@pytest.mark.parametrize("form", ["\\u0073" + KEY[1:20], "&#115;" + KEY[1:20], KEY[:4] + "\u200b" + KEY[4:20]])
def test_a_key_in_an_escape_that_is_no_json_is_recognised_too(form: str) -> None:
    text = Secrets(KEY).scrub(f"before {form} after")
    assert "***" in text
    assert KEY[8:20] not in text
