"""Processes: the command, its arguments, and where it starts."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from windtunnel.rehearsal.expectations import doubtful, expecting
from windtunnel.rehearsal.joining import join
from windtunnel.rehearsal.libraries.paths import as_path, location
from windtunnel.rehearsal.libraries.registry import Call, function
from windtunnel.rehearsal.values import NONE, Const, Library, Mapping_, Path_, Sequence_, Text, Thing, Value, unknown

if TYPE_CHECKING:
    from windtunnel.rehearsal.machine import Machine

# Set by launchers of several processes; the contract's commands start one.
_OF_LAUNCHERS = frozenset({"RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK"})


@function("torch.distributed.is_initialized", "torch.distributed.is_torchelastic_launched")
def _several(machine: Machine, called: Call) -> Value | None:
    return doubtful(expected=False)


@function("threading.current_thread", "threading.main_thread")
def _thread(machine: Machine, called: Call) -> Value | None:
    return expecting(Thing("threading.Thread"), Library("threading.main_thread"))


@function("multiprocessing.current_process")
def _process(machine: Machine, called: Call) -> Value | None:
    name = expecting(unknown("str"), Const("MainProcess"))
    return Thing("multiprocessing.Process", attributes={"name": name})


@function("subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_call", "subprocess.check_output")
def _run(machine: Machine, called: Call) -> Value | None:
    command = called.argument(0, "args") or NONE
    _child(machine, called, command, called.keywords.get("cwd"), called.keywords.get("env"))
    if called.name == "subprocess.Popen":
        return Thing("subprocess.Popen")
    return Thing("subprocess.CompletedProcess") if called.name == "subprocess.run" else unknown("int")


@function("os.system", "os.popen")
def _system(machine: Machine, called: Call) -> Value | None:
    _child(machine, called, called.args[0] if called.args else NONE, None, None)
    return unknown("int")


@function("os.execv", "os.execvp", "os.execvpe", "os.spawnv")
def _exec(machine: Machine, called: Call) -> Value | None:
    _child(machine, called, called.args[1] if len(called.args) > 1 else NONE, None, None)
    return NONE


@function("runpy.run_module")
def _run_module(machine: Machine, called: Call) -> Value | None:
    argument = called.argument(0, "mod_name") or NONE
    machine.note(
        "child",
        called.node,
        command=[argument],
        module=_text(argument),
        arguments=[],
        cwd=machine.cwd,
        importable=True,
        same_process=True,
    )
    return unknown()


def _child(machine: Machine, called: Call, command: Value, cwd: Value | None, env: Value | None) -> None:
    words = _words(command)
    texts = [_text(word) for word in words]
    script = next(
        (
            location(machine, as_path(word))
            for word in words
            if isinstance(word, Path_ | Thing) and location(machine, as_path(word))
        ),
        None,
    )
    module, rest = _module(texts, words)
    if module is None and script is not None and script.endswith(".py"):
        position = next(index for index, word in enumerate(words) if location(machine, as_path(word)) == script)
        module, rest = script.removesuffix(".py").replace("/", "."), words[position + 1 :]
    else:
        script = next((text for text in texts[1:2] if text and text.endswith(".py")), None)
    directory = (
        machine.cwd if cwd is None or (isinstance(cwd, Const) and cwd.value is None) else _directory(machine, cwd)
    )
    machine.note(
        "child",
        called.node,
        command=words,
        module=module,
        arguments=rest,
        cwd=directory,
        importable=directory == "repository"
        or _path_given(machine, env)
        or (script is not None and module is not None),
        script=script,
        environment=_handed_on(machine, env),
        program=texts[0] if texts else None,
        checked=called.name in {"subprocess.check_call", "subprocess.check_output"}
        or called.plain(99, "check") is True,
    )


def _words(command: Value) -> list[Value]:
    if isinstance(command, Sequence_):
        return list(command.items)
    if isinstance(command, Const) and isinstance(command.value, str):
        try:
            return [Const(word) for word in shlex.split(command.value)]
        except ValueError:
            return [command]
    if isinstance(command, Text):
        return [Text(tuple(_split_holes(word))) if "{}" in word else Const(word) for word in str(command).split()]
    return []


def _split_holes(word: str) -> list[str | None]:
    parts: list[str | None] = []
    for index, piece in enumerate(word.split("{}")):
        if index:
            parts.append(None)
        if piece:
            parts.append(piece)
    return parts


def _text(value: Value) -> str | None:
    if isinstance(value, Const):
        return str(value.value)
    if isinstance(value, Text):
        return str(value)
    if isinstance(value, Library) and value.name == "sys.executable":
        return "python"
    return None


def _module(texts: list[str | None], words: list[Value]) -> tuple[str | None, list[Value]]:
    """The Python module that is started, and its arguments."""
    for index, text in enumerate(texts):
        if text == "-m" and index + 1 < len(texts):
            return texts[index + 1], words[index + 2 :]
        if text is not None and text.endswith(".py") and index > 0:
            return text.removesuffix(".py").replace("/", ".").lstrip("."), words[index + 1 :]
    return None, []


def _directory(machine: Machine, cwd: Value) -> str:
    path = as_path(cwd)
    place = location(machine, path)
    if place == ".":
        return "repository"
    if path.known is None:
        return "unknown" if path.base != "repository" else "repository"
    return "elsewhere"


def _handed_on(machine: Machine, env: Value | None) -> dict[str, Value]:
    """The environment variables of the child that are known."""
    if isinstance(env, Mapping_):
        return {key: value for key, value in env.items.items() if isinstance(key, str)}
    if isinstance(env, Thing):
        return {key: value for key, value in env.data.get("items", {}).items() if isinstance(key, str)}
    return dict(machine.environment)


def _path_given(machine: Machine, env: Value | None) -> bool:
    """Whether PYTHONPATH is handed on in the child's environment or set in this process."""
    if isinstance(env, Mapping_) and "PYTHONPATH" in env.items:
        return True
    if isinstance(env, Thing) and "PYTHONPATH" in env.data.get("items", {}):
        return True
    if isinstance(env, Thing | Library) or env is None:
        return "PYTHONPATH" in machine.environment
    return False


@function("sys.path.append", "sys.path.insert", "sys.path.extend")
def _search_path(machine: Machine, called: Call) -> Value | None:
    machine.trace.facts["sys.path"] = True
    return NONE


@function("os.environ.copy")
def _environment(machine: Machine, called: Call) -> Value | None:
    return Thing("os.environ", data={"items": dict(machine.environment)})


@function("os.environ.get", "os.getenv", "os.environ.setdefault", "os.environ.pop")
def _variable(machine: Machine, called: Call) -> Value | None:
    name = called.plain(0, "key")
    if called.name == "os.environ.setdefault" and isinstance(name, str) and len(called.args) > 1:
        machine.environment.setdefault(name, called.args[1])
        machine.note("environment", called.node, name=name, value=called.args[1])
    if isinstance(name, str) and name in machine.environment:
        return machine.environment[name]
    if name in _OF_LAUNCHERS and called.name in {"os.environ.get", "os.getenv"}:
        unset = called.argument(1, "default") or NONE
        return expecting(join(unset, unknown("str")), unset)
    return unknown()


@function("os.environ.update")
def _update(machine: Machine, called: Call) -> Value | None:
    for value in called.args:
        if isinstance(value, Mapping_):
            machine.environment |= {key: item for key, item in value.items.items() if isinstance(key, str)}
    machine.environment |= called.keywords
    return NONE
