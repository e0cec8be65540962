"""The configuration each entry point would see: Hydra's own composition over the files of a submission.

Hydra itself composes, in this process, from an in-memory source: no file is opened, no package imported, no environment
variable handed out, whatever a ``searchpath``, a resolver or a defaults list of the submission asks for.
"""

from windtunnel.configuration.compose import Composition, Entry, compose

__all__ = ["Composition", "Entry", "compose"]
