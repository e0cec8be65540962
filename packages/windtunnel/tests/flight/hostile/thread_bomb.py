"""One process with ever more threads."""

import threading
import time

for _ in range(4000):
    threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
print("all started", flush=True)
