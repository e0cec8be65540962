"""A package index on loopback with packages made on the spot, and projects that depend on them."""

from __future__ import annotations

import io
import tarfile
import textwrap
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# a build backend of the package's own, so that building asks for nothing; it says what it can see
BACKEND = """
import os, pathlib, socket, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    seen = [str(path) for path in SECRETS if pathlib.Path(path).exists()]
    try:
        socket.create_connection(("127.0.0.1", PORT), timeout=2).close()
        seen.append("network")
    except OSError:
        pass
    if any(variable.startswith("UV_") for variable in os.environ):
        seen.append("variables")
    try:
        os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
        seen.append("kernel")
    except OSError:
        pass
    name = "NAME-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / name, "w") as wheel:
        wheel.writestr("NAME.py", f"SEEN = {seen!r}")
        wheel.writestr("NAME-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: NAME\\nVersion: 1.0\\n")
        wheel.writestr("NAME-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("NAME-1.0.dist-info/RECORD", "")
    return name
"""


class Index:
    """A simple index (PEP 503)."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.port = port

    def wheel(self, name: str, version: str) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as wheel:
            info = f"{name}-{version}.dist-info"
            wheel.writestr(f"{name}.py", f"VERSION = {version!r}")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        self._add(name, f"{name}-{version}-py3-none-any.whl", content.getvalue())

    def source(self, name: str, *, secrets: list[str]) -> None:
        """A source distribution of version 1.0 without static metadata: it has to be built to be known."""
        backend = BACKEND.replace("NAME", name).replace("SECRETS", repr(secrets)).replace("PORT", str(self.port))
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as archive:
            for path, text in {
                "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
                "backend.py": backend,
                "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            }.items():
                entry = tarfile.TarInfo(f"{name}-1.0/{path}")
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
        self._add(name, f"{name}-1.0.tar.gz", content.getvalue())

    def _add(self, name: str, file: str, content: bytes) -> None:
        folder = self._folder / "simple" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
        links = "".join(f'<a href="{path.name}">{path.name}</a>' for path in sorted(folder.iterdir()))
        (folder / "index.html").write_text(f"<!doctype html>{links}")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    folder = tmp_path / "index"
    (folder / "simple").mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    port = server.server_address[1]
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{port}/simple")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    yield Index(folder, port)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a repository with this ``pyproject.toml``."""

    def make(text: str) -> Path:
        folder = tmp_path / "repository"
        folder.mkdir(exist_ok=True)
        (folder / "pyproject.toml").write_text(textwrap.dedent(text))
        return folder

    return make
