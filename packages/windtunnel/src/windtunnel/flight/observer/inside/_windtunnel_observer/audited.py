"""Files written, processes started and addresses called, by the interpreter's audit events.

What native code writes raises none of them; the reviewer sees such files from outside, without the line that wrote.
"""

from __future__ import annotations

import os
import sys

from . import crashes, places, rewritten, story, wire
from .guard import guarded
from .story import Kept
from .text import path_text, shown

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_MOST_FILES, _MOST_CACHED, _MOST = 500, 50, 100
_ARGUMENTS = 60
_LOCAL = frozenset({"", "localhost", "::1", "0.0.0.0", "ip6-localhost"})  # noqa: S104  # compared with, not bound to

_written = Kept("written", _MOST_FILES)
_cached = Kept("written", _MOST_CACHED)
_started = Kept("started", _MOST)
_connections = Kept("connections", _MOST)
_caches: tuple[str, ...] = ()


def install() -> None:
    """Listen to audit events; they cannot be unheard again."""
    global _caches  # noqa: PLW0603
    names = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "HF_HOME", "WANDB_DIR", "PYTHONPYCACHEPREFIX")
    folders = {os.environ.get(name, "") for name in names} | {"/tmp", "/dev/shm"}  # noqa: S108
    real = {os.path.realpath(folder) for folder in folders if folder}
    _caches = tuple(folder.rstrip("/") + "/" for folder in {*folders, *real} if folder.strip("/"))
    story.part(_tell, _forget)
    sys.addaudithook(_heard)
    story.watched["files"] = None


def _tell() -> dict[str, Any]:
    return {
        "written": [{"path": path, "place": place} for (path, place), _ in [*_written.items(), *_cached.items()]],
        "started": [{"argv": list(argv), "place": place} for (argv, place), _ in _started.items()],
        "connections": [{"address": address, "place": place} for (address, place), _ in _connections.items()],
    }


def _forget() -> None:
    for kept in (_written, _cached, _started, _connections):
        kept.clear()


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    hear = _EVENTS.get(event)
    if hear is not None:
        hear(event, arguments)


def _opened(_event: str, arguments: tuple[Any, ...]) -> None:
    path, mode, flags = arguments
    writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags and flags & _WRITES)
    if writes:
        _write(path)


def _moved(_event: str, arguments: tuple[Any, ...]) -> None:
    _write(arguments[1])


def _truncated(_event: str, arguments: tuple[Any, ...]) -> None:
    _write(arguments[0])


@guarded
def wrote(path: Any, frame: Any) -> None:
    """Take down a file that native code wrote for ``frame``."""
    _write(path, frame=frame)


def _write(path: Any, *, frame: Any = None) -> None:
    text = path_text(path)
    if not text:
        return
    text = os.path.normpath(os.path.join(os.getcwd(), text))  # noqa: PTH109, PTH118
    if text.startswith(("/dev/", "/proc/", "/sys/")) and not text.startswith("/dev/shm/"):  # noqa: S108
        return
    place = places.here(frame or sys._getframe(3))
    aside = text.startswith(_caches) and not places.inside(text)
    if aside and not place:
        return
    kept = _cached if aside else _written
    if (text, place) not in kept.entries:
        kept.get((text, place), lambda: None)
        wire.touch()


def _process(event: str, arguments: tuple[Any, ...]) -> None:
    given = arguments[0] if event == "os.system" else arguments[1]
    words = given if isinstance(given, (list, tuple)) else [given]
    if event == "subprocess.Popen" and not words:
        words = [arguments[0]]
    argv = tuple(path_text(word) or shown(word) for word in words[:_ARGUMENTS])
    _started.get((argv, places.here(sys._getframe(2))), lambda: None)
    wire.touch()
    if event == "os.exec":
        wire.depart()


def _connected(event: str, arguments: tuple[Any, ...]) -> None:
    address = arguments[0] if event in {"socket.getaddrinfo", "socket.gethostbyname"} else arguments[1]
    if isinstance(address, tuple) and len(address) > 1:
        host, text = path_text(address[0]), f"{path_text(address[0])}:{address[1]}"
    elif event.startswith("socket.get"):
        host = path_text(address)
        text = host if event == "socket.gethostbyname" else f"{host}:{shown(arguments[1])}"
    else:
        return  # a unix socket
    if host in _LOCAL or host.startswith("127."):
        return
    _connections.get((shown(text), places.here(sys._getframe(2))), lambda: None)
    wire.touch()


def _rewritten(event: str, _arguments: tuple[Any, ...]) -> None:
    # above this: guarded, _heard, and the line of the repository
    rewritten.heard(event, sys._getframe(3))


def _uncaught(_event: str, arguments: tuple[Any, ...]) -> None:
    if isinstance(arguments[2], BaseException):
        crashes.crashed(arguments[2])


_EVENTS = {
    "open": guarded(_opened),
    "os.rename": guarded(_moved),
    "os.link": guarded(_moved),
    "os.symlink": guarded(_moved),
    "os.truncate": guarded(_truncated),
    "subprocess.Popen": guarded(_process),
    "os.system": guarded(_process),
    "os.exec": guarded(_process),
    "os.posix_spawn": guarded(_process),
    "socket.connect": guarded(_connected),
    "socket.sendto": guarded(_connected),
    "socket.getaddrinfo": guarded(_connected),
    "socket.gethostbyname": guarded(_connected),
    rewritten.HANDLED: guarded(_rewritten),
    rewritten.RAISING: guarded(_rewritten),
    "sys.excepthook": guarded(_uncaught),
}
