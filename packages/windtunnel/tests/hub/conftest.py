from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.hub import Hub

CLIENT_SECONDS = 240
INHERITED = ("PATH", "LANG", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all tests and all workers, so that each repository is made once."""
    root = tmp_path_factory.getbasetemp()
    return (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "hub-store"


@pytest.fixture
def run_client(tmp_path: Path) -> Callable[[Hub, str], Any]:
    """Run code in a fresh interpreter whose Hugging Face clients use the hub; return what its `answer` dictionary held.

    The interpreter's home is `tmp_path / "user"`, its HF_HOME is `tmp_path / "hf"`.
    """

    def run(hub: Hub, code: str) -> Any:
        user = tmp_path / "user"
        user.mkdir(exist_ok=True)
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= {"HOME": str(user), "XDG_CACHE_HOME": str(user / ".cache"), "OMP_NUM_THREADS": "1"}
        environment |= hub.environment(tmp_path / "hf")
        script = f"import json\nanswer = {{}}\n{code}\nprint('ANSWER' + json.dumps(answer))\n"
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            cwd=user,
            capture_output=True,
            text=True,
            timeout=CLIENT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.rsplit("ANSWER", 1)[1])

    return run


@pytest.fixture
def write_split() -> Callable[..., Path]:
    """Write columns as a Parquet file and return its path."""

    def write(path: Path, **columns: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)
        return path

    return write


@pytest.fixture(scope="session")
def real_glue() -> Path:
    """The folder with real GLUE splits beside the repository."""
    folder = Path(__file__).parents[4].parent / "shared" / "data" / "glue"
    if not folder.is_dir():
        pytest.skip(f"no real GLUE data in {folder}")
    return folder
