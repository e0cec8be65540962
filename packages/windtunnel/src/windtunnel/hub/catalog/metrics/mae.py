"""Mean absolute error.

Written for windtunnel's hub with the interface of the metric of the same name; served to `evaluate.load`, and run by
the client that asks for it.
"""

import datasets
import evaluate
from sklearn.metrics import mean_absolute_error

_DESCRIPTION = "Mean absolute error."


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION)
class Mae(evaluate.Metric):
    """Mean absolute error."""

    def _info(self):
        features = {"predictions": datasets.Value("float"), "references": datasets.Value("float")}
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description="predictions, references",
            features=datasets.Features(features),
        )

    def _compute(self, predictions, references, sample_weight=None, multioutput="uniform_average"):
        score = mean_absolute_error(references, predictions, sample_weight=sample_weight, multioutput=multioutput)
        return {"mae": score}
