"""The part of the Hugging Face hub's HTTP interface that its clients use to read, as a Starlette application.

Covered: repository information, tree listings, ``paths-info``, ``refs``, ``commits``, ``auth-check`` and file downloads
with ranges, for models and datasets at ``main``, ``refs/convert/parquet`` or the commit, with the status codes and
``X-Error-Code`` values that huggingface_hub turns into its exceptions (``huggingface_hub.utils.hf_raise_for_status``,
2.4.0). As on the real hub

* an older name of a repository is redirected to the present one (307);
* a repository that is not there is 401 for a client without a token, 404 for one with a token;
* a gated repository shows what it is, but its files are 401 without a token and 403 with one, unless the hub was told
  to behave as if the terms had been accepted;
* a repository that was disabled is 403.

One address is windtunnel's own: ``/_windtunnel/download?url=URL`` is the file that `torchvision` looks for at ``URL``;
flown processes ask for it through a shim (``flight/shims``), for such an address cannot be answered on loopback.

Not covered: writing, searching, accounts, the dataset viewer, telemetry; all of these are answered 404.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from windtunnel.errors import WindtunnelError
from windtunnel.hub.repository import Repository
from windtunnel.hub.shelf import DISABLED, DisabledRepositoryError, MissingRepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from windtunnel.evidence import UnknownId
    from windtunnel.hub.repository import StoredFile
    from windtunnel.hub.shelf import Shelf

_ID = r"(?P<id>[^/]+(?:/[^/]+)?)"  # older names have one part ("bert-base-uncased")
_REVISION = r"(?P<revision>refs/(?:convert|pr)/[^/]+|[^/]+)"
_INSIDE = rf"(?:/(?P<verb>revision|tree|paths-info|commits)/{_REVISION}(?:/(?P<path>.+))?|/(?P<about>refs|auth-check))?"
_API = re.compile(rf"/api/(?P<kind>models|datasets|spaces)/{_ID}{_INSIDE}")
_FILE = re.compile(rf"/(?:(?P<kind>datasets|spaces)/)?{_ID}/resolve/{_REVISION}/(?P<path>.+)")
_DOWNLOAD = "/_windtunnel/download"
_RESERVED = frozenset({"api", "datasets", "spaces"})  # no model lives under these names


class HubRequest(NamedTuple):
    """One request as the hub answered it; the repository is empty where the address names none.

    Attributes:
        method: of the request.
        repo_type: "model", "dataset" or "space".
        repo_id: as it was asked for.
        path: of the file, or of the URL where no file was asked for.
        status: of the answer.
        code: the ``X-Error-Code`` of the answer, "" for none.
    """

    method: str
    repo_type: str
    repo_id: str
    path: str
    status: int
    code: str = ""


@dataclass(frozen=True)
class Address:
    """What a URL path asks for.

    Attributes:
        action: "info", "tree", "paths-info", "refs", "commits", "auth-check" or "resolve".
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
            return Address(match["about"] or "info", repo_type, match["id"])
        action = "info" if match["verb"] == "revision" else match["verb"]
        return Address(action, repo_type, match["id"], match["revision"], (match["path"] or "").strip("/"))
    if (match := _FILE.fullmatch(url_path)) and match["id"].partition("/")[0] not in _RESERVED:
        repo_type = (match["kind"] or "models").removesuffix("s")
        return Address("resolve", repo_type, match["id"], match["revision"], match["path"])
    return None


@dataclass
class Told:
    """What the owner of a hub learns while it answers.

    Attributes:
        requests: one entry for each request.
        failures: the text of each repository that should be there but could not be made.
        unknown: the ids that may exist on the real hub and are not in the catalogue.
    """

    requests: list[HubRequest] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    unknown: list[UnknownId] = field(default_factory=list)


def hub_application(shelf: Shelf, told: Told, *, terms_accepted: bool = False) -> Starlette:
    """Build the application.

    Args:
        shelf: where repositories are found.
        told: gets what happens.
        terms_accepted: whether a client with a token may read gated repositories.
    """

    async def download(request: Request) -> Response:
        url = request.query_params.get("url", "")
        response = await run_in_threadpool(_found, told, lambda: FileResponse(shelf.download(url)), with_token=True)
        told.requests.append(HubRequest(request.method, "download", url, request.url.path, response.status_code))
        return response

    async def answer(request: Request) -> Response:
        body = await request.body()
        address = read_address(request.url.path)
        asked = _Asked(request, body, admitted=terms_accepted and _has_token(request))
        response = await run_in_threadpool(_answer, shelf, told, asked, address)
        repo_type, repo_id, path = (address.repo_type, address.repo_id, address.path) if address else ("", "", "")
        code = response.headers.get("X-Error-Code", "")
        told.requests.append(
            HubRequest(request.method, repo_type, repo_id, path or request.url.path, response.status_code, code)
        )
        return response

    return Starlette(
        routes=[Route(_DOWNLOAD, download, methods=["GET"]), Route("/{path:path}", answer, methods=["GET", "POST"])]
    )


_ABOUT: dict[str, Callable[[Repository], Any]] = {
    "info": Repository.info,
    "refs": Repository.refs,
    "commits": Repository.commits,
    "auth-check": lambda _: {},
}


class _Asked(NamedTuple):
    """A request, its body, and whether it may read gated repositories."""

    request: Request
    body: bytes
    admitted: bool


def _answer(shelf: Shelf, told: Told, asked: _Asked, address: Address | None) -> Response:
    request = asked.request
    if address is None or (request.method == "POST") != (address.action == "paths-info"):
        return _error(404, None, f"windtunnel's hub does not answer {request.method} {request.url.path}")
    canonical = shelf.canonical(address.repo_type, address.repo_id)
    if canonical != address.repo_id:
        return _redirect(request, address.repo_id, canonical)
    with_token = _has_token(request)

    def respond() -> Response:
        return _in_repository(shelf.find(address.repo_type, address.repo_id), address, asked)

    return _found(told, respond, with_token=with_token)


def _found(told: Told, respond: Callable[[], Response], *, with_token: bool) -> Response:
    """The response, or what the hub says where there is nothing to respond with."""
    try:
        return respond()
    except MissingRepositoryError as error:
        if error.unknown is not None and error.unknown not in told.unknown:
            told.unknown.append(error.unknown)
        return _error(404 if with_token else 401, "RepoNotFound", str(error))
    except DisabledRepositoryError as error:
        return _error(403, None, DISABLED, detail=str(error))
    except WindtunnelError as error:
        if str(error) not in told.failures:
            told.failures.append(str(error))
        # of the codes the clients know, only this one lets the text through to whoever reads the traceback
        return _error(404, "RepoNotFound", str(error))


def _in_repository(repository: Repository, address: Address, asked: _Asked) -> Response:
    there = repository.at(address.revision)
    if there is None:
        return _error(404, "RevisionNotFound", f"{address.repo_id} has no revision {address.revision!r}, only main")
    if repository.gated and address.action in {"resolve", "auth-check"} and not asked.admitted:
        return _gated(repository, with_token=_has_token(asked.request))
    return _within(there, address, asked.request, asked.body)


def _has_token(request: Request) -> bool:
    return request.headers.get("Authorization", "").removeprefix("Bearer").strip() != ""


def _redirect(request: Request, asked: str, canonical: str) -> Response:
    """Send the client to the present name, as the real hub does: a relative address, which the clients follow."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    target = raw.decode("ascii", errors="replace").replace(f"/{asked}", f"/{canonical}", 1)
    query = f"?{request.url.query}" if request.url.query else ""
    return Response(f"Temporary Redirect. Redirecting to {target}{query}", 307, {"Location": f"{target}{query}"})


def _gated(repository: Repository, *, with_token: bool) -> Response:
    what = f"Access to {repository.type} {repository.id} is restricted"
    if with_token:
        return _error(403, "GatedRepo", f"{what} and you are not in the authorized list.")
    return _error(401, "GatedRepo", f"{what}. You must have access to it and be authenticated to access it.")


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
    return JSONResponse(_ABOUT[address.action](repository))


def _file(repository: Repository, file: StoredFile) -> Response:
    headers = {"ETag": f'"{file.etag}"', "X-Repo-Commit": repository.commit}
    return FileResponse(file.location, headers=headers, media_type="application/octet-stream")


def _missing(repository: Repository, path: str) -> Response:
    response = _error(404, "EntryNotFound", f"{repository.id} has no file {path!r}")
    response.headers["X-Repo-Commit"] = repository.commit
    return response


def _error(status: int, code: str | None, message: str, *, detail: str = "") -> Response:
    line = " ".join(message.split()).encode("latin-1", errors="replace").decode("latin-1")
    headers = {"X-Error-Message": line} | ({"X-Error-Code": code} if code else {})
    return JSONResponse({"error": detail or message}, status_code=status, headers=headers)
