"""What a client can get wrong in a request; each becomes an answer, never a traceback.

ValueError
└── MalformedRequestError     400: the request does not have the form it must have
    └── FileTooLargeError     413: a file is larger than the recorder keeps
"""

from __future__ import annotations


class MalformedRequestError(ValueError):
    """A request does not have the form it must have; the text says where."""


class FileTooLargeError(MalformedRequestError):
    """An upload is larger than the recorder keeps."""
