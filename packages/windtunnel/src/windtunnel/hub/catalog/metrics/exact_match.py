"""Share of the predictions that equal their references as text.

Written for windtunnel's hub with the interface of the metric of the same name; served to `evaluate.load`, and run by
the client that asks for it.
"""

import re
import string

import datasets
import evaluate

_DESCRIPTION = "Share of the predictions that equal their references as text."


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION)
class ExactMatch(evaluate.Metric):
    """Share of the predictions that equal their references as text."""

    def _info(self):
        features = {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description="predictions, references",
            features=datasets.Features(features),
        )

    def _compute(
        self,
        predictions,
        references,
        regexes_to_ignore=None,
        ignore_case=False,
        ignore_punctuation=False,
        ignore_numbers=False,
    ):
        def plain(text):
            for pattern in regexes_to_ignore or ():
                text = re.sub(pattern, "", text)
            dropped = (string.punctuation if ignore_punctuation else "") + (string.digits if ignore_numbers else "")
            return (text.lower() if ignore_case else text).translate(str.maketrans("", "", dropped))

        same = [plain(told) == plain(truth) for told, truth in zip(predictions, references)]
        return {"exact_match": sum(same) / len(same)}
