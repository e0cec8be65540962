"""Values as short texts that survive the way to the reviewer."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any


VALUE_CHARACTERS = 200
MESSAGE_CHARACTERS = 4000
PATH_CHARACTERS = 1000


def shown(value: Any, characters: int = VALUE_CHARACTERS) -> str:
    """Return ``str(value)``, cut, without halves of characters; an object that has no text gives its class."""
    try:
        text = value if type(value) is str else str(value)
    except Exception:  # noqa: BLE001  # __str__ of flown code
        text = f"<{type(value).__name__}>"
    if len(text) > characters:
        text = text[: characters - 1] + "…"
    return text.encode("utf-8", "replace").decode("utf-8")


def path_text(path: Any) -> str:
    """Return a path as text, "" if it is none, such as a file descriptor."""
    if isinstance(path, bytes):
        path = path.decode("utf-8", "replace")
    elif not isinstance(path, (str, int)) and hasattr(type(path), "__fspath__"):
        path = path.__fspath__()
    return shown(path, PATH_CHARACTERS) if isinstance(path, str) else ""


def class_name(kind: type) -> str:
    """Return a class with its module, as tracebacks write it."""
    module = getattr(kind, "__module__", "")
    name = getattr(kind, "__qualname__", kind.__name__)
    return shown(name if module in {"builtins", "__main__", "", None} else f"{module}.{name}")


def finite(value: float) -> float | None:
    """Return the number, None for those that JSON does not have."""
    return value if value - value == 0 else None
