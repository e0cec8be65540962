"""Pages of GraphQL connections, and the JSON that requests carry as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Node = dict[str, Any]
"""From a field's name in the schema to its value, or to a function of the field's arguments that is called only when
a query selects the field."""

DEFAULT_PAGE = 50
MAX_PAGE = 1000


def page(items: Sequence[Any], node: Callable[[Any], Node], *, after: str | None, first: int | None) -> Node:
    """Return one page of a connection.

    Args:
        items: all items.
        node: makes the node of an item.
        after: cursor of the item before the page; None or "" starts at the first.
        first: at most so many items; None means 50.

    Raises:
        GraphQLError: the cursor is none of this server's.
    """
    start = number(after) if after else 0
    size = min(MAX_PAGE, DEFAULT_PAGE if first is None else max(0, first))
    edges = [{"node": node(item), "cursor": str(start + i + 1)} for i, item in enumerate(items[start : start + size])]
    end = edges[-1]["cursor"] if edges else None
    page_info = {"endCursor": end, "hasNextPage": start + size < len(items)}
    return {"edges": edges, "pageInfo": page_info, "totalCount": len(items)}


def number(text: str) -> int:
    """Return the number that an id or a cursor of this server is.

    Raises:
        GraphQLError: it is neither.
    """
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise GraphQLError(f"{text[:40]!r} is no id and no cursor of this server")
    return int(text)


def json_object(field: str, text: str | None) -> dict[str, Any] | None:
    """Return the JSON object that a field of a request carries as text; None where the field is absent.

    Args:
        field: name of the field, for the error.
        text: what it carries.

    Raises:
        GraphQLError: the text is no JSON object.
    """
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise GraphQLError(f"'{field}' is no text with JSON in it ({error})") from error
    if not isinstance(value, dict):
        raise GraphQLError(f"'{field}' is text with a JSON object in it, not {type(value).__name__}")
    return value
