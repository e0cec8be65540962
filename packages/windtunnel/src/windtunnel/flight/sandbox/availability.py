"""Whether bubblewrap works here, found out by using it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from windtunnel.errors import FlightError
from windtunnel.flight.limits import UNLIMITED
from windtunnel.flight.sandbox.bubblewrap import Bubblewrap
from windtunnel.flight.sandbox.mounts import environment_mounts

INSTALL = "apt-get install bubblewrap (Debian, Ubuntu), dnf install bubblewrap (Fedora) or pacman -S bubblewrap (Arch)"
_TRY_SECONDS = 60.0

# settings that forbid what bubblewrap needs: the file, the value that does, what to do
_FORBIDDEN = (
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "allow it with: sysctl -w kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/user/max_user_namespaces", "0", "allow it with: sysctl -w user.max_user_namespaces=15000"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "give bwrap an AppArmor profile, or: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
)
_CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")


@cache
def bubblewrap_trouble() -> str:
    """Return why bubblewrap cannot be used here and what to do about it; empty if it works."""
    if not sys.platform.startswith("linux"):
        return f"bubblewrap needs Linux, and this is {sys.platform}"
    program = shutil.which("bwrap")
    if program is None:
        return f"bubblewrap is not installed here (there is no bwrap on the PATH); install it with: {INSTALL}"
    said = _try()
    if not said:
        return ""
    return f"{program} is installed but does not work here ({said}); {_remedy()}"


def _try() -> str:
    """Start something in a sandbox like that of a flight; return what went wrong."""
    with tempfile.TemporaryDirectory(prefix="windtunnel-") as temporary:
        folder = Path(temporary).resolve()
        mounts = environment_mounts(
            Path(sys.executable), prefix=Path(sys.prefix), base_prefix=Path(sys.base_prefix), writable=[folder]
        )
        try:
            with Bubblewrap(mounts).wrap(["true"], folder=folder, environment={}, limits=UNLIMITED) as launch:
                done = subprocess.run(
                    launch.argv,
                    env=launch.environment,
                    pass_fds=launch.pass_fds,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=_TRY_SECONDS,
                    check=False,
                )
                launch.started()
                ended = launch.ended(done.returncode)
        except (OSError, subprocess.SubprocessError, FlightError) as error:
            return str(error)
    if ended.trouble or ended.exit_code != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return lines[-1] if lines else ended.trouble or f"exit code {done.returncode}"
    return ""


def _remedy() -> str:
    for path, value, remedy in _FORBIDDEN:
        try:
            found = Path(path).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if found == value and os.geteuid() != 0:
            return f"this machine has {path} = {value}, which forbids user namespaces; {remedy}"
    if any(Path(path).exists() for path in _CONTAINER_FILES):
        return (
            "this is a container, which may not make namespaces of its own; start it with --security-opt "
            "seccomp=unconfined --security-opt systempaths=unconfined --cap-add SYS_ADMIN, or fly outside of it"
        )
    return "user namespaces may be forbidden on this machine; ask whoever runs it"
