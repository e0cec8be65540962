"""Processes outside: traced, read, written to, signalled, and opened through /proc."""

import ctypes
import os
import pathlib
import signal

from src.attempts import attempt, demand, targets

libc = ctypes.CDLL(None, use_errno=True)
ATTACH, DETACH = 16, 17


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def attach(pid):
    check(libc.ptrace(ATTACH, pid, None, None))
    os.waitpid(pid, 0x40000000)  # __WALL
    libc.ptrace(DETACH, pid, None, None)
    return pid


def memory(pid):
    with open(f"/proc/{pid}/mem", "rb"):
        return demand(pathlib.Path(f"/proc/{pid}/maps").read_text())


bystander, reviewer = targets["bystander"], targets["reviewer"]
attempt("look for the bystander", lambda: demand(pathlib.Path(f"/proc/{bystander}/cmdline").read_bytes()))
attempt("trace the bystander", attach, bystander)
attempt("read the bystander's memory", memory, bystander)
attempt("list the reviewer's files", lambda: demand(os.listdir(f"/proc/{reviewer}/fd")))
attempt("open a file descriptor of the reviewer", lambda: check(libc.syscall(434, reviewer, 0)))  # pidfd_open
attempt("trace what holds the sandbox", lambda: demand(os.getppid() == 1 and attach(1)))
attempt("signal the bystander", os.kill, bystander, signal.SIGUSR1)
