"""What was met while code was followed: a list of events, in order.

Kinds of events and what their ``data`` holds:

========================  ==========================================================================================
``read``                  a configuration key: ``key``, ``found``, ``guarded`` (asked with a default or a test)
``missing``               a key that is not there: ``key``, ``why`` (absent, scalar, mandatory, interpolation)
``struct``                a key that may not be added: ``keys``, ``how`` ("assign", "merge", "update")
``write``                 ``key``, ``value``
``compose``               an entry point's configuration does not compose: ``error``, ``kind``, ``overrides``
``child``                 a process: ``command`` (values), ``module``, ``overrides``, ``cwd`` and ``importable``
``crash``                 a call that must fail: ``error`` (type), ``message``
``raise``                 a raise statement: ``error``, ``message``
``exit``                  ``sys.exit``: ``code``
``call``                  a library is called: ``name`` (dotted), ``args``, ``keywords``, ``starred``, ``result``
``method``                of a library object: ``type``, ``name``, ``receiver``, ``args``, ``keywords``, ``result``
``attribute``             an attribute of a library object: ``type``, ``name``
``subscript``             an item of a library object: ``type``, ``receiver``, ``key``
``enter``                 a function of the submission is entered: ``function``
``import``                a module or name of the submission that is not there: ``module``, ``name``
``wandb``                 ``what`` ("init", "log", "summary", "ask-history", "ask-summary", "finish"), ``keys``, ...
``suggest``               an Optuna trial is asked: ``name``, ``how``, ``keywords``
``file``                  ``what`` ("read", "write", "exists"), ``path``
``column``                of a dataset, read: ``dataset``, ``column``, ``row`` (of a row or batch), ``batched``
``split``                 a split of a DatasetDict is read: ``load``, ``split``, ``receiver``
``mapped``                ``dataset.map`` or ``filter``: ``dataset``, ``function``, ``result``, ``keywords``
``add``                   ``left + right`` where one is a column that holds lists, or a whole column of a batch
========================  ==========================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator


@dataclass(slots=True, eq=False)
class Event:
    """Something met.

    Attributes:
        kind: see the table above.
        path: the file.
        node: the place in it.
        data: what belongs to the kind.
        certain: False under a condition that could not be decided, in a handler, or in a function called by a library
            only perhaps.
        guarded: inside a ``try`` that catches what mistakes in code raise.
        tried: inside any ``try`` with a handler that goes on, be it only for what a disk or a network may cause.
        crashes: how many crashes came before it.
        stack: the functions it was met in, outermost first.
        no_grad: how deep in ``torch.no_grad``.
        trial: whether an Optuna objective is running.
        loop: how deep in loops.
    """

    kind: str
    path: str
    node: ast.AST
    data: dict[str, Any]
    certain: bool = True
    guarded: bool = False
    tried: bool = False
    crashes: int = 0
    stack: tuple[str, ...] = ()
    no_grad: int = 0
    trial: bool = False
    loop: int = 0

    @property
    def line(self) -> int:
        """The line, from 1."""
        return int(getattr(self.node, "lineno", 0))


@dataclass(slots=True)
class Trace:
    """All events of one entry point, run id and mode.

    Attributes:
        entry: "main", "train" or "evaluate".
        run_id: of the run, "" for the evaluation.
        mode: "trial" or "full".
        events: in order.
        entered: names of the functions of the submission that were followed, as ``path:qualified name``.
        ended: "" if it was followed to its end, else why not ("too many steps").
    """

    entry: str
    run_id: str
    mode: str
    events: list[Event] = field(default_factory=list)
    entered: set[str] = field(default_factory=set)
    ended: str = ""
    crashes: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    _sorted: dict[str, list[Event]] = field(default_factory=dict, repr=False)
    _seen: int = 0

    def of(self, *kinds: str) -> Iterator[Event]:
        """The events of some kinds, in order."""
        if len(kinds) > 1:
            return (event for event in self.events if event.kind in kinds)
        for event in self.events[self._seen :]:
            self._sorted.setdefault(event.kind, []).append(event)
        self._seen = len(self.events)
        return iter(self._sorted.get(kinds[0], ()))
