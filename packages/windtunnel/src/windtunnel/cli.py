"""The command line of windtunnel."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

from windtunnel.commands import audit, check, explain, fly, judge, review, rules, servers
from windtunnel.errors import WindtunnelError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

_EXIT_CODES = """\
exit codes:
  0 ready, or all went well    1 not ready, or a run failed    2 the command line cannot be
  3 undecided, or a fault of windtunnel    130 ended by Ctrl-C    143 ended by SIGTERM"""


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
    for verb in (check, fly, review, judge, audit, rules, explain, servers):
        verb.add(verbs)
    return parser


class _Version(argparse.Action):
    """``--version``, which looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from windtunnel import __version__  # noqa: PLC0415 - see the class

        sys.stdout.write(f"windtunnel {__version__}\n")
        parser.exit()


def _say(text: str) -> None:
    sys.stderr.write(text + os.linesep)
    sys.stderr.flush()


if __name__ == "__main__":
    run()
