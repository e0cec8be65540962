"""What every sandbox has of the system: programs and libraries to read, and /etc, /proc, /dev and /tmp of its own.

As bubblewrap leaves it, a process that root started could write to the kernel's own settings: without capabilities it
still is the owner of the files below /proc/sys. So whatever of /proc could be written is laid over with what is there,
read-only, and what only its owner may read with nothing.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from windtunnel.flight.sandbox.mounts import SYSTEM

HOSTNAME = "windtunnel"
TMPFS_BYTES = 2 * 2**30  # of /tmp and of /dev/shm each, in memory; chosen by us: data loaders hand batches over there

# what programs read of /etc: libraries, certificates, the time zone, alternatives of libraries, fonts, file types
_ETC = (
    "alternatives",
    "ca-certificates",
    "fonts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "pki/ca-trust/extracted",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
    "python3",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
)
_NSSWITCH = "passwd: files\ngroup: files\nshadow: files\nhosts: files\nservices: files\nprotocols: files\n"
# the numbers of cores and of memory nodes, by which libraries choose their threads
_SYS = ("/sys/devices/system/cpu", "/sys/devices/system/node")
# device files are no use to libraries that cannot read what the devices are
_GPU_DEVICES = ("nvidia*", "dri", "kfd")
_GPU_SYS = ("/sys/bus/pci", "/sys/class/drm", "/sys/class/kfd", "/sys/devices", "/sys/module/nvidia")
_PROC_FOLDERS = ("acpi", "bus", "driver", "fs", "irq", "scsi", "sys", "tty")


def system_arguments(*, tmpfs_bytes: int = TMPFS_BYTES) -> list[str]:
    """Return bubblewrap's arguments for programs, /proc, /dev and the folders in memory.

    Args:
        tmpfs_bytes: size of /tmp and of /dev/shm, each.
    """
    gpus = gpu_devices()
    devices = [word for path in gpus for word in ("--dev-bind", str(path), str(path))]
    readable = [*(f"/etc/{name}" for name in _ETC), *_SYS, *(_GPU_SYS if gpus else ())]
    in_memory = ("--size", str(tmpfs_bytes), "--perms", "1777", "--tmpfs")
    return [
        *_programs(),
        *(word for path in readable for word in ("--ro-bind-try", path, path)),
        *("--proc", "/proc"),
        *_guarded_proc(),
        *("--dev", "/dev", *devices, *in_memory, "/dev/shm"),  # noqa: S108  # a path inside the sandbox
        *(*in_memory, "/tmp"),  # noqa: S108
        *("--symlink", "../tmp", "/var/tmp"),  # noqa: S108
        *("--dir", "/run"),
    ]


def system_files(uid: int, gid: int, home: str) -> dict[str, str]:
    """Return the files of /etc that are made for a sandbox, by their paths.

    Args:
        uid: of the flown processes, as they see it.
        gid: likewise.
        home: their home.
    """
    return {
        "/etc/passwd": f"flight:x:{uid}:{gid}::{home}:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
        "/etc/group": f"flight:x:{gid}:\nnogroup:x:65534:\n",
        "/etc/hosts": f"127.0.0.1 localhost {HOSTNAME}\n::1 localhost ip6-localhost\n",
        "/etc/hostname": f"{HOSTNAME}\n",
        "/etc/nsswitch.conf": _NSSWITCH,
    }


def gpu_devices() -> list[Path]:
    """Return the device files of this machine's GPUs."""
    return sorted(path for pattern in _GPU_DEVICES for path in Path("/dev").glob(pattern))


def _programs() -> list[str]:
    arguments: list[str] = []
    for path in SYSTEM:
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    return arguments


def _guarded_proc() -> list[str]:
    arguments: list[str] = []
    for name in sorted(os.listdir("/proc")):  # noqa: PTH208  # names, of which most are processes
        path = f"/proc/{name}"
        try:
            mode = os.lstat(path).st_mode
        except OSError:  # a process that has ended
            continue
        if name in _PROC_FOLDERS or (stat.S_ISREG(mode) and mode & 0o222):
            arguments += ["--ro-bind", path, path]
        elif stat.S_ISREG(mode) and not mode & 0o044:
            arguments += ["--ro-bind", "/dev/null", path]
    return arguments
