"""An OpenAI-compatible endpoint: asked in a stream, with a deadline, by the `openai` client.

Base URL and key come from the environment, as the client has them (``OPENAI_BASE_URL``, ``OPENAI_API_KEY``). The key is
in no error and in no log.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from windtunnel.errors import UsageError
from windtunnel.reader.transcript import EndpointError, Received

if TYPE_CHECKING:
    from collections.abc import Iterator

    import openai

MOST_ANSWER_CHARACTERS = 400_000
CHARACTERS_PER_TOKEN = 3  # of code; estimates where an endpoint does not count are rather too high


class OpenAIEndpoint:
    """Asks an endpoint.

    Args:
        timeout_seconds: of one answer, from the question to its end.
        retries: of the client, where the endpoint is busy, fails or cannot be reached.

    Raises:
        UsageError: the client is not installed, or there is neither a key nor a base URL.
    """

    def __init__(self, *, timeout_seconds: float, retries: int) -> None:
        try:
            import openai  # noqa: PLC0415 - of those who ask alone
        except ImportError as error:
            raise UsageError(
                "asking a language model needs the openai client: pip install 'windtunnel[judge]'"
            ) from error
        base_url = os.environ.get("OPENAI_BASE_URL") or None
        self._key = os.environ.get("OPENAI_API_KEY") or ""
        if not self._key and base_url is None:
            raise UsageError(
                "there is no endpoint to ask: set OPENAI_API_KEY, or OPENAI_BASE_URL of a server that needs "
                "none such as "
                "http://127.0.0.1:8000/v1; --replay LOG needs neither"
            )
        self._timeout = timeout_seconds
        self._openai = openai
        self._client = openai.OpenAI(
            base_url=base_url, api_key=self._key or "none", timeout=timeout_seconds, max_retries=retries
        )

    def ask(self, request: dict[str, Any]) -> Received:
        """Answer a request.

        Raises:
            EndpointError: it cannot be reached, refuses, is too slow, or ends in the middle.
        """
        deadline = time.monotonic() + self._timeout
        try:
            raw = self._client.chat.completions.with_raw_response.create(
                **request, stream=True, stream_options={"include_usage": True}
            )
            if "text/event-stream" in raw.headers.get("content-type", ""):
                return self._streamed(raw.parse(), request, deadline)
            return self._whole(raw.http_response.read(), request)  # a server that does not stream
        except self._openai.APITimeoutError as error:
            raise EndpointError(f"no answer within {self._timeout:g} s", again=True) from error
        except self._openai.APIStatusError as error:
            busy = error.status_code in {408, 409, 429} or error.status_code >= 500
            raise EndpointError(self._clean(f"status {error.status_code}: {error.message}"), again=busy) from error
        except self._openai.APIConnectionError as error:
            raise EndpointError(self._clean(f"it cannot be reached: {error.__cause__ or error}"), again=True) from error
        except EndpointError:
            raise
        except Exception as error:
            raise EndpointError(self._clean(f"{type(error).__name__}: {error}"), again=True) from error

    def _streamed(self, stream: Iterator[Any], request: dict[str, Any], deadline: float) -> Received:
        parts: list[str] = []
        finish, usage, size = "", None, 0
        for chunk in stream:
            if time.monotonic() > deadline:
                raise EndpointError(f"no whole answer within {self._timeout:g} s", again=True)
            usage = chunk.usage or usage
            for choice in (chunk.choices or [])[:1]:
                if getattr(choice.delta, "refusal", None):
                    raise EndpointError(self._clean(f"it refuses: {choice.delta.refusal}"), again=False)
                parts.append(choice.delta.content or "")
                size += len(parts[-1])
                finish = choice.finish_reason or finish
            if size > MOST_ANSWER_CHARACTERS:
                raise EndpointError(f"an answer of more than {MOST_ANSWER_CHARACTERS} characters", again=False)
        if not finish:
            raise EndpointError("the answer ends in the middle", again=True)
        return self._received("".join(parts), finish, usage, request)

    def _whole(self, body: bytes, request: dict[str, Any]) -> Received:
        try:
            choice = json.loads(body)["choices"][0]
            message = choice["message"]
            text, refusal = message.get("content") or "", message.get("refusal")
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise EndpointError(f"what it answers is no chat completion: {type(error).__name__}", again=True) from error
        if refusal:
            raise EndpointError(self._clean(f"it refuses: {refusal}"), again=False)
        return self._received(text, str(choice.get("finish_reason") or "stop"), None, request)

    def _received(
        self, text: str, finish: str, usage: openai.types.CompletionUsage | None, request: dict[str, Any]
    ) -> Received:
        text = self._clean(text, most=MOST_ANSWER_CHARACTERS)
        if finish == "content_filter":
            raise EndpointError("it refuses: its content filter", again=False)
        if finish == "length":
            raise EndpointError("the answer is longer than it may be", again=False)
        if usage is not None:
            return Received(text, finish, usage.prompt_tokens, usage.completion_tokens)
        return Received(text, finish, estimated_tokens(request), len(text) // CHARACTERS_PER_TOKEN)

    def _clean(self, text: str, most: int = 500) -> str:
        return (text.replace(self._key, "***") if self._key else text)[:most]


def estimated_tokens(request: dict[str, Any]) -> int:
    """Roughly the tokens of a request, rather too many."""
    return sum(len(message["content"]) for message in request["messages"]) // CHARACTERS_PER_TOKEN
