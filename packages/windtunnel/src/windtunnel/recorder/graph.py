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
        if not isinstance(variables, dict):
            raise MalformedRequestError(f"'variables' is a JSON object, not {type(variables).__name__}")
        operations = Operations(self._store, Nodes(self._store, self._links, base_url, self._questions))
        try:
            result = graphql_sync(
                self._schema,
                request["query"],
                root_value=operations.root(),
                variable_values=variables,
                operation_name=request.get("operationName") or None,
                field_resolver=_resolve,
            )
        except RecursionError as error:
            raise MalformedRequestError("the query is nested too deeply") from error
        return _response(result)


def _resolve(source: Mapping[str, Any], info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    value = source.get(info.field_name)
    return value(**arguments) if callable(value) else value


def _response(result: ExecutionResult) -> dict[str, Any]:
    response: dict[str, Any] = {"data": result.data}
    if result.errors:
        response["errors"] = [_error(error) for error in result.errors]
    return response


def _error(error: GraphQLError) -> dict[str, Any]:
    fault = error.original_error
    if fault is None or isinstance(fault, _EXPECTED):
        return {"message": error.message, "path": error.path}
    log.error("a fault of the recorder while it answered %s", error.path, exc_info=fault)
    return {"message": f"a fault of the recorder ({type(fault).__name__}); its log has the details", "path": error.path}
