from __future__ import annotations

from windtunnel.hub import catalog
from windtunnel.hub.generate import GRAMMARS


def test_the_package_exports_what_it_lists() -> None:
    assert sorted(catalog.__all__, key=lambda name: (not name.isupper(), name.islower(), name)) == catalog.__all__
    assert all(hasattr(catalog, name) for name in catalog.__all__)


def test_glue_has_the_real_configs_splits_and_label_order() -> None:
    glue = catalog.datasets()["nyu-mll/glue"]
    assert list(glue.configs) == [
        "ax", "cola", "mnli", "mnli_matched", "mnli_mismatched", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb", "wnli",
    ]  # fmt: skip
    labels = {
        name: column.labels
        for name, config in glue.configs.items()
        for column in config.columns
        if column.name == "label"
    }
    assert labels["rte"] == ("entailment", "not_entailment")
    assert labels["wnli"] == ("not_entailment", "entailment")
    assert labels["stsb"] == ()
    assert glue.configs["ax"].splits == ("test",)
    assert glue.configs["stsb"].columns[2].dtype == "float32"
    assert [column.name for column in glue.configs["qnli"].columns] == ["question", "sentence", "label", "idx"]


def test_snli_has_no_index_column() -> None:
    config = catalog.datasets()["stanfordnlp/snli"].configs["plain_text"]
    assert [column.name for column in config.columns] == ["premise", "hypothesis", "label"]
    assert config.folders == ("plain_text", "snli")


def test_what_is_generated_names_a_grammar_and_real_splits_only() -> None:
    for entry in catalog.datasets().values():
        for config in entry.generated_configs:
            assert config.generated is not None
            assert config.generated.grammar in GRAMMARS
            assert set(config.generated.unlabelled) <= set(config.generated.rows)
            assert tuple(config.generated.rows) == config.splits
            assert set(config.generated.roles.values()) <= {column.name for column in config.columns}


def test_a_split_has_no_more_rows_than_the_real_one() -> None:
    rows = catalog.datasets()["aps/super_glue"].configs["cb"].generated
    assert rows is not None
    assert rows.rows == {"train": 250, "validation": 56, "test": 250}


def test_the_target_is_what_a_learner_predicts() -> None:
    targets = {
        ("nyu-mll/glue", "sst2"): ("label",),
        ("openai/gsm8k", "main"): ("answer",),
        ("abisee/cnn_dailymail", "3.0.0"): ("highlights",),
        ("eriktks/conll2003", "conll2003"): ("ner_tags",),
        ("argilla/dpo-mix-7k", "default"): ("chosen", "rejected"),
        ("tatsu-lab/alpaca", "default"): ("output",),
        ("Salesforce/wikitext", "wikitext-2-raw-v1"): (),
    }
    for (dataset_id, config), target in targets.items():
        plan = catalog.datasets()[dataset_id].configs[config].generated
        assert plan is not None
        assert plan.target == target


def test_columns_that_tell_no_task_are_not_guessed_at() -> None:
    # code beside a text, and numbers without names: no grammar says what they would have to be
    for dataset_id in ("google-research-datasets/mbpp", "mteb/banking77"):
        assert catalog.datasets()[dataset_id].generated_configs == ()


def test_every_model_says_where_it_comes_from() -> None:
    assert isinstance(catalog.models()["sentence-transformers/all-MiniLM-L6-v2"].source, catalog.Installed)
    miniature = catalog.models()["microsoft/deberta-v3-base"].source
    assert isinstance(miniature, catalog.Miniature)
    assert miniature.settings["config"]["hidden_size"] == 768
