"""The way to the reviewer: JSON lines on a unix socket, each a whole snapshot, so that the last one counts.

A thread sends a snapshot when something changed, every two seconds at most; another goes when the process ends. The
thread is not one of :mod:`threading`: the flown program does not see it, and it is not there while a process is forked.
Nothing here waits longer than a moment for a reviewer who does not read.
"""

from __future__ import annotations

import _socket
import _thread

from . import story
from .encoding import encoded
from .guard import note

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_FIRST_SECONDS = 0.5
_SECONDS = 2.0
_PATIENCE_SECONDS = 2.0
_STOP_SECONDS = 1.0
_LONGEST_BYTES = 2**20  # half of what the reviewer takes

_path = ""
_socket_open: Any = None
_dead = True
_changed = False
_speaking: tuple[Any, Any] | None = None  # locks: released to stop the thread, released when it has stopped
_sending = _thread.allocate_lock()


def connect(path: str) -> None:
    """Reach the reviewer and say hello.

    Args:
        path: of the socket.
    """
    global _path, _dead
    _path, _dead = path, False
    send()


def touch() -> None:
    """Say that there is news; it is sent before long."""
    global _changed, _speaking  # noqa: PLW0603
    _changed = True
    if _speaking is None and not _dead:
        stop, stopped = _thread.allocate_lock(), _thread.allocate_lock()
        stop.acquire()
        stopped.acquire()
        _speaking = (stop, stopped)
        try:
            _thread.start_new_thread(_speak, _speaking)
        except RuntimeError:  # the interpreter is about to end, or there are too many threads
            _speaking = None


def _speak(stop: Any, stopped: Any) -> None:
    seconds = _FIRST_SECONDS
    try:
        while not stop.acquire(True, seconds):
            seconds = _SECONDS
            if _changed and not _dead:
                send()
    finally:
        stopped.release()


def pause() -> None:
    """End the thread; the next news starts another."""
    global _speaking
    speaking, _speaking = _speaking, None
    if speaking is not None:
        speaking[0].release()
        speaking[1].acquire(True, _STOP_SECONDS)


def send(*, goodbye: bool = False) -> None:
    """Send a snapshot of this moment."""
    global _changed, _dead, _socket_open  # noqa: PLW0603
    if _dead or not _sending.acquire(True, _PATIENCE_SECONDS):
        return
    try:
        _changed = False
        line = _line(story.told(goodbye=goodbye))
        if _socket_open is None:
            _socket_open = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
            _socket_open.settimeout(_PATIENCE_SECONDS)
            _socket_open.connect(_path)
        _socket_open.sendall(line)
    except Exception as error:  # noqa: BLE001  # half a line may have gone: no other may follow it
        _dead = True
        note(error)
    finally:
        _sending.release()


def end() -> None:
    """Send the last snapshot."""
    global _dead  # noqa: PLW0603
    if _dead:
        return
    pause()
    story.last_looks()
    send(goodbye=True)
    _dead = True


def depart() -> None:
    """Send what is not sent yet, where the process may end at once or become another program."""
    pause()
    if _changed:
        send()


def forked() -> None:
    """Begin anew in a process that was forked off; it connects once it has something to tell."""
    global _changed, _sending, _socket_open, _speaking  # noqa: PLW0603
    _changed, _speaking, _sending = False, None, _thread.allocate_lock()
    if _socket_open is not None:
        _socket_open.close()
        _socket_open = None
    story.forget()


def _line(snapshot: dict[str, Any]) -> bytes:
    """Return a snapshot as a line that is not too long: the longest list is halved until it fits."""
    line = encoded(snapshot)
    while len(line) > _LONGEST_BYTES:
        sizes = {name: len(encoded(value)) for name, value in snapshot.items() if isinstance(value, (list, dict))}
        longest = max(sizes, key=lambda name: sizes[name])
        value = snapshot[longest]
        snapshot[longest] = value[: len(value) // 2] if isinstance(value, list) else None
        snapshot["cut"] = sorted({*snapshot["cut"], longest})
        line = encoded(snapshot)
    return line + b"\n"
