"""Models that the hub can serve without a network: out of an installed distribution, or made small but faithful.

Recipes import torch and transformers and therefore run in a process of their own; the hub's process never imports them.
"""

from __future__ import annotations

from windtunnel.hub.miniatures.installed import installed_folder
from windtunnel.hub.miniatures.workshop import MiniatureWorkshop

__all__ = ["MiniatureWorkshop", "installed_folder"]
