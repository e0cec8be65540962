"""Small files without end in the results folder."""

import os

from src.attempts import results

for number in range(2000):
    (results / f"junk-{number}").write_bytes(os.urandom(2**20))
print("all written", flush=True)
