"""The metrics of the GLUE tasks, chosen by the name of the task.

Written for windtunnel's hub with the interface of the metric of the same name; served to `evaluate.load`, and run by
the client that asks for it.
"""

import datasets
import evaluate
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

_TASKS = (
    "sst2", "mnli", "mnli_mismatched", "mnli_matched", "cola", "stsb", "mrpc", "qqp", "qnli", "rte", "wnli", "hans",
)  # fmt: skip

_DESCRIPTION = "The metrics of the GLUE tasks, chosen by the name of the task."


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION)
class Glue(evaluate.Metric):
    """The metrics of the GLUE tasks, chosen by the name of the task."""

    def _info(self):
        if self.config_name not in _TASKS:
            raise KeyError(f"the configuration of glue is {self.config_name!r}; give one of {', '.join(_TASKS)}")
        value = datasets.Value("float32" if self.config_name == "stsb" else "int64")
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description="predictions, references",
            features=datasets.Features({"predictions": value, "references": value}),
            format="numpy",
        )

    def _compute(self, predictions, references):
        if self.config_name == "cola":
            return {"matthews_correlation": matthews_corrcoef(references, predictions)}
        if self.config_name == "stsb":
            return {
                "pearson": float(pearsonr(predictions, references)[0]),
                "spearmanr": float(spearmanr(predictions, references)[0]),
            }
        found = {"accuracy": float(accuracy_score(references, predictions))}
        if self.config_name in {"mrpc", "qqp"}:
            found["f1"] = float(f1_score(references, predictions))
        return found
