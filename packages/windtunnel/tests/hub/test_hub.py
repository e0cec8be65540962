from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import windtunnel.hub
from windtunnel.errors import PortTakenError, ServeError
from windtunnel.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GENERATED = """
from datasets import load_dataset, load_dataset_builder
from huggingface_hub import DatasetCard, HfApi, hf_hub_download

for config in ("sst2", "mnli", "rte"):
    dataset = load_dataset("nyu-mll/glue", config)
    answer[config] = {
        "rows": {split: len(rows) for split, rows in dataset.items()},
        "columns": {name: repr(feature) for name, feature in next(iter(dataset.values())).features.items()},
        "first": dataset["train"][0],
    }
answer["hidden"] = sorted(set(load_dataset("nyu-mll/glue", "sst2", split="test")["label"]))
answer["description"] = load_dataset_builder("nyu-mll/glue", "sst2").info.description
card = hf_hub_download("nyu-mll/glue", "README.md", repo_type="dataset")
data = DatasetCard.load(card).data
answer["creators"] = [data.language_creators, data.annotations_creators, data.tags]
answer["tree"] = [item.path for item in HfApi().list_repo_tree("nyu-mll/glue", repo_type="dataset", recursive=True)]
info = HfApi().get_paths_info("nyu-mll/glue", ["sst2", "README.md", "nothing"], repo_type="dataset")
answer["paths"] = [item.path for item in info]
answer["errors"] = {}
for name, arguments in {
    "config": ("nyu-mll/glue", "sst-2"),
    "no config": ("nyu-mll/glue",),
    "bare id": ("glue", "sst2"),
    "unknown": ("someone/their-data",),
    "too little known": ("PolyAI/banking77",),
    "script": ("eriktks/conll2003",),
    "gated": ("Idavidrein/gpqa", "gpqa_main"),
}.items():
    try:
        load_dataset(*arguments)
    except Exception as error:
        answer["errors"][name] = f"{type(error).__name__}: {error}"
try:
    load_dataset("nyu-mll/glue", "sst2", revision="v1")
except Exception as error:
    answer["errors"]["revision"] = f"{type(error).__name__}: {error}"
"""

MODELS = """
import torch, traceback
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding

SENTENCE = "The acting isn't merely good: it's a triumph; naïve critics, 27% say."
for name in ("microsoft/deberta-v3-base", "sentence-transformers/all-MiniLM-L6-v2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model, loading = AutoModelForSequenceClassification.from_pretrained(name, num_labels=3, output_loading_info=True)
    stored_dtype = str(model.dtype)
    model = model.float().eval()
    batch = DataCollatorWithPadding(tokenizer)([tokenizer("short"), tokenizer("a pair of", "texts , longer .")])
    with torch.no_grad():
        output = model(**batch, labels=torch.tensor([0, 1]))
    answer[name] = {
        "dtype": stored_dtype,
        "missing": sorted(loading["missing_keys"]),
        "special": [tokenizer.pad_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.unk_token_id,
                    tokenizer.mask_token_id],
        "tokens": len(tokenizer),
        "embeddings": model.get_input_embeddings().weight.shape[0],
        "decoded": tokenizer.decode(tokenizer(SENTENCE)["input_ids"], skip_special_tokens=True),
        "unknown": tokenizer(SENTENCE)["input_ids"].count(tokenizer.unk_token_id),
        "padding": batch["input_ids"][0].tolist()[-1],
        "mask": batch["attention_mask"][0].tolist()[-1],
        "logits": list(output.logits.shape),
        "finite": bool(torch.isfinite(output.loss)),
        "names": [key for key, _ in model.named_modules()],
        "spread": float(model.get_input_embeddings().weight.std()),
    }
raw = AutoConfig.from_pretrained("microsoft/deberta-v3-base")
answer["config"] = {key: getattr(raw, key) for key in (
    "hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers", "position_buckets", "norm_rel_ebd",
    "share_att_key", "pos_att_type", "type_vocab_size", "max_position_embeddings", "relative_attention")}
try:
    AutoTokenizer.from_pretrained("no-such/model")
except OSError:
    answer["unknown"] = traceback.format_exc()
"""


def test_the_package_exports_what_it_lists() -> None:
    assert sorted(windtunnel.hub.__all__) == windtunnel.hub.__all__
    assert all(hasattr(windtunnel.hub, name) for name in windtunnel.hub.__all__)


def test_datasets_loads_generated_glue_with_the_real_schema(
    store: Path, run_client: Callable[[Hub, str], Any], tmp_path: Path
) -> None:
    with Hub(store=store) as hub:
        answer = run_client(hub, GENERATED)
    assert answer["sst2"]["rows"] == {"train": 4000, "validation": 872, "test": 1821}
    assert answer["sst2"]["columns"] == {
        "sentence": "Value('string')",
        "label": "ClassLabel(names=['negative', 'positive'])",
        "idx": "Value('int32')",
    }
    assert answer["sst2"]["first"]["idx"] == 0
    assert answer["hidden"] == [-1]
    assert list(answer["mnli"]["rows"]) == [
        "train",
        "validation_matched",
        "validation_mismatched",
        "test_matched",
        "test_mismatched",
    ]
    assert list(answer["mnli"]["columns"]) == ["premise", "hypothesis", "label", "idx"]
    assert answer["mnli"]["columns"]["label"] == "ClassLabel(names=['entailment', 'neutral', 'contradiction'])"
    assert answer["rte"]["rows"]["validation"] == 277
    assert answer["rte"]["columns"]["label"] == "ClassLabel(names=['entailment', 'not_entailment'])"

    assert answer["creators"] == [["machine-generated"], ["machine-generated"], ["synthetic"]]
    assert answer["description"] == "generated by windtunnel: sentences of a seeded grammar, not GLUE"
    assert hub.origin("nyu-mll/glue") == "generated"

    assert "sst2/train-00000-of-00001.parquet" in answer["tree"]
    assert "sst2" in answer["tree"]
    assert answer["paths"] == ["sst2", "README.md"]

    errors = answer["errors"]
    assert errors["config"].startswith("ValueError: BuilderConfig 'sst-2' not found. Available: ['ax', 'cola', 'mnli',")
    assert "Config name is missing" in errors["no config"]
    # the hub redirects it; this version of the client then cannot read the address that it makes of it
    assert errors["bare id"].startswith("HfUriError")
    assert errors["unknown"].startswith("DatasetNotFoundError: Dataset 'someone/their-data' doesn't exist on the Hub")
    assert errors["too little known"].startswith("DatasetNotFoundError")
    assert errors["script"] == "RuntimeError: Dataset scripts are no longer supported, but found conll2003.py"
    assert errors["gated"].endswith("is a gated dataset on the Hub. You must be authenticated to access it.")
    assert [(one.repo_type, one.repo_id) for one in hub.unknown] == [
        ("dataset", "someone/their-data"),
        ("dataset", "PolyAI/banking77"),
    ]
    assert "Revision 'v1' doesn't exist" in errors["revision"]

    kept_elsewhere = [path for path in (tmp_path / "user").rglob("*") if path.is_file()]
    assert kept_elsewhere == []
    assert (tmp_path / "hf" / "hub" / "datasets--nyu-mll--glue").is_dir()

    downloads = [request for request in hub.requests if request.method == "GET" and request.path.endswith(".parquet")]
    assert downloads[0] == ("GET", "dataset", "nyu-mll/glue", "sst2/train-00000-of-00001.parquet", 200, "")
    assert {request.status for request in hub.requests if request.repo_id == "glue"} == {307}
    refused = [request for request in hub.requests if request.repo_id == "someone/their-data"]
    assert {(request.status, request.code) for request in refused} == {(401, "RepoNotFound")}


def test_transformers_loads_both_models_and_runs_them(store: Path, run_client: Callable[[Hub, str], Any]) -> None:
    with Hub(store=store) as hub:
        answer = run_client(hub, MODELS)

    miniature = answer["microsoft/deberta-v3-base"]
    assert miniature["special"] == [0, 1, 2, 3, miniature["tokens"] - 1]
    assert miniature["embeddings"] == miniature["tokens"] + 99
    assert miniature["dtype"] == "torch.float16"
    assert miniature["decoded"] == "The acting isn't merely good: it's a triumph; naïve critics, 27% say."
    assert {
        "deberta.encoder.layer.1.attention.self.query_proj",
        "deberta.encoder.layer.1.attention.self.key_proj",
        "deberta.encoder.layer.1.attention.self.value_proj",
        "deberta.encoder.layer.1.attention.output.dense",
        "deberta.encoder.layer.1.intermediate.dense",
        "deberta.encoder.layer.1.output.dense",
        "pooler.dense",
        "classifier",
    } <= set(miniature["names"])
    assert not any(name.startswith("deberta.encoder.layer.2") for name in miniature["names"])
    assert miniature["missing"] == ["classifier.bias", "classifier.weight", "pooler.dense.bias", "pooler.dense.weight"]
    assert miniature["spread"] == pytest.approx(0.02, rel=0.05)
    assert answer["config"] == {
        "hidden_size": 768,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "num_hidden_layers": 2,
        "position_buckets": 256,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "type_vocab_size": 0,
        "max_position_embeddings": 512,
        "relative_attention": True,
    }

    minilm = answer["sentence-transformers/all-MiniLM-L6-v2"]
    assert (minilm["tokens"], minilm["embeddings"], minilm["dtype"]) == (30522, 30522, "torch.float32")
    for model in (miniature, minilm):
        assert model["unknown"] == 0
        assert (model["padding"], model["mask"]) == (0, 0)
        assert model["logits"] == [2, 3]
        assert model["finite"]

    assert "'no-such/model' is not in windtunnel's catalogue" in answer["unknown"]
    assert hub.failures == []


def test_a_served_folder_replaces_generated_rows(
    store: Path, tmp_path: Path, run_client: Callable[[Hub, str], Any], write_split: Callable[..., Path]
) -> None:
    data = tmp_path / "data"
    write_split(
        data / "sst2" / "validation.parquet", idx=[7, 9], sentence=["good ", "bad "], label=[1, 0], source=["a", "b"]
    )
    snli = tmp_path / "nli"
    write_split(snli / "snli" / "test.parquet", premise=["p", "q"], hypothesis=["h", "i"], label=[2, -1], idx=[0, 1])
    code = """
from datasets import load_dataset, load_dataset_builder
from huggingface_hub import DatasetCard, hf_hub_download

rows = load_dataset("nyu-mll/glue", "sst2")
answer["rows"] = {split: part.to_list() for split, part in rows.items()}
answer["label"] = repr(rows["validation"].features["label"])
answer["description"] = load_dataset_builder("nyu-mll/glue", "sst2").info.description
card = DatasetCard.load(hf_hub_download("nyu-mll/glue", "README.md", repo_type="dataset")).data
answer["creators"] = [card.language_creators, card.get("tags")]
answer["snli"] = load_dataset("stanfordnlp/snli", "plain_text", split="test").to_list()
for name, arguments in {"split": {"name": "sst2", "split": "train"}, "config": {"name": "mnli"}}.items():
    try:
        load_dataset("nyu-mll/glue", **arguments)
    except ValueError as error:
        answer[name] = str(error)
"""
    with Hub(store=store, serve={"nyu-mll/glue": data, "stanfordnlp/snli": snli}) as hub:
        answer = run_client(hub, code)
    assert answer["rows"] == {
        "validation": [{"sentence": "good ", "label": 1, "idx": 7}, {"sentence": "bad ", "label": 0, "idx": 9}]
    }
    assert answer["label"] == "ClassLabel(names=['negative', 'positive'])"
    assert answer["description"] == f"served by windtunnel from {data}: only the splits found there"
    assert answer["creators"] == [["found"], None]
    assert answer["snli"] == [
        {"premise": "p", "hypothesis": "h", "label": 2},
        {"premise": "q", "hypothesis": "i", "label": -1},
    ]
    assert answer["split"] == "Unknown split \"train\". Should be one of ['validation']."
    assert "Available: ['sst2']" in answer["config"]
    assert hub.origin("nyu-mll/glue") == f"served from {data}"
    assert hub.origin("no/such") is None


def test_the_real_splits_are_served_whole(store: Path, real_glue: Path, run_client: Callable[[Hub, str], Any]) -> None:
    code = """
from datasets import get_dataset_config_names, load_dataset

answer["configs"] = get_dataset_config_names("nyu-mll/glue")
for config in ("sst2", "mnli", "stsb"):
    answer[config] = {split: len(rows) for split, rows in load_dataset("nyu-mll/glue", config).items()}
answer["score"] = repr(load_dataset("nyu-mll/glue", "stsb", split="validation").features["label"])
answer["snli"] = {split: len(rows) for split, rows in load_dataset("stanfordnlp/snli", "plain_text").items()}
"""
    with Hub(store=store, serve={"nyu-mll/glue": real_glue, "stanfordnlp/snli": real_glue}) as hub:
        answer = run_client(hub, code)
    assert answer["configs"] == ["cola", "mnli", "mrpc", "qnli", "rte", "sst2", "stsb", "wnli"]
    assert answer["sst2"] == {"train": 67349, "validation": 872}
    assert answer["mnli"] == {"validation_matched": 9815}
    assert answer["stsb"] == {"train": 5749, "validation": 1500}
    assert answer["score"] == "Value('float32')"
    assert answer["snli"] == {"test": 9824, "validation": 9842}
    assert any("validation_mismatched_sample1000_tokenised.parquet ignored" in note for note in hub.notes)


def test_environment_replaces_what_the_user_has_set(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet")
    hub = Hub(store=store)
    environment = hub.environment(tmp_path / "home")
    hub.stop()
    assert environment["HF_ENDPOINT"] == hub.url
    assert environment["HF_TOKEN"] == ""
    assert environment["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    outside = {name: value for name, value in environment.items() if name.startswith("HF_") and value.startswith("/")}
    assert all(value.startswith(str(tmp_path / "home")) for value in outside.values())
    assert {"HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_TOKEN_PATH"} <= set(outside)


def test_serving_mistakes_are_refused_before_the_hub_starts(store: Path, tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="'nyu-mll/superglue' is not in the catalogue"):
        Hub(store=store, serve={"nyu-mll/superglue": tmp_path})


def test_a_taken_port_is_named(store: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(PortTakenError, match=str(listener.getsockname()[1])):
            Hub(store=store, port=listener.getsockname()[1])


def test_the_hub_process_never_imports_torch() -> None:
    code = "import sys, windtunnel.hub; print(sorted({'torch', 'transformers', 'datasets'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_store_that_cannot_be_written_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.write_text("a file where the folder should be")
    with Hub(store=store) as hub:
        answer = subprocess.run(
            [sys.executable, "-c", f"import urllib.request as u; u.urlopen('{hub.url}/api/datasets/nyu-mll/glue')"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert "HTTP Error 404" in answer.stderr
    assert len(hub.failures) == 1
    assert hub.failures[0].startswith("nyu-mll/glue could not be written to")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
