"""The folder in which made repositories are kept: each made once, whole or not at all, and found again by the next hub.

Several hubs may share a store: a lock file per repository lets one of them make it while the others wait. What was not
wanted for longest goes when the store gets too large, but nothing that was wanted within a day: a hub may be at it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from importlib import resources
from typing import TYPE_CHECKING

from windtunnel.errors import WindtunnelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path


MOST_BYTES = 12 * 2**30
_LEAST_SECONDS = 86_400.0


class Store:
    """Folders of files, each named by what it is made from.

    Args:
        root: where they lie; made when the first one is.
        most_bytes: what all of them together may take before the oldest go.
    """

    def __init__(self, root: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self.root = root
        self.most_bytes = most_bytes

    def folder(self, kind: str, repo_id: str, *, made_from: str, make: Callable[[Path], None]) -> Path:
        """Return the folder of a repository, made now unless it is there.

        Args:
            kind: "datasets" or "models".
            repo_id: "namespace/name".
            made_from: a digest of all that decides the content; another one is another folder.
            make: writes the files into the empty folder it is given.

        Raises:
            WindtunnelError: the store cannot be written, for example because the disk is full; nothing of the
                repository is kept then. What ``make`` raises comes through.
        """
        parent = self.root / kind / repo_id.replace("/", "--")
        final = parent / made_from[:16]
        if final.is_dir():
            with suppress(OSError):  # a store that others own may be read
                os.utime(final)  # when it was last wanted
            return final
        try:
            parent.mkdir(parents=True, exist_ok=True)
            with _locked(parent / ".lock"):
                if not final.is_dir():
                    _make(parent, final, make)
                    with suppress(OSError):  # another hub may be clearing up too
                        _discard_oldest(self.root, self.most_bytes)
        except OSError as error:
            raise WindtunnelError(
                f"{repo_id} could not be written to {parent}: {error.strerror or error}; free space there, "
                "or have the hub keep its files in another folder"
            ) from error
        return final


def recipe_digest() -> str:
    """Digest of the code and the catalogue of the hub: whatever is made by other ones is made anew."""
    digest = hashlib.sha256()
    for name, content in _sources(resources.files("windtunnel.hub"), ""):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _make(parent: Path, final: Path, make: Callable[[Path], None]) -> None:
    for abandoned in parent.glob(".making-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    making = parent / os.path.basename(tempfile.mkdtemp(prefix=".making-", dir=parent))  # noqa: PTH119
    try:
        make(making)
        making.chmod(0o755)
        making.rename(final)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _discard_oldest(root: Path, most_bytes: int) -> None:
    made = [folder for folder in root.glob("*/*/*") if folder.is_dir() and not folder.name.startswith(".")]
    sizes = {folder: sum(file.lstat().st_size for file in folder.rglob("*")) for folder in made}
    total = sum(sizes.values())
    for folder in sorted(made, key=lambda folder: folder.stat().st_mtime):
        if total <= most_bytes or time.time() - folder.stat().st_mtime < _LEAST_SECONDS:
            return
        shutil.rmtree(folder, ignore_errors=True)
        total -= sizes[folder]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sources(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from _sources(item, f"{prefix}{item.name}/")
        elif item.name.endswith((".py", ".yaml")):
            yield f"{prefix}{item.name}", item.read_bytes()
