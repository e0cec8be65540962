"""What kind of defect a crash is, told by its exception and its message; kept by hand, first match counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windtunnel.evidence import Crash

_ANY = re.compile("")


@dataclass(frozen=True)
class CrashKind:
    """A kind of crash.

    Attributes:
        name: of the kind.
        exception: pattern that the exception's dotted name must have.
        message: pattern that the message must have.
        library: pattern that the innermost frame outside the repository must have.
    """

    name: str
    exception: re.Pattern[str] = _ANY
    message: re.Pattern[str] = _ANY
    library: re.Pattern[str] = _ANY


def _kind(name: str, exception: str = "", message: str = "", library: str = "") -> CrashKind:
    return CrashKind(name, *(re.compile(text, re.IGNORECASE) for text in (exception, message, library)))


# what only an accelerator would take: the libraries' own words where there is none
_ACCELERATOR = (
    _kind("accelerator", message="not compiled with CUDA|No CUDA GPUs? (are|is) available|Found no NVIDIA driver"),
    _kind("accelerator", message="no CUDA-capable device|CUDA (error|driver|initialization|is not available)|libcuda"),
    _kind("accelerator", message="(requires?|needs?|without) (a |an )?(CUDA|GPU|NVIDIA)|GPU is required|no GPU found"),
    _kind("accelerator", message="on a CUDA device but torch.cuda.is_available|Invalid device string: 'cuda"),
    _kind("accelerator", message="flash.?att(n|ention)|FlashAttention"),
    _kind("accelerator", message="not implemented for '(Half|BFloat16)'|(bf16|fp16).{0,60}(gpu|cuda)"),
    _kind("accelerator", message="bitsandbytes.{0,200}(cuda|gpu)|(cuda|gpu).{0,200}bitsandbytes"),
    _kind("accelerator", message="NCCL|triton.{0,80}(driver|gpu|active)|0 active drivers"),
    _kind("accelerator", exception="AssertionError|RuntimeError", message="^Torch not|cuda runtime|cudnn"),
    _kind("accelerator", message="to be on the same GPU|tensors to not be on a GPU"),
    _kind("accelerator", library=r"torch/cuda/__init__\.py|bitsandbytes/"),
)

KINDS = (
    *_ACCELERATOR,
    _kind("gated", message="gated repo|GatedRepo|Access to (model|dataset) .* is restricted|is a gated"),
    _kind(
        "hub",
        exception="DatasetNotFoundError|RepositoryNotFoundError|RevisionNotFoundError|EntryNotFoundError|HFValidation",
    ),
    _kind("hub", message="is not a local folder and is not a valid model identifier|Repository Not Found"),
    _kind("hub", message="Dataset scripts are no longer supported|Config name is missing|BuilderConfig .* not found"),
    _kind("hub", message="doesn't exist on the Hub|Unknown split|trust_remote_code"),
    _kind("configuration", exception=r"omegaconf\.|hydra\.|ConfigCompositionException|OverrideParseException"),
    _kind("configuration", message="is not in struct|Missing mandatory value|Could not (load|find|override)"),
    _kind("configuration", exception="yaml|ScannerError|ParserError|ConstructorError"),
    _kind("syntax", exception="SyntaxError|IndentationError|TabError"),
    _kind("import", exception="ModuleNotFoundError|ImportError"),
    _kind("import", message="requires? the .{1,40} (library|package)|pip install"),
    _kind("adapter", message="Target modules? .* not (found|supported)|target_modules"),
    _kind("adapter", library="peft/"),
    _kind("interface", exception="TypeError", message="unexpected keyword|positional argument|missing \\d+ required"),
    _kind("interface", exception="AttributeError", message="has no attribute"),
    _kind("interface", exception="TypeError|NotImplementedError"),
    _kind("autograd", message="does not require grad|backward through the graph|inplace operation|a leaf Variable"),
    _kind("autograd", library="torch/(autograd|_tensor)"),
    _kind("memory", exception="OutOfMemoryError|MemoryError", message=""),
    _kind("memory", message="out of memory|can't allocate memory|Cannot allocate memory"),
    _kind("device", message="same device|at least two devices|expected scalar type|same dtype"),
    _kind("device", message="GradScaler|unscale|autocast"),
    _kind("shape", message="size of tensor|shapes? cannot be multiplied|shape '|size mismatch|dimension|out of range"),
    _kind("shape", message="must match the size|Expected (input|target|tensor)|mat1 and mat2|stack expects"),
    _kind("data", message="Unable to create tensor|excessive nesting|padding token|pad.?token|Columns? .* (not|n't)"),
    _kind("data", library="(datasets|transformers/(tokenization|data|processing))/"),
    _kind("tracking", exception=r"wandb\.", message=""),
    _kind("tracking", library="wandb/"),
    _kind("tuning", library="optuna/"),
    _kind("file", exception="FileNotFoundError|NotADirectoryError|IsADirectoryError|PermissionError"),
    _kind("network", exception="ConnectionError|ConnectTimeout|URLError|gaierror|MaxRetryError|ProxyError"),
    _kind("network", message="Temporary failure in name resolution|Network is unreachable|Max retries exceeded"),
    _kind("data", exception="KeyError"),
    _kind("number", message="nan|inf\\b|divi(de|sion) by zero", exception="ZeroDivision|ValueError|FloatingPoint"),
)  # fmt: skip
OTHER = "other"


def kind_of(crash: Crash, *, accelerator: bool = False) -> str:
    """Return the name of a crash's kind, "other" if none fits.

    Args:
        crash: the crash.
        accelerator: whether there was a GPU, so that the lack of one explains nothing.
    """
    text = "\n".join((crash.message, *crash.chain))
    for kind in KINDS[len(_ACCELERATOR) :] if accelerator else KINDS:
        if kind.exception.search(crash.exception) and kind.library.search(crash.library):
            told = text if kind.name in {"accelerator", "gated", "hub"} else crash.message
            if kind.message.search(told):
                return kind.name
    return OTHER
