"""Stands in for the addresses that `torchvision` and ``torch.hub`` download from, which loopback cannot answer.

Every download asks the flight's hub first. Where the hub has nothing, the library's own code goes on, and fails as it
does without a network. The digests that `torchvision` knows of the real files are not held against miniatures.

Runs in flown processes, of any Python since 3.8: standard library only, and nothing of windtunnel but its observer.
"""

from __future__ import annotations

import os

from _windtunnel_observer.importing import after_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NOTHING_THERE = 404


def install(hub_url: str, report: Callable[[str], None]) -> None:
    """Have downloads go to ``hub_url``; the first of each address is told to ``report``."""
    if not hub_url:
        return

    def fetched(url: str, path: str) -> bool:
        """Whether the hub had the file; it lies at ``path`` then."""
        # at the first download and not before: no program shall find modules that it forgot to import
        import shutil  # noqa: PLC0415
        import urllib.error  # noqa: PLC0415
        import urllib.parse  # noqa: PLC0415
        import urllib.request  # noqa: PLC0415

        question = urllib.parse.urlencode({"url": url})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy
        try:
            with opener.open(f"{hub_url}/_windtunnel/download?{question}") as response, open(path, "wb") as file:  # noqa: PTH123  # as plain as the code that it stands in for
                shutil.copyfileobj(response, file)
        except urllib.error.HTTPError as error:
            if error.code == _NOTHING_THERE:
                return False
            raise
        report(f"{url} was answered by the hub of the flight, not by its own server")
        return True

    after_import("torch.hub", lambda module: _weights(module, fetched))
    after_import("torchvision.datasets.utils", lambda module: _datasets(module, fetched))


def _weights(module: Any, fetched: Callable[[str, str], bool]) -> None:
    own = module.download_url_to_file

    def download_url_to_file(url: str, dst: Any, hash_prefix: Any = None, progress: bool = True) -> None:
        if not fetched(url, os.fspath(dst)):
            own(url, dst, hash_prefix, progress)

    module.download_url_to_file = download_url_to_file


def _datasets(module: Any, fetched: Callable[[str, str], bool]) -> None:
    own = module.download_url

    def download_url(url: str, root: Any, filename: Any = None, md5: Any = None, *others: Any, **named: Any) -> None:
        folder = os.path.expanduser(root)  # noqa: PTH111  # as the library does
        path = os.path.join(folder, filename or os.path.basename(url))  # noqa: PTH118, PTH119
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        if not os.path.isfile(path) and not fetched(url, path):  # noqa: PTH113
            own(url, root, filename, md5, *others, **named)

    def check_md5(_path: Any, _md5: str, **_named: Any) -> bool:
        return True

    module.download_url = download_url
    module.check_md5 = check_md5
