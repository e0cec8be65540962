"""Tokens in the environment: its own, that of the process which started it, and that of every other."""

import os
import pathlib

from src.attempts import attempt, demand, targets


def find(path):
    return demand(targets["token"].encode() in pathlib.Path(path).read_bytes() and path)


attempt("own environment", lambda: demand(targets["token"] in os.environ.values() and "own"))
attempt("parent", find, f"/proc/{os.getppid()}/environ")
attempt("reviewer", find, f"/proc/{targets['reviewer']}/environ")
for pid in (name for name in os.listdir("/proc") if name.isdigit()):
    attempt(f"process {pid}", find, f"/proc/{pid}/environ")
