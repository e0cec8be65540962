"""Which libraries have a table, which of their modules are in it, and the days whose newest versions are."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# of each of these days the newest version of a library is in its table
DAYS = (date(2023, 12, 1), date(2024, 12, 1), date(2025, 6, 1), date(2025, 12, 1), date(2026, 6, 1), date(2026, 11, 25))
PYTHON = "3.11"  # versions that need a newer one are left out
LINUX = "x86_64-manylinux_2_28"
MACOS = "aarch64-apple-darwin"


@dataclass(frozen=True)
class Plan:
    """A library.

    Attributes:
        library: the import root.
        distribution: the name that the package index has for it.
        exclude: patterns of modules that are left out; their names are in the table where others re-export them.
        include: patterns of modules that are taken nevertheless.
        names_only: patterns of modules of whose definitions only the names are kept, unless they are in ``include``.
        closed: modules that make names in loops; all these names are known from stubs.
        platform: for which the wheel is fetched.
        whole_stubs: classes whose stubs name all their attributes; other stubs leave some out.
        open_names: of modules and classes, patterns of names that exist in some versions or builds.
        alias_of: second names of parameters, which the stubs leave out.
        vague: functions that accept what their stubs do not say.
        allowed: the versions that count; others are as if never released.
    """

    library: str
    distribution: str
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    names_only: tuple[str, ...] = ()
    closed: frozenset[str] = frozenset()
    platform: str = LINUX
    whole_stubs: frozenset[str] = frozenset()
    open_names: Mapping[str, str] = field(default_factory=dict)
    alias_of: Mapping[str, str] = field(default_factory=dict)
    vague: frozenset[str] = frozenset()
    allowed: str = ""


POPULAR_MODELS = (
    "albert", "auto", "bart", "bert", "big_bird", "blip", "clip", "deberta", "deberta_v2", "deit", "distilbert",
    "electra", "falcon", "gemma", "gemma2", "gemma3", "gpt2", "gpt_neo", "gpt_neox", "llama", "longformer", "mamba",
    "mistral", "mixtral", "mobilebert", "mpnet", "opt", "phi", "phi3", "qwen2", "qwen2_moe", "qwen2_vl", "qwen3",
    "resnet", "roberta", "segformer", "squeezebert", "swin", "t5", "vit", "wav2vec2", "whisper", "xlm_roberta",
    "xlnet",
)  # fmt: skip

# their modules for PyTorch; those for TensorFlow and Flax are left out
MODEL_MODULES = (
    "", ".modeling_{}", ".configuration_{}", ".tokenization_{}", ".tokenization_{}_fast", ".feature_extraction_{}",
    ".processing_{}", ".image_processing_{}", ".image_processing_{}_fast",
)  # fmt: skip


def _below(package: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{package}.{name}" for name in names)


PLANS = (
    Plan("accelerate", "accelerate", _below("accelerate", "commands*", "test_utils*")),
    Plan("bitsandbytes", "bitsandbytes", _below("bitsandbytes", "research*", "backends*")),
    Plan("datasets", "datasets", _below("datasets", "commands*", "packaged_modules*")),
    Plan("evaluate", "evaluate", _below("evaluate", "commands*")),
    Plan("huggingface_hub", "huggingface-hub", _below("huggingface_hub", "cli*", "commands*", "inference.*")),
    Plan("hydra", "hydra-core", _below("hydra", "grammar*", "test_utils*", "extra*")),
    Plan("matplotlib", "matplotlib", _below("matplotlib", "backends.*", "sphinxext*")),
    Plan(
        "numpy",
        "numpy",
        _below("numpy", "*"),
        _below("numpy", "linalg", "random", "fft", "typing", "lib", "exceptions", "testing"),
    ),
    Plan("omegaconf", "omegaconf", _below("omegaconf", "grammar*"), allowed="<2.4"),  # hydra-core admits no other
    Plan("optuna", "optuna", _below("optuna", "storages.*.*", "multi_objective*")),
    Plan("pandas", "pandas", _below("pandas", "*"), _below("pandas", "api.*", "io.json", "plotting", "errors")),
    Plan("peft", "peft"),
    Plan("safetensors", "safetensors"),
    Plan("scipy", "scipy", _below("scipy", "*.*"), _below("scipy", "stats.*")),
    Plan("seaborn", "seaborn", _below("seaborn", "external*", "colors*")),
    Plan("sentence_transformers", "sentence-transformers"),
    Plan("sklearn", "scikit-learn", _below("sklearn", "externals*", "*.*.*")),
    Plan("timm", "timm", ("timm.models.*",), _below("timm.models", "vision_transformer", "resnet"), ("timm.models.*",)),
    Plan("tokenizers", "tokenizers", _below("tokenizers", "tools*")),
    Plan(
        "torch",
        "torch",
        _below(
            "torch", "ao*", "backends.*", "bin*", "contrib*", "distributed.*.*", "export*", "fx*", "headeronly*",
            "include*", "jit.*", "lib*", "masked*", "nativert*", "nested*", "nn.intrinsic*", "nn.qat*", "nn.quantiz*",
            "numa*", "onnx.*", "package*", "quantization*", "share*", "utils.*.*",
        ),
        _below("torch", "utils.data.*", "utils.tensorboard.*", "distributed.fsdp", "distributed.algorithms"),
        closed=frozenset({"torch"}),
        platform=MACOS,
        whole_stubs=frozenset({"torch._C.TensorBase"}),
        open_names={
            "torch": "[A-Z]* *autocast* *_tf32 int? uint? bit bits* cpp float?_* float??",
            "torch._C.TensorBase": "cdouble cfloat const_data_ptr name volatile ipu xla hpu mtia vulkan is_xla is_ipu",
            "torch.backends": "m",
            "torch.cuda": "*Tensor",
            "torch.cuda.sparse": "*",
            "torch.monitor": "*",
            "torch.sparse": "*Tensor",
        },
        alias_of={"dim": "axis", "keepdim": "keepdims"},  # NumPy's names, see python_arg_parser.cpp
        # with a factor before a tensor, see tools/autograd/deprecated.yaml
        vague=frozenset({"add", "addbmm", "addmm", "addmv", "addr", "baddbmm", "addcmul", "addcdiv", "sub"}),
    ),
    Plan("torchaudio", "torchaudio", _below("torchaudio", "prototype*", "lib*")),
    Plan("torchvision", "torchvision", _below("torchvision", "prototype*", "models.*.*")),
    Plan("tqdm", "tqdm"),
    Plan(
        "transformers",
        "transformers",
        _below(
            "transformers", "models", "models.*", "benchmark*", "cli*", "commands*", "generation.*.*", "kernels*",
            "onnx*", "sagemaker*", "testing_utils", "utils.dummy*",
        ),
        _below("transformers.models", *(name + part.format(name) for name in POPULAR_MODELS for part in MODEL_MODULES)),
        _below("transformers", "models.*", "modeling_tf*", "modeling_flax*", "*.tf_*", "*.flax_*"),
    ),
    Plan("trl", "trl", _below("trl", "scripts*", "cli*", "experimental.*.*")),
    Plan(
        "wandb",
        "wandb",
        _below(
            "wandb", "agents*", "analytics*", "apis.*", "automations*", "bin*", "cli*", "docker*", "filesync*", "old*",
            "proto*", "sdk.*", "sklearn.*", "sync*", "vendor*",
        ),
    ),
)  # fmt: skip
COVERED = frozenset(plan.library for plan in PLANS)
