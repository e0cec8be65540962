"""Precision of n-grams with a penalty for short texts.

Written for windtunnel's hub with the interface of the metric of the same name; served to `evaluate.load`, and run by
the client that asks for it.
"""

import math
import re
from collections import Counter

import datasets
import evaluate

_DESCRIPTION = "Precision of n-grams with a penalty for short texts."


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION)
class Bleu(evaluate.Metric):
    """Precision of n-grams with a penalty for short texts."""

    def _info(self):
        told = datasets.Value("string", id="sequence")
        several = {"predictions": told, "references": datasets.Sequence(told, id="references")}
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description="predictions, references",
            features=[datasets.Features(several), datasets.Features({"predictions": told, "references": told})],
        )

    def _compute(self, predictions, references, tokenizer=None, max_order=4, smooth=False):
        split = tokenizer or (lambda text: re.findall(r"\w+|[^\w\s]", text))
        matched, possible = [0] * max_order, [0] * max_order
        length = reference_length = 0
        for told, truths in zip(predictions, references):
            words = split(told)
            lists = [split(truth) for truth in (truths if isinstance(truths, list) else [truths])]
            length += len(words)
            reference_length += min((len(one) for one in lists), default=0)
            for order in range(1, max_order + 1):
                allowed = Counter()
                for one in lists:
                    allowed |= _grams(one, order)
                found = _grams(words, order)
                matched[order - 1] += sum((found & allowed).values())
                possible[order - 1] += max(len(words) - order + 1, 0)
        precisions = [
            (hit + 1) / (total + 1) if smooth else hit / total if total else 0.0
            for hit, total in zip(matched, possible)
        ]
        mean = math.exp(sum(map(math.log, precisions)) / max_order) if min(precisions) > 0 else 0.0
        ratio = length / reference_length if reference_length else 0.0
        penalty = 1.0 if ratio > 1 else math.exp(1 - 1 / ratio) if ratio else 0.0
        return {
            "bleu": mean * penalty,
            "precisions": precisions,
            "brevity_penalty": penalty,
            "length_ratio": ratio,
            "translation_length": length,
            "reference_length": reference_length,
        }


def _grams(words, order):
    return Counter(tuple(words[place : place + order]) for place in range(len(words) - order + 1))
