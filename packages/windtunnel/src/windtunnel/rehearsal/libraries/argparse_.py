"""argparse: the real parser, built from the calls that are known, on the command line of the contract."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from windtunnel.rehearsal.libraries.registry import Call, function, method
from windtunnel.rehearsal.machine import Left
from windtunnel.rehearsal.values import NONE, Const, Library, Sequence_, Thing, Value, constant, lift, unknown

if TYPE_CHECKING:
    from windtunnel.rehearsal.machine import Machine


@function("argparse.ArgumentParser")
def _parser(machine: Machine, called: Call) -> Value | None:
    return Thing("argparse.ArgumentParser", data={"arguments": []})


@function("argparse.Namespace", "types.SimpleNamespace")
def _namespace(machine: Machine, called: Call) -> Value | None:
    return Thing("argparse.Namespace", dict(called.keywords), data={"open": True} if called.starred else {})


@method("argparse.ArgumentParser", "error", "exit")
def _ends(machine: Machine, receiver: Value, called: Call) -> Value | None:
    code = Const(2) if called.name == "error" else called.argument(0, "status") or Const(0)
    message = called.argument(0 if called.name == "error" else 1, "message") or NONE
    machine.note("exit", called.node, code=code, message=str(getattr(message, "value", message)))
    raise Left


@method("argparse.ArgumentParser", "add_argument")
def _add(machine: Machine, receiver: Value, called: Call) -> Value | None:
    if isinstance(receiver, Thing):
        receiver.data.setdefault("arguments", []).append(called)
    return unknown()


@method("argparse.ArgumentParser", "add_argument_group", "add_mutually_exclusive_group")
def _group(machine: Machine, receiver: Value, called: Call) -> Value | None:
    return receiver


class _Refused(Exception):  # noqa: N818 - what argparse would exit with
    pass


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise _Refused(message)

    def exit(self, status: int = 0, message: str | None = None) -> Any:
        raise _Refused(message or "exit")


@method("argparse.ArgumentParser", "parse_args", "parse_known_args")
def _parse(machine: Machine, receiver: Value, called: Call) -> Value | None:
    if not isinstance(receiver, Thing):
        return None
    given = called.argument(0, "args")
    known, argv = constant(given) if given is not None and given != NONE else (True, list(machine.argv))
    parser = _Parser(add_help=False)
    types: dict[str, Value] = {}
    complete = known and argv is not None
    for addition in receiver.data.get("arguments", []):
        try:
            action = parser.add_argument(*_flags(addition), **_keywords(addition))
            types[action.dest] = addition.keywords.get("type", NONE)
        except (ValueError, TypeError, argparse.ArgumentError):
            complete = False
    if not complete:
        namespace = Thing("argparse.Namespace", data={"open": True})
        return Sequence_("tuple", [namespace, unknown("list")]) if called.name == "parse_known_args" else namespace
    rest: list[str] = []
    try:
        if called.name == "parse_known_args":
            parsed, rest = parser.parse_known_args([str(word) for word in argv])
        else:
            parsed = parser.parse_args([str(word) for word in argv])
    except _Refused as error:
        machine.note("arguments", called.node, argv=argv, error=str(error))
        machine.fail(
            "crash",
            called.node,
            "SystemExit",
            message=f"argparse refuses the command line: {error}"[:300],
            argparse=True,
        )
        return _meant(machine, called, [str(word) for word in argv], types, parser)
    attributes = {name: _typed(machine, types.get(name, NONE), value, called) for name, value in vars(parsed).items()}
    machine.note("arguments", called.node, argv=argv, parsed=dict(vars(parsed)), error="")
    made = Thing("argparse.Namespace", attributes)
    return Sequence_("tuple", [made, lift(rest)]) if called.name == "parse_known_args" else made


def _meant(machine: Machine, called: Call, argv: list[str], types: dict[str, Value], parser: _Parser) -> Value:
    """The namespace that a refused ``name=value`` command line means, so that what comes after can be followed."""
    given = dict(word.lstrip("-").split("=", 1) for word in argv if "=" in word)
    attributes = {
        name: _typed(machine, kind, given[name] if name in given else parser.get_default(name), called)
        for name, kind in types.items()
    }
    namespace = Thing("argparse.Namespace", attributes, data={"open": True})
    return Sequence_("tuple", [namespace, unknown("list")]) if called.name == "parse_known_args" else namespace


def _flags(addition: Call) -> list[str]:
    return [str(value.value) for value in addition.args if isinstance(value, Const)]


def _keywords(addition: Call) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in addition.keywords.items():
        known, plain = constant(value)
        if name in {"nargs", "default", "const", "required", "dest", "action", "choices"} and known:
            found[name] = plain
    return found


def _typed(machine: Machine, kind: Value, value: Any, called: Call) -> Value:
    if (
        value is None
        or not isinstance(value, str)
        or kind is NONE
        or (isinstance(kind, Library) and kind.name == "builtins.str")
    ):
        return lift(value)
    from windtunnel.rehearsal.calls import call  # noqa: PLC0415 - the two call each other

    return call(machine, kind, [Const(value)], {}, called.node)
