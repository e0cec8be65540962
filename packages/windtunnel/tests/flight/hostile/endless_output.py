"""Output without end."""

import sys

line = b"x" * 2**16
for _ in range(2**15):  # 2 GiB, should nobody stop it
    sys.stdout.buffer.write(line)
