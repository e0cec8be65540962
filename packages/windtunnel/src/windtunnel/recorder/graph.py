"""Runs the W&B client's GraphQL operations against the schema and the store.

An operation outside :mod:`windtunnel.recorder.schema` is answered with GraphQL errors that name the unknown field: an
empty success would make ``wandb-core`` fail later and elsewhere.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from graphql import ExecutionResult, GraphQLError, graphql_sync

from windtunnel.errors import WindtunnelError
from windtunnel.recorder.errors import MalformedRequestError
from windtunnel.recorder.nodes import Nodes
from windtunnel.recorder.operations import Operations
from windtunnel.recorder.schema import recorder_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import GraphQLResolveInfo

    from windtunnel.recorder.asked import Questions
    from windtunnel.recorder.links import FileLinks
    from windtunnel.recorder.store import Store

log = logging.getLogger(__name__)

_EXPECTED = (GraphQLError, MalformedRequestError, WindtunnelError)
# Half a character pair, an endless nesting, a number beyond 64 bits: JSON may hold them, the database cannot.
_TOO_MUCH = (UnicodeError, RecursionError, OverflowError)

MAX_QUERY_CHARACTERS = 30_000  # the client's longest one has 4,000
MAX_ERRORS = 50
MAX_FIELDS = 500_000  # a page of a thousand runs has 30,000


class GraphQLApi:
    """Executes operations.

    Args:
        store: where runs are.
        links: signer of file addresses.
        questions: where what clients read is noted.
    """

    def __init__(self, store: Store, links: FileLinks, questions: Questions) -> None:
        self._store = store
        self._links = links
        self._questions = questions
        self._schema = recorder_schema()

    def execute(self, request: object, *, base_url: str) -> dict[str, Any]:
        """Execute one operation.

        Args:
            request: the parsed JSON of the request: ``query``, ``variables``, ``operationName``.
            base_url: address of this server, for file addresses.

        Returns:
            The GraphQL response: ``data`` and, where something failed, ``errors``.

        Raises:
            MalformedRequestError: the request is no GraphQL request.
        """
        if not isinstance(request, dict) or not isinstance(request.get("query"), str):
            raise MalformedRequestError("a GraphQL request is a JSON object with the text 'query'")
        variables = request.get("variables") or {}
        if len(request["query"]) > MAX_QUERY_CHARACTERS:
            raise MalformedRequestError(f"the query has more than {MAX_QUERY_CHARACTERS} characters")
        if not isinstance(variables, dict):
            raise MalformedRequestError(f"'variables' is a JSON object, not {type(variables).__name__}")
        operations = Operations(self._store, Nodes(self._store, self._links, base_url, self._questions))
        try:
            result = graphql_sync(
                self._schema,
                request["query"],
                root_value=operations.root(),
                context_value=_Budget(MAX_FIELDS),
                variable_values=variables,
                operation_name=request.get("operationName") or None,
                field_resolver=_resolve,
            )
        except RecursionError as error:
            raise MalformedRequestError("the query is nested too deeply") from error
        return _response(result)


class _Budget:
    """How many fields one operation may still ask for: a query can be short and its answer endless."""

    def __init__(self, fields: int) -> None:
        self._left = fields

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise GraphQLError(f"the answer would have more than {MAX_FIELDS} fields; ask for smaller pages")


def _resolve(source: Mapping[str, Any], info: GraphQLResolveInfo[_Budget], **arguments: Any) -> Any:
    info.context.spend()
    value = source.get(info.field_name)
    return value(**arguments) if callable(value) else value


def _response(result: ExecutionResult) -> dict[str, Any]:
    response: dict[str, Any] = {"data": result.data}
    if result.errors:
        response["errors"] = [_error(error) for error in result.errors[:MAX_ERRORS]]
    return response


def _error(error: GraphQLError) -> dict[str, Any]:
    fault = error.original_error
    if fault is None or isinstance(fault, _EXPECTED):
        return {"message": error.message, "path": error.path}
    if isinstance(fault, _TOO_MUCH):
        return {"message": f"the request holds what cannot be kept ({fault})"[:500], "path": error.path}
    log.error("a fault of the recorder while it answered %s", error.path, exc_info=fault)
    return {"message": f"a fault of the recorder ({type(fault).__name__}); its log has the details", "path": error.path}
