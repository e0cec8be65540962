"""Spearman rank correlation of predictions and references.

Written for windtunnel's hub with the interface of the metric of the same name; served to `evaluate.load`, and run by
the client that asks for it.
"""

import datasets
import evaluate
from scipy.stats import spearmanr

_DESCRIPTION = "Spearman rank correlation of predictions and references."


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION)
class Spearmanr(evaluate.Metric):
    """Spearman rank correlation of predictions and references."""

    def _info(self):
        features = {"predictions": datasets.Value("float"), "references": datasets.Value("float")}
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description="predictions, references",
            features=datasets.Features(features),
        )

    def _compute(self, predictions, references, return_pvalue=False):
        score, p_value = spearmanr(references, predictions)
        found = {"spearmanr": float(score)}
        return {**found, "spearmanr_pvalue": float(p_value)} if return_pvalue else found
