"""The second reader: a language model that is asked what rules cannot decide, and believed as far as its evidence goes.

One question for each rule of :mod:`windtunnel.rules.judged`. Every claim of an answer must quote a line that is there;
what the rules decide is decided by them; what does not survive a second asking is dropped; what is left is advice. An
endpoint that cannot be reached, refuses or answers nonsense leaves a question open, and never a review without an end.
"""

from __future__ import annotations

from windtunnel.reader.context import read_context
from windtunnel.reader.reading import Asked, Reading, read

__all__ = ["Asked", "Reading", "read", "read_context"]
