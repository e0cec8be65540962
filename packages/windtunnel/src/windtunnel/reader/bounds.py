"""Bounds of what an endpoint may send: bytes, time, and no compression that would hide how much it is."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_BYTES = 4_000_000  # of one response

Result = TypeVar("Result")


class TooMuch(Exception):  # noqa: N818 - what the other side does
    """A response is larger than any answer, or is compressed although that was not asked for."""


def bounded_client(openai: Any, timeout_seconds: float) -> Any:
    """An HTTP client for the `openai` client, that holds responses to `MOST_BYTES` and follows no redirect.

    Args:
        openai: the module. Which of its HTTP libraries it uses depends on its version.
        timeout_seconds: of each read.
    """
    kinds = openai.DefaultHttpxClient.__mro__
    http = import_module(next(kind.__module__.partition(".")[0] for kind in kinds if kind.__name__ == "Client"))

    class Counted(http.SyncByteStream):  # type: ignore[name-defined, misc]
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for chunk in self._inner:
                size += len(chunk)
                if size > MOST_BYTES:
                    raise TooMuch(f"it answers more than {MOST_BYTES} bytes")
                yield chunk

        def close(self) -> None:
            self._inner.close()

    class Bounded(http.BaseTransport):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            self._inner = http.HTTPTransport()

        def handle_request(self, request: Any) -> Any:
            request.headers["Accept-Encoding"] = "identity"
            response = self._inner.handle_request(request)
            if response.headers.get("content-encoding", "identity") != "identity":
                response.close()
                raise TooMuch("it answers compressed, which it was asked not to")
            response.stream = Counted(response.stream)
            return response

        def close(self) -> None:
            self._inner.close()

    return http.Client(transport=Bounded(), follow_redirects=False, timeout=timeout_seconds)


def within(seconds: float, work: Callable[[], Result], stop: Callable[[], object]) -> Result:
    """Do work that may hang, for some seconds at most.

    Args:
        seconds: how long.
        work: what to do, in a thread of its own.
        stop: called when the time is over; it takes from the work what it waits for.

    Raises:
        TimeoutError: the time is over. The thread is left to itself.
    """
    found: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:  # noqa: BLE001 - handed over to the one who waits
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        threading.Thread(target=stop, daemon=True).start()  # it may wait for what the work waits for
        raise TimeoutError
    if failed:
        raise failed[0]
    return found[0]
