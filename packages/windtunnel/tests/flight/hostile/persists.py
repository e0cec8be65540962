"""Something that runs the next time: in the environment, the interpreter, the editable sources, the start of a shell.

Files are opened for writing and closed again, so that a machine that nothing protects stays as it is.
"""

import os
import pathlib
import sys

from src.attempts import attempt, targets, writable


def open_it(path):
    os.close(os.open(path, os.O_WRONLY))
    return path


module = pathlib.Path(targets["module"])
home = pathlib.Path(targets["key"]).parents[1]
attempt("the environment", writable, module.parent)
attempt("a module of the environment", open_it, module)
attempt("the mode of the environment", os.chmod, module.parent, 0o755)
attempt("byte code of the environment", (module.parent / "__pycache__").mkdir)
attempt("an editable source", writable, targets["editable"])
attempt("the interpreter", open_it, os.path.realpath(sys.executable))
attempt("a module of the interpreter", open_it, os.__file__)
attempt("the modules of the interpreter", writable, os.path.dirname(os.__file__))
attempt("the sandbox's first program", open_it, "/run/windtunnel/launcher.py")
for path in ("/etc/profile", "/etc/passwd", "/etc/hosts", "/etc/ld.so.cache", home / ".bashrc", "/root/.bashrc"):
    attempt(str(path), open_it, path)
for path in ("/", "/usr/bin", "/usr/local/bin", "/usr/lib", "/etc", "/var", "/run", "/dev", "/root", "/opt", home):
    attempt(str(path), writable, path)
