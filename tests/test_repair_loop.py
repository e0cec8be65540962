"""The loop of docs/repair-loop.md as it stands there: an experiment with a defect is repaired through a chat server."""

from __future__ import annotations

import json
import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest

ROOT = Path(__file__).parents[1]
EXPERIMENT = ROOT / "experiments" / "glora-glue"


def code_of_the_page() -> str:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "repair-loop.md").read_text(), re.DOTALL)
    return next(block for block in blocks if "def until_ready" in block)


class Mender(BaseHTTPRequestHandler):
    """Answers with the files that it is sent, the model's file as it was before it was broken."""

    prompts: list[str] = []  # noqa: RUF012 - of the one server of the test

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = request["messages"][0]["content"]
        self.prompts.append(asked)
        files = json.loads(asked[asked.rindex("\n{") :])
        files["src/model.py"] = (EXPERIMENT / "src" / "model.py").read_text()
        message = {"role": "assistant", "content": json.dumps({**files, "../../escape.py": "x"})}
        body = json.dumps({"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_the_page_is_python() -> None:
    compile(code_of_the_page(), "docs/repair-loop.md", "exec")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_broken_experiment_is_repaired_and_then_ready(tmp_path: Path) -> None:
    folder = tmp_path / "experiment"
    shutil.copytree(EXPERIMENT, folder, ignore=shutil.ignore_patterns("__pycache__", ".cache", "results"))
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["experiment", "glora"]\n')
    (tmp_path / "glora").mkdir()  # so that the method's own library is known, as in this workspace
    shutil.copy(ROOT / "packages" / "glora" / "pyproject.toml", tmp_path / "glora")
    for path in (folder / "config" / "run").glob("*.yaml"):
        if path.name != "proposed-all-MiniLM-L6-v2-22M--GLUE-SST-2.yaml":
            path.unlink()
    model = folder / "src" / "model.py"
    model.write_text(
        model.read_text().replace("self.allocator.step(", "self.allocator.stepp(", 1) + "\nundefined_name\n"
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mender)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_address[1]}/v1", api_key="none")
        page: dict[str, Any] = {}
        exec(compile(code_of_the_page(), "docs/repair-loop.md", "exec"), page)  # noqa: S102 - our own page
        verdict = page["until_ready"](folder, client, "any")
    finally:
        server.shutdown()
        server.server_close()
    assert verdict.outcome == "ready", verdict.code_issue
    assert verdict.as_rubric_json() == {"is_code_ready": True, "code_issue": ""}
    assert len(Mender.prompts) == 1
    assert "undefined_name" in Mender.prompts[0]
    assert "Do not make a point go away by taking the experiment out" in Mender.prompts[0]
    assert not (tmp_path.parent / "escape.py").exists()
