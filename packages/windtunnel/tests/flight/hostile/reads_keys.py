"""Keys and passwords, where they usually lie."""

import os
import pathlib
import pwd

from src.attempts import attempt, demand, targets


def read(path):
    return demand(pathlib.Path(path).read_bytes())


def children(path):
    return demand([str(found) for found in pathlib.Path(path).rglob("*") if found.is_file()])


attempt("the user's key", read, targets["key"])
attempt("the folder of keys", children, pathlib.Path(targets["key"]).parent)
for folder in ("~/.ssh", "~/.aws", "~/.config", "~/.netrc"):
    attempt(folder, children, os.path.expanduser(folder))
for user in ("root", pwd.getpwuid(os.getuid()).pw_name):
    for name in (".ssh", ".bash_history", ".netrc", ".gitconfig", ".npmrc", ".bashrc"):
        path = pathlib.Path("/root" if user == "root" else f"/home/{user}", name)
        attempt(str(path), children if path.is_dir() else read, path)
for path in ("/etc/shadow", "/etc/ssl/private", "/etc/ssh", "/etc/sudoers", "/etc/environment", "/var/lib", "/var/log"):
    attempt(path, children if os.path.isdir(path) else read, path)
