"""Claims that some rules answer by themselves: what they claim is what these rules look for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from windtunnel.claims.kind import Kind, told

if TYPE_CHECKING:
    from windtunnel.claims.case import Case
    from windtunnel.claims.ruling import Ruling
    from windtunnel.claims.sentences import Sentence


class Row(NamedTuple):
    """A kind that rules decide.

    Attributes:
        name: of the kind.
        codes: the rules, or the beginnings of their codes.
        pattern: by which a sentence is known.
        whole: whether the silence of these rules refutes it; where it does not, only a finding decides.
    """

    name: str
    codes: tuple[str, ...]
    pattern: str
    whole: bool = False


ROWS = (
    Row(
        "placeholder", ("CMP001", "CMP002"),
        r"\b(TODO|PLACEHOLDERs?|NotImplementedError|stubs?|omitted\s+for\s+brevity)\b|\bsimplified\s+(version|implementation)|"
        r"\b(functions?|methods?|classes?)\b[^.;]*\b(only|just)\s+`?(pass|\.\.\.)`?|\bincomplete\s+implementation",
    ),
    Row(
        "evaluation-command", ("EVC001", "EVC002"),
        r"(?=.*(⟦F⟧|evaluat))(?=.*\b(argparse|command[- ]line|CLI|key=value|run_ids|--results[_-]dir|sys\.argv))",
        whole=True,
    ),
    Row(
        "evaluation-from-training", ("EVA005",),
        r"(⟦F⟧|\bmain\b|\btrain\w*)[^.;]*\b(calls?|invokes?|runs?|triggers?|starts?|launch\w*)\b[^.;]*\bevaluat",
        whole=True,
    ),
    Row(
        "figure-in-training", ("WAB006",),
        r"(?=.*\b(figures?|plots?|savefig|matplotlib|plt)\b)(?=.*\b(train|training|main)\b|.*⟦F⟧)(?!.*\bevaluat)",
        whole=True,
    ),
    Row(
        "result-dump", ("WAB007",),
        r"(?=.*\b(results?\.json|json\.dump|stdout|JSON\s+(dump|file)|⟦F⟧))(?=.*\b(train|training)\w*\b)"
        r"(?=.*\b(writes?|dumps?|prints?|saves?)\b)(?=.*\b(json|stdout|results))",
    ),
    Row(
        "metric-names", ("WAB001", "FLY054"),
        r"(?=.*\b(metrics?|keys?|names?)\b)(?=.*\b(mismatch\w*|(do|does)\s+not\s+match|inconsistent|different\s+(names|keys)|"
        r"never\s+logged|not\s+logged))",
    ),
    Row(
        "wandb-mode", ("MDE001", "MDE003"),
        r"(?=.*\bwandb\b|.*\bW&B\b)(?=.*\b(mode|disabled|online|offline)\b)",
        whole=True,
    ),
    Row(
        "trial-search", ("MDE002",),
        r"(?=.*\btrial\b)(?=.*\b(n_trials|optuna|hyper-?parameter\s+search)\b)(?!.*\b(wandb|W&B)\b)",
        whole=True,
    ),
    Row(
        "trial-logging", ("WAB004",),
        r"(?=.*\boptuna\b|.*\bintermediate\s+trials?)(?=.*\b(wandb|W&B)\b)(?=.*\blog)",
        whole=True,
    ),
    Row(
        "trial-length", ("MDE004", "MDE005", "MDE008", "MDE009", "MDE013", "MDE014"),
        r"(?=.*\btrial\b)(?=.*\b(epochs?|batches|steps|whole|entire|full|subset)\b)",
    ),
    Row(
        "wandb-settings", ("WAB003", "WAB009", "CFG002"),
        r"(?=.*\b(wandb|W&B)\b)(?=.*\b(entity|project)\b)",
    ),
    Row("wandb-calls", ("WAB",), r"\bwandb\.(init|log|summary|run|finish|Api)\b|\b(W&B|wandb)\b.*\b(run_id|run id)\b"),
    Row(
        "cache-folder", ("DAT007",),
        r"\.cache\b|\bcache[_ ]dir|\bcache\s+director", whole=True,
    ),
    Row(
        "evaluation-output", ("EVA001", "EVA002", "EVA006", "EVA008", "EVA009", "FLY078"),
        r"(?=.*\b(metrics\.json|aggregated_metrics|comparison|figures?|confusion|improvement|tables?|⟦F⟧))"
        r"(?=.*\b(evaluat\w*|comparison|per-run|aggregated|⟦F⟧))(?=.*\b(missing|lacks?|not\s+(written|generated|exported|"
        r"produced|computed|saved)|no|never|incomplete|fails?\s+to)\b)",
    ),
    Row(
        "significance", ("EVA003",),
        r"\b(significance|statistical|t-?test|wilcoxon|mcnemar|bootstrap)\b",
    ),
    Row(
        "dataset-id", ("DAT001", "DAT002", "DAT003", "DAT004", "DAT006"),
        r"(?=.*\b(dataset|load_dataset)\b)"
        r"(?=.*\b(config(uration)?\s+name|subset|splits?|id|hub|does\s+not\s+exist|load)\b)",
    ),
    Row(
        "model-id", ("DAT005", "DAT006"),
        r"(?=.*\b(model|from_pretrained|checkpoint)\b)(?=.*\b(id|hub|hugging\s?face|gated)\b)",
    ),
    Row("columns", ("DAT011", "DAT013", "DAT014", "DAT021", "DAT027", "DAT030"), r"\bcolumns?\b|\bfield\s+['\"`]"),
    Row("collation", ("DAT02", "DAT03"), r"\b(pad(ded|ding)?|collat\w+|tokeni[sz]\w+)\b"),
    Row("optuna-space", ("OPT",), r"\b(search[_ ]space|suggest_\w+|optuna)\b"),
    Row("leakage", ("LEA",), r"\bleak\w*|\b(test|validation)\s+(set|split|data|rows)\b[^.;]*\b(train|select|tun)\w*"),
    Row("adapters", ("MOD", "FLY005"), r"\b(LoRA|AdaLoRA|PEFT|adapter|target_modules|update_layer)\b"),
    Row("gradients", ("LIF",), r"\b(zero_grad|backward|gradients?|optimizer\.step|requires_grad|scheduler\.step)\b"),
    Row(
        "metric-validity", ("MET",),
        r"\bmetrics?\b[^.;]*\b(wrong|invalid|incorrect|never\s+computed|not\s+computed|missing)\b",
    ),
    Row("child-process", ("PRC",), r"\bsubprocess\b|\bworking\s+directory\b|\bchild\s+process"),
)  # fmt: skip


def _decide(kind: Kind, sentence: Sentence, case: Case, *, row: Row) -> Ruling | None:
    named = [path for path in sentence.files if path in case.files]
    found = case.findings(row.codes, named)
    if found:
        return kind.confirmed(told(found), found)
    silent = case.silent(row.codes)
    codes = ", ".join(row.codes)
    if row.whole and not silent:
        return kind.refuted(f"{codes} look for exactly this and found nothing" + (f" in {named[0]}" if named else ""))
    if silent:
        return kind.undecidable(f"{codes} found nothing, and {', '.join(silent[:3])} could not come to an end")
    return kind.undecidable(f"{codes} found nothing of the kind, which does not settle it")


RULE_KINDS = tuple(Kind(row.name, ", ".join(row.codes), row.pattern, partial(_decide, row=row)) for row in ROWS)
