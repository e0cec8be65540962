"""What fly and review have in common on the command line: how a submission is flown."""

from __future__ import annotations

import argparse
import math
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.flight import Options
    from windtunnel.submission import Submission


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a flight."""
    parser.add_argument(
        "--run",
        action="append",
        default=[],
        metavar="ID_OR_GLOB",
        help="a run id of config/run/, or a shell glob over them; may be repeated (default: every run configuration)",
    )
    parser.add_argument(
        "--env",
        choices=("current", "project"),
        default="current",
        help="fly in the environment of this windtunnel, or in one made by uv from the project's own dependencies "
        "(default: %(default)s)",
    )
    add_hub_options(parser)
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="end a command that takes longer (default: never)"
    )
    parser.add_argument(
        "--memory",
        type=float,
        metavar="GIB",
        help="end a command whose processes hold more memory (default: 12, or three quarters of this machine's)",
    )
    parser.add_argument(
        "--sandbox",
        choices=("none",),
        help="'none' flies without a sandbox: the code then runs with your rights on this machine. Without bubblewrap "
        "only a PATH inside this windtunnel's own workspace is flown so without asking",
    )


def add_hub_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what the loopback hub has."""
    parser.add_argument(
        "--serve",
        action="append",
        default=[],
        metavar="ID=DIR",
        help="serve the dataset ID from DIR/<config>/<split>.parquet instead of generated rows; may be repeated",
    )
    parser.add_argument(
        "--catalog",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="further ids for the hub, a JSON object on each line, in the form that a flight prints for an id it does "
        "not know; may be repeated",
    )


@contextmanager
def options_of(arguments: argparse.Namespace, submission: Submission, **given: object) -> Iterator[Options]:
    """Yield what the command line asks to be flown; a submission that is no folder is one while the context is open.

    Args:
        arguments: of a parser with the options of this module and of :mod:`windtunnel.commands.reporting`.
        submission: what is flown.
        **given: further fields of the options.

    Raises:
        UsageError: an option cannot be.
    """
    from windtunnel.flight import Options  # noqa: PLC0415 - it and the servers take a second to import, --help none
    from windtunnel.flight.options import parse_served  # noqa: PLC0415
    from windtunnel.flight.submitted import as_folder  # noqa: PLC0415

    served = parse_served(arguments.serve)
    with as_folder(submission, replaced_runs=arguments.runs is not None) as folder:
        own = folder == submission.root
        yield Options(
            repository=Path(submission.origin) if own else folder,
            origin="" if own else submission.origin,
            foreign=submission.root is None,
            run_files=arguments.runs,
            runs=tuple(arguments.run),
            serve=served,
            catalog=tuple(arguments.catalog),
            timeout_seconds=arguments.timeout,
            memory_bytes=memory_bytes(arguments),
            env=arguments.env,
            as_of=arguments.as_of,
            unsandboxed=arguments.sandbox == "none",
            **given,  # type: ignore[arg-type]
        )


def memory_bytes(arguments: argparse.Namespace) -> int | None:
    """What ``--memory`` allows, None if it was not given.

    Raises:
        UsageError: it is no number of GiB.
    """
    if arguments.memory is None:
        return None
    if not 0 < arguments.memory < math.inf:
        raise UsageError(f"--memory {arguments.memory:g} is not a number of GiB above 0")
    return int(arguments.memory * 2**30)


def positive(text: str) -> int:
    """Read a number of processes.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)
