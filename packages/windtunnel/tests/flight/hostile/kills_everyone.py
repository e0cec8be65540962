"""Whoever watches is to be killed: the parent, the first process, the group, the reviewer, every number there is."""

import os
import pathlib
import signal

from src.attempts import attempt, demand, only_if_contained, targets

only_if_contained()

signal.signal(signal.SIGTERM, signal.SIG_IGN)


def gone(pid):
    os.kill(pid, signal.SIGKILL)
    return demand(not os.path.exists(f"/proc/{pid}"))


attempt("the parent", gone, os.getppid())
attempt("the reviewer", gone, targets["reviewer"])
attempt("a bystander", gone, targets["bystander"])
attempt("the group of the reviewer", lambda: os.killpg(targets["group"], signal.SIGKILL))
attempt("the first process", gone, 1)
# a thread has a number as well
own = {int(path.name) for path in pathlib.Path("/proc").glob("[1-9]*/task/*")}
for pid in range(1, 70_000):
    if pid not in own:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        attempt(f"process {pid}", lambda: "killed")
        break
print("going on", flush=True)
# last, since whoever passes its connections on is among them
os.kill(-1, signal.SIGKILL)
print("still here", flush=True)
