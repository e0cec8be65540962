"""Share of the predictions that equal their references.

Written for windtunnel's hub with the interface of the metric of the same name; served to `evaluate.load`, and run by
the client that asks for it.
"""

import datasets
import evaluate
from sklearn.metrics import accuracy_score

_DESCRIPTION = "Share of the predictions that equal their references."


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION)
class Accuracy(evaluate.Metric):
    """Share of the predictions that equal their references."""

    def _info(self):
        value = datasets.Value("int32")
        several = self.config_name == "multilabel"
        column = datasets.Sequence(value) if several else value
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description="predictions, references",
            features=datasets.Features({"predictions": column, "references": column}),
        )

    def _compute(self, predictions, references, normalize=True, sample_weight=None):
        score = accuracy_score(references, predictions, normalize=normalize, sample_weight=sample_weight)
        return {"accuracy": float(score)}
