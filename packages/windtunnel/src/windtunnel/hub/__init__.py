"""A Hugging Face hub on 127.0.0.1 for work offline: real files where they are at hand, miniatures elsewhere."""

from __future__ import annotations

from windtunnel.hub.hub import Hub
from windtunnel.hub.protocol import HubRequest

__all__ = ["Hub", "HubRequest"]
