"""Who asks for a part of a configuration: the repository, a library, or Hydra for itself."""

from __future__ import annotations

from . import places
from .text import shown

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_kinds: dict[str, str] = {}


class Asker:
    """Who made an access.

    Args:
        kind: "repository", "library", "hydra" or "omegaconf".
        place: the innermost line of the repository.
    """

    __slots__ = ("kind", "place")

    def __init__(self, kind: str, place: str) -> None:
        self.kind = kind
        self.place = place

    @property
    def repository(self) -> bool:
        """Whether a line of the repository asked, by itself or through ``hydra.utils.instantiate``."""
        return self.kind == "repository"

    @property
    def library(self) -> bool:
        """Whether a library asked that code of the repository had called."""
        return self.kind == "library" and bool(self.place)

    @property
    def hydra(self) -> bool:
        """Whether Hydra or OmegaConf asked for purposes of their own."""
        return self.kind in {"hydra", "omegaconf"}


def asker(frame: Any) -> Asker:
    """Return who asked, from the frame that made the access."""
    while frame is not None:
        filename = frame.f_code.co_filename
        kind = _kinds.get(filename)
        if kind is None:
            kind = _kinds[filename] = _kind(filename)
        if kind == "between":
            frame = frame.f_back
            continue
        if kind == "repository":
            return Asker(kind, f"{places.relative(filename)}:{frame.f_lineno}")
        return Asker(kind, places.here(frame) if kind == "library" else "")
    return Asker("library", "")


def _kind(filename: str) -> str:
    if places.relative(filename):
        return "repository"
    # `update`, `values`: a mapping's methods that are made of others; and what makes objects of a configuration
    if "_collections_abc" in filename or "/hydra/_internal/instantiate" in filename or "/hydra/utils" in filename:
        return "between"
    if "/omegaconf/" in filename or "/antlr4/" in filename:
        return "omegaconf"
    if "/hydra/" in filename or "/hydra_plugins/" in filename:
        return "hydra"
    return "library"


def calls(frame: Any) -> bool:
    """Whether a frame is in the midst of a call, such as ``getattr(cfg, "x", 1)``, not of ``cfg.x``."""
    import opcode  # noqa: PLC0415  # only where a key is missing

    code = frame.f_code.co_code
    return 0 <= frame.f_lasti < len(code) and "CALL" in opcode.opname[code[frame.f_lasti]]


def default_of(frame: Any) -> str:
    """Return what the call that a frame is at gives for a missing attribute, as it is written.

    It is the third argument of ``getattr``, and False for ``hasattr``; on Python 3.10 and before, and where the call
    cannot be told from others, the line of code.
    """
    import ast  # noqa: PLC0415  # only where a key is missing

    text = _source(frame)
    try:
        call: Any = ast.parse(text, mode="eval").body
        if call.func.id == "hasattr":
            return "False"
        return ast.unparse(call.args[2])
    except (SyntaxError, AttributeError, IndexError, ValueError):
        return text


def _source(frame: Any) -> str:
    """Return the text of the expression that a frame is at, or of its line."""
    import linecache  # noqa: PLC0415

    line: str = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    positions = getattr(frame.f_code, "co_positions", None)
    if positions is not None:
        for number, (start, end, first, last) in enumerate(positions()):
            if number == frame.f_lasti // 2 and start == end and first is not None and last is not None:
                return shown(line.encode()[first:last].decode("utf-8", "replace"))
    return shown(line.strip())
