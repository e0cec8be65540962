"""Links that lead out of the folders that may be written to, read and written through."""

import pathlib

from src.attempts import attempt, demand, results, targets

victim = pathlib.Path(targets["victim"])


def through(link, target):
    link.symlink_to(target)
    return demand((link if link.is_file() else link / victim.name).read_text())


def overwrite(link, target):
    link.symlink_to(target)
    return link.write_text("overwritten")


attempt("read through a link", through, results / "link", victim)
attempt("read through a link to a folder", through, results / "folder", victim.parent)
attempt("read through a relative link", through, pathlib.Path("up"), "../" * 40 + str(victim).lstrip("/"))
attempt("read through /proc", lambda: demand(pathlib.Path(f"/proc/self/root{victim}").read_text()))
attempt("write through a link", overwrite, results / "write", victim)
attempt("a link in place of what the reviewer moves into", (results / "earlier").rmdir)
attempt("the same, renamed", (results / "earlier").rename, results / "gone")
attempt("a link in place of the reviewer's files", (results / "flight").rename, results / "gone")
