"""The namespaces of everything that runs in bubblewrap, and who it is in there."""

from __future__ import annotations

import os
import subprocess
from functools import cache

from windtunnel.flight.sandbox.system import HOSTNAME

_ID = 1000  # what root is inside: nobody who would get capabilities back when a program starts
_NO_USER_NAMESPACES = (0, 8)  # the first version that can forbid them
_VERSION_SECONDS = 10.0


def namespaces(program: str) -> list[str]:
    """Return bubblewrap's arguments for namespaces of their own, an end with the parent's, and no capabilities.

    Args:
        program: bubblewrap's.
    """
    uid, gid = ids()
    return [
        *("--unshare-all", "--unshare-user", "--uid", str(uid), "--gid", str(gid), "--hostname", HOSTNAME),
        *(("--disable-userns",) if _version(program) >= _NO_USER_NAMESPACES else ()),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL"),
    ]


def ids() -> tuple[int, int]:
    """Return the user and the group that processes inside see themselves as."""
    return (_ID, _ID) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


@cache
def _version(program: str) -> tuple[int, ...]:
    try:
        printed = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=_VERSION_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return (0,)
    digits = printed.stdout.split()[-1].split(".") if printed.stdout.split() else []
    return tuple(int(number) for number in digits if number.isdigit())
