from __future__ import annotations

from windtunnel.hub import catalog
from windtunnel.hub.generate import GRAMMARS


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


def test_every_model_says_where_it_comes_from() -> None:
    assert isinstance(catalog.models()["sentence-transformers/all-MiniLM-L6-v2"].source, catalog.Installed)
    miniature = catalog.models()["microsoft/deberta-v3-base"].source
    assert isinstance(miniature, catalog.Miniature)
    assert miniature.settings["config"]["hidden_size"] == 768
