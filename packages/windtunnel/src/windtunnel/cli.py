"""The command line of windtunnel."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.commands import check, explain, rules
from windtunnel.errors import UsageError, WindtunnelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

_EXIT_CODES = """\
exit codes:
  0 ready, or all went well    1 not ready, or a run failed    2 the command line cannot be
  3 undecided, or a fault of windtunnel    130 ended by Ctrl-C    143 ended by SIGTERM"""

_FLY_EXIT_CODES = """\
exit codes:
  0 all went well    1 a run or the evaluation failed    2 the command line cannot be    3 could not be flown
  130 ended by Ctrl-C    143 ended by SIGTERM"""

_FLY_EXAMPLES = """\
examples:
  windtunnel fly experiments/glora-glue
      every run configuration, briefly
  windtunnel fly experiments/glora-glue --mode full --run '*MiniLM*SST-2'
      three methods side by side, whole, and the comparison
  windtunnel fly experiments/glora-glue --mode full --run '*MiniLM*SST-2' --serve nyu-mll/glue=data/glue
      the same on real data in data/glue/<config>/<split>.parquet
  windtunnel fly experiments/glora-glue --mode full --run '*MiniLM*SST-2' --resume
      go on where an interrupted flight stopped

"""

_SERVER_EXAMPLE = """\
example, in a shell (the lines it prints are for another one):
  windtunnel {verb}
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run windtunnel and return its exit code.

    Args:
        argv: the arguments without the program; those of the process if left out.
    """
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.verb(arguments))
    except WindtunnelError as error:
        _say(f"windtunnel: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception:  # noqa: BLE001 - a fault of windtunnel itself must not look like a failed run
        from windtunnel import __version__  # noqa: PLC0415 - reading the version takes longer than a small check

        traceback.print_exc()
        _say(f"windtunnel {__version__}: this is a fault of windtunnel; please report it with the lines above")
        return 3


def run() -> NoReturn:
    """The program: :func:`main`, and for a check an end that leaves it to the system to free half a million objects."""
    exit_code = main()
    if sys.argv[1:2] != ["check"]:
        sys.exit(exit_code)
    with suppress(OSError):  # a reader that is gone, of which the report has spoken
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="windtunnel",
        description="Check machine-written experiment repositories, and fly them offline, before they cost GPU hours.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    check.add(verbs)
    rules.add(verbs)
    explain.add(verbs)

    fly = verbs.add_parser(
        "fly",
        help="run an experiment repository through its own command line, offline",
        description="Run the run configurations of an experiment repository through its own command line, against "
        "a loopback Hugging Face hub and a loopback W&B server, and after a full flight its evaluation.",
        epilog=_FLY_EXAMPLES + _FLY_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    fly.add_argument("path", metavar="PATH", type=Path, help="folder of the experiment repository")
    fly.add_argument(
        "--mode", choices=("trial", "full"), default="trial", help="passed to the experiment (default: %(default)s)"
    )
    fly.add_argument(
        "--run",
        action="append",
        default=[],
        metavar="ID_OR_GLOB",
        help="a run id of config/run/, or a shell glob over them; may be repeated (default: every run configuration)",
    )
    fly.add_argument(
        "--results-dir",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="gets {run_id}/, comparison/ and flight/; an earlier flight found there is moved to "
        "DIR/earlier/<time> (default: ./results)",
    )
    fly.add_argument("--resume", action="store_true", help="continue the earlier flight found in DIR instead")
    _add_serve(fly)
    fly.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="end a command that takes longer (default: never)"
    )
    fly.add_argument(
        "--sandbox",
        choices=("none",),
        help="'none' consents to flying a PATH outside this windtunnel's own workspace with your rights on this "
        "machine; inside it no consent is needed",
    )
    fly.set_defaults(verb=_fly)

    hub = verbs.add_parser(
        "hub",
        help="serve miniature models and data as a Hugging Face hub, until Ctrl-C",
        epilog=_SERVER_EXAMPLE.format(verb="hub --serve nyu-mll/glue=data/glue"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_port(hub)
    _add_serve(hub)
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
        epilog=_SERVER_EXAMPLE.format(verb="recorder --db runs.sqlite"),
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
    return parser


class _Version(argparse.Action):
    """``--version``, which looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from windtunnel import __version__  # noqa: PLC0415 - see the class

        sys.stdout.write(f"windtunnel {__version__}\n")
        parser.exit()


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--serve",
        action="append",
        default=[],
        metavar="ID=DIR",
        help="serve the dataset ID from DIR/<config>/<split>.parquet instead of generated rows; may be repeated",
    )


def _add_port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1 (default: a free one)")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 0 to 65535")
    return int(text)


def _fly(arguments: argparse.Namespace) -> int:
    from rich.console import Console  # noqa: PLC0415 - it and the servers take a second to import, --help none

    from windtunnel.flight import Options, fly  # noqa: PLC0415
    from windtunnel.flight.options import parse_served  # noqa: PLC0415

    options = Options(
        repository=arguments.path,
        mode=arguments.mode,
        runs=tuple(arguments.run),
        results_dir=arguments.results_dir,
        resume=arguments.resume,
        serve=parse_served(arguments.serve),
        timeout_seconds=arguments.timeout,
        unsandboxed=arguments.sandbox == "none",
    )
    exit_code: int = fly(options, out=Console(), err=Console(stderr=True))
    return exit_code


def _hub(arguments: argparse.Namespace) -> int:
    from windtunnel.flight.options import parse_served  # noqa: PLC0415
    from windtunnel.hub import Hub  # noqa: PLC0415

    store: Path = arguments.store.expanduser().absolute()
    _make_folder(store)
    with Hub(store=store, serve=parse_served(arguments.serve) or None, port=arguments.port) as hub:
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


if __name__ == "__main__":
    run()
