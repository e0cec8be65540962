"""Rehearsals: an entry point followed on its real command line with its real configuration, without running anything.

The values are those of :mod:`~windtunnel.rehearsal.values`, what happens is written down as
:mod:`~windtunnel.rehearsal.trace` events, and rules read those. What a rehearsal cannot see: values of tensors, data
that is
not in the submission, what code of a library does beyond the models in ``libraries/``.
"""

from windtunnel.rehearsal.program import Program
from windtunnel.rehearsal.rehearse import rehearse
from windtunnel.rehearsal.trace import Event, Trace

__all__ = ["Event", "Program", "Trace", "rehearse"]
