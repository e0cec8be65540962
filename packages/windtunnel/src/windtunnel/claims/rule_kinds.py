"""Claims that some rules answer by themselves: what they claim is what these rules look for."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from windtunnel.claims.kind import Kind, has_in_common, told

if TYPE_CHECKING:
    from windtunnel.claims.case import Case
    from windtunnel.claims.ruling import Ruling
    from windtunnel.claims.sentences import Sentence


class Row(NamedTuple):
    """A kind that rules decide.

    Attributes:
        name: of the kind.
        codes: the rules, or the beginnings of their codes.
        whole: whether the sentence claims just what these rules look for. Then any finding confirms it and their
            silence refutes it; otherwise it is on their subject, and only a finding with a name in common confirms it.
        blind: code of which these rules see nothing, so that their silence says nothing where it is.
    """

    name: str
    codes: tuple[str, ...]
    whole: bool = False
    blind: str = ""


ROWS = (
    Row("evaluation-command", ("EVC001", "EVC002"), whole=True),
    Row("evaluation-from-training", ("EVA005",), whole=True),
    Row("figure-in-training", ("WAB006",), whole=True, blind=r"\b(plotly|PIL|altair|bokeh|save_image|imageio|cv2)\b"),
    Row("trial-online", ("MDE001",), whole=True),
    Row("full-offline", ("MDE003",), whole=True),
    Row("trial-search", ("MDE002",), whole=True),
    Row("trial-logging", ("WAB004",)),
    Row("cache-folder", ("DAT007",), whole=True),
    Row("placeholder", ("CMP001", "CMP002")),
    Row("result-dump", ("WAB007",)),
    Row("metric-names", ("WAB001", "FLY054")),
    Row("trial-length", ("MDE004", "MDE005", "MDE008", "MDE009", "MDE013", "MDE014")),
    Row("wandb-settings", ("WAB003", "WAB009", "CFG002")),
    Row("wandb-calls", ("WAB",)),
    Row("evaluation-output", ("EVA001", "EVA002", "EVA006", "EVA008", "EVA009", "FLY078")),
    Row("significance", ("EVA003",)),
    Row("dataset-id", ("DAT001", "DAT002", "DAT003", "DAT004", "DAT006")),
    Row("model-id", ("DAT005", "DAT006")),
    Row("columns", ("DAT011", "DAT013", "DAT014", "DAT021", "DAT027", "DAT030")),
    Row("collation", ("DAT02", "DAT03")),
    Row("optuna-space", ("OPT",)),
    Row("leakage", ("LEA",)),
    Row("adapters", ("MOD", "FLY005")),
    Row("gradients", ("LIF",)),
    Row("metric-validity", ("MET",)),
    Row("certain-crash", ("CMP003", "CMP004", "PRC", "EVA004", "EVA010", "MOD003", "API")),
)

_ENDING = ("PRC003", "CFG001", "CFG002", "CFG003", "HYD")  # what ends a run before it can show more


def _decide(kind: Kind, sentence: Sentence, case: Case, *, row: Row) -> Ruling | None:
    named = [path for path in sentence.files if path in case.files]
    found = case.findings(row.codes, named)
    if not row.whole:
        found = tuple(finding for finding in found if has_in_common(finding, sentence, but=kind.pattern))
    if found:
        return kind.confirmed(told(found), found)
    silent = case.silent(row.codes)
    codes = ", ".join(row.codes)
    if not row.whole:
        return kind.undecidable(f"{codes} found nothing that it names, which does not settle it")
    if silent:
        return kind.undecidable(f"{codes} found nothing, and {', '.join(silent[:3])} could not come to an end")
    ended = case.findings(_ENDING)
    if ended:
        return kind.undecidable(f"{codes} found nothing, as far as a run gets: {told(ended)}")
    if row.blind and any(re.search(row.blind, case.repo.submission.text(path) or "") for path in case.repo.sources):
        return kind.undecidable(f"{codes} found nothing, and the code has what they do not see")
    return kind.refuted(f"{codes} look for exactly this and found nothing" + (f" in {named[0]}" if named else ""))


RULE_KINDS = tuple(Kind(row.name, ", ".join(row.codes), partial(_decide, row=row)) for row in ROWS)
