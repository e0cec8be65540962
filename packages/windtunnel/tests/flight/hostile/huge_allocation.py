"""Memory is taken and used, in two processes of which each alone stays below the limit."""

import os
import time

os.fork()
held = []
for _ in range(24):
    held.append(bytearray(b"x") * (64 * 2**20))
time.sleep(20)
print("all held", flush=True)
