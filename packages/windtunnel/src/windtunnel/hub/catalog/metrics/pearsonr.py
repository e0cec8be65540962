"""Pearson correlation of predictions and references.

Written for windtunnel's hub with the interface of the metric of the same name; served to `evaluate.load`, and run by
the client that asks for it.
"""

import datasets
import evaluate
from scipy.stats import pearsonr

_DESCRIPTION = "Pearson correlation of predictions and references."


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION)
class Pearsonr(evaluate.Metric):
    """Pearson correlation of predictions and references."""

    def _info(self):
        features = {"predictions": datasets.Value("float"), "references": datasets.Value("float")}
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description="predictions, references",
            features=datasets.Features(features),
        )

    def _compute(self, predictions, references, return_pvalue=False):
        score, p_value = pearsonr(references, predictions)
        found = {"pearsonr": float(score)}
        return {**found, "p-value": float(p_value)} if return_pvalue else found
