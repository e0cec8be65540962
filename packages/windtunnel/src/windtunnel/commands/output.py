"""Where a document goes: to standard output, whose reader may leave early, or whole into a file."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path

from windtunnel.errors import UsageError, WindtunnelError


def to_stdout(text: str, *, encoding: str | None = None) -> None:
    r"""Write the text to standard output; a reader that left, such as ``head``, is no error.

    Args:
        text: what to write; characters that the encoding lacks come out as ``\\uXXXX``.
        encoding: that of standard output if left out.

    Raises:
        WindtunnelError: it cannot be written for another reason, such as a full disk.
    """
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:  # a caller in this process has put a text of its own in its place
        sys.stdout.write(text)
        return
    try:
        sys.stdout.flush()
        buffer.write(text.encode(encoding or sys.stdout.encoding, errors="backslashreplace"))
        buffer.flush()
    except OSError as error:
        # the interpreter flushes once more when it ends, and must not fail then
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise WindtunnelError(
                f"standard output cannot be written: {error.strerror}; use --output or another place"
            ) from error


def to_file(path: Path, text: str, *, option: str = "--output") -> None:
    """Write the text to a file that is there whole or not at all; a device or a pipe is written to as it is.

    Args:
        path: where to.
        text: what to write.
        option: what named the file, for the error.

    Raises:
        UsageError: it cannot be written.
    """
    data = text.encode(errors="backslashreplace")
    target = path.expanduser().resolve()  # a link stays a link to the file that is written
    try:
        _write(target, data)
    except OSError as error:
        raise UsageError(f"{option} {path} cannot be written: {error.strerror or error}; give another file") from error


def check_writable(path: Path, *, option: str = "--output") -> None:
    """Refuse an output file that cannot be written, before the work is done.

    Raises:
        UsageError: its folder does not exist, or it is itself a folder.
    """
    target = path.expanduser().absolute()
    if target.is_dir():
        raise UsageError(f"{option} {path} is a folder; name a file in it")
    if not target.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {target.parent}; make it first, or give another file")


def _write(target: Path, data: bytes) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(target.stat().st_mode):
            with target.open("wb") as file:
                file.write(data)
            return
    import tempfile  # noqa: PLC0415 - the rare case should not slow the usual one down

    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).chmod(_mode(target))
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _mode(target: Path) -> int:
    """The permissions that the file has, or that a new one would get."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
