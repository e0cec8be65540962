"""Disks, memory, the terminal, the virtual machine's host, the kernel's own doors."""

import ctypes
import fcntl
import os
import pathlib
import socket
import stat
import termios

from src.attempts import attempt, demand, only_if_contained, results

only_if_contained()

libc = ctypes.CDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def type_ahead():
    with open("/dev/tty", "wb") as terminal:
        fcntl.ioctl(terminal, termios.TIOCSTI, b"x")


def node(path):
    os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(254, 0))
    return path.open("rb").read(1)


for path in ("/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/kvm", "/dev/fuse", "/dev/net/tun"):
    attempt(path, lambda path=path: pathlib.Path(path).open("rb"))
attempt("a disk made anew", node, results / "disk")
attempt("typing into the terminal", type_ahead)
attempt("vsock to the host", socket.socket, 40, socket.SOCK_STREAM)
attempt("the kernel's cryptography", socket.socket, 38, socket.SOCK_SEQPACKET)
attempt("bluetooth", socket.socket, 31, socket.SOCK_RAW)
attempt("io_uring", lambda: check(libc.syscall(425, 8, ctypes.create_string_buffer(256))))
attempt("bpf", lambda: check(libc.syscall(321 if X86 else 280, 0, ctypes.create_string_buffer(256), 256)))
attempt("keyring", lambda: check(libc.syscall(250 if X86 else 219, 0, -3, 1)))
attempt(
    "performance counters",
    lambda: check(libc.syscall(298 if X86 else 241, ctypes.create_string_buffer(256), 0, -1, -1, 0)),
)
attempt("user faults", lambda: check(libc.syscall(323 if X86 else 282, 1)))
attempt("the kernel's log", lambda: check(libc.klogctl(3, ctypes.create_string_buffer(4096), 4096)))
attempt("the clock", lambda: os.system("date -s 2001-01-01 > /dev/null 2>&1") and demand(False))
attempt("the host's name", socket.sethostname, "mine")
