"""Mean squared error.

Written for windtunnel's hub with the interface of the metric of the same name; served to `evaluate.load`, and run by
the client that asks for it.
"""

import datasets
import evaluate
from sklearn.metrics import mean_squared_error

_DESCRIPTION = "Mean squared error."


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION)
class Mse(evaluate.Metric):
    """Mean squared error."""

    def _info(self):
        features = {"predictions": datasets.Value("float"), "references": datasets.Value("float")}
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description="predictions, references",
            features=datasets.Features(features),
        )

    def _compute(self, predictions, references, sample_weight=None, multioutput="uniform_average", squared=True):
        score = mean_squared_error(references, predictions, sample_weight=sample_weight, multioutput=multioutput)
        return {"mse": score if squared else score**0.5}
