"""Every operation in the installed client's own source is one that the schema knows, or is left out on purpose."""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from pathlib import Path

from graphql import GraphQLError, parse, validate

from windtunnel.recorder.schema import recorder_schema

LEFT_OUT = re.compile(
    "Agent|ApiKey|Automation|DefaultResource|EvalTable|FromAdmin|Heartbeat|Integration|Invite|Launch|ProjectViews|"
    "Registr|RunQueue|SearchUsers|ServiceAccount|Sweep|Team|EntityIsTeam"
)


def operations() -> dict[str, str]:
    """Return the operations that are written out in the client's source, by name."""
    spec = find_spec("wandb")
    assert spec is not None
    assert spec.origin is not None
    found = {}
    for path in Path(spec.origin).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                match = re.match(r"\s*(?:query|mutation) (\w+)", node.value)
                if match and "{" in node.value:
                    found[match[1]] = node.value
    return found


def test_the_schema_knows_each_operation_of_the_client() -> None:
    schema = recorder_schema()
    problems = {}
    checked = 0
    for name, text in operations().items():
        if LEFT_OUT.search(name):
            continue
        try:
            document = parse(text)
        except GraphQLError:  # a template, or half of an f-string
            continue
        checked += 1
        if errors := validate(schema, document):
            problems[name] = [error.message for error in errors]
    assert problems == {}
    assert checked >= 40
