"""Keep ``knowledge/data/names.txt``: the distributions that the reviewer knows to be on the public index.

    python scripts/make_distributions.py                      normalise, sort, and add what the other tables mention
    python scripts/make_distributions.py --against LIST       the same, and drop what a list of the index does not have
    python scripts/make_distributions.py --add LIST           the same, and add what such a list has

LIST is a file of one's own: names, one a line or the first of tab-separated columns, or the JSON of
https://github.com/hugovk/top-pypi-packages. Nothing is looked up here, and the same input gives the same file.
``releases.json`` beside it is kept by hand: the day of each feature release, as the index gives it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from windtunnel.knowledge.distributions import NOT_KNOWN, RUNTIME_NEEDS

DATA = Path(__file__).parents[1] / "packages/windtunnel/src/windtunnel/knowledge/data"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def main() -> int:
    """Write the names; with ``--against`` say on stderr which were dropped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, metavar="LIST", help="drop the names that it does not have")
    parser.add_argument("--add", type=Path, metavar="LIST", help="add the names that it has")
    arguments = parser.parse_args()
    names = {canonicalize_name(name) for name in (DATA / "names.txt").read_text(encoding="ascii").split()} | mentioned()
    if arguments.add:
        names |= listed(arguments.add)
    if arguments.against:
        missing = names - listed(arguments.against)
        sys.stderr.write(f"dropped {len(missing)}: {' '.join(sorted(missing))}\n")
        names -= missing
    kept = sorted(name for name in names - NOT_KNOWN.keys() if NAME.fullmatch(name))
    (DATA / "names.txt").write_text("".join(f"{name}\n" for name in kept), encoding="ascii")
    sys.stderr.write(f"{len(kept)} names\n")
    return 0


def mentioned() -> set[str]:
    """The names that the other tables mention."""
    modules, provided, releases = (_read(name) for name in ("modules", "provided", "releases"))
    found = {name for names in modules.values() if isinstance(names, list) for name in names}
    for name, entry in provided.items():
        if isinstance(entry, dict):
            found |= {name, *entry["brings"], *(one for names in entry.get("before", {}).values() for one in names)}
    found |= {*releases["releases"], *releases["newest"]}
    needs = {name for need in RUNTIME_NEEDS for name in need.needs}
    return {canonicalize_name(name) for name in found | needs}


def listed(file: Path) -> set[str]:
    """The names of a list."""
    text = file.read_text(encoding="utf-8", errors="replace")
    if file.suffix == ".json":
        return {canonicalize_name(row["project"]) for row in json.loads(text)["rows"]}
    return {canonicalize_name(line.partition("\t")[0].strip()) for line in text.splitlines()}


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return data


if __name__ == "__main__":
    sys.exit(main())
