"""A repository as the hub's API shows it: its files with their identities, and a commit derived from their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

# what the real hub keeps in large-file storage; such files are known by their SHA-256, all others by their git id
LARGE_FILE_SUFFIXES = frozenset({".bin", ".h5", ".model", ".msgpack", ".onnx", ".parquet", ".pt", ".safetensors"})
LARGE_FILE_BYTES = 10 * 1024 * 1024
UNVERSIONED_NAMES = frozenset({"__pycache__", ".git", ".cache"})
CONVERTED = "refs/convert/parquet"  # where the real hub keeps every dataset as Parquet
CLOSED = {  # what a gated repository of each type lists at least
    "dataset": ("README.md", "data/train-00000-of-00001.parquet"),
    "model": ("README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
}
CREATED_AT = "2024-01-01T00:00:00.000Z"  # a date the clients can parse; no repository here has a history


@dataclass(frozen=True)
class StoredFile:
    """One file.

    Attributes:
        path: its name in the repository, with "/".
        location: where it lies on this machine.
        size: in bytes.
        sha256: of its content, hexadecimal.
        git_oid: the git blob id of what git itself would hold: the content, or the pointer to a large file.
        large: whether the real hub would keep it in large-file storage.
    """

    path: str
    location: Path
    size: int
    sha256: str
    git_oid: str
    large: bool

    @property
    def etag(self) -> str:
        """The identity that the clients' caches go by."""
        return self.sha256 if self.large else self.git_oid

    def listing(self) -> dict[str, Any]:
        """The file's entry in a tree listing."""
        entry: dict[str, Any] = {"type": "file", "oid": self.git_oid, "size": self.size, "path": self.path}
        if self.large:
            pointer_bytes = len(_pointer(self.sha256, self.size))
            entry["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": pointer_bytes}
        return entry


@dataclass(frozen=True)
class Repository:
    """A repository with one commit.

    Attributes:
        type: "model", "dataset" or "space".
        id: "namespace/name".
        files: path → file, sorted by path.
        commit: 40 hexadecimal digits, the same for the same content.
        converted: what the repository has at ``refs/convert/parquet``, None if nothing.
        gated: whether its terms must be accepted before a file can be had.
    """

    type: str
    id: str
    files: dict[str, StoredFile]
    commit: str
    converted: Repository | None = None
    gated: bool = False

    @classmethod
    def read(
        cls, repo_type: str, repo_id: str, folder: Path, *, converted: Path | None = None, gated: bool = False
    ) -> Repository:
        """Take every file under ``folder`` into a repository; the content of each is read once for its digests.

        Args:
            repo_type: "model", "dataset" or "space".
            repo_id: "namespace/name".
            folder: holds the files of the one commit.
            converted: holds those of ``refs/convert/parquet``.
            gated: whether its terms must be accepted.
        """
        paths = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
        stored = {
            name.as_posix(): _stored(name.as_posix(), path)
            for name, path in paths.items()
            if not UNVERSIONED_NAMES.intersection(name.parts)
        }
        content = "\n".join(f"{file.sha256} {name}" for name, file in stored.items())
        commit = hashlib.sha1(f"{repo_type} {repo_id}\n{content}".encode(), usedforsecurity=False).hexdigest()
        other = cls.read(repo_type, repo_id, converted) if converted is not None else None
        return cls(repo_type, repo_id, stored, commit, other, gated)

    @classmethod
    def closed(cls, repo_type: str, repo_id: str) -> Repository:
        """A gated repository of which only the name is known: it lists the usual files, and nobody gets to see them."""
        commit = hashlib.sha1(f"{repo_type} {repo_id}".encode(), usedforsecurity=False).hexdigest()
        listed = {name: StoredFile(name, Path(name), 0, "0" * 64, "0" * 40, large=False) for name in CLOSED[repo_type]}
        return cls(repo_type, repo_id, listed, commit, gated=True)

    def at(self, revision: str) -> Repository | None:
        """The repository as it is at a branch or commit, None if it has no such revision."""
        if revision in {"main", self.commit}:
            return self
        if self.converted is not None and revision in {CONVERTED, self.converted.commit}:
            return self.converted
        return None

    def refs(self) -> dict[str, Any]:
        """The branches and conversions."""
        converts = []
        if self.converted is not None:
            converts = [{"name": "parquet", "ref": CONVERTED, "targetCommit": self.converted.commit}]
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": self.commit}
        return {"branches": [main], "converts": converts, "tags": []}

    def commits(self) -> list[dict[str, Any]]:
        """The history: one commit."""
        author = {"user": "windtunnel"}
        return [{"id": self.commit, "title": "Add files", "message": "", "authors": [author], "date": CREATED_AT}]

    def info(self) -> dict[str, Any]:
        """The answer to a request for the repository itself."""
        return {
            "_id": self.commit[:24],
            "id": self.id,
            f"{self.type}Id": self.id,
            "author": self.id.split("/")[0],
            "sha": self.commit,
            "createdAt": CREATED_AT,
            "lastModified": CREATED_AT,
            "private": False,
            "gated": "auto" if self.gated else False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "siblings": [
                {"rfilename": file.path, "size": file.size, "blobId": file.git_oid} for file in self.files.values()
            ],
        }

    def tree(self, folder: str, *, recursive: bool) -> list[dict[str, Any]] | None:
        """List the files and folders under ``folder`` ("" is the root), or None if there is no such folder."""
        inside = [name for name in self._names() if _is_under(name, folder)]
        if not inside and folder:
            return None
        depth = len(PurePosixPath(folder).parts) + 1
        return [self._entry(name) for name in inside if recursive or len(PurePosixPath(name).parts) == depth]

    def paths_info(self, paths: list[str]) -> list[dict[str, Any]]:
        """Describe those of ``paths`` that exist, files and folders."""
        known = set(self._names())
        return [self._entry(path) for path in dict.fromkeys(path.strip("/") for path in paths) if path in known]

    def _names(self) -> list[str]:
        folders = {str(parent) for name in self.files for parent in PurePosixPath(name).parents} - {"."}
        return sorted(folders | set(self.files))

    def _entry(self, name: str) -> dict[str, Any]:
        if name in self.files:
            return self.files[name].listing()
        inside = "\n".join(f"{file.git_oid} {file.path}" for file in self.files.values() if _is_under(file.path, name))
        oid = hashlib.sha1(inside.encode(), usedforsecurity=False).hexdigest()
        return {"type": "directory", "oid": oid, "size": 0, "path": name}


def _is_under(name: str, folder: str) -> bool:
    return not folder or name.startswith(f"{folder}/")


def _stored(name: str, path: Path) -> StoredFile:
    size = path.stat().st_size
    with path.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    large = path.suffix in LARGE_FILE_SUFFIXES or size > LARGE_FILE_BYTES
    blob = _pointer(sha256, size) if large else path.read_bytes()
    git_oid = hashlib.sha1(b"blob %d\0" % len(blob) + blob, usedforsecurity=False).hexdigest()
    return StoredFile(name, path, size, sha256, git_oid, large)


def _pointer(sha256: str, size: int) -> bytes:
    """The pointer file that git holds for a large file (https://git-lfs.com, specification version 1)."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
