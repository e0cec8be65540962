"""Share of the positive predictions that are right.

Written for windtunnel's hub with the interface of the metric of the same name; served to `evaluate.load`, and run by
the client that asks for it.
"""

import datasets
import evaluate
from sklearn.metrics import precision_score

_DESCRIPTION = "Share of the positive predictions that are right."


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION)
class Precision(evaluate.Metric):
    """Share of the positive predictions that are right."""

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

    def _compute(
        self,
        predictions,
        references,
        labels=None,
        pos_label=1,
        average="binary",
        sample_weight=None,
        zero_division="warn",
    ):
        score = precision_score(
            references,
            predictions,
            labels=labels,
            pos_label=pos_label,
            average=average,
            sample_weight=sample_weight,
            zero_division=zero_division,
        )
        return {"precision": score if getattr(score, "size", 1) > 1 else float(score)}
