"""The recorder's HTTP surface: ``/graphql``, the file streams, and the addresses of files.

``/graphql``, ``/files/…/file_stream`` and ``/artifactsV2/…`` ask for the API key (HTTP Basic, user ``api``);
``/storage/…`` asks for the token inside the address. Bodies of the former are bounded; those of the latter are streamed
and bounded by the store.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import logging
from functools import partial
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

    from windtunnel.recorder.asked import Questions
    from windtunnel.recorder.blobs import Files
    from windtunnel.recorder.links import FileLinks
    from windtunnel.recorder.records import FileRecord
    from windtunnel.recorder.store import Store

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 << 20  # the client's own batches stay below 10 MiB
MAX_BUFFERED_BYTES = 256 << 20  # of all requests under way together


class _Refusal(Exception):  # noqa: N818 - an answer on its way out, not an error of the server
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Surface:
    def __init__(self, store: Store, links: FileLinks, api_key: str, questions: Questions) -> None:
        self._store = store
        self._links = links
        self._credentials = f"api:{api_key}".encode()
        self._buffered = 0
        self._graph = GraphQLApi(store, links, questions)

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

    async def upload_run_file(self, request: Request) -> Response:
        run, name = self._opened(request, "write")
        if await run_in_threadpool(self._store.run_by_key, run) is None:
            raise _Refusal(404, "the run of this file has been deleted")
        return await self._upload(request, self._store.blobs, run, name)

    async def upload_artifact_file(self, request: Request) -> Response:
        key, name = self._opened(request, "write-artifact")
        artifact = await run_in_threadpool(self._store.artifacts.get, key)
        if artifact is None or artifact.state != "PENDING":
            raise _Refusal(404, "the artifact of this file takes no more files")
        return await self._upload(request, self._store.artifacts.files, key, name)

    async def upload_manifest(self, request: Request) -> Response:
        key, name = self._opened(request, "write-manifest")
        manifest = await run_in_threadpool(self._store.artifacts.manifests.get, key)
        artifact = None if manifest is None else await run_in_threadpool(self._store.artifacts.get, manifest.artifact)
        if artifact is None or artifact.state != "PENDING":
            raise _Refusal(404, "the artifact of this manifest takes no more manifests")
        return await self._upload(request, self._store.artifacts.manifests.files, key, name)

    async def _upload(self, request: Request, files: Files, owner: int, name: str) -> Response:
        upload = await run_in_threadpool(files.upload, owner, name)
        try:
            async for data in request.stream():
                await run_in_threadpool(upload.write, data)
            await run_in_threadpool(partial(upload.finish, md5=request.headers.get("content-md5", "")))
        except BaseException:
            await run_in_threadpool(upload.abandon)
            raise
        return JSONResponse({})

    async def download(self, request: Request) -> Response:
        key, name = self._opened(request, "read")
        file = await run_in_threadpool(self._store.blobs.find_key, key)
        if file is None or file.name != name:
            raise _Refusal(404, f"the recorder no longer has this version of {name}")
        return self._served(request, file)

    async def download_artifact_file(self, request: Request) -> Response:
        self._authorise(request)
        # …/BIRTH ARTIFACT/DIGEST/NAME; what comes before has been other things in other versions of the client.
        parts: list[str] = ["", "", *request.path_params["rest"].split("/")]
        birth, digest = parts[-3:-1]
        find = self._store.artifacts.manifests.file_by_digest
        file = await run_in_threadpool(find, int(birth), digest) if _is_key(birth) else None
        if file is None:
            raise _Refusal(404, f"the recorder has no file of artifact {birth[:20]!r} with digest {digest[:40]!r}")
        return self._served(request, file)

    def _served(self, request: Request, file: FileRecord) -> Response:
        headers = {"Content-Length": str(file.size), "X-Content-Type-Options": "nosniff"}
        if request.method == "HEAD":
            return Response(headers=headers, media_type=file.mimetype)
        return StreamingResponse(self._store.blobs.pieces(file.key), headers=headers, media_type=file.mimetype)

    def _opened(self, request: Request, direction: Any) -> tuple[int, str]:
        key, name = request.path_params["key"], normalised_name(request.path_params["name"])
        if not self._links.opens(request.path_params["token"], direction, key, name):
            raise _Refusal(403, "this address is not one that the recorder gave out")
        return key, name

    def _authorise(self, request: Request) -> None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            credentials = base64.b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
        except (binascii.Error, ValueError):
            credentials = b""
        if not hmac.compare_digest(credentials, self._credentials):
            raise _Refusal(401, "the API key is not this recorder's; give WANDB_API_KEY the key that it prints")

    async def _authorised_json(self, request: Request) -> Any:
        self._authorise(request)
        body = bytearray()
        try:
            async for data in request.stream():
                body += data
                self._buffered += len(data)
                if len(body) > MAX_BODY_BYTES:
                    raise _Refusal(413, f"the request is larger than {MAX_BODY_BYTES} bytes")
                if self._buffered > MAX_BUFFERED_BYTES:
                    raise _Refusal(429, "too much arrives at once; the request can be repeated")
            return json.loads(bytes(body))
        except RecursionError as error:
            raise MalformedRequestError("the request is nested too deeply") from error
        finally:
            self._buffered -= len(body)


def recorder_app(store: Store, links: FileLinks, *, api_key: str, questions: Questions) -> Starlette:
    """Return the application that answers W&B clients.

    Args:
        store: where runs are.
        links: signer of file addresses.
        api_key: what clients must present.
        questions: where what they read is noted.
    """
    surface = _Surface(store, links, api_key, questions)
    key = "{key:int}/{token}/{name:path}"
    return Starlette(
        routes=[
            Route("/graphql", _answered(surface.graphql), methods=["POST"]),
            Route("/files/{entity}/{project}/{run}/file_stream", _answered(surface.file_stream), methods=["POST"]),
            Route(f"/storage/write/{key}", _answered(surface.upload_run_file), methods=["PUT"]),
            Route(f"/storage/write-artifact/{key}", _answered(surface.upload_artifact_file), methods=["PUT"]),
            Route(f"/storage/write-manifest/{key}", _answered(surface.upload_manifest), methods=["PUT"]),
            Route(f"/storage/read/{key}", _answered(surface.download), methods=["GET"]),
            Route("/artifactsV2/{rest:path}", _answered(surface.download_artifact_file), methods=["GET"]),
        ]
    )


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


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
