"""The ways out that /proc has: other roots and folders, and the settings of the kernel itself."""

import os
import pathlib

from src.attempts import attempt, demand, targets

OWN = {"self", "thread-self", "pressure"}


def writable(folder):
    """Open without writing: a kernel setting that changed would stay changed."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.isdigit() and name not in OWN]
        for name in names:
            try:
                os.close(os.open(os.path.join(parent, name), os.O_WRONLY))
            except OSError:
                continue
            found.append(os.path.join(parent, name))
    return demand(found)


attempt("settings of the kernel", writable, "/proc")
attempt("settings of devices", writable, "/sys")
for name in ("kcore", "kmsg", "kpagecount", "vmallocinfo", "timer_list"):
    attempt(name, lambda name=name: demand(pathlib.Path("/proc", name).open("rb").read(1)))
for pid in (1, os.getppid(), targets["reviewer"], targets["bystander"]):
    attempt(f"files of {pid}", lambda pid=pid: demand(pathlib.Path(f"/proc/{pid}/root{targets['key']}").read_bytes()))
    attempt(f"folder of {pid}", lambda pid=pid: demand(os.listdir(f"/proc/{pid}/cwd") if pid != os.getpid() else ""))
    attempt(f"environment of {pid}", lambda pid=pid: demand(pathlib.Path(f"/proc/{pid}/environ").read_bytes()))
attempt("more processes than its own", lambda: demand(len([n for n in os.listdir("/proc") if n.isdigit()]) > 4))
