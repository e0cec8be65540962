"""Make ``knowledge/data/architectures.json``: the modules of each model family by name, from transformers itself.

    python scripts/make_architectures.py [--check]

Names changed between the major versions of transformers, so the table has a part for each: run the script once where
version 4 is installed, then where version 5 is. Every family is built with two layers on the meta device: no weights,
no network. ``--check`` writes nothing and says which families differ from the installed version.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import sys
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers.models.auto import modeling_auto
from transformers.pytorch_utils import Conv1D

DATA = Path(__file__).parents[1] / "packages/windtunnel/src/windtunnel/knowledge/data/architectures.json"

# What makes a model of two layers, for the families that call it something else or need more than that said.
FEW_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers", "encoder_layers", "decoder_layers")
SETTINGS: dict[str, dict[str, Any]] = {
    "bloom": {"hidden_size": 64, "n_head": 2},
    "deberta": {"relative_attention": True, "pos_att_type": "c2p|p2c", "max_relative_positions": -1},
    "deberta-v2": {
        "relative_attention": True, "pos_att_type": "p2c|c2p", "position_buckets": 256, "share_att_key": True,
        "norm_rel_ebd": "layer_norm", "position_biased_input": False, "type_vocab_size": 0,
    },
    "falcon": {"new_decoder_architecture": True},
    "gpt_neo": {"num_layers": 2, "attention_types": [[["global", "local"], 1]]},
    "dinov2": {"num_hidden_layers": 2},
    "resnet": {"depths": [2, 2, 2, 2]},
    "convnext": {"depths": [2, 2, 2, 2]},
    "convnextv2": {"depths": [2, 2, 2, 2]},
    "swin": {"depths": [2, 2, 2, 2]},
    "mixtral": {"num_local_experts": 2},
    "qwen2_moe": {"num_experts": 4},
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2},
    "wav2vec2": {"do_stable_layer_norm": False},
}  # fmt: skip
FAMILIES = (
    "albert", "bart", "beit", "bert", "bloom", "camembert", "clip", "codegen", "convnext", "convnextv2", "deberta",
    "deberta-v2", "deit", "dinov2", "distilbert", "electra", "ernie", "falcon", "gemma", "gemma2", "gemma3_text",
    "gpt2", "gpt_neo", "gpt_neox", "gptj", "hubert", "llama", "longformer", "mbart", "mistral", "mixtral",
    "mobilebert", "modernbert", "mpnet", "mpt", "mt5", "olmo", "olmo2", "opt", "pegasus", "phi", "phi3", "qwen2",
    "qwen2_moe", "qwen3", "qwen3_moe", "resnet", "roberta", "smollm3", "stablelm", "swin", "t5", "umt5", "vit",
    "wav2vec2", "whisper", "xlm-roberta", "xlnet",
)  # fmt: skip
HEADS = {
    "CausalLM": modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    "MaskedLM": modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    "Seq2SeqLM": modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    "SequenceClassification": modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    "TokenClassification": modeling_auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES,
    "QuestionAnswering": modeling_auto.MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES,
    "MultipleChoice": modeling_auto.MODEL_FOR_MULTIPLE_CHOICE_MAPPING_NAMES,
    "ImageClassification": modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES,
    "AudioClassification": modeling_auto.MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES,
    "CTC": modeling_auto.MODEL_FOR_CTC_MAPPING_NAMES,
    "SpeechSeq2Seq": modeling_auto.MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES,
}

MAIN_HEADS = (
    "Seq2SeqLM",
    "SpeechSeq2Seq",
    "CausalLM",
    "SequenceClassification",
    "ImageClassification",
    "CTC",
)  # in order
NOT_DECODERS = ("xlnet",)
WITHOUT_HEADS = ("clip",)  # its head is on one of two towers
FIRST = "4"  # the major version whose families are kept whole; of later ones only those that differ


def main() -> int:
    """Write the part of the table that the installed transformers says, or with ``--check`` compare it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a family differs")
    check = parser.parse_args().check
    made = {family: architecture(family) for family in FAMILIES}
    kept = json.loads(DATA.read_text(encoding="utf-8")) if DATA.exists() else {"sources": {}, "families": {}}
    major = transformers.__version__.partition(".")[0]
    if check:
        known = {**kept["families"][FIRST], **kept["families"].get(major, {})}
        different = [family for family in FAMILIES if made[family] != known.get(family)]
        for family in different:
            sys.stdout.write(f"{family}: {sorted(_changes(known.get(family), made[family]))}\n")
        return 1 if different else 0
    first = kept["families"].get(FIRST, {})
    kept["sources"][major] = f"transformers {transformers.__version__}"
    kept["families"][major] = {
        family: facts for family, facts in made.items() if major == FIRST or facts != first.get(family)
    }
    DATA.write_text(_written(kept), encoding="utf-8")
    return 0


def _written(table: dict[str, Any]) -> str:
    """The table as JSON with a line per family, so that a change reads as one."""
    parts = []
    for major, families in sorted(table["families"].items()):
        rows = ",\n".join(f"{json.dumps(family)}: {json.dumps(facts)}" for family, facts in families.items())
        parts.append(f"{json.dumps(major)}: {{\n{rows}\n}}")
    inside = ",\n".join(parts)
    return f'{{"sources": {json.dumps(table["sources"])},\n"families": {{\n{inside}\n}}}}\n'


def _changes(kept: dict[str, Any] | None, made: dict[str, Any]) -> set[str]:
    one, other = (kept or {}).get("modules", {}), made["modules"]
    modules = {path for path in {*one, *other} if one.get(path) != other.get(path)}
    rest = {key for key in made if key != "modules" and made[key] != (kept or {}).get(key)}
    return {f"{path}: {one.get(path)} -> {other.get(path)}" for path in modules} | rest


def architecture(family: str) -> dict[str, Any]:
    """The modules, the class of a block and the task heads of a family."""
    config = transformers.CONFIG_MAPPING[family]()
    for name, value in (
        *((name, 2) for name in FEW_LAYERS if hasattr(config, name)),
        *SETTINGS.get(family, {}).items(),
    ):
        setattr(config, name, value)
    for part in ("text_config", "vision_config"):
        if hasattr(config, part):
            getattr(config, part).num_hidden_layers = 2
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:2]
    two_stacks = bool(config.is_encoder_decoder)
    with torch.device("meta"):
        base = transformers.AutoModel.from_config(copy.deepcopy(config))
        heads = {
            head: _with_head(names[family], copy.deepcopy(config))
            for head, names in HEADS.items()
            if family in names and family not in WITHOUT_HEADS
        }
    own = {path: _kind(module) for path, module in base.named_modules() if path}
    modules: dict[str, str] = {}
    placed: set[str] = set()  # what has its name with a head in front of it: `encoder.layer` as `bert.encoder.layer`
    for head in (*sorted(heads, key=_standing), None):
        new: set[str] = set()
        for path, module in (heads[head] if head else base).named_modules():
            rest = _inside(path, own)
            if rest and rest not in placed:
                modules.setdefault(_folded(path), _kind(module))
                new.add(rest)
            elif path and rest is None:
                around = any(one.startswith(path + ".") for one in modules) or path == base.base_model_prefix
                modules.setdefault(_folded(path), "container" if around else f"{_kind(module)}@head")
        placed |= new
    return {
        "block_class": _block_class(base),
        "heads": sorted(heads),
        "is_decoder": "CausalLM" in heads and "MaskedLM" not in heads and not two_stacks and family not in NOT_DECODERS,
        "is_encoder_decoder": two_stacks,
        "modules": modules,
    }


def _standing(head: str) -> int:
    """The head whose names count comes first: models of one family name their inside differently."""
    return MAIN_HEADS.index(head) if head in MAIN_HEADS else len(MAIN_HEADS)


def _inside(path: str, own: dict[str, str]) -> str | None:
    """The name that a module of a model with a head has in the model without; None if only the head brings it."""
    parts = path.split(".")
    for start in range(min(3, len(parts))):
        if (rest := ".".join(parts[start:])) in own:
            return rest
    return None


def _with_head(class_name: str | tuple[str, ...], config: Any) -> nn.Module:
    name = class_name if isinstance(class_name, str) else class_name[0]
    model: nn.Module = getattr(transformers, name)(config)
    return model


def _folded(path: str) -> str:
    return re.sub(r"(?<=\.)\d+(?=\.|$)|^\d+(?=\.)", "*", path)


def _kind(module: nn.Module) -> str:
    name = type(module).__name__
    if isinstance(module, nn.Linear | Conv1D):
        return "linear"
    if isinstance(module, nn.Embedding):
        return "embedding"
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        return "conv"
    if "Norm" in name:
        return "norm"
    return "container" if any(True for _ in module.children()) else "other"


def _block_class(model: nn.Module) -> str:
    """The class of the first list of layers that hold matrices."""
    for one in model.modules():
        if isinstance(one, nn.ModuleList | nn.Sequential) and len(one):
            name = type(one[0]).__name__
            if re.search(r"(Layer|Block)$", name) and any(_kind(module) == "linear" for module in one[0].modules()):
                return name
    return ""


if __name__ == "__main__":
    sys.exit(main())
