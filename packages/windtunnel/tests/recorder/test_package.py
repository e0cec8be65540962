from __future__ import annotations

from windtunnel import recorder


def test_the_package_exports_what_it_lists() -> None:
    assert recorder.__all__ == sorted(recorder.__all__)
    assert {"Recorder", "RunRecord", "Store"} <= set(recorder.__all__)
    assert all(hasattr(recorder, name) for name in recorder.__all__)
