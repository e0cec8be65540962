"""The part of the Hugging Face hub's HTTP interface that its clients use to read, as a Starlette application.

Covered: repository information, tree listings, ``paths-info`` and file downloads with ranges, for models and datasets
at ``main`` or the commit, with the status codes and ``X-Error-Code`` values that huggingface_hub turns into its
exceptions (``huggingface_hub.utils.hf_raise_for_status``, 2.4.0). Not covered: writing, searching, accounts, gated
repositories, the dataset viewer, telemetry; all of these are answered 404.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from windtunnel.errors import WindtunnelError
from windtunnel.hub.shelf import UnknownRepositoryError

if TYPE_CHECKING:
    from starlette.requests import Request

    from windtunnel.hub.repository import Repository, StoredFile
    from windtunnel.hub.shelf import Shelf

# ids have one or two parts on the hub ("bert-base-uncased" is redirected there); none of one part is served here
_ID = r"(?P<id>[^/]+(?:/[^/]+)?)"
_API = re.compile(rf"/api/(?P<kind>models|datasets|spaces)/{_ID}(?:/(?P<verb>revision|tree|paths-info)/(?P<rest>.+))?")
_FILE = re.compile(rf"/(?:(?P<kind>datasets|spaces)/)?{_ID}/resolve/(?P<revision>[^/]+)/(?P<path>.+)")


class HubRequest(NamedTuple):
    """One request as the hub answered it; the repository is empty where the address names none."""

    method: str
    repo_type: str
    repo_id: str
    path: str
    status: int


@dataclass(frozen=True)
class Address:
    """What a URL path asks for.

    Attributes:
        action: "info", "tree", "paths-info" or "resolve".
        repo_type: "model", "dataset" or "space".
        repo_id: as written.
        revision: a branch or commit.
        path: of a file or folder, "" for the root.
    """

    action: str
    repo_type: str
    repo_id: str
    revision: str = "main"
    path: str = ""


def read_address(url_path: str) -> Address | None:
    """Parse the decoded path of a URL; None if it is not one that the hub answers."""
    if match := _API.fullmatch(url_path):
        repo_type = match["kind"].removesuffix("s")
        if match["verb"] is None:
            return Address("info", repo_type, match["id"])
        revision, _, path = match["rest"].partition("/")
        action = "info" if match["verb"] == "revision" else match["verb"]
        return Address(action, repo_type, match["id"], revision, path.strip("/"))
    if match := _FILE.fullmatch(url_path):
        repo_type = (match["kind"] or "models").removesuffix("s")
        return Address("resolve", repo_type, match["id"], match["revision"], match["path"])
    return None


def hub_application(shelf: Shelf, requests: list[HubRequest], failures: list[str]) -> Starlette:
    """Build the application.

    Args:
        shelf: where repositories are found.
        requests: gets one entry for each request.
        failures: gets the text of each repository that should be there but could not be made.
    """

    async def answer(request: Request) -> Response:
        body = await request.body()
        address = read_address(request.url.path)
        response = await run_in_threadpool(_answer, shelf, failures, request, body, address)
        repo_type, repo_id, path = (address.repo_type, address.repo_id, address.path) if address else ("", "", "")
        requests.append(HubRequest(request.method, repo_type, repo_id, path or request.url.path, response.status_code))
        return response

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])


def _answer(shelf: Shelf, failures: list[str], request: Request, body: bytes, address: Address | None) -> Response:
    if address is None or (request.method == "POST") != (address.action == "paths-info"):
        return _error(404, None, f"windtunnel's hub does not answer {request.method} {request.url.path}")
    try:
        repository = shelf.find(address.repo_type, address.repo_id)
    except UnknownRepositoryError as error:
        return _error(404, "RepoNotFound", str(error))
    except WindtunnelError as error:
        if str(error) not in failures:
            failures.append(str(error))
        # of the codes the clients know, only this one lets the text through to whoever reads the traceback
        return _error(404, "RepoNotFound", str(error))
    if not repository.has_revision(address.revision):
        return _error(404, "RevisionNotFound", f"{address.repo_id} has no revision {address.revision!r}, only main")
    return _within(repository, address, request, body)


def _within(repository: Repository, address: Address, request: Request, body: bytes) -> Response:
    if address.action == "resolve":
        file = repository.files.get(address.path)
        return _missing(repository, address.path) if file is None else _file(repository, file)
    if address.action == "paths-info":
        paths = parse_qs(body.decode("utf-8", errors="replace")).get("paths", [])
        return JSONResponse(repository.paths_info(paths))
    if address.action == "tree":
        recursive = request.query_params.get("recursive", "").lower() in {"1", "true"}
        listing = repository.tree(address.path, recursive=recursive)
        return _missing(repository, address.path) if listing is None else JSONResponse(listing)
    return JSONResponse(repository.info())


def _file(repository: Repository, file: StoredFile) -> Response:
    headers = {"ETag": f'"{file.etag}"', "X-Repo-Commit": repository.commit}
    return FileResponse(file.location, headers=headers, media_type="application/octet-stream")


def _missing(repository: Repository, path: str) -> Response:
    response = _error(404, "EntryNotFound", f"{repository.id} has no file {path!r}")
    response.headers["X-Repo-Commit"] = repository.commit
    return response


def _error(status: int, code: str | None, message: str) -> Response:
    line = " ".join(message.split()).encode("latin-1", errors="replace").decode("latin-1")
    headers = {"X-Error-Message": line} | ({"X-Error-Code": code} if code else {})
    return JSONResponse({"error": message}, status_code=status, headers=headers)
