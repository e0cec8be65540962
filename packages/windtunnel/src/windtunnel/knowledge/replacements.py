"""What took the place of library names and arguments that are gone or going, for the advice in findings.

Which names exist in which version is the tables' affair (:mod:`windtunnel.knowledge.signatures`); here is only what to
write instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# what to use instead of a name that does not exist (any more), by the name as code has it
INSTEAD = {
    "omegaconf.OmegaConf.deepcopy": "copy.deepcopy(cfg)",
    "omegaconf.OmegaConf.copy": "copy.deepcopy(cfg)",
    "omegaconf.OmegaConf.to_dict": "OmegaConf.to_container(cfg, resolve=True)",
    "omegaconf.OmegaConf.from_dict": "OmegaConf.create(values)",
    "torch.distributions.Beta.cdf": "scipy.stats.beta.cdf, or torch.special functions",
    "transformers.AdamW": "torch.optim.AdamW",
    "datasets.load_metric": "evaluate.load, or sklearn.metrics",
    "scipy.stats.binom_test": "scipy.stats.binomtest(...).pvalue",
    "scipy.stats.median_absolute_deviation": "scipy.stats.median_abs_deviation",
    "scipy.integrate.trapz": "scipy.integrate.trapezoid",
    "numpy.float": "float or numpy.float64",
    "numpy.int": "int or numpy.int64",
    "numpy.bool": "bool or numpy.bool_",
    "numpy.object": "object",
    "numpy.float_": "numpy.float64",
    "numpy.product": "numpy.prod",
    "numpy.alltrue": "numpy.all",
    "numpy.in1d": "numpy.isin",
    "scipy.integrate.simps": "scipy.integrate.simpson",
    "pandas.DataFrame.iteritems": "frame.items()",
    "pandas.Series.iteritems": "series.items()",
    "sklearn.metrics.plot_confusion_matrix": "sklearn.metrics.ConfusionMatrixDisplay.from_estimator",
    "matplotlib.cm.get_cmap": "matplotlib.colormaps[name]",
    "numpy.Inf": "numpy.inf",
    "numpy.NaN": "numpy.nan",
    "numpy.trapz": "numpy.trapezoid",
    "pandas.DataFrame.append": "pandas.concat([frame, more])",
    "pandas.Series.append": "pandas.concat([series, more])",
    "seaborn.distplot": "seaborn.histplot or seaborn.displot",
    "optuna.Trial.suggest_uniform": "trial.suggest_float(name, low, high)",
    "optuna.Trial.suggest_loguniform": "trial.suggest_float(name, low, high, log=True)",
    "optuna.Trial.suggest_discrete_uniform": "trial.suggest_float(name, low, high, step=...)",
    "transformers.PreTrainedTokenizerBase.as_target_tokenizer": "tokenizer(text_target=...)",
}

# names that are gone for certain from a version on, where a library answers for names it makes at run time, so that its
# table cannot say that one is missing
GONE = {
    "scipy.stats.binom_test": "1.12",
    "scipy.stats.median_absolute_deviation": "1.9",
    "scipy.integrate.trapz": "1.14",
    "scipy.integrate.simps": "1.14",
    "numpy.float": "1.24",
    "numpy.int": "1.24",
    "numpy.object": "1.24",
    "numpy.float_": "2.0",
    "numpy.Inf": "2.0",
    "numpy.NaN": "2.0",
    "numpy.product": "2.0",
    "numpy.alltrue": "2.0",
    "numpy.trapz": "2.4.6",
    "numpy.in1d": "2.4.6",
    "pandas.DataFrame.append": "2.0",
    "pandas.DataFrame.iteritems": "2.0",
    "pandas.Series.append": "2.0",
    "pandas.Series.iteritems": "2.0",
    "transformers.AdamW": "4.52.4",
    "transformers.top_k_top_p_filtering": "4.46.3",
    "transformers.PreTrainedTokenizerBase.as_target_tokenizer": "5.23.0",
    "sklearn.metrics.plot_confusion_matrix": "1.2",
    "matplotlib.cm.get_cmap": "3.11.2",
}

# what to write instead of a keyword, by the last part of what is called and the keyword
KEYWORDS = {
    ("LoraConfig", "dropout"): "lora_dropout=...",
    ("LoraConfig", "alpha"): "lora_alpha=...",
    ("LoraConfig", "rank"): "r=...",
    ("TrainingArguments", "evaluation_strategy"): "eval_strategy=...",
    ("Seq2SeqTrainingArguments", "evaluation_strategy"): "eval_strategy=...",
    ("Trainer", "tokenizer"): "processing_class=tokenizer",
    ("Seq2SeqTrainer", "tokenizer"): "processing_class=tokenizer",
    ("ReduceLROnPlateau", "verbose"): "leave it out; scheduler.get_last_lr() tells the rate",
    ("to_container", "deepcopy"): "leave it out: to_container makes new objects",
    ("suggest_float", "type"): "take the kind of the parameter out of the mapping before it is passed on",
    ("suggest_int", "type"): "take the kind of the parameter out of the mapping before it is passed on",
    ("suggest_categorical", "type"): "take the kind of the parameter out of the mapping before it is passed on",
    ("mean_squared_error", "squared"): "sklearn.metrics.root_mean_squared_error(...)",
}


@dataclass(frozen=True)
class Deprecated:
    """Something that still works and is going.

    Attributes:
        name: dotted, or its last parts after ``*``.
        keyword: the argument that is going, "" if the name itself is.
        message: what is said of it.
        instead: what to write.
    """

    name: str
    keyword: str
    message: str
    instead: str

    def fits(self, name: str, keywords: Iterable[str]) -> bool:
        """Whether a use is of this."""
        same = (
            name.endswith(self.name[1:]) and name.startswith("transformers.")
            if self.name.startswith("*")
            else name == self.name
        )
        return same and (not self.keyword or self.keyword in keywords)


_QUANTIZED = "the bare keyword {} of from_pretrained is deprecated in transformers 4 and gone in transformers 5"
DEPRECATED = (
    *(
        Deprecated(
            "*.from_pretrained",
            f"load_in_{bits}bit",
            _QUANTIZED.format(f"load_in_{bits}bit"),
            f"quantization_config=BitsAndBytesConfig(load_in_{bits}bit=True)",
        )
        for bits in (8, 4)
    ),
    Deprecated(
        "torch.cuda.amp.autocast",
        "",
        "torch.cuda.amp.autocast is deprecated since torch 2.4",
        'torch.amp.autocast("cuda", ...)',
    ),
    Deprecated(
        "torch.cuda.amp.GradScaler",
        "",
        "torch.cuda.amp.GradScaler is deprecated since torch 2.4",
        'torch.amp.GradScaler("cuda", ...)',
    ),
    Deprecated(
        "transformers.AdamW",
        "",
        "transformers.AdamW is deprecated and removed from transformers 4.5x on",
        "torch.optim.AdamW",
    ),
    Deprecated(
        "optuna.Trial.suggest_uniform",
        "",
        "Trial.suggest_uniform is deprecated since Optuna 3.0",
        "suggest_float(name, low, high)",
    ),
    Deprecated(
        "optuna.Trial.suggest_loguniform",
        "",
        "Trial.suggest_loguniform is deprecated since Optuna 3.0",
        "suggest_float(name, low, high, log=True)",
    ),
    Deprecated(
        "optuna.Trial.suggest_discrete_uniform",
        "",
        "Trial.suggest_discrete_uniform is deprecated since Optuna 3.0",
        "suggest_float(name, low, high, step=...)",
    ),
    Deprecated(
        "transformers.PreTrainedTokenizerBase.as_target_tokenizer",
        "",
        "as_target_tokenizer is deprecated and gone in transformers 5",
        "tokenizer(text_target=...)",
    ),
    Deprecated(
        "transformers.PreTrainedTokenizerBase.batch_encode_plus",
        "",
        "batch_encode_plus is deprecated",
        "tokenizer(texts, ...)",
    ),
    Deprecated(
        "transformers.PreTrainedTokenizerBase.encode_plus", "", "encode_plus is deprecated", "tokenizer(text, ...)"
    ),
    Deprecated(
        "peft.prepare_model_for_int8_training",
        "",
        "prepare_model_for_int8_training is gone from peft 0.10 on",
        "peft.prepare_model_for_kbit_training",
    ),
)
