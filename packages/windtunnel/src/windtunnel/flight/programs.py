"""Programs that stand in for what flown code may start and a flight cannot give: ``uv``, which would fetch packages.

Whatever real ``uv run`` would make sure of is there already: the environment that the flight runs in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_UV = r"""#!/bin/sh
# stands in for uv inside a flight of windtunnel: the environment is made, and nothing can be fetched
if [ "$1" != run ]; then
    echo "uv $*: a flight answers 'uv run' alone; its environment is made before it" >&2
    exit 2
fi
shift
while [ $# -gt 0 ]; do
    case "$1" in
    --) shift; break ;;
    -m | --module) shift; set -- python -m "$@"; break ;;
    -p | --python | --project | --directory | --package | --extra | --group | --only-group | --no-group | --with | \
        --with-editable | --with-requirements | --env-file | --index | --index-url | --find-links) shift 2 ;;
    -*) shift ;;
    *) break ;;
    esac
done
echo "[windtunnel] uv run $*: in the environment of the flight" >&2
case "$1" in
*.py) exec python "$@" ;;
esac
exec "$@"
"""


def write_programs(folder: Path) -> None:
    """Write the programs into ``folder``, which the PATH of the flown commands begins with."""
    folder.mkdir(parents=True, exist_ok=True)
    uv = folder / "uv"
    uv.write_text(_UV, encoding="utf-8")
    uv.chmod(0o755)
