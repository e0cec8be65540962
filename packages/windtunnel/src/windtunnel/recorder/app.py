"""The recorder's HTTP surface: ``/graphql``, the file streams, and the addresses of files.

``/graphql`` and ``/files/…/file_stream`` ask for the API key (HTTP Basic, user ``api``); ``/storage/…`` asks for the
token inside the address. Bodies of the former are bounded; those of the latter are streamed and bounded by the store.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import logging
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from windtunnel.errors import WindtunnelError
from windtunnel.recorder.blobs import normalised_name
from windtunnel.recorder.errors import FileTooLargeError, MalformedRequestError
from windtunnel.recorder.filestream import read_post
from windtunnel.recorder.graph import GraphQLApi

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from windtunnel.recorder.links import FileLinks
    from windtunnel.recorder.store import Store

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 << 20  # the client's own batches stay below 10 MiB


class _Refusal(Exception):  # noqa: N818 - an answer on its way out, not an error of the server
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Surface:
    def __init__(self, store: Store, links: FileLinks, api_key: str) -> None:
        self._store = store
        self._links = links
        self._credentials = f"api:{api_key}".encode()
        self._graph = GraphQLApi(store, links)

    async def graphql(self, request: Request) -> Response:
        body = await self._authorised_json(request)
        host, port = request.scope["server"]
        base_url = f"http://{host}:{port}"
        return JSONResponse(await run_in_threadpool(self._graph.execute, body, base_url=base_url))

    async def file_stream(self, request: Request) -> Response:
        post = read_post(await self._authorised_json(request))
        entity, project, name = (request.path_params[part] for part in ("entity", "project", "run"))

        def apply() -> None:
            run = self._store.run(entity, project, name)
            if run is None:
                raise _Refusal(404, f"the recorder has no run {entity}/{project}/{name}")
            self._store.apply(run.key, post)

        await run_in_threadpool(apply)
        return JSONResponse({"exitcode": None, "limits": {}})

    async def upload(self, request: Request) -> Response:
        run, name = self._opened(request, "write")
        if await run_in_threadpool(self._store.run_by_key, run) is None:
            raise _Refusal(404, "the run of this file has been deleted")
        upload = await run_in_threadpool(self._store.blobs.upload, run, name)
        try:
            async for data in request.stream():
                await run_in_threadpool(upload.write, data)
            await run_in_threadpool(upload.finish)
        except BaseException:
            await run_in_threadpool(upload.abandon)
            raise
        return JSONResponse({})

    async def download(self, request: Request) -> Response:
        key, name = self._opened(request, "read")
        file = await run_in_threadpool(self._store.blobs.find_key, key)
        if file is None or file.name != name:
            raise _Refusal(404, f"the recorder no longer has this version of {name}")
        headers = {"Content-Length": str(file.size), "X-Content-Type-Options": "nosniff"}
        if request.method == "HEAD":
            return Response(headers=headers, media_type=file.mimetype)
        return StreamingResponse(self._store.blobs.pieces(key), headers=headers, media_type=file.mimetype)

    def _opened(self, request: Request, direction: Any) -> tuple[int, str]:
        key, name = int(request.path_params["key"]), normalised_name(request.path_params["name"])
        if not self._links.opens(request.path_params["token"], direction, key, name):
            raise _Refusal(403, "this address is not one that the recorder gave out")
        return key, name

    async def _authorised_json(self, request: Request) -> Any:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            credentials = base64.b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
        except (binascii.Error, ValueError):
            credentials = b""
        if not hmac.compare_digest(credentials, self._credentials):
            raise _Refusal(401, "the API key is not this recorder's; give WANDB_API_KEY the key that it prints")
        body = bytearray()
        async for data in request.stream():
            body += data
            if len(body) > MAX_BODY_BYTES:
                raise _Refusal(413, f"the request is larger than {MAX_BODY_BYTES} bytes")
        try:
            return json.loads(bytes(body))
        except RecursionError as error:
            raise MalformedRequestError("the request is nested too deeply") from error


def recorder_app(store: Store, links: FileLinks, *, api_key: str) -> Starlette:
    """Return the application that answers W&B clients.

    Args:
        store: where runs are.
        links: signer of file addresses.
        api_key: what clients must present.
    """
    surface = _Surface(store, links, api_key)
    return Starlette(
        routes=[
            Route("/graphql", _answered(surface.graphql), methods=["POST"]),
            Route("/files/{entity}/{project}/{run}/file_stream", _answered(surface.file_stream), methods=["POST"]),
            Route("/storage/write/{key:int}/{token}/{name:path}", _answered(surface.upload), methods=["PUT"]),
            Route("/storage/read/{key:int}/{token}/{name:path}", _answered(surface.download), methods=["GET"]),
        ]
    )


def _answered(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except _Refusal as refusal:
            return _failure(refusal.status, str(refusal))
        except FileTooLargeError as error:
            return _failure(413, str(error))
        except ValueError as error:
            return _failure(400, f"the request cannot be read: {error}")
        except ClientDisconnect:
            return _failure(400, "the client went away before its request ended")
        except WindtunnelError as error:
            # A status of 500 and above would make the client repeat the request for hours.
            log.warning("%s", error)
            return _failure(400, str(error))

    return answer


def _failure(status: int, message: str) -> JSONResponse:
    headers = {"WWW-Authenticate": "Basic"} if status == 401 else None
    # The client shows the user the messages of a GraphQL error list.
    return JSONResponse({"error": message, "errors": [{"message": message}]}, status_code=status, headers=headers)
