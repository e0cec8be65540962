"""Every process starts another, again and again. A shared counter keeps the machine alive if nobody stops it."""

import mmap
import os

MOST = 1500
made = mmap.mmap(-1, 8)
while int.from_bytes(made[:8], "little") < MOST:
    made[:8] = (int.from_bytes(made[:8], "little") + 1).to_bytes(8, "little")
    os.fork()
