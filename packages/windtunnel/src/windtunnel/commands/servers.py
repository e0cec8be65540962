"""``windtunnel hub`` and ``windtunnel recorder``: the two loopback servers on their own, for work offline."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.commands import flying
from windtunnel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXAMPLE = """\
example, in a shell (the lines it prints are for another one):
  windtunnel {verb}
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both verbs to the command line."""
    hub = verbs.add_parser(
        "hub",
        help="serve miniature models and data as a Hugging Face hub, until Ctrl-C",
        epilog=_EXAMPLE.format(verb="hub --serve nyu-mll/glue=data/glue"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_port(hub)
    flying.add_hub_options(hub)
    hub.add_argument(
        "--store",
        type=Path,
        default=Path(".windtunnel/hub"),
        metavar="DIR",
        help="where made models and datasets are kept (default: %(default)s)",
    )
    hub.set_defaults(verb=_hub)

    recorder = verbs.add_parser(
        "recorder",
        help="record runs as a W&B server, until Ctrl-C",
        epilog=_EXAMPLE.format(verb="recorder --db runs.sqlite"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_port(recorder)
    recorder.add_argument(
        "--db",
        type=Path,
        default=Path(".windtunnel/recorder.sqlite"),
        metavar="FILE",
        help="SQLite file with everything recorded, the key included (default: %(default)s)",
    )
    recorder.set_defaults(verb=_recorder)


def _add_port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1 (default: a free one)")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 0 to 65535")
    return int(text)


def _hub(arguments: argparse.Namespace) -> int:
    from windtunnel.flight.options import parse_served  # noqa: PLC0415 - the servers take longer to import than --help
    from windtunnel.hub import Hub  # noqa: PLC0415

    store: Path = arguments.store.expanduser().absolute()
    _make_folder(store)
    with Hub(
        store=store, serve=parse_served(arguments.serve) or None, catalog=arguments.catalog, port=arguments.port
    ) as hub:
        for note in hub.notes:
            _say(note)
        return _serve(f"hub on {hub.url}", hub.environment(store.parent / "hub-home"))


def _recorder(arguments: argparse.Namespace) -> int:
    from windtunnel.recorder import Recorder  # noqa: PLC0415

    database: Path = arguments.db.expanduser().absolute()
    _make_folder(database.parent)
    with Recorder(database, port=arguments.port) as recorder:
        return _serve(f"recorder on {recorder.url}", recorder.environment(database.parent / "recorder-home"))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}; give another place") from error


def _serve(what: str, environment: Mapping[str, str]) -> int:
    """Print what a shell needs to use a server, and wait for Ctrl-C."""
    from windtunnel.flight.interrupts import Interrupted, Interrupts  # noqa: PLC0415 - comes with the servers

    for name, value in environment.items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    sys.stdout.flush()
    _say(f"{what}; Ctrl-C ends it")
    with Interrupts() as interrupts:
        try:
            with interrupts.at_once():
                threading.Event().wait()
        except Interrupted:
            _say(f"{what}: ended")
            return interrupts.exit_code
    return 0


def _say(text: str) -> None:
    sys.stderr.write(text + os.linesep)
    sys.stderr.flush()
