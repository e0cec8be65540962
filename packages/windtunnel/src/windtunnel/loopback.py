"""A web application served on 127.0.0.1 from a thread of this process; both servers of windtunnel stand on it.

A sandbox has a loopback device of its own. What runs in there reaches the same server through a unix socket, which is
a file and so can be shown to it.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import uvicorn

from windtunnel.errors import PortTakenError, WindtunnelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Receive, Scope, Send

START_SECONDS = 20.0
STOP_SECONDS = 5.0


class LoopbackServer:
    """Serve ``app`` on 127.0.0.1 until :meth:`stop`; usable as a context manager.

    Args:
        app: the application.
        name: what error messages call this server.
        port: the port to bind; 0 takes a free one.

    Raises:
        PortTakenError: another process holds ``port``.
    """

    def __init__(self, app: Starlette, *, name: str, port: int = 0) -> None:
        self.name = name
        self._sockets = [_bind(name, port)]
        self._paths: list[Path] = []
        self.port: int = self._sockets[0].getsockname()[1]
        config = uvicorn.Config(
            self._addressed(app), log_level="warning", access_log=False, lifespan="off", timeout_keep_alive=30
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": self._sockets}, name=f"windtunnel-{name}", daemon=True
        )

    def _addressed(self, app: Starlette) -> ASGIApp:
        """Have the application see one address, whichever socket a request came by: it names it to clients."""

        async def called(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "server": ("127.0.0.1", self.port)}, receive, send)

        return called

    @property
    def url(self) -> str:
        """The address clients are given, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def listen_on(self, path: Path) -> None:
        """Also take connections on a unix socket that is made at ``path``; to be called before :meth:`start`.

        Raises:
            WindtunnelError: the socket cannot be made.
        """
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _short(path) as address:
                listener.bind(address)
            listener.listen()
        except OSError as error:
            listener.close()
            raise WindtunnelError(
                f"the {self.name} cannot listen on {path} ({error.strerror}); give a path in a folder that exists, "
                "where there is no file yet"
            ) from error
        self._sockets.append(listener)
        self._paths.append(path)

    def start(self) -> Self:
        """Answer requests from now on; return once the server accepts connections."""
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise WindtunnelError(f"the {self.name} did not start on {self.url} within {START_SECONDS:.0f} s")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """Finish the requests under way, for at most a few seconds, and free the port. Safe to call twice."""
        if self._thread.is_alive():
            self._server.should_exit = True
            self._thread.join(STOP_SECONDS)
            if self._thread.is_alive():
                self._server.force_exit = True
                self._thread.join(STOP_SECONDS)
        for listener in self._sockets:
            listener.close()
        for path in self._paths:
            path.unlink(missing_ok=True)
        self._paths.clear()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield an address for ``path``, which may be longer than the 107 bytes that an address of a unix socket has."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield str(descriptors / str(folder) / path.name)
    finally:
        os.close(folder)


def _bind(name: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()  # with SO_REUSEADDR only a listening socket keeps others from the port
    except OSError as error:
        listener.close()
        raise PortTakenError(
            f"the {name} cannot have port {port} of 127.0.0.1 ({error.strerror}); "
            "give another --port, or leave it out for a free one"
        ) from error
    return listener
