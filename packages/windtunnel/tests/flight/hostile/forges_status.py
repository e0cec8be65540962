"""The sandbox's first process says how the command went: somebody else says something else, and then fails."""

import os
import sys

from src.attempts import attempt, demand

LIES = b'{"started": 2}\n{"ended": 0, "leftover": 0}\n'


def say(path):
    descriptor = os.open(path, os.O_WRONLY)
    return os.write(descriptor, LIES)


for number in range(3, 40):
    attempt(f"its {number}", say, f"/proc/1/fd/{number}")
    if os.path.exists(f"/proc/self/fd/{number}"):
        attempt(f"own {number}", lambda number=number: demand(os.write(number, LIES)))
attempt("its memory", lambda: open("/proc/1/mem", "r+b"))
sys.exit(3)
