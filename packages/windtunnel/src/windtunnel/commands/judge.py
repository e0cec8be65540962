"""``windtunnel judge``: the check, and a language model as second reader."""

from __future__ import annotations

import argparse

from windtunnel.commands import asking, reporting

_EPILOG = """\
examples:
  windtunnel judge experiments/glora-glue --context hypothesis.md
      the check, and what a language model says to the questions that rules cannot decide
  windtunnel judge submission.json --runs runs/ --context context.json --model gpt-4.1 --max-cost 2
  windtunnel judge review.md --replay windtunnel-judge.jsonl
      a whole review document carries its context; the answers come from the log of an earlier call
  windtunnel judge . --context hypothesis.md --format json --output verdict.json --previous verdict-1.json
      the next round; where it takes back what the first one said, it says so

exit codes:
  0 ready    1 not ready    2 the command line cannot be    3 undecided, or a fault of windtunnel    130 ended by Ctrl-C
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "judge",
        help="check an experiment repository, and ask a language model what rules cannot decide",
        description="Check an experiment repository, then ask a language model one question for each thing that rules "
        "cannot decide. Its claims count as far as their evidence goes: each must quote a line that is there, what "
        "rules know is decided by them, and what is left is advice.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", metavar="PATH", help=reporting.PATH_HELP)
    asking.add_options(parser)
    reporting.add_options(parser)
    parser.set_defaults(verb=_judge)


def _judge(arguments: argparse.Namespace) -> int:
    from windtunnel.check import check_with  # noqa: PLC0415 - the rules take longer to import than --help should
    from windtunnel.reader.context import read_context, require_context, with_context  # noqa: PLC0415
    from windtunnel.rules.registry import all_rules  # noqa: PLC0415
    from windtunnel.rules.select import check_ignored, choose  # noqa: PLC0415
    from windtunnel.submission import load  # noqa: PLC0415

    reporting.check_output(arguments)
    ready = asking.prepared(arguments)
    reasons = check_ignored(reporting.ignored(arguments), all_rules())
    chosen = choose(all_rules(), tuple(arguments.select))
    submission = load(arguments.path, runs=arguments.runs, stdin=reporting.stdin_of(arguments))
    if arguments.context is not None:
        submission = with_context(submission, *read_context(arguments.context))
    require_context(submission)
    verdict = check_with(
        tuple(rule for rule in chosen if rule.source not in {"flight", "judge"}),
        submission,
        as_of=arguments.as_of,
        reasons=reasons,
        selection=tuple(arguments.select),
    )
    verdict = asking.asked(verdict, ready)
    reporting.report(verdict, arguments)
    return verdict.exit_code
