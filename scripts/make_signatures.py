"""Keep the signature tables of ``windtunnel.knowledge``: what libraries have, and how it is called, per version.

    python scripts/make_signatures.py                      make all tables
    python scripts/make_signatures.py torch peft           make those of some libraries
    python scripts/make_signatures.py --check              say which tables lack the version that is installed here
    python scripts/make_signatures.py --verify [peft]      compare tables with the libraries that are installed here

Wheels are fetched with uv and read, never imported; ``--verify`` alone imports, in a process of its own. The days whose
newest versions are kept besides the installed ones, and the modules that are read, stand in
``scripts/signature_tables/plan.py``; move its last day
on to take in newer releases. The same plan, index and environment give the same bytes.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from signature_tables import index  # noqa: E402 - the folder of this script is not on the path of every caller
from signature_tables.library import Library  # noqa: E402
from signature_tables.lines import Collector, table  # noqa: E402
from signature_tables.plan import PLANS, Plan  # noqa: E402
from signature_tables.sources import Tree  # noqa: E402

TABLES = HERE.parent / "packages/windtunnel/src/windtunnel/knowledge/tables"


def main() -> int:
    """Make the tables, or say what is wrong with them (exit code 1)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries", nargs="*", metavar="LIBRARY", help="import roots; all if none is named")
    parser.add_argument("--check", action="store_true", help="only say which tables are older than what is installed")
    parser.add_argument("--verify", action="store_true", help="only compare the tables with what is installed")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/windtunnel-signatures", metavar="DIR",
                        help="where wheels are unpacked (default: %(default)s)")  # fmt: skip
    arguments = parser.parse_args()
    known = {plan.library: plan for plan in PLANS}
    unknown = sorted(set(arguments.libraries) - known.keys())
    if unknown:
        parser.error(f"no plan for {', '.join(unknown)}; there is one for {', '.join(known)}")
    plans = [known[library] for library in arguments.libraries or known]
    if arguments.check:
        return check(plans)
    if arguments.verify:
        command = [sys.executable, "-W", "ignore", "-m", "signature_tables.verify", *(plan.library for plan in plans)]
        return subprocess.run(command, check=False, env=None, cwd=HERE).returncode
    for plan in plans:
        text = make(plan, arguments.cache)
        (TABLES / f"{plan.library}.txt").write_text(text, encoding="ascii", newline="\n")
        sys.stderr.write(f"{plan.library}: {len(text) / 1e3:.0f} kB, {text.count(chr(10))} lines\n")
    return 0


def make(plan: Plan, cache: Path) -> str:
    """The text of a library's table, from the wheels of the planned versions."""
    days = index.releases(plan.distribution, plan.allowed)
    gc.disable()  # syntax trees are many objects without circles: looking for these takes half of the time
    found = {}
    for chosen in index.chosen(days, installed(plan)):
        sys.stderr.write(f"{plan.library} {chosen}\n")
        gc.collect()  # the trees of the version before
        found[chosen] = Collector(Library(Tree(index.unpacked(plan, chosen, cache), plan.library)), plan).collect()
    gc.enable()
    return table(plan, days, found)


def installed(plan: Plan) -> str | None:
    """The version of a library in this environment; None if it is not there."""
    try:
        return version(plan.distribution)
    except PackageNotFoundError:
        return None


def check(plans: list[Plan]) -> int:
    """Say which tables do not know the installed version."""
    stale = 0
    for plan in plans:
        file = TABLES / f"{plan.library}.txt"
        lines = file.read_text(encoding="ascii").split("\n", 6)[:6] if file.exists() else []
        versions = next((line.split()[2:] for line in lines if line.startswith("# versions ")), [])
        here = installed(plan)
        if here is not None and here not in versions:
            stale += 1
            sys.stderr.write(
                f"{plan.library} {here} is installed, the table has {' '.join(versions) or 'no version'}\n"
            )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
