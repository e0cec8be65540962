"""Namespaces and mounts again, from which what is covered could be uncovered."""

import ctypes
import os
import subprocess

from src.attempts import attempt, demand, only_if_contained

only_if_contained()

libc = ctypes.CDLL(None, use_errno=True)
NEWUSER, NEWNS, NEWNET, SIGCHLD = 0x10000000, 0x00020000, 0x40000000, 17
REMOUNT, BIND = 32, 4096


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "done"


def clone():
    number = 56 if os.uname().machine == "x86_64" else 220
    pid = libc.syscall(number, NEWUSER | SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    check(pid)
    return os.waitpid(pid, 0)


for name, flags in (("user", NEWUSER), ("mount", NEWNS), ("network", NEWNET), ("all", NEWUSER | NEWNS | NEWNET)):
    attempt(f"unshare {name}", lambda flags=flags: check(libc.unshare(flags)))
attempt("clone", clone)
attempt("clone3", lambda: check(libc.syscall(435, 0, 0)))
attempt("the unshare program", lambda: subprocess.run(["unshare", "-Ur", "true"], check=True))
attempt("mount", lambda: check(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)))
attempt("make writable", lambda: check(libc.mount(None, b"/usr", None, REMOUNT | BIND, None)))
attempt("unmount", lambda: check(libc.umount2(b"/proc/sys", 2)))
attempt("chroot", os.chroot, "/tmp")
attempt("pivot_root", lambda: check(libc.syscall(155 if os.uname().machine == "x86_64" else 41, b"/", b"/tmp")))
for name in ("mnt", "net", "user", "pid"):
    attempt(f"the first process's {name}", lambda name=name: check(libc.setns(os.open(f"/proc/1/ns/{name}", 0), 0)))
attempt("become root", os.setuid, 0)
attempt("capabilities", lambda: demand(int(open("/proc/self/status").read().split("CapBnd:")[1].split()[0], 16)))
attempt("privileges regained", lambda: demand("NoNewPrivs:\t0" in open("/proc/self/status").read()))
