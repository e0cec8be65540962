"""Precision, recall and F1 of the entities in tag sequences.

Written for windtunnel's hub with the interface of the metric of the same name; served to `evaluate.load`, and run by
the client that asks for it.
"""

import importlib

import datasets
import evaluate
from seqeval.metrics import accuracy_score, classification_report

_DESCRIPTION = "Precision, recall and F1 of the entities in tag sequences."


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION)
class Seqeval(evaluate.Metric):
    """Precision, recall and F1 of the entities in tag sequences."""

    def _info(self):
        tags = datasets.Sequence(datasets.Value("string", id="label"), id="sequence")
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description="predictions, references",
            features=datasets.Features({"predictions": tags, "references": tags}),
        )

    def _compute(
        self,
        predictions,
        references,
        suffix=False,
        scheme=None,
        mode=None,
        sample_weight=None,
        zero_division="warn",
    ):
        if scheme is not None:
            schemes = importlib.import_module("seqeval.scheme")
            if not hasattr(schemes, scheme):
                raise ValueError(f"the scheme is {scheme!r}; give one of IOB1, IOB2, IOE1, IOE2, IOBES, BILOU")
            scheme = getattr(schemes, scheme)
        report = classification_report(
            y_true=references,
            y_pred=predictions,
            suffix=suffix,
            output_dict=True,
            scheme=scheme,
            mode=mode,
            sample_weight=sample_weight,
            zero_division=zero_division,
        )
        for average in ("macro avg", "weighted avg"):
            report.pop(average)
        overall = report.pop("micro avg")
        found = {
            kind: {
                "precision": score["precision"],
                "recall": score["recall"],
                "f1": score["f1-score"],
                "number": score["support"],
            }
            for kind, score in report.items()
        }
        found["overall_precision"] = overall["precision"]
        found["overall_recall"] = overall["recall"]
        found["overall_f1"] = overall["f1-score"]
        found["overall_accuracy"] = accuracy_score(y_true=references, y_pred=predictions)
        return found
