"""Statements: what each kind does to the names in scope, and how it ends."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from windtunnel.reading.nodes import walk
from windtunnel.rehearsal.assignments import assign, delete
from windtunnel.rehearsal.contexts import enter, leave
from windtunnel.rehearsal.definitions import define_class, define_function
from windtunnel.rehearsal.exceptions import caught_by, error_of, for_lack_of_library, gives_up
from windtunnel.rehearsal.expectations import expectation, expecting
from windtunnel.rehearsal.expressions import evaluate
from windtunnel.rehearsal.imports import import_from, import_modules
from windtunnel.rehearsal.iteration import items_of, widen
from windtunnel.rehearsal.joining import join
from windtunnel.rehearsal.machine import LEVELS, Flow, Guard, Left, Raised
from windtunnel.rehearsal.values import Const, Thing, Value, truth, unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.rehearsal.machine import Machine
    from windtunnel.rehearsal.values import Scope

MOST_ROUNDS = 200  # of a loop over known items


def run_block(machine: Machine, statements: list[ast.stmt], scope: Scope) -> Flow:
    """Follow statements until one of them leaves the block."""
    for statement in statements:
        machine.step()
        handler = _HANDLERS.get(type(statement))
        if handler is None:
            continue
        try:
            flow = handler(machine, statement, scope)
        except Left:
            if not machine.uncertain and not machine.frames[1:]:
                raise
            return Flow.RAISE
        if flow is not Flow.NEXT:
            return flow
    return Flow.NEXT


def _expression(machine: Machine, node: ast.Expr, scope: Scope) -> Flow:
    evaluate(machine, node.value, scope)
    return Flow.NEXT


def _assign(machine: Machine, node: ast.Assign, scope: Scope) -> Flow:
    value = evaluate(machine, node.value, scope)
    for target in node.targets:
        assign(machine, target, value, scope)
    return Flow.NEXT


def _annotated(machine: Machine, node: ast.AnnAssign, scope: Scope) -> Flow:
    if node.value is not None:
        assign(machine, node.target, evaluate(machine, node.value, scope), scope)
    return Flow.NEXT


def _augmented(machine: Machine, node: ast.AugAssign, scope: Scope) -> Flow:
    target = node.target
    load = ast.copy_location(ast.BinOp(_loading(target), node.op, node.value), node)
    assign(machine, target, evaluate(machine, load, scope), scope)
    return Flow.NEXT


def _loading(target: ast.expr) -> ast.expr:
    if isinstance(target, ast.Name):
        return ast.copy_location(ast.Name(target.id, ast.Load()), target)
    if isinstance(target, ast.Attribute):
        return ast.copy_location(ast.Attribute(target.value, target.attr, ast.Load()), target)
    if isinstance(target, ast.Subscript):
        return ast.copy_location(ast.Subscript(target.value, target.slice, ast.Load()), target)
    return target


def _delete(machine: Machine, node: ast.Delete, scope: Scope) -> Flow:
    for target in node.targets:
        delete(machine, target, scope)
    return Flow.NEXT


def _if(machine: Machine, node: ast.If, scope: Scope) -> Flow:
    test = evaluate(machine, node.test, scope)
    known = truth(test)
    if known is not None:
        return run_block(machine, node.body if known else node.orelse, scope)
    expected = expectation(test)
    machine.frames[-1].supposed |= expected is not None
    before = dict(scope.names)
    with machine.supposing(happens=expected):
        first = run_block(machine, node.body, scope)
    after, scope.names = scope.names, before
    with machine.supposing(happens=None if expected is None else not expected):
        second = run_block(machine, node.orelse, scope)
    if second is not Flow.NEXT and first is Flow.NEXT:
        scope.names = after
    elif first is Flow.NEXT:
        for name, value in after.items():
            other = scope.names.get(name)
            joined = join(value, other)
            scope.names[name] = (
                joined if expected is None or value is other else expecting(joined, value if expected else other)
            )
    if first is second:
        return first
    if expected is not None and (first if expected else second) in {Flow.RETURN, Flow.RAISE}:
        machine.uncertain += 1  # until the function ends: a first run does not come this far
        machine.unlikely += 1
    if Flow.NEXT in {first, second}:
        return Flow.NEXT
    return Flow.RETURN if Flow.RETURN in {first, second} else first


def _for(machine: Machine, node: ast.For | ast.AsyncFor, scope: Scope) -> Flow:
    iterable = evaluate(machine, node.iter, scope)
    items, more, example = items_of(machine, iterable, node)
    known = not more and len(items) <= MOST_ROUNDS
    machine.loops += 1
    open_loops = machine.open_loops
    flow = Flow.NEXT
    try:
        if known:
            for item in items:
                assign(machine, node.target, item, scope)
                flow = run_block(machine, node.body, scope)
                if flow in {Flow.BREAK, Flow.RETURN, Flow.RAISE}:
                    break
        else:
            widen(machine, node.body, scope)
            assign(machine, node.target, example, scope)
            machine.open_loops += 1
            flow = _once(machine, node.body, scope)
    finally:
        machine.loops -= 1
        machine.open_loops = open_loops
    if flow in {Flow.RETURN, Flow.RAISE} and known:
        return flow
    if flow is not Flow.BREAK:
        run_block(machine, node.orelse, scope)
    return Flow.NEXT


def _once(machine: Machine, body: list[ast.stmt], scope: Scope) -> Flow:
    """Follow the body of a loop of unknown length; leaving it early says nothing of what comes after."""
    flow = run_block(machine, body, scope)
    return Flow.BREAK if flow in {Flow.RETURN, Flow.RAISE} else flow


def _while(machine: Machine, node: ast.While, scope: Scope) -> Flow:
    if truth(evaluate(machine, node.test, scope)) is False:
        return run_block(machine, node.orelse, scope)
    widen(machine, node.body, scope)
    machine.loops += 1
    machine.open_loops += 1
    try:
        _once(machine, node.body, scope)
    finally:
        machine.loops -= 1
        machine.open_loops -= 1
    return Flow.NEXT


def _return(machine: Machine, node: ast.Return, scope: Scope) -> Flow:
    value = evaluate(machine, node.value, scope) if node.value else Const(None)
    frame = machine.frames[-1]
    frame.returns.append(value)
    if machine.uncertain == frame.uncertain and not frame.left and frame.expected is None:
        frame.expected = value
    doubts, before = machine.uncertain - machine.unlikely, frame.uncertain - frame.unlikely
    frame.left = frame.left or doubts > before or machine.loops > frame.loops
    return Flow.RETURN


def _raise(machine: Machine, node: ast.Raise, scope: Scope) -> Flow:
    value = evaluate(machine, node.exc, scope) if node.exc else unknown()
    error, message = error_of(value)
    caught = machine.guarded(error)
    frame = machine.frames[-1]
    with machine.perhaps(really=frame.left or frame.supposed):
        event = machine.note("raise", node, error=error, message=message)
    event.guarded = caught
    if (
        caught
        and event.certain
        and any(guard.catches(error) and machine.uncertain <= guard.uncertain for guard in machine.guards)
    ):
        raise Raised(error, message)
    machine.trace.crashes += event.certain and not caught
    return Flow.RAISE


def _try(machine: Machine, node: ast.Try, scope: Scope) -> Flow:
    errors = tuple(
        name for handler in node.handlers if not gives_up(handler) for name in caught_by(machine, handler, scope)
    )
    guard = Guard(errors, machine.uncertain)
    if errors:
        machine.guards.append(guard)
    raised: Raised | None = None
    depth = len(machine.frames)
    flow = Flow.NEXT
    levels = {name: getattr(machine, name) for name in LEVELS}
    try:
        flow = run_block(machine, node.body, scope)
    except Raised as error:
        raised = error
        del machine.frames[depth:]
        for name, level in levels.items():
            setattr(machine, name, level)
    finally:
        if errors:
            machine.guards.remove(guard)
    if raised is not None:
        flow = _handle(machine, node, raised, scope)
    else:
        if flow is Flow.NEXT:
            flow = run_block(machine, node.orelse, scope)
        for handler in node.handlers:
            before = dict(scope.names)
            with machine.perhaps():
                other = _handler(machine, handler, None, scope)
            if other is not Flow.NEXT or for_lack_of_library(handler):
                scope.names = before
            else:
                for name, value in before.items():
                    scope.names[name] = join(value, scope.names.get(name))
    final = run_block(machine, node.finalbody, scope)
    return final if final is not Flow.NEXT else flow


def _handle(machine: Machine, node: ast.Try, raised: Raised, scope: Scope) -> Flow:
    for handler in node.handlers:
        guard = Guard(tuple(caught_by(machine, handler, scope)), machine.uncertain)
        if guard.catches(raised.error):
            return _handler(machine, handler, raised, scope)
    run_block(machine, node.finalbody, scope)
    raise raised


def _handler(machine: Machine, handler: ast.ExceptHandler, raised: Raised | None, scope: Scope) -> Flow:
    if handler.name:
        scope.names[handler.name] = Thing(raised.error if raised else "Exception")
    return run_block(machine, handler.body, scope)


def _with(machine: Machine, node: ast.With | ast.AsyncWith, scope: Scope) -> Flow:
    entered: list[Value] = []
    for item in node.items:
        manager = evaluate(machine, item.context_expr, scope)
        entered.append(manager)
        value = enter(machine, manager, item.context_expr)
        if item.optional_vars is not None:
            assign(machine, item.optional_vars, value, scope)
    try:
        return run_block(machine, node.body, scope)
    finally:
        for manager in reversed(entered):
            leave(machine, manager)


def _function(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Flow:
    scope.names[node.name] = define_function(machine, node, scope)
    return Flow.NEXT


def _class(machine: Machine, node: ast.ClassDef, scope: Scope) -> Flow:
    scope.names[node.name] = define_class(machine, node, scope)
    return Flow.NEXT


def _import(machine: Machine, node: ast.Import, scope: Scope) -> Flow:
    import_modules(machine, node, scope)
    return Flow.NEXT


def _import_from(machine: Machine, node: ast.ImportFrom, scope: Scope) -> Flow:
    import_from(machine, node, scope)
    return Flow.NEXT


def _assert(machine: Machine, node: ast.Assert, scope: Scope) -> Flow:
    if truth(evaluate(machine, node.test, scope)) is False:
        machine.fail("crash", node, "AssertionError", message=ast.unparse(node.test)[:200])
    return Flow.NEXT


def _global(machine: Machine, node: ast.Global, scope: Scope) -> Flow:
    outer = scope
    while outer.outer is not None:
        outer = outer.outer
    for name in node.names:
        scope.names.setdefault(name, outer.names.get(name, unknown()))
    return Flow.NEXT


def _match(machine: Machine, node: ast.Match, scope: Scope) -> Flow:
    subject = evaluate(machine, node.subject, scope)
    flows: list[Flow] = []
    for case in node.cases:
        fits = _fits(machine, case.pattern, subject, scope)
        if fits and case.guard is not None:
            fits = truth(evaluate(machine, case.guard, scope))
        if fits is False:
            continue
        if fits:
            flow = run_block(machine, case.body, scope)
            return flow if not flows else Flow.NEXT
        with machine.perhaps():
            flows.append(run_block(machine, case.body, scope))
    return Flow.NEXT


def _fits(machine: Machine, pattern: ast.pattern, subject: Value, scope: Scope) -> bool | None:
    if isinstance(pattern, ast.MatchValue):
        expected = evaluate(machine, pattern.value, scope)
        if isinstance(expected, Const) and isinstance(subject, Const):
            return bool(expected.value == subject.value)
        return None
    if isinstance(pattern, ast.MatchOr):
        answers = [_fits(machine, option, subject, scope) for option in pattern.patterns]
        return True if True in answers else None if None in answers else False
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
        if pattern.name:
            scope.names[pattern.name] = subject
        return True
    for inner in walk(pattern):
        name = getattr(inner, "name", None)
        if isinstance(inner, ast.MatchAs | ast.MatchStar) and name:
            scope.names[name] = unknown()
    return None


def _break(machine: Machine, node: ast.Break, scope: Scope) -> Flow:
    return Flow.BREAK


def _continue(machine: Machine, node: ast.Continue, scope: Scope) -> Flow:
    return Flow.CONTINUE


_HANDLERS: dict[type[ast.stmt], Callable[..., Flow]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Delete: _delete,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Assert: _assert,
    ast.Global: _global,
    ast.Match: _match,
    ast.Break: _break,
    ast.Continue: _continue,
}

__all__ = ["run_block"]
