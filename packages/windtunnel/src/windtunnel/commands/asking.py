"""What judge and review have in common on the command line: which language model is asked, how, what it may take."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.commands.flying import positive
from windtunnel.errors import UsageError

if TYPE_CHECKING:
    from windtunnel.reader.reading import Asked
    from windtunnel.reader.transcript import Endpoint
    from windtunnel.verdict import Verdict

MOST = 86_400.0  # seconds, or US dollars
MOST_VOTES = 15
DEFAULT_LOG = Path("windtunnel-judge.jsonl")
ENDPOINT_HELP = "base URL and key come from OPENAI_BASE_URL and OPENAI_API_KEY; a local server needs no key"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that decide what a language model is asked, and how."""
    group = add_endpoint(parser, model="o3")
    group.add_argument(
        "--context",
        type=Path,
        metavar="FILE",
        help="hypothesis, method, experimental_design and experiment_runs, as JSON with these keys or as Markdown with "
        "the headings of a review document, which carries its own",
    )
    group.add_argument(
        "--votes",
        type=_votes,
        default=2,
        metavar="N",
        help="ask each question N times and keep what most askings claim (default: %(default)s)",
    )
    group.add_argument(
        "--judge-blocks", action="store_true", help="let claims of the model make the code not ready, not only advise"
    )
    group.add_argument(
        "--previous",
        type=Path,
        metavar="VERDICT",
        help="JSON report of an earlier round, whose claims are given and held to",
    )


def add_endpoint(parser: argparse.ArgumentParser, *, model: str | None) -> argparse._ArgumentGroup:
    """Add the options that decide which language model is asked, and what it may take.

    Args:
        parser: the verb's.
        model: asked if none is named; None asks none then.
    """
    group = parser.add_argument_group("the language model", ENDPOINT_HELP)
    group.add_argument(
        "--model",
        default=model,
        metavar="NAME",
        help="(default: %(default)s)" if model else "ask it about what rules cannot decide (default: none is asked)",
    )
    group.add_argument(
        "--log", type=Path, metavar="FILE", help=f"append everything sent and received to FILE (default: {DEFAULT_LOG})"
    )
    group.add_argument("--replay", type=Path, metavar="LOG", help="take the answers from a log; nothing is sent")
    group.add_argument(
        "--answer-timeout", type=_seconds, default=600.0, metavar="SECONDS", help="of one answer (default: %(default)g)"
    )
    group.add_argument(
        "--retries",
        type=_count,
        default=2,
        metavar="N",
        help="how often an asking that fails is repeated (default: %(default)s)",
    )
    group.add_argument(
        "--max-tokens",
        type=positive,
        default=1_500_000,
        metavar="N",
        help="of all questions together, in and out (default: %(default)s)",
    )
    group.add_argument("--max-cost", type=_seconds, metavar="USD", help="of all questions together (default: no limit)")
    group.add_argument(
        "--price", type=_price, metavar="IN,OUT", help="US dollars per million tokens, where the model's are not known"
    )
    return group


def refuse_unless(arguments: argparse.Namespace, *, asked: bool) -> None:
    """Refuse options of the language model where none is asked.

    Raises:
        UsageError: one is given.
    """
    given = [
        name for name in ("replay", "log", "previous", "max_cost", "price") if getattr(arguments, name) is not None
    ]
    given += ["judge_blocks"] * arguments.judge_blocks
    if given and not asked:
        raise UsageError(f"--{given[0].replace('_', '-')} is for the language model, which only --judge asks")


def prepared(arguments: argparse.Namespace) -> tuple[Endpoint, Asked]:
    """Make the endpoint and the way it is asked; whatever is wrong is known before the check.

    Raises:
        UsageError: an option names something that is not there, or there is no endpoint to ask.
    """
    from windtunnel.reader.earlier import Earlier, read_earlier  # noqa: PLC0415 - of those who ask alone
    from windtunnel.reader.endpoint import OpenAIEndpoint  # noqa: PLC0415
    from windtunnel.reader.limits import Purse  # noqa: PLC0415
    from windtunnel.reader.reading import Asked  # noqa: PLC0415
    from windtunnel.reader.transcript import Recorded, Replayed  # noqa: PLC0415

    if not arguments.model.strip():
        raise UsageError("--model is empty; name the model as the endpoint calls it")
    if arguments.replay is not None and arguments.log is not None:
        raise UsageError("--replay takes the answers from a log, and --log would write another; give one of them")
    purse = Purse.of(
        arguments.model, most_tokens=arguments.max_tokens, most_cost=arguments.max_cost, price=arguments.price
    )
    previous = getattr(arguments, "previous", None)
    earlier = Earlier() if previous is None else read_earlier(previous)
    endpoint: Endpoint
    if arguments.replay is not None:
        endpoint = Replayed(arguments.replay)
        wait = _no_wait
    else:
        asked = OpenAIEndpoint(timeout_seconds=arguments.answer_timeout)
        endpoint = Recorded(asked, arguments.log or DEFAULT_LOG)
        wait = None
    settings = {"sleep": wait} if wait is not None else {}
    return endpoint, Asked(
        model=arguments.model,
        purse=purse,
        votes=getattr(arguments, "votes", 1),
        retries=arguments.retries,
        blocks=getattr(arguments, "judge_blocks", False),
        earlier=earlier,
        **settings,
    )


def asked(verdict: Verdict, prepared_: tuple[Endpoint, Asked]) -> Verdict:
    """Ask, and conclude anew."""
    from windtunnel.reader.beside import read_beside  # noqa: PLC0415

    endpoint, how = prepared_
    return read_beside(verdict, endpoint, how, progress=tell)


def tell(line: str) -> None:
    """Say on standard error what is asked."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _no_wait(_: float) -> None:
    """What was waited for once need not be waited for again."""


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0 and up to {MOST:g}")
    return value


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def _votes(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= MOST_VOTES):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST_VOTES}")
    return int(text)


def _price(text: str) -> tuple[float, float]:
    parts = text.split(",")
    try:
        into, out = (float(part) for part in parts)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not IN,OUT such as 2.0,8.0") from None
    if not (0 <= into <= MOST and 0 <= out <= MOST):
        raise argparse.ArgumentTypeError(f"{text!r} has a price that is none")
    return into, out
