"""A second name for a file that must not change, in a folder where everything may."""

import os
import pathlib

from src.attempts import attempt, results, targets


def link(source, name):
    os.link(source, results / name)
    with (results / name).open("ab") as file:
        return file.tell()


attempt("the victim", link, targets["victim"], "victim")
attempt("a module of the environment", link, targets["module"], "module")
attempt("a module of the interpreter", link, os.__file__, "interpreter")
attempt("the reviewer's report", link, results / "flight" / "report.json", "report")
attempt("the lock", link, results / ".windtunnel.lock", "lock")
attempt("the victim, renamed", os.rename, targets["victim"], results / "moved")
attempt("a file descriptor's name", lambda: os.link(f"/proc/self/fd/{os.open(os.__file__, os.O_RDONLY)}", "fd"))
attempt("the folder above", lambda: pathlib.Path("..", "stray").write_text("x"))
