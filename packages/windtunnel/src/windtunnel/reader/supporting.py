"""A language model beside an audit: does a line of the code show what no rule can decide?

What it points to is quoted if it is there. It decides nothing: the sentence stays undecidable.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from windtunnel.claims.ruling import Status
from windtunnel.contract import REQUIRED_FILES
from windtunnel.findings import Place
from windtunnel.reader.answers import Nonsense
from windtunnel.reader.holding import located
from windtunnel.reader.limits import LimitReachedError
from windtunnel.reader.prompt import Question
from windtunnel.reader.reading import answer_to
from windtunnel.reader.transcript import EndpointError
from windtunnel.reading.addressed import addressed

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.claims.auditing import Audit, Audited
    from windtunnel.reader.reading import Asked
    from windtunnel.reader.transcript import Endpoint

MOST_SENTENCES = 30  # that are asked about
_ASKED = """\
Another reviewer wrote the sentence below of this code. Does a line of the shown files prove it? If so, answer
"defects" with one claim for each line that does, quoted; if the files prove the opposite or nothing of the kind, "no
defect".
Sentence: """


def supported(
    audited: Audit, endpoint: Endpoint, asked: Asked, *, progress: Callable[[str], None] = lambda _: None
) -> Audit:
    """The audit with what a language model points to for sentences that nothing decides."""
    left = [one for one in audited.sentences if one.status is Status.UNDECIDABLE][:MOST_SENTENCES]
    made: dict[int, Audited] = {}
    for number, one in enumerate(left, start=1):
        progress(f"sentence {number} of {len(left)}")
        made[id(one)] = _supported(one, audited, endpoint, asked)
    return replace(audited, sentences=tuple(made.get(id(one), one) for one in audited.sentences))


def _supported(one: Audited, audited: Audit, endpoint: Endpoint, asked: Asked) -> Audited:
    files = tuple(path for path in one.sentence.files if path in audited.case.files) or REQUIRED_FILES
    question = Question("AUDIT", "a sentence of another review", _ASKED + one.sentence.text, files)
    (ruling,) = one.rulings

    def said(what: str, **more: Any) -> Audited:
        return replace(one, rulings=(replace(ruling, reason=f"{ruling.reason}; {what}", **more),))

    if any(addressed("", one.sentence.text)):
        return said("it addresses the reviewer, and no model is asked")
    try:
        answer = answer_to(question, audited.case, endpoint, asked)
    except (EndpointError, Nonsense, LimitReachedError) as error:
        return said(f"{asked.model} gave no answer: {error}")
    there = [claim for claim in (located(claim, audited.case) for claim in answer.claims) if not isinstance(claim, str)]
    if not there:
        return said(f"{asked.model} points to no line that is there")
    first = there[0]
    return said(
        f"{asked.model} points to {first.path}:{first.line}, which is no proof: {first.statement}",
        places=tuple(Place(claim.path, claim.line) for claim in there),
        evidence=first.quote.strip(),
    )
