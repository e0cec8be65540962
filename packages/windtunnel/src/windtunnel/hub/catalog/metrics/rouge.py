"""Overlap of words between generated and reference texts.

Written for windtunnel's hub with the interface of the metric of the same name; served to `evaluate.load`, and run by
the client that asks for it.
"""

import datasets
import evaluate
from rouge_score import rouge_scorer, scoring

_TYPES = ("rouge1", "rouge2", "rougeL", "rougeLsum")

_DESCRIPTION = "Overlap of words between generated and reference texts."


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION)
class Rouge(evaluate.Metric):
    """Overlap of words between generated and reference texts."""

    def _info(self):
        told = datasets.Value("string", id="sequence")
        several = {"predictions": told, "references": datasets.Sequence(told)}
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description="predictions, references",
            features=[datasets.Features(several), datasets.Features({"predictions": told, "references": told})],
        )

    def _compute(
        self, predictions, references, rouge_types=None, use_aggregator=True, use_stemmer=False, tokenizer=None
    ):
        types = list(rouge_types or _TYPES)
        options = {} if tokenizer is None else {"tokenizer": _Tokenizer(tokenizer)}
        scorer = rouge_scorer.RougeScorer(rouge_types=types, use_stemmer=use_stemmer, **options)
        scores = [
            scorer.score_multi(truth, told) if isinstance(truth, list) else scorer.score(truth, told)
            for truth, told in zip(references, predictions)
        ]
        if not use_aggregator:
            return {kind: [score[kind].fmeasure for score in scores] for kind in types}
        aggregator = scoring.BootstrapAggregator()
        for score in scores:
            aggregator.add_scores(score)
        found = aggregator.aggregate()
        return {kind: float(found[kind].mid.fmeasure) for kind in types}


class _Tokenizer:
    """Gives a function the form that rouge_score calls."""

    def __init__(self, function):
        self.tokenize = function
