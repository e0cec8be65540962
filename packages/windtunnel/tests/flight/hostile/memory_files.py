"""Files in memory belong to no process: /dev/shm, /tmp and every other folder that might be in memory are filled."""

import os
import pathlib

from src.attempts import attempt

MOST = 300 * 2**20


def fill(folder):
    path = pathlib.Path(folder, f"fill-{os.getpid()}")
    written = 0
    try:
        with path.open("wb") as file:
            while written < MOST:
                written += file.write(bytes(2**20))
    finally:
        path.unlink(missing_ok=True)
    return written


for folder in ("/", "/dev", "/dev/shm", "/tmp", "/run", "/root", "/etc", "/var/tmp", "/home"):
    attempt(folder, fill, folder)
