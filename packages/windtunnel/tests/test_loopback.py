from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from windtunnel.errors import PortTakenError, WindtunnelError
from windtunnel.loopback import LoopbackServer

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request


def serve(port: int = 0) -> LoopbackServer:
    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(request.url))

    return LoopbackServer(Starlette(routes=[Route("/{rest:path}", answer)]), name="hub", port=port)


def test_one_server_answers_on_a_port_and_on_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = serve()
    server.listen_on(path)
    with server, httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
        asked = f"{server.url}/file"
        assert httpx.get(asked).text == asked
        # what it tells of itself is an address that both kinds of client reach
        assert client.get(asked).text == asked


def test_the_socket_is_gone_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = serve()
    server.listen_on(path)
    assert path.is_socket()
    with server:
        pass
    server.stop()
    assert not path.exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0


def test_a_path_may_be_longer_than_an_address(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    server = serve()
    server.listen_on(folder / "socket")
    assert (folder / "socket").is_socket()
    server.stop()


def test_a_path_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    server = serve()
    (tmp_path / "taken").touch()
    with pytest.raises(WindtunnelError, match=r"the hub cannot listen on .*taken .*Address already in use"):
        server.listen_on(tmp_path / "taken")
    with pytest.raises(WindtunnelError, match="No such file or directory"):
        server.listen_on(tmp_path / "nowhere" / "socket")
    server.stop()


def test_a_port_that_is_taken_is_named() -> None:
    with serve() as server, pytest.raises(PortTakenError, match=f"the hub cannot have port {server.port}"):
        serve(server.port)
