"""Share of the positive references that are found.

Written for windtunnel's hub with the interface of the metric of the same name; served to `evaluate.load`, and run by
the client that asks for it.
"""

import datasets
import evaluate
from sklearn.metrics import recall_score

_DESCRIPTION = "Share of the positive references that are found."


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION)
class Recall(evaluate.Metric):
    """Share of the positive references that are found."""

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
        score = recall_score(
            references,
            predictions,
            labels=labels,
            pos_label=pos_label,
            average=average,
            sample_weight=sample_weight,
            zero_division=zero_division,
        )
        return {"recall": score if getattr(score, "size", 1) > 1 else float(score)}
