"""File paths: ``os.path``, ``pathlib`` and where the process stands.

A path knows whether it hangs from the repository (``__file__``, Hydra's original directory), from the working
directory, or from elsewhere, so that "does this file exist" has an answer where the submission decides it.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from windtunnel.rehearsal.config_nodes import path_text
from windtunnel.rehearsal.expectations import doubtful
from windtunnel.rehearsal.libraries.registry import Call, function
from windtunnel.rehearsal.values import NONE, Const, Path_, Sequence_, Text, Thing, Value, unknown

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine


def repository_path(path: str) -> Path_:
    """A path inside the repository."""
    return Path_("repository", Const(path))


def as_path(value: Value) -> Path_:
    """A string or path as a path."""
    if isinstance(value, Path_):
        return value
    if isinstance(value, Thing) and isinstance(value.data.get("path"), Path_):
        return value.data["path"]  # type: ignore[no-any-return]
    text = path_text(value)
    if text is not None:
        return Path_("absolute" if text.startswith(("/", "~")) else "cwd", Const(text))
    kept = isinstance(value, Text) or (isinstance(value, Thing) and "hub" in value.data)
    return Path_("unknown", value if kept else unknown("str", value.tags))


def joined(base: Value, parts: list[Value]) -> Path_:
    """``base / part / ...``."""
    path = as_path(base)
    for part in parts:
        text = path_text(part)
        if isinstance(part, Path_) and part.base not in {"cwd", "unknown"}:
            path = part
        elif path.known is not None and text is not None:
            if text.startswith("/"):
                path = Path_("absolute", Const(text))
            else:
                path = Path_(path.base, Const(posixpath.normpath(posixpath.join(path.known or "", text))))
        else:
            from windtunnel.rehearsal.expressions import text_of  # noqa: PLC0415 - the two call each other

            pieces = _pieces(path.text)
            path = Path_(path.base, text_of([*pieces, "/", *_pieces(part)]))
    return path


def _pieces(value: Value) -> list[str | None]:
    if isinstance(value, Text):
        return list(value.parts)
    text = path_text(value)
    return [text]


def location(machine: Machine, path: Path_) -> str | None:
    """The path relative to the repository, if that is where it leads; None if it is elsewhere or not known."""
    if path.known is None:
        return None
    if path.base == "repository" or (path.base == "cwd" and machine.cwd == "repository"):
        relative = posixpath.normpath(path.known)
        return None if relative.startswith("../") or relative == ".." else relative
    return None


def exists(machine: Machine, value: Value, at: ast.AST) -> Value:
    """Whether a path exists, as far as the submission decides it."""
    path = as_path(value)
    touched(machine, path, "exists", at)
    place = location(machine, path)
    if place is not None and (
        machine.program.exists(place) or place.split("/")[0] in {"config", "src", "pyproject.toml"}
    ):
        return Const(machine.program.exists(place))
    return doubtful(expected=False) if _not_yet(machine, path) else unknown("bool")


def _not_yet(machine: Machine, path: Path_) -> bool:
    """Whether a file can only be there if an earlier run has left it: it is below the results folder, and not written.

    What is evaluated is what runs have left.
    """
    if machine.trace.entry == "evaluate" or not machine.results:
        return False
    start = _pieces(path.text)[0] or ""
    return start.startswith(f"{machine.results}/") and path.known not in machine.written


def touched(machine: Machine, path: Value, what: str, at: ast.AST) -> None:
    """Write down that a file is read, written or asked for."""
    found = as_path(path)
    if what == "write":
        _made(machine, found)
    machine.note("file", at, what=what, path=found, place=location(machine, found), cwd=machine.cwd)


@function("pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath")
def _path(machine: Machine, called: Call) -> Value | None:
    if not called.args:
        return Path_("cwd", Const("."))
    return joined(called.args[0], called.args[1:])


@function("os.path.join")
def _join(machine: Machine, called: Call) -> Value | None:
    if not called.args:
        return unknown("str")
    path = joined(called.args[0], called.args[1:])
    if path.known is not None and path.base in {"cwd", "absolute"}:
        return Const(path.known)
    return (
        path if path.base == "repository" else path.text if isinstance(path.text, Text) else unknown("str", called.tags)
    )


@function(
    "os.path.abspath",
    "os.path.realpath",
    "os.path.normpath",
    "os.path.expanduser",
    "hydra.utils.to_absolute_path",
    "os.fspath",
    "os.path.expandvars",
)
def _absolute(machine: Machine, called: Call) -> Value | None:
    path = as_path(called.args[0]) if called.args else Path_("unknown", unknown("str"))
    if called.name == "hydra.utils.to_absolute_path" and path.base == "cwd":
        return Path_("repository", path.text)
    if called.name in {"os.path.abspath", "os.path.realpath"} and path.base == "cwd":
        return Path_("repository" if machine.cwd == "repository" else "elsewhere", path.text)
    return path


@function("pathlib.Path.home")
def _home(machine: Machine, called: Call) -> Value | None:
    return Path_("absolute", Const("~"))


@function("os.path.dirname")
def _dirname(machine: Machine, called: Call) -> Value | None:
    return _parent(as_path(called.args[0])) if called.args else unknown("str")


@function("os.path.basename")
def _basename(machine: Machine, called: Call) -> Value | None:
    text = path_text(called.args[0]) if called.args else None
    return Const(posixpath.basename(text)) if text is not None else unknown("str")


def _parent(path: Path_) -> Value:
    if path.known is None:
        return Path_(path.base if path.base == "repository" else "unknown", unknown("str"))
    parent = posixpath.dirname(path.known.rstrip("/"))
    if not parent and path.base == "repository" and path.known in {"", "."}:
        return Path_("elsewhere", Const(".."))
    return Path_(path.base, Const(parent or ("." if path.base != "absolute" else "/")))


@function("os.path.exists", "os.path.isfile", "os.path.isdir")
def _exists(machine: Machine, called: Call) -> Value | None:
    return exists(machine, called.args[0], called.node) if called.args else unknown("bool")


@function("os.getcwd", "pathlib.Path.cwd")
def _getcwd(machine: Machine, called: Call) -> Value | None:
    return Path_("repository", Const(".")) if machine.cwd == "repository" else Path_("elsewhere", Const("."))


@function("os.chdir")
def _chdir(machine: Machine, called: Call) -> Value | None:
    path = as_path(called.args[0]) if called.args else Path_("unknown", unknown("str"))
    machine.cwd = "repository" if location(machine, path) == "." else "elsewhere"
    return NONE


@function(
    "os.makedirs", "os.mkdir", "shutil.rmtree", "os.remove", "os.unlink", "os.replace", "os.rename", "shutil.move"
)
def _make(machine: Machine, called: Call) -> Value | None:
    if called.name in {"os.replace", "os.rename", "shutil.move"}:
        _made(machine, as_path(called.args[1]) if len(called.args) > 1 else None)
    elif called.args:
        _made(machine, as_path(called.args[0]), there=called.name in {"os.makedirs", "os.mkdir"})
    return NONE


def _made(machine: Machine, path: Path_ | None, *, there: bool = True) -> None:
    """Keep in mind that a file or folder is there now, or no longer; what a first run does not do changes nothing."""
    if path is None or path.known is None or machine.unlikely:
        return
    if there:
        machine.written.add(path.known)
    else:
        machine.written.discard(path.known)


@function("os.listdir", "glob.glob", "glob.iglob")
def _list(machine: Machine, called: Call) -> Value | None:
    return Sequence_("list", [], more=True, item=unknown("str"))


def path_attribute(machine: Machine, path: Path_, name: str) -> Value:
    """``path.parent``, ``path.name`` and the like."""
    if name == "parent":
        return _parent(path)
    if name == "parents":
        above: list[Value] = []
        here: Value = path
        for _ in range(6):
            here = _parent(here) if isinstance(here, Path_) else unknown()
            above.append(here)
        return Sequence_("list", above)
    if name in {"name", "stem", "suffix"}:
        if path.known is None:
            return unknown("str")
        base = posixpath.basename(path.known)
        stem, dot, suffix = base.rpartition(".")
        if not stem:
            stem, dot, suffix = base, "", ""
        return Const({"name": base, "stem": stem, "suffix": dot + suffix}[name])
    return unknown()


def path_method(machine: Machine, path: Path_, called: Call) -> Value:
    """Methods of a path."""
    name = called.name
    if name in {"resolve", "absolute", "expanduser"}:
        if path.base == "cwd" and name != "expanduser":
            return Path_("repository" if machine.cwd == "repository" else "elsewhere", path.text)
        return path
    if name in {"exists", "is_file", "is_dir"}:
        return exists(machine, path, called.node)
    if name == "joinpath":
        return joined(path, called.args)
    if name in {"with_suffix", "with_name", "relative_to", "with_stem"}:
        return Path_(path.base, unknown("str"))
    if name == "open":
        mode = called.plain(0, "mode", "r")
        what = "write" if isinstance(mode, str) and set(mode) & set("wax+") else "read"
        touched(machine, path, what, called.node)
        return Thing("io.TextIOWrapper", data={"path": path, "mode": mode})
    if name in {"read_text", "read_bytes", "write_text", "write_bytes"}:
        touched(machine, path, "read" if name.startswith("read") else "write", called.node)
        if name.startswith("read"):
            place = location(machine, path)
            text = machine.program.text(place) if place is not None else None
            return Const(text) if text is not None and len(text) < 100_000 else unknown("str")
        machine.note("written", called.node, path=path, value=called.args[0] if called.args else NONE)
        return NONE
    if name in {"glob", "rglob", "iterdir"}:
        return Sequence_("generator", [], more=True, item=Path_(path.base, unknown("str")))
    if name in {"as_posix", "__str__", "__fspath__"}:
        return (
            Const(path.known)
            if path.known is not None and path.base in {"cwd", "absolute"}
            else Thing("str", data={"path": path})
        )
    if name in {"mkdir", "touch", "unlink", "rmdir"}:
        _made(machine, path, there=name in {"mkdir", "touch"})
        return NONE
    if name in {"replace", "rename"} and called.args:
        _made(machine, as_path(called.args[0]))
        return as_path(called.args[0])
    return unknown()
