"""Matthews correlation coefficient of predictions and references.

Written for windtunnel's hub with the interface of the metric of the same name; served to `evaluate.load`, and run by
the client that asks for it.
"""

import datasets
import evaluate
from sklearn.metrics import matthews_corrcoef

_DESCRIPTION = "Matthews correlation coefficient of predictions and references."


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION)
class MatthewsCorrelation(evaluate.Metric):
    """Matthews correlation coefficient of predictions and references."""

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

    def _compute(self, predictions, references, sample_weight=None, average=None):
        if self.config_name == "multilabel":
            columns = zip(zip(*references), zip(*predictions))
            scores = [float(matthews_corrcoef(truth, told, sample_weight=sample_weight)) for truth, told in columns]
            if average == "macro":
                return {"matthews_correlation": sum(scores) / len(scores)}
            if average is None:
                return {"matthews_correlation": scores}
            raise ValueError(f"average is {average!r}; give 'macro' or None")
        score = matthews_corrcoef(references, predictions, sample_weight=sample_weight)
        return {"matthews_correlation": float(score)}
