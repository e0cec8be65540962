"""The errors a user of windtunnel can meet, and the exit code each one means.

    WindtunnelError            3: the reviewer could not decide
    ├── UsageError             2: the command line asks for something that cannot be
    │   ├── ServeError         2: a folder given with --serve cannot be served
    │   ├── CatalogError       2: a file given with --catalog cannot be read
    │   └── PortTakenError     2: a server cannot have the port it was given
    ├── MiniatureError         3: a model that the hub must serve could not be made
    └── FlightError            3: a flight could not be started or watched
        └── FlightInterruptedError   128 + the signal: the user ended it

The text of an error says what was wrong, the value seen, where, and what to do. The command line prints it in one
line and never with a traceback; an exception that is not in this tree is a fault of windtunnel and shows one.
"""

from __future__ import annotations


class WindtunnelError(Exception):
    """Anything that ends a command with a message instead of a traceback."""

    exit_code = 3


class UsageError(WindtunnelError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class ServeError(UsageError):
    """A folder given with ``--serve`` cannot be served as the dataset it is named for."""


class CatalogError(UsageError):
    """A file given with ``--catalog`` does not hold ids in the form that the hub reads."""


class PortTakenError(UsageError):
    """A server was given a port that another process holds."""


class MiniatureError(WindtunnelError):
    """A model that the hub must serve could not be made."""


class FlightError(WindtunnelError):
    """A flight could not be started or watched."""


class FlightInterruptedError(FlightError):
    """The user ended a review while it flew.

    Args:
        message: what to say.
        exit_code: 128 + the number of the signal.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
