"""Swallowed exceptions before Python 3.12: a call at the head of each handler of the repository.

Tracing (``sys.settrace``) costs time at every call of every library, even if it looks at the repository's frames only:
measured, 10 % of a small transformer's training loop and 30 to 47 % of a small MLP's. So the repository's modules are
compiled with one expression more per handler and per ``raise`` within one, with the lines where they were. It is an
audit event, which nobody hears in a process without the observer.
"""

from __future__ import annotations

import os
import sys

from . import handled, importing, places, story
from .guard import guarded

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

HANDLED = "windtunnel.handled"
RAISING = "windtunnel.raising"
_MOST_FILES = 2000


def install(repository: str) -> None:
    """Compile the repository's modules so that their handlers tell.

    Args:
        repository: its folder.
    """
    names = _module_names(repository)
    importing.before_import(lambda name: name.rpartition(".")[2] in names, _prepare)
    importing.after_import("contextlib", _watch_suppress)
    story.watched["exceptions"] = None


def _module_names(repository: str) -> set[str]:
    names: set[str] = set()
    for folder, folders, files in os.walk(repository):
        folders[:] = [name for name in folders if not name.startswith(".") and name.isidentifier()]
        names.update(name[:-3] for name in files if name.endswith(".py"))
        names.update({os.path.basename(folder)} if "__init__.py" in files else ())  # noqa: PTH119
        if len(names) > _MOST_FILES:
            break
    return names


def _prepare(spec: Any) -> None:
    loader = spec.loader
    if not places.relative(spec.origin or "") or not str(spec.origin).endswith(".py"):
        return
    get_code = loader.get_code

    def rewritten_code(name: str) -> Any:
        code = _compiled(loader, spec.origin)
        return get_code(name) if code is None else code

    loader.get_code = rewritten_code


@guarded
def _compiled(loader: Any, path: str) -> Any:
    import ast  # noqa: PLC0415  # only where the repository has modules

    try:
        tree = ast.parse(loader.get_data(path), path)
    except (SyntaxError, ValueError):
        return None  # as it is, it fails as it would
    _Handlers(ast).visit(tree)
    return compile(tree, path, "exec", dont_inherit=True)


class _Handlers:
    """Puts the calls into a tree; ``ast`` is handed in because it may be imported late only."""

    def __init__(self, ast: Any) -> None:
        self._ast = ast

    def visit(self, tree: Any) -> None:
        ast = self._ast
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                self._before_raises(node)
                node.body.insert(0, self._call(HANDLED, node))

    def _before_raises(self, block: Any) -> None:
        """Announce what is raised in a block, but not in functions defined there, nor where it may be caught again."""
        ast = self._ast
        apart = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.ExceptHandler)
        for child in ast.iter_child_nodes(block):
            if not isinstance(child, apart) and not getattr(child, "handlers", None):
                self._before_raises(child)
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(block, name, None)
            if isinstance(statements, list):
                for index in range(len(statements) - 1, -1, -1):
                    if isinstance(statements[index], ast.Raise):
                        statements.insert(index, self._call(RAISING, statements[index]))

    def _call(self, event: str, node: Any) -> Any:
        ast = self._ast
        statement = ast.parse(f"__import__('sys').audit({event!r})").body[0]
        for part in ast.walk(statement):
            if "lineno" in part._attributes:
                part.lineno = part.end_lineno = node.lineno
                part.col_offset = part.end_col_offset = node.col_offset
        return statement


@guarded
def heard(event: str, frame: Any) -> None:
    """Take down one of the two events.

    Args:
        event: its name.
        frame: the frame of the repository in which it was raised.
    """
    error = sys.exc_info()[1]
    path = places.relative(frame.f_code.co_filename)
    if error is None or not path:
        return
    if event == HANDLED:
        handled.handled(error, f"{path}:{frame.f_lineno}")
    else:
        handled.raised_again(error)


def _watch_suppress(contextlib: Any) -> None:
    """``with suppress(...)`` has no handler."""
    leave = contextlib.suppress.__exit__

    def __exit__(self: Any, kind: Any, error: Any, trace: Any) -> Any:  # noqa: N807
        suppressed = leave(self, kind, error, trace)
        if suppressed and error is not None:
            _suppressed(error, sys._getframe(1))
        return suppressed

    contextlib.suppress.__exit__ = __exit__


@guarded
def _suppressed(error: BaseException, frame: Any) -> None:
    path = places.relative(frame.f_code.co_filename)
    if path:
        handled.handled(error, f"{path}:{frame.f_lineno}")
