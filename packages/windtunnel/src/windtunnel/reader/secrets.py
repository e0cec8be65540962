"""Keys kept out of everything that is shown or written: as they are, encoded, and in pieces."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import unicodedata
from functools import cached_property
from urllib.parse import quote, quote_plus, urlsplit

from windtunnel.errors import UsageError

PIECE = 8  # characters of a secret that are one too many
SHORTEST = 12  # what is shorter, such as "none" or "EMPTY", is what local servers are given, and words of any text
HIDDEN = "***"


class Secrets:
    """What may not be shown.

    Args:
        *values: the secrets; short ones are none.
    """

    def __init__(self, *values: str) -> None:
        self._values = tuple(value for value in values if len(value) >= SHORTEST)

    @cached_property
    def _pieces(self) -> frozenset[str]:
        forms: set[str] = set()
        for value in self._values:
            data = value.encode("utf-8", "replace")
            forms |= {value, value[::-1], repr(value)[1:-1], json.dumps(value)[1:-1], quote(value, safe=""), data.hex()}
            forms |= {quote_plus(value)}
            for shift in range(3):  # base64 of a text in which the secret begins at any place
                encoded = base64.b64encode(b"\x00" * shift + data).decode()
                forms |= {encoded, encoded.replace("+", "-").replace("/", "_")}
        return frozenset(form[at : at + PIECE] for form in forms for at in range(len(form) - PIECE + 1))

    def scrub(self, text: str) -> str:
        """The text with `HIDDEN` for every run of `PIECE` characters or more that a secret, or a form of it, has."""
        if not self._values:
            return text
        scrubbed = self._without(text)
        plain = _decoded(scrubbed)
        return scrubbed if plain == scrubbed or self._without(plain) == plain else HIDDEN  # encoded in some other way

    def _without(self, text: str) -> str:
        hidden = bytearray(len(text))
        for at in range(len(text) - PIECE + 1):
            if text[at : at + PIECE] in self._pieces:
                hidden[at : at + PIECE] = b"\x01" * PIECE
        if not any(hidden):
            return text
        parts: list[str] = []
        for character, is_hidden in zip(text, hidden, strict=True):
            if not is_hidden:
                parts.append(character)
            elif not parts or parts[-1] != HIDDEN:
                parts.append(HIDDEN)
        return "".join(parts)


def _decoded(text: str) -> str:
    """The text without escapes, entities and characters that are not seen."""
    for _ in range(3):
        before = text
        text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), html.unescape(text))
        if text == before:
            break
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


def _is_host(url: str) -> bool:
    try:
        (urlsplit(url).hostname or "").encode("idna")
    except UnicodeError:
        return False
    return True


def key_from_environment() -> str:
    """The key, without the white space that files of environments end with; "" if there is none.

    Raises:
        UsageError: no header can hold it. The text does not.
    """
    key = (os.environ.get("OPENAI_API_KEY") or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise UsageError("OPENAI_API_KEY has characters that no key has; set it anew, as the provider shows it")
    return key


def base_url_from_environment() -> str | None:
    """The base URL, None if there is none.

    Raises:
        UsageError: it is no http or https URL, or holds a user or password. The text shows neither.
    """
    url = (os.environ.get("OPENAI_BASE_URL") or "").strip()
    if not url:
        return None
    hint = "such as http://127.0.0.1:8000/v1"
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0 and url.isascii()
    except ValueError:
        is_url = False
    if not is_url or not url.isprintable() or " " in url or parts.fragment or parts.query or not _is_host(url):
        raise UsageError(f"OPENAI_BASE_URL is no URL {hint}")
    if parts.username or parts.password or "@" in parts.netloc:
        raise UsageError(f"OPENAI_BASE_URL holds a user or password; give an URL {hint}, and the key in OPENAI_API_KEY")
    return url
