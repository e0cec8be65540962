"""A daemon that leaves its session, loses its parents, ignores every signal and goes on after the command."""

import os
import signal
import time

from src.attempts import results

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 32):
            if number not in {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_IGN)
        os.environ.clear()
        for _ in range(3000):
            (results / "heartbeat").write_text(repr(time.time()))
            time.sleep(0.02)
    os._exit(0)
while not (results / "heartbeat").exists():
    time.sleep(0.01)
