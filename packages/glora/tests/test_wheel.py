"""What a user installs: a typed wheel that asks for torch and peft alone."""

from __future__ import annotations

import email
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_wheel_is_typed_and_asks_for_torch_and_peft_alone(tmp_path: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the PATH")
    subprocess.run([uv, "build", "--wheel", "--out-dir", str(tmp_path), str(PACKAGE)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        head = email.message_from_bytes(archive.read(metadata))
    assert "glora/py.typed" in names
    assert not any("test" in name for name in names)
    needed = [entry for entry in head.get_all("Requires-Dist", []) if "extra ==" not in entry]
    assert sorted(re.split(r"[<>=!~ ;\[]", entry)[0] for entry in needed) == ["peft", "torch"]
    assert set(head.get_all("Provides-Extra", [])) == {"plot", "trainer"}
