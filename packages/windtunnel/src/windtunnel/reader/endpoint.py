"""An OpenAI-compatible endpoint: asked in a stream, with a deadline, by the `openai` client.

Base URL and key come from the environment, as the client has them (``OPENAI_BASE_URL``, ``OPENAI_API_KEY``). Nothing
that is returned or raised holds the key. Redirects are not followed: what is sent is for the host that was named.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from windtunnel.errors import UsageError
from windtunnel.reader.answers import unfenced
from windtunnel.reader.bounds import TooMuch, bounded_client, within
from windtunnel.reader.secrets import Secrets, base_url_from_environment, key_from_environment
from windtunnel.reader.transcript import EndpointError, Received

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_TOKENS = 10_000_000  # that an endpoint may say it counted
CHARACTERS_PER_TOKEN = 3  # of code; estimates where an endpoint does not count are rather too high
LONGEST_WAIT_SECONDS = 30.0


class OpenAIEndpoint:
    """Asks an endpoint, once for each call.

    Args:
        timeout_seconds: of one answer, from the question to its end.

    Raises:
        UsageError: the client is not installed, or the environment names no endpoint that can be asked.
    """

    def __init__(self, *, timeout_seconds: float) -> None:
        try:
            import openai  # noqa: PLC0415 - of those who ask alone
        except ImportError as error:
            raise UsageError(
                "asking a language model needs the openai client: pip install 'windtunnel[judge]'"
            ) from error
        self._base_url = base_url_from_environment()
        self._key = key_from_environment()
        if not self._key and self._base_url is None:
            raise UsageError(
                "there is no endpoint to ask: set OPENAI_API_KEY, or OPENAI_BASE_URL of a server that needs "
                "none such as "
                "http://127.0.0.1:8000/v1; --replay LOG needs neither"
            )
        self._secrets = Secrets(self._key, *(self._base_url or "").split("/")[3:])
        self._timeout = timeout_seconds
        self._openai = openai

    def ask(self, request: dict[str, Any]) -> Received:
        """Answer a request.

        Raises:
            EndpointError: it cannot be reached, refuses, is too slow, or ends in the middle.
        """
        http = bounded_client(self._openai, self._timeout)
        client = self._openai.OpenAI(
            base_url=self._base_url, api_key=self._key or "none", max_retries=0, http_client=http
        )
        openai = self._openai
        parts: list[str] = []  # of an answer, as they come in
        try:
            return within(self._timeout, lambda: self._asked(client, request, parts), http.close)
        except (TimeoutError, openai.APITimeoutError) as error:
            said, partial = f"no answer within {self._timeout:g} s", "".join(list(parts))
            raise self._failed(said, again=True, request=request, partial=partial) from error
        except openai.APIStatusError as error:
            busy = error.status_code in {408, 409, 429} or error.status_code >= 500
            wait = _seconds(error.response.headers.get("retry-after"))
            raise self._failed(f"status {error.status_code}: {error.message}", again=busy, wait=wait) from error
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            if isinstance(cause, TooMuch):
                raise self._failed(str(cause), again=False, request=request) from error
            raise self._failed(f"it cannot be reached: {cause}", again=True) from error
        except EndpointError:
            raise
        except TooMuch as error:
            raise self._failed(str(error), again=False, request=request) from error
        except Exception as error:  # httpx's, or what a hostile server makes the client raise
            raise self._failed(f"{type(error).__name__}: {error}", again=True, request=request) from error
        finally:
            threading.Thread(target=http.close, daemon=True).start()  # a request that was given up may hold it

    def _asked(self, client: Any, request: dict[str, Any], parts: list[str]) -> Received:
        raw = client.chat.completions.with_raw_response.create(
            **request, stream=True, stream_options={"include_usage": True}
        )
        if "text/event-stream" in raw.headers.get("content-type", ""):
            return self._streamed(raw.parse(), request, parts)
        return self._whole(raw.http_response.read(), request)  # a server that does not stream

    def _streamed(self, stream: Iterator[Any], request: dict[str, Any], parts: list[str]) -> Received:
        refused: list[str] = []
        finish, usage = "", None
        try:
            for chunk in stream:
                usage = getattr(chunk, "usage", None) or usage
                for choice in (getattr(chunk, "choices", None) or [])[:1]:
                    delta = choice.delta
                    refused += [text for text in [getattr(delta, "refusal", None)] if isinstance(text, str)]
                    parts += [text for text in [getattr(delta, "content", None)] if isinstance(text, str)]
                    finish = choice.finish_reason or finish
        except Exception as error:
            what = f"the answer ends in the middle ({type(error).__name__}: {error})"
            tokens = _counted(usage, request, "".join(parts))
            raise self._failed(what, again=True, request=request, partial="".join(parts), tokens=tokens) from error
        if refused:
            text = "".join(refused)
            tokens = _counted(usage, request, text)
            raise self._failed(f"it refuses: {text}", again=False, request=request, partial=text, tokens=tokens)
        if not finish:
            raise self._failed("the answer ends in the middle", again=True, request=request, partial="".join(parts))
        return self._received("".join(parts), finish, usage, request)

    def _whole(self, body: bytes, request: dict[str, Any]) -> Received:
        try:
            found = json.loads(body)
            choice = found["choices"][0]
            text, refusal = choice["message"].get("content"), choice["message"].get("refusal")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            what = f"what it answers is no chat completion ({type(error).__name__})"
            raise self._failed(what, again=True, request=request) from error
        if isinstance(refusal, str) and refusal:
            raise self._failed(f"it refuses: {refusal}", again=False, request=request)
        if not isinstance(text, str):
            raise self._failed("what it answers is no text", again=True, request=request)
        return self._received(text, choice.get("finish_reason") or "stop", found.get("usage"), request)

    def _received(self, text: str, finish: Any, usage: Any, request: dict[str, Any]) -> Received:
        prompt, completion = _counted(usage, request, text)
        why = {"content_filter": "it refuses: its content filter", "length": "the answer is longer than it may be"}
        if finish != "stop":
            said = why.get(str(finish), f"the answer ends for another reason: {finish!r}")
            raise self._failed(said, again=False, request=request, partial=text, tokens=(prompt, completion))
        return Received(self._clean(_decoded(text)), finish, prompt, completion)

    def _failed(
        self,
        message: str,
        *,
        again: bool,
        request: dict[str, Any] | None = None,
        partial: str = "",
        tokens: tuple[int, int] | None = None,
        wait: float | None = None,
    ) -> EndpointError:
        if tokens is None:
            tokens = (0, 0) if request is None else (estimated_tokens(request), len(partial) // CHARACTERS_PER_TOKEN)
        clean = " ".join(self._clean(message).split())[:300]
        return EndpointError(clean, again=again, partial=self._clean(_decoded(partial)), tokens=tokens, wait=wait)

    def _clean(self, text: str) -> str:
        return self._secrets.scrub(text)


def estimated_tokens(request: dict[str, Any]) -> int:
    """Roughly the tokens of a request, rather too many."""
    return sum(len(message["content"]) for message in request["messages"]) // CHARACTERS_PER_TOKEN


def _decoded(text: str) -> str:
    """JSON written anew without escapes, so that nothing hides in them; what is no JSON as it is."""
    text = unfenced(text)
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _counted(usage: Any, request: dict[str, Any], text: str) -> tuple[int, int]:
    """The tokens that an endpoint says it counted, where it says something that can be; else estimates."""
    estimates = (estimated_tokens(request), len(text) // CHARACTERS_PER_TOKEN)
    found: list[int] = []
    for name, estimate in zip(("prompt_tokens", "completion_tokens"), estimates, strict=True):
        value: Any = usage.get(name) if isinstance(usage, dict) else getattr(usage, name, None)
        is_count = type(value) is int and estimate // 4 <= value <= MOST_TOKENS  # what says too little is not believed
        found.append(value if is_count else estimate)
    return found[0], found[1]


def _seconds(text: str | None) -> float | None:
    """What a Retry-After header says, at most `LONGEST_WAIT_SECONDS`."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return min(max(value, 0.0), LONGEST_WAIT_SECONDS) if value == value else None  # noqa: PLR0124 - NaN
