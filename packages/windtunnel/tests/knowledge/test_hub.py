import json
import time
from datetime import date
from importlib import resources

import pytest

from windtunnel.hub import catalog
from windtunnel.knowledge import hub
from windtunnel.knowledge.hub import BareName, HubTable, bare_name_verdict, id_problem

LATE_2025 = date(2025, 12, 1)


@pytest.fixture
def table() -> HubTable:
    return HubTable(LATE_2025)


def ids(kind: str) -> list[str]:
    return sorted({line["id"] for line in hub.table_lines(kind).values()})


def test_older_names_lead_to_the_canonical_id(table):
    for asked, canonical in {
        "gsm8k": "openai/gsm8k",
        "glue": "nyu-mll/glue",
        "imdb": "stanfordnlp/imdb",
        "conll2003": "eriktks/conll2003",
    }.items():
        found = table.dataset(asked)
        assert (found.id, found.canonical) == (asked, canonical)
    assert table.model("bert-base-uncased").canonical == "google-bert/bert-base-uncased"


def test_an_id_that_the_table_does_not_have_is_undecided(table):
    assert table.dataset("someone/their-own-data") is None
    assert table.model("someone/their-own-model") is None
    assert table.metric("their_own_metric") is None


def test_it_says_where_a_config_must_be_named(table):
    required = {
        name: table.dataset(name).config_required for name in ("gsm8k", "glue", "wikitext", "winogrande", "imdb")
    }
    assert required == {"gsm8k": True, "glue": True, "wikitext": True, "winogrande": True, "imdb": False}
    assert table.dataset("openbookqa").default_config == "main"
    # nothing is claimed where a default may exist
    assert table.dataset("allenai/swag").config_required is False
    assert table.dataset("allenai/swag").default_config is None


def test_columns_and_labels_are_those_of_the_config(table):
    glue = table.dataset("nyu-mll/glue")
    assert list(glue.columns("sst2")) == ["sentence", "label", "idx"]
    assert glue.labels("sst2") == ("negative", "positive")
    assert glue.labels("stsb") == ()
    assert glue.columns("sst-2") is None
    # the configs have different columns, so without one nothing is known
    assert glue.columns() is None
    assert list(table.dataset("gsm8k").columns()) == ["question", "answer"]


def test_hidden_labels_are_told_by_split(table):
    glue = table.dataset("glue")
    assert glue.hidden_labels("sst2") == ("test",)
    assert glue.hidden_labels("mnli") == ("test_matched", "test_mismatched")
    assert glue.hidden_labels("mrpc") == ()
    assert table.dataset("imdb").hidden_labels() == ("unsupervised",)


def test_chat_messages_are_told_from_strings(table):
    mix, dialogues = table.dataset("argilla/dpo-mix-7k").columns(), table.dataset("Anthropic/hh-rlhf").columns()
    assert (mix["chosen"].dtype, dialogues["chosen"].dtype) == ("list<message>", "string")
    assert "prompt" not in mix


def test_tags_that_have_no_names_are_plain_numbers(table):
    assert table.dataset("lhoestq/conll2003").columns()["ner_tags"].labels == ()
    assert table.dataset("conll2003").columns()["ner_tags"].labels[:2] == ("O", "B-PER")


def test_script_only_gated_and_removed_datasets_are_marked(table):
    assert table.dataset("conll2003").script_only_since == "4.0.0"
    assert table.dataset("lhoestq/conll2003").script_only_since is None
    assert table.dataset("ILSVRC/imagenet-1k").gated
    assert "copyright" in table.dataset("hendrycks/competition_math").removed


def test_it_agrees_with_what_the_loopback_hub_serves(table):
    for known_id, served in catalog.models().items():
        known = table.model(known_id)
        if isinstance(served.source, catalog.Miniature) and served.source.recipe == "text_model":
            settings = served.source.settings["config"]
            # what families call the width of their hidden states
            width = next(settings[name] for name in ("hidden_size", "d_model", "n_embd", "dim") if name in settings)
            assert known.family == settings["model_type"], known_id
            assert known.hidden_size is None or width <= known.hidden_size, known_id  # a miniature may be narrower


def test_a_target_that_names_a_container_is_told_from_a_matrix(table):
    roberta = table.model("roberta-base")
    assert roberta.linear_modules == ("query", "key", "value", "dense")
    assert {"intermediate", "output", "attention"} <= set(roberta.container_modules)
    assert [one.kind for one in roberta.matched("intermediate")] == ["container"]
    assert {one.kind for one in roberta.matched("attention.output.dense")} == {"linear"}
    assert roberta.matched("q_proj") == ()
    # a layer's number in a target is a layer's number
    assert [one.path for one in roberta.matched("layer.3.attention.self.query")] == [
        "roberta.encoder.layer.*.attention.self.query"
    ]


def test_a_pattern_matches_whole_names(table):
    qwen = table.model("Qwen/Qwen3-0.6B")
    found = qwen.matched_by_pattern(r".*\.(q|v)_proj")
    assert [one.path.rpartition(".")[2] for one in found] == ["q_proj", "v_proj"]
    assert qwen.matched_by_pattern("q_proj") == ()
    assert [one.kind for one in qwen.matched_by_pattern(r"model\.layers\.27\.mlp")] == ["container"]


@pytest.mark.parametrize("pattern", ["(", "(.*)*x", "." * 1000])
def test_a_pattern_that_is_none_or_may_take_for_ever_is_refused(table, pattern):
    with pytest.raises(ValueError, match="not"):
        table.model("gpt2").matched_by_pattern(pattern)


def test_heads_are_marked_and_left_out_of_the_linear_modules(table):
    llama = table.model("meta-llama/Llama-2-7b-hf")
    assert "lm_head" not in llama.linear_modules
    assert [one.head for one in llama.matched("lm_head")] == [True]
    assert (llama.gated, llama.pad_token, llama.is_decoder) == (True, False, True)
    assert llama.block_class == "LlamaDecoderLayer"


def test_gated_feed_forwards_of_t5_are_told_from_plain_ones(table):
    assert "wi" in table.model("t5-small").linear_modules
    assert {"wi_0", "wi_1"} <= set(table.model("google/flan-t5-base").linear_modules)


def test_module_names_are_those_of_the_version_that_counts():
    older, newer = HubTable(LATE_2025), HubTable(date(2026, 11, 1))
    assert "query" in older.model("google/vit-base-patch16-224").linear_modules
    assert "q_proj" in newer.model("google/vit-base-patch16-224").linear_modules
    pinned = HubTable(date(2026, 11, 1), transformers="4.57.3")
    assert "query" in pinned.model("google/vit-base-patch16-224").linear_modules


def test_a_model_released_later_is_not_known():
    assert HubTable(date(2025, 1, 1)).model("Qwen/Qwen3-0.6B") is None
    assert HubTable(date(2025, 5, 1)).model("Qwen/Qwen3-0.6B").min_transformers == "4.51.0"


def test_what_loading_needs_is_told(table):
    assert table.model("microsoft/deberta-v3-base").needs == ("sentencepiece", "protobuf")
    assert table.model("meta-llama/Llama-2-7b-chat-hf").slow_tokenizer_needs == ("sentencepiece", "protobuf")
    assert table.metric("rouge").needs == ("rouge-score", "nltk", "absl-py")
    assert table.metric("glue").config_required


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("gpt2", BareName.CANONICAL),
        ("bert-base-uncased", BareName.CANONICAL),
        ("squad", BareName.CANONICAL),
        ("csv", BareName.CANONICAL),
        ("Qwen3-0.6B", BareName.NOT_AN_ID),
        ("Llama-2-7b-hf", BareName.NOT_AN_ID),
        ("dpo-mix-7k", BareName.NOT_AN_ID),
        ("a name with spaces", BareName.NOT_AN_ID),
        ("their-own-model", BareName.UNKNOWN),
        ("Qwen/Qwen3-0.6B", BareName.UNKNOWN),
    ],
)
def test_a_bare_name_is_an_old_one_no_id_or_unknown(name, verdict):
    assert bare_name_verdict(name) is verdict


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("Qwen3-0.6B", "Qwen/Qwen3-0.6B"),
        ("llama-2-7b-hf", "meta-llama/Llama-2-7b-hf"),
        ("qwen/Qwen3_0.6B", "Qwen/Qwen3-0.6B"),
        ("GSM8K", "openai/gsm8k"),
        ("roberta-bse", "FacebookAI/roberta-base"),
    ],
)
def test_the_id_that_was_meant_is_suggested(table, asked, first):
    assert table.suggest(asked)[0] == first


def test_nothing_is_suggested_for_what_resembles_nothing(table):
    assert table.suggest("zzzzzzzzzz") == ()
    assert table.suggest("x" * 100_000) == ()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "is empty"),
        ("a/b/c", "2 slashes"),
        ("a/", "nothing on one side"),
        ("two words", "' '"),
        ("org/na\u00efve", r"'\xef'"),
        ("org/-name", "begins or ends"),
        ("org/na--me", "'--'"),
        ("org/name.git", ".git"),
        ("x" * 97, "97 characters"),
    ],
)
def test_the_form_of_an_id_is_judged(name, says):
    assert says in id_problem(name)


def test_every_id_and_alias_of_the_table_has_the_form_of_one():
    names = [name for kind in ("datasets", "models") for name in hub.table_lines(kind)]
    assert [name for name in names if id_problem(name)] == []


def test_timm_architectures_are_known_with_and_without_a_tag(table):
    assert table.timm("resnet50")
    assert table.timm("hf_hub:timm/resnet50.a1_in1k")
    assert table.timm("resnet_fifty") is None


def test_the_tables_are_as_large_as_promised_and_every_line_is_whole(table):
    datasets, models = ids("datasets"), ids("models")
    assert (len(datasets) >= 120, len(models) >= 150) == (True, True)
    for name in datasets:
        found = table.dataset(name)
        for config in found.configs:
            assert set(found.hidden_labels(config)) <= set(found.splits(config) or found.hidden_labels(config)), name
        assert found.default_config is None or not found.configs or found.default_config in found.configs, name
    later = HubTable(date(2026, 11, 1))
    for name in models:
        found = later.model(name)
        assert bool(found.modules) == (found.family not in {"", "marian", "timm"}), name


def test_no_line_of_a_table_has_a_key_that_nothing_reads():
    read = {
        "datasets": {"id", "aliases", "also_called", "configs", "all_configs", "config_required", "default", "splits"}
        | {"columns", "hidden", "script_only", "removed", "gated", "remote_code", "note", "make", "files"},
        "models": {"id", "aliases", "also_called", "family", "architecture", "gated", "released", "parameters"}
        | {"hidden_size", "layers", "max_length", "pad_token", "needs", "slow_tokenizer_needs", "min_transformers"}
        | {"remote_code", "note", "repository"},
    }
    for kind, keys in read.items():
        assert {key for line in hub.table_lines(kind).values() for key in line} <= keys


def test_no_name_stands_for_two_lines():
    for kind in ("datasets", "models"):
        text = (resources.files("windtunnel.knowledge") / "data" / f"{kind}.jsonl").read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        names = [name.lower() for line in lines for name in (line["id"], *line.get("aliases", ()))]
        assert sorted(names) == sorted(set(names))


def test_reading_the_tables_takes_a_moment():
    for cached in (hub.table_lines, hub._object, hub._by_last_part):
        cached.cache_clear()
    start = time.process_time()
    HubTable(LATE_2025).dataset("gsm8k")
    HubTable(LATE_2025).model("gpt2")
    assert time.process_time() - start < 0.25
