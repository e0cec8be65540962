"""The verdict of a check for people: each finding with the line it is about, blockers first, and one line that sums up.

Everything that comes from the submission is shown with its control characters written out: a file under review must not
be able to speak to the terminal.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from windtunnel.findings import Severity
from windtunnel.report.excerpt import excerpt
from windtunnel.report.quoting import lines_of, listed, one_line, said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from windtunnel.findings import Finding, Place
    from windtunnel.verdict import Verdict

_INDENT = "    "
_TOLD_DROPPED = 20
_COLOURS = {
    Severity.BLOCKER: "\x1b[1;31m",
    Severity.UNDECIDED: "\x1b[1;35m",
    Severity.WARNING: "\x1b[1;33m",
    Severity.NOTE: "\x1b[1;36m",
}
_FAINT = "\x1b[34m"
_BOLD = "\x1b[1m"
_PLAIN = "\x1b[0m"
_PLURALS = {
    Severity.BLOCKER: "blockers",
    Severity.UNDECIDED: "undecided",
    Severity.WARNING: "warnings",
    Severity.NOTE: "notes",
}


def render(verdict: Verdict, *, width: int = 80, colour: bool = False, verbose: bool = False) -> str:
    """Return the report.

    Args:
        verdict: what to report.
        width: columns of the terminal.
        colour: whether to use the terminal's colours.
        verbose: whether to list the rules that were skipped, with the reasons.
    """
    return _Page(verdict, width=width, colour=colour).text(verbose=verbose)


def summary(verdict: Verdict) -> str:
    """Return the verdict in one line, such as "not ready: 7 blockers, 1 note; 61 rules run, 2 skipped"."""
    counts = verdict.counts()
    found = [_count(counts[severity], severity) for severity in Severity if counts.get(severity)]
    ran = sum(outcome.complete for outcome in verdict.outcomes)
    rules = [f"{ran} rule{'' if ran == 1 else 's'} run"]
    for number, what in (
        (sum(bool(outcome.skipped) for outcome in verdict.outcomes), "skipped"),
        (sum(bool(outcome.error) for outcome in verdict.outcomes), "failed"),
        (sum(outcome.out_of_time for outcome in verdict.outcomes), "without time"),
    ):
        if number:
            rules.append(f"{number} {what}")
    if verdict.ignored:
        found.append(f"{len(verdict.ignored)} ignored")
    scope = f" by {', '.join(one_line(word) for word in verdict.selection)} alone" if verdict.selection else ""
    return f"{verdict.outcome}{scope}: {', '.join(found) or 'no findings'}; {', '.join(rules)}"


class _Page:
    """A report being written, line by line."""

    def __init__(self, verdict: Verdict, *, width: int, colour: bool) -> None:
        self._verdict = verdict
        self._width = max(40, width)
        self._colour = colour
        self._lines_by_path: dict[str, list[str]] = {}

    def text(self, *, verbose: bool) -> str:
        blocks = [*(self._finding(finding) for finding in self._verdict.findings), *self._remarks(verbose=verbose)]
        blocks.append([self._paint(summary(self._verdict), _BOLD)])
        return "\n\n".join("\n".join(block) for block in blocks) + "\n"

    def _finding(self, finding: Finding) -> list[str]:
        head = f"{finding.code} {finding.severity.value} {said(str(finding.place))}"
        lines = self._wrap(f"{head} {said(finding.message)}", _INDENT)
        lines[0] = lines[0].replace(
            f"{finding.code} {finding.severity.value}",
            self._paint(f"{finding.code} {finding.severity.value}", _COLOURS[finding.severity]),
            1,
        )
        number = str(finding.place.line) if finding.place.line else ""
        gutter = " " * (len(number) + 1)
        lines += self._source(finding, number, gutter)
        for label, text in self._facts(finding):
            start = f"{gutter}= {label}: "
            wrapped = self._wrap(start + text, " " * len(start))
            wrapped[0] = wrapped[0].replace(start, self._paint(f"{gutter}= {label}:", _FAINT) + " ", 1)
            lines += wrapped
        return lines

    def _source(self, finding: Finding, number: str, gutter: str) -> Iterator[str]:
        line = self._line(finding.place)
        room = self._width - len(gutter) - 2
        bar = self._paint(f"{gutter}|", _FAINT)
        if line is None:
            if finding.evidence:
                yield f"{bar} {excerpt(one_line(finding.evidence), width=room).text}"
            return
        shown = excerpt(line, column=finding.place.column, evidence=finding.evidence, width=room)
        if not shown.text.strip():
            return
        yield f"{self._paint(f'{number} |', _FAINT)} {shown.text}"
        if shown.caret is not None:
            yield f"{bar} {' ' * shown.caret}{self._paint('^' * shown.length, _COLOURS[finding.severity])}"

    def _facts(self, finding: Finding) -> Iterator[tuple[str, str]]:
        line = self._line(finding.place)
        first = finding.evidence.strip().partition("\n")[0].strip()
        if line is not None and first and first not in line:
            yield "seen", said(finding.evidence)
        if finding.fix:
            yield "fix", said(finding.fix)
        if finding.related:
            yield "also", listed(str(place) for place in finding.related)
        if finding.runs:
            yield "runs", listed(finding.runs)
        if len(finding.modes) == 1:
            yield "mode", said(finding.modes[0])

    def _remarks(self, *, verbose: bool) -> Iterator[list[str]]:
        """What there is to say about the rules themselves."""
        lines = [
            line
            for doubt in self._verdict.doubts
            for line in self._wrap(f"undecided: {said(doubt.message)}; {said(doubt.fix)}", _INDENT)
        ]
        for code, number in _ignored_by_code(self._verdict).items():
            reason = dict(self._verdict.reasons)[code]
            lines += self._wrap(
                f"ignored: {code}, {number} finding{'' if number == 1 else 's'}: {said(reason)}", _INDENT
            )
        lines += self._judge()
        for outcome in self._verdict.outcomes:
            if outcome.dropped:
                lines += self._wrap(f"left out: {outcome.dropped} more findings of {outcome.rule.code()}", _INDENT)
            if verbose and outcome.skipped:
                lines += self._wrap(f"skipped: {outcome.rule.code()}: {said(outcome.skipped)}", _INDENT)
        if lines:
            yield lines

    def _judge(self) -> Iterator[str]:
        """What became of the claims of a language model that do not count."""
        reading = self._verdict.reading
        if reading is None:
            return
        for dropped in reading.dropped[:_TOLD_DROPPED]:
            where = f"{dropped.code} {said(dropped.claim.path)}:{dropped.claim.line}"
            claim, reason = said(dropped.claim.statement), said(dropped.reason)
            yield from self._wrap(f"dropped: {where}: {claim}, because: {reason}", _INDENT)
        if len(reading.dropped) > _TOLD_DROPPED:
            yield f"dropped: {len(reading.dropped) - _TOLD_DROPPED} more claims"
        for reversal in reading.reversals:
            yield from self._wrap(
                f"reversal: {reversal.code} {said(str(reversal.place))}: {said(reversal.what)}", _INDENT
            )
        cost = "" if reading.cost is None else f", {reading.cost:.4f} US dollars"
        asked = f"{len(reading.outcomes)} question{'s' * (len(reading.outcomes) != 1)}"
        yield from self._wrap(
            f"asked: {said(reading.model)}, {asked} {reading.votes} times each, {reading.tokens:,} tokens{cost}",
            _INDENT,
        )

    def _line(self, place: Place) -> str | None:
        """The line of the submission at ``place``, if there is one."""
        if not place.line:
            return None
        if place.path not in self._lines_by_path:
            self._lines_by_path[place.path] = lines_of(self._verdict.submission.text(place.path) or "")
        lines = self._lines_by_path[place.path]
        return lines[place.line - 1] if place.line <= len(lines) else None

    def _wrap(self, text: str, indent: str) -> list[str]:
        return textwrap.wrap(
            text,
            self._width,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        ) or [""]

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colour else text


def _ignored_by_code(verdict: Verdict) -> Mapping[str, int]:
    numbers: dict[str, int] = {}
    for ignored in verdict.ignored:
        numbers[ignored.finding.code] = numbers.get(ignored.finding.code, 0) + 1
    return numbers


def _count(number: int, severity: Severity) -> str:
    return f"{number} {severity.value if number == 1 else _PLURALS[severity]}"
