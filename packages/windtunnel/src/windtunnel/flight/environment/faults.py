"""Why uv could not make an environment: the repository's fault, or something that leaves the question open."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from windtunnel.evidence import Trouble

if TYPE_CHECKING:
    from pathlib import Path

_KEPT_LINES = 12
_NOISE = ("warning:", "hint: Pre-releases")
# what uv says when it is not the repository that is at fault
_OPEN = (
    (re.compile(r"CUDA_HOME|nvcc|flash[-_]attn|no CUDA", re.IGNORECASE),
     "a package can only be built where there is a GPU's compiler", "review on a machine with an accelerator"),
    (re.compile(r"client error|error sending request|timed? ?out|dns|certificate|connection", re.IGNORECASE),
     "the package index cannot be reached", "look after the network, and review again"),
    (re.compile(r"No space left on device", re.IGNORECASE), "the disk is full", "free some space, and review again"),
    (re.compile(r"Permission denied", re.IGNORECASE),
     "a folder cannot be written", "mend its permissions, and review again"),
    (re.compile(r"(was|were) not found in the package registry", re.IGNORECASE),
     "no index has one of the packages", "name the index or the wheel: UV_INDEX, UV_FIND_LINKS"),
    (re.compile(r"no wheels with a matching|no wheel.*platform|has no usable wheels", re.IGNORECASE),
     "a package has nothing for this machine", "review on a machine of the kind that it is meant for"),
)  # fmt: skip
_NAME = re.compile(r"(?:Because|because|and|of) `?([A-Za-z0-9][\w.-]*)`?(?:\[[^\]]*\])?\s*(?:==|>=|<=|~=|<|>|was)")


def trouble_of(said: str, manifest: Path) -> Trouble:
    """Return what a failed call of uv means.

    Args:
        said: its error output.
        manifest: the project's ``pyproject.toml``.
    """
    lines = [line.rstrip() for line in said.splitlines() if line.strip() and not line.startswith(_NOISE)]
    evidence = "\n".join(lines[:_KEPT_LINES])
    line = _line_of(evidence, manifest)
    for pattern, message, fix in _OPEN:
        if pattern.search(said):
            return Trouble(
                "undecided", f"the environment cannot be made: {message}", fix, evidence, "pyproject.toml", line
            )
    first = next((text.split(":", 1)[-1].strip() for text in lines if "cause:" in text or "error:" in text), "")
    causes = [text.split("cause:", 1)[1].strip() for text in lines if "cause:" in text]
    return Trouble(
        "install",
        f"the project's dependencies cannot be installed: {causes[-1] if causes else first or 'uv says no more'}",
        "mend [project] dependencies in pyproject.toml until `uv sync` installs them",
        evidence,
        "pyproject.toml",
        line,
    )


def malformed(manifest: Path) -> Trouble | None:
    """Return the first dependency that is no requirement; uv would take the whole file for one it must build."""
    try:
        text = manifest.read_text(encoding="utf-8")
        listed = tomllib.loads(text).get("project", {}).get("dependencies", [])
    except (OSError, ValueError, AttributeError):
        return None  # uv says what is wrong with it, and where
    for item in listed if isinstance(listed, list) else ():
        try:
            Requirement(item)
        except (InvalidRequirement, TypeError) as error:
            line = next((number for number, told in enumerate(text.splitlines(), 1) if str(item) in told), 0)
            return Trouble(
                "install",
                f"the project's dependencies cannot be installed: {item!r} is no requirement "
                f"({str(error).splitlines()[0]})",
                "write it as PEP 508 has it, such as 'torch>=2.6'",
                str(item),
                "pyproject.toml",
                line,
            )
    return None


def _line_of(said: str, manifest: Path) -> int:
    """The line of the requirement that uv names, 0 if it names none that is there."""
    if (told := re.search(r"at line (\d+), column", said)) is not None:
        return int(told[1])
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return 0
    for name in _NAME.findall(said):
        for number, line in enumerate(lines, 1):
            if re.search(rf"[\"']{re.escape(name)}\b", line):
                return number
    return 0
