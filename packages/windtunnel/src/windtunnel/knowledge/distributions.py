"""What is known of Python distributions: which one an import name comes from, which ones exist, what they bring along.

Kept as data: no index is asked. A name that the tables do not have is unknown, not wrong: an index, the workspace or a
folder of wheels may well provide it.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from windtunnel.knowledge.needs import RUNTIME_NEEDS, Need
from windtunnel.knowledge.releases import impossible, is_before, latest_before, python_floor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = [
    "RUNTIME_NEEDS",
    "Need",
    "distribution_of",
    "impossible",
    "is_standard_library",
    "known",
    "latest_before",
    "meant_by",
    "modules_of",
    "provided_by",
    "python_floor",
]

# Never taken for known: where an index has one of them, it is not what is meant by it, or it refuses to be installed.
# Each with the distribution that is meant, "" where no index has it.
NOT_KNOWN = {
    "apex": "",  # NVIDIA's is built from source
    "attention": "",
    "clip": "openai-clip",
    "cv2": "opencv-python",
    "dgllib": "dgl",
    "dotenv": "python-dotenv",
    "glora": "",  # unrelated to the allocator of that name, which comes from a workspace or a wheel
    "google": "protobuf",
    "huggingface": "huggingface-hub",
    "hydra": "hydra-core",
    "opencv": "opencv-python",
    "pil": "pillow",
    "pytorch": "torch",  # its only file raises when it is built
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",  # raises when it is built since December 2023
    "yaml": "pyyaml",
}


def distribution_of(module: str) -> tuple[str, ...]:
    """The distributions, normalised, that provide an import name; the commonest first.

    Args:
        module: a dotted name is looked up from the longest part that the table has (``google.protobuf.message``).

    Returns:
        Empty where none on an index does; for a name that the table does not have, the name itself.
    """
    table = _object("modules")
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        found = table.get(".".join(parts[:length]))
        if isinstance(found, list):
            return tuple(canonicalize_name(name) for name in found)
    return (canonicalize_name(parts[0]),)


def modules_of(distribution: str) -> tuple[str, ...]:
    """The import names that a distribution provides; its own name with underscores where the table has none."""
    name = canonicalize_name(distribution)
    return _modules_by_distribution().get(name) or (name.replace("-", "_"),)


def is_standard_library(module: str) -> bool:
    """Whether an import name belongs to Python itself, as this Python has it (3.11 or later)."""
    return module.partition(".")[0] in sys.stdlib_module_names or module.partition(".")[0] in _FORMER_STANDARD_LIBRARY


def meant_by(distribution: str) -> str | None:
    """What a name that is often written for another distribution means; "" for none on an index, None if it is none."""
    return NOT_KNOWN.get(canonicalize_name(distribution))


def known(distribution: str) -> bool:
    """Whether a distribution is known to be on the public index."""
    name = canonicalize_name(distribution)
    return name in _names() and name not in NOT_KNOWN


def provided_by(distribution: str, *, as_of: date) -> frozenset[str]:
    """The distributions that installing one always brings along, directly or through others, normalised.

    Args:
        distribution: the one that is declared.
        as_of: the newest version of that day is taken.
    """
    found: set[str] = set()
    waiting: list[str] = [canonicalize_name(distribution)]
    while waiting:
        for name in _brought(waiting.pop(), as_of):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return frozenset(found)


# Gone from later Pythons than some of those that a submission may ask for (PEP 594, PEP 632).
_FORMER_STANDARD_LIBRARY = frozenset(
    {"aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils", "imghdr", "imp"}
    | {"mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd", "sunau", "telnetlib"}
    | {"uu", "xdrlib"}
)


def _brought(name: str, as_of: date) -> tuple[str, ...]:
    entry = _object("provided").get(name)
    if not isinstance(entry, dict):
        return ()
    newest = latest_before(name, as_of)
    earlier = (names for version, names in entry.get("before", {}).items() if newest and is_before(newest, version))
    return (*entry["brings"], *(one for names in earlier for one in names))


@cache
def _modules_by_distribution() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for module, names in _object("modules").items():
        for name in names if isinstance(names, list) else ():
            found.setdefault(canonicalize_name(name), []).append(module)
    return {name: tuple(modules) for name, modules in found.items()}


@cache
def _names() -> frozenset[str]:
    text = (resources.files(__name__.rpartition(".")[0]) / "data" / "names.txt").read_text(encoding="ascii")
    return frozenset(text.split())


@cache
def _object(name: str) -> Mapping[str, Any]:
    text = (resources.files(__name__.rpartition(".")[0]) / "data" / f"{name}.json").read_text(encoding="utf-8")
    data: Mapping[str, Any] = json.loads(text)
    return data
