"""Addresses under which files are uploaded and downloaded: unguessable, and good for one file and one direction.

The client sends no key to a file address, as the real service's addresses lie in a cloud bucket and are signed too.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal
from urllib.parse import quote

Direction = Literal["read", "write", "write-artifact", "write-manifest"]


class FileLinks:
    """Signer of file addresses.

    Args:
        secret: what tokens are derived from; the same secret accepts them after a restart.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def url(self, base_url: str, direction: Direction, key: int, name: str) -> str:
        """Return the address of a file.

        Args:
            base_url: address of this server.
            direction: ``write``, ``write-artifact`` or ``write-manifest`` to upload, ``read`` to download.
            key: the key of the run, artifact or manifest that the file is for; for ``read`` the file's own.
            name: path of the file inside its owner.
        """
        token = self.token(direction, key, name)
        return f"{base_url}/storage/{direction}/{key}/{token}/{quote(name)}"

    def token(self, direction: Direction, key: int, name: str) -> str:
        """Return the token that opens one file in one direction, 64 hexadecimal digits."""
        return hmac.new(self._secret, f"{direction}\0{key}\0{name}".encode(), hashlib.sha256).hexdigest()

    def opens(self, token: str, direction: Direction, key: int, name: str) -> bool:
        """Return whether ``token`` is the one for this file and direction; takes the same time either way."""
        return hmac.compare_digest(token.encode(), self.token(direction, key, name).encode())
