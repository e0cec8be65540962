"""A filter of system calls: what no experiment needs and a kernel has most often been broken through, or left by.

Namespaces alone leave some ways out. A vsock leads from a virtual machine to its host past every network namespace,
keyrings belong to the user and not to a namespace, io_uring opens sockets that no filter sees, and a user namespace
of one's own makes reachable what the kernel otherwise keeps for root. Docker's default profile names the same calls
and more (https://docs.docker.com/engine/security/seccomp/).

The program is classic BPF over ``struct seccomp_data`` (seccomp(2)): the number of the call is the word at 0, the
architecture the word at 4, the arguments are double words from 16 on, here with the low word first.
"""

from __future__ import annotations

import errno
import platform
import struct
import sys

_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

# <linux/bpf_common.h>: load a word, compare with a constant, return one
_LOAD = 0x20
_EQUAL, _AT_LEAST, _BITS = 0x15, 0x35, 0x45
_RETURN = 0x06
_ALLOW = 0x7FFF0000  # <linux/seccomp.h>
_ERROR = 0x00050000

_CLONE_NEWUSER = 0x10000000
_X32_CALLS = 0x40000000  # the x86-64 kernel's second set of numbers
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK

# <asm/unistd_64.h> for x86-64, <asm-generic/unistd.h> for aarch64; from 424 on the numbers are the same everywhere
_AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_REFUSED: dict[str, dict[str, int]] = {
    "x86_64": {
        "acct": 163, "add_key": 248, "bpf": 321, "delete_module": 176, "finit_module": 313, "init_module": 175,
        "kexec_file_load": 320, "kexec_load": 246, "keyctl": 250, "lookup_dcookie": 212, "mount": 165,
        "open_by_handle_at": 304, "perf_event_open": 298, "pivot_root": 155, "quotactl": 179, "reboot": 169,
        "request_key": 249, "setns": 308, "swapoff": 168, "swapon": 167, "syslog": 103, "umount2": 166,
        "unshare": 272, "userfaultfd": 323,
    },
    "aarch64": {
        "acct": 89, "add_key": 217, "bpf": 280, "delete_module": 106, "finit_module": 273, "init_module": 105,
        "kexec_file_load": 294, "kexec_load": 104, "keyctl": 219, "lookup_dcookie": 18, "mount": 40,
        "open_by_handle_at": 265, "perf_event_open": 241, "pivot_root": 41, "quotactl": 60, "reboot": 142,
        "request_key": 218, "setns": 268, "swapoff": 225, "swapon": 224, "syslog": 116, "umount2": 39,
        "unshare": 97, "userfaultfd": 282,
    },
}  # fmt: skip
_REFUSED_EVERYWHERE = {
    "fsconfig": 431, "fsmount": 432, "fsopen": 430, "fspick": 433, "memfd_secret": 447, "mount_setattr": 442,
    "move_mount": 429, "open_tree": 428,
}  # fmt: skip
# callers of these have another way where the kernel does not know them, which this answer says
_UNKNOWN = {"clone3": 435, "io_uring_enter": 426, "io_uring_register": 427, "io_uring_setup": 425}
_CLONE = {"x86_64": 56, "aarch64": 220}
_SOCKET = {"x86_64": 41, "aarch64": 198}


def seccomp_filter(machine: str | None = None) -> bytes:
    """Return the program as the kernel takes it; empty for a machine whose system calls are not listed here.

    Args:
        machine: ``x86_64`` or ``aarch64``; this one if ``None``.
    """
    machine = machine or platform.machine()
    if machine not in _AUDIT_ARCHITECTURE or sys.byteorder != "little":
        return b""
    no_permission, no_such_call = _ERROR | errno.EPERM, _ERROR | errno.ENOSYS
    steps: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _AUDIT_ARCHITECTURE[machine]),
        (_RETURN, 0, 0, no_such_call),  # calls of 32-bit programs
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        steps += [(_AT_LEAST, 0, 1, _X32_CALLS), (_RETURN, 0, 0, no_such_call)]
    for number in (*_REFUSED[machine].values(), *_REFUSED_EVERYWHERE.values()):
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, no_permission)]
    for number in _UNKNOWN.values():
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, no_such_call)]
    steps += [
        (_EQUAL, 0, 4, _CLONE[machine]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_BITS, 0, 1, _CLONE_NEWUSER),
        (_RETURN, 0, 0, no_permission),
        (_RETURN, 0, 0, _ALLOW),
        (_EQUAL, 1, 0, _SOCKET[machine]),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
    ]
    for family in _FAMILIES:
        steps += [(_EQUAL, 0, 1, family), (_RETURN, 0, 0, _ALLOW)]
    steps.append((_RETURN, 0, 0, _ERROR | errno.EAFNOSUPPORT))
    # struct sock_filter: the operation, how far to jump if it holds and if it does not, the constant
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
