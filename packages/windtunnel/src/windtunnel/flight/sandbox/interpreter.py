"""What an environment reads from outside its own folder: sources that were installed as editable."""

from __future__ import annotations

import ast
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIXES = ("", ".py", ".so", ".pyd")


def site_packages(prefix: Path, base_prefix: Path) -> list[Path]:
    """Return the folders in which an environment's packages lie, those of its base too if it uses them.

    Args:
        prefix: its ``sys.prefix``.
        base_prefix: its ``sys.base_prefix``.
    """
    roots = [prefix]
    with suppress(OSError, UnicodeDecodeError):
        settings = (prefix / "pyvenv.cfg").read_text(encoding="utf-8")
        if "include-system-site-packages=true" in settings.lower().replace(" ", ""):
            roots.append(base_prefix)
    patterns = [
        f"{library}/python3*/{name}" for library in ("lib", "lib64") for name in ("site-packages", "dist-packages")
    ]
    found = [path for root in roots for pattern in patterns for path in sorted(root.glob(pattern)) if path.is_dir()]
    return list({path.resolve(): path for path in reversed(found)}.values())[::-1]


def editable_sources(prefix: Path, base_prefix: Path) -> list[Path]:
    """Return the files and folders outside an environment that its packages are imported from.

    They are found in ``.pth`` files (site.html), in the finders that setuptools writes, and, for build backends with
    loaders of their own, in ``direct_url.json`` (PEP 610), which names the project's whole folder.

    Args:
        prefix: its ``sys.prefix``.
        base_prefix: its ``sys.base_prefix``.
    """
    sources: list[Path] = []
    projects: list[Path] = []
    for folder in site_packages(prefix, base_prefix):
        for path in sorted(folder.glob("*.pth")):
            sources += _path_file(path)
        for path in sorted(folder.glob("__editable__*finder.py")):
            sources += _finder(path)
        for path in sorted(folder.glob("*.dist-info/direct_url.json")):
            projects += _direct_url(path)
    inside = (prefix.resolve(), base_prefix.resolve())
    outside = [path for path in sources if not any(path.resolve().is_relative_to(root) for root in inside)]
    outside += [root for root in projects if not any(path.resolve().is_relative_to(root.resolve()) for path in outside)]
    return list(dict.fromkeys(outside))


def _path_file(path: Path) -> Iterator[Path]:
    """Yield the existing paths of a ``.pth`` file; its lines of code are passed over."""
    for line in _text(path).splitlines():
        line = line.rstrip()  # noqa: PLW2901
        if line and not line.startswith(("#", "import ", "import\t")):
            target = path.parent / line
            if target.exists():
                yield target


def _finder(path: Path) -> Iterator[Path]:
    """Yield what the ``MAPPING`` and the ``NAMESPACES`` of a setuptools finder name."""
    try:
        tree = ast.parse(_text(path))
    except (SyntaxError, ValueError):
        return
    for node in tree.body:
        target = (
            node.target
            if isinstance(node, ast.AnnAssign)
            else node.targets[0]
            if isinstance(node, ast.Assign)
            else None
        )
        if not isinstance(target, ast.Name) or target.id not in {"MAPPING", "NAMESPACES"}:
            continue
        try:
            mapping = ast.literal_eval(node.value)  # type: ignore[attr-defined]  # both kinds of assignment have one
        except ValueError:
            continue
        values = mapping.values() if isinstance(mapping, dict) else ()
        for value in values:
            # a module stands there without its suffix, a namespace with all its folders
            for name in value if isinstance(value, list) else (value,):
                yield from (Path(f"{name}{suffix}") for suffix in _SUFFIXES if Path(f"{name}{suffix}").exists())


def _direct_url(path: Path) -> Iterator[Path]:
    try:
        content = json.loads(_text(path))
    except ValueError:
        return
    if not isinstance(content, dict) or not isinstance(content.get("dir_info"), dict):
        return
    url = urlsplit(str(content.get("url", "")))
    if content["dir_info"].get("editable") is True and url.scheme == "file":
        folder = Path(unquote(url.path))
        if folder.is_dir():
            yield folder


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
