"""Files that only the reviewer writes: its report, its recorder, its lock, earlier flights, whatever lies beside."""

import os
import pathlib
import shutil

from src.attempts import attempt, demand, results

flight = results / "flight"
attempt("see what is there", lambda: demand([name for name in os.listdir(flight) if name != "work"]))
for name in ("report.json", "evidence.json", "recorder.sqlite", "new.json"):
    attempt(f"read {name}", (flight / name).read_bytes)
    attempt(f"write {name}", (flight / name).write_text, '{"status": "finished"}')
    attempt(f"delete {name}", (flight / name).unlink)
attempt("delete everything", shutil.rmtree, flight)
attempt("open it up", os.chmod, flight, 0o777)
attempt("write after that", (flight / "report.json").write_text, "forged")
attempt("replace the folder", os.rename, flight, results / "other")
attempt("see earlier flights", lambda: demand(os.listdir(results / "earlier")))
attempt("write into earlier flights", (results / "earlier" / "report.json").write_text, "forged")
attempt("replace the lock", (results / ".windtunnel.lock").unlink)
attempt("change the lock", (results / ".windtunnel.lock").write_text, "1")
attempt("what the hub keeps", lambda: demand(os.listdir(flight / "work" / "hub")))
attempt("beside the copy", pathlib.Path("..", "stray").write_text, "x")
