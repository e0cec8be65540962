"""Criterion 1: code that is not whole, and files that are no Python."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

from benchmarks.mutations.operators import MAIN, Experiment, Site, operator
from benchmarks.mutations.sources import Function, Source, substance

if TYPE_CHECKING:
    from collections.abc import Iterator

OMITTED = (
    "# ... rest of the implementation omitted for brevity",
    "# (remaining code unchanged)",
    "# simplified version: the full logic goes here",
)
CONSTANTS = {"float": "0.0", "int": "0", "str": '""', "bool": "True", "list": "[]", "dict": "{}", "tuple": "()"}


def _whole(source: Source, least: int) -> list[Function]:
    """Functions of at least so many statements: what is left of them without does something else."""
    return [function for function in source.functions() if len(substance(function)) >= least]


def _gives(function: Function) -> bool:
    """Whether it says that it returns something, and ends by doing so."""
    told = function.returns is not None and ast.unparse(function.returns) != "None"
    return told and isinstance(function.body[-1], ast.Return)


@operator("file-cut-off", 1)
def file_cut_off(experiment: Experiment) -> Iterator[Site]:
    """The rest of a file is missing, from the middle of a function on; it still parses."""
    for source in experiment.sources:
        for function in _whole(source, 3)[1:]:
            if function in source.tree.body and _gives(function):
                text = source.cut_after(substance(function)[0])
                yield Site(f"{source.path} ends after the first statement of {function.name}", {source.path: text})


@operator("function-cut-off", 1)
def function_cut_off(experiment: Experiment) -> Iterator[Site]:
    """The second half of a function is missing, with the value that it returns."""
    for source in experiment.sources:
        for function in _whole(source, 4):
            if _gives(function) and not any(isinstance(n, ast.Return) for s in function.body[:-1] for n in ast.walk(s)):
                told = substance(function)
                text = source.without(*told[len(told) // 2 :])
                yield Site(f"{function.name} ends in its middle and returns nothing", {source.path: text})


def _bodies(experiment: Experiment, code: str) -> Iterator[Site]:
    for source in experiment.sources:
        for function in _whole(source, 2):
            first = code.splitlines()[0]
            yield Site(f"{function.name} is {first!r}", {source.path: source.body(function, code)})


@operator("body-pass", 1)
def body_pass(experiment: Experiment) -> Iterator[Site]:
    """A function does nothing."""
    return _bodies(experiment, "pass\n")


@operator("body-ellipsis", 1)
def body_ellipsis(experiment: Experiment) -> Iterator[Site]:
    """A function is three dots."""
    return _bodies(experiment, "...\n")


@operator("not-implemented", 1)
def not_implemented(experiment: Experiment) -> Iterator[Site]:
    """A function only raises NotImplementedError."""
    return _bodies(experiment, 'raise NotImplementedError("to be filled in for this task")\n')


@operator("body-todo", 1)
def body_todo(experiment: Experiment) -> Iterator[Site]:
    """A function is a comment that says what is to be done."""
    return _bodies(experiment, "# TODO: implement this step\nreturn None\n")


@operator("omitted-for-brevity", 1)
def omitted_for_brevity(experiment: Experiment) -> Iterator[Site]:
    """Statements of a function have given way to a comment that says so."""
    for source in experiment.sources:
        for number, function in enumerate(_whole(source, 4)):
            told = substance(function)
            first, *others = told[1:3]
            start, _ = source.lines_of(first)
            _, end = source.lines_of(others[-1])
            comment = OMITTED[number % len(OMITTED)]
            text = source.edit((start, end, f"{' ' * first.col_offset}{comment}\n"))
            yield Site(f"two statements of {function.name} are {comment!r}", {source.path: text})


@operator("simplified-constant", 1)
def simplified_constant(experiment: Experiment) -> Iterator[Site]:
    """A function returns a constant, and its comment says that this is a simplification."""
    for source in experiment.sources:
        for function in _whole(source, 2):
            kind = ast.unparse(function.returns).partition("[")[0] if function.returns else ""
            if kind in CONSTANTS and _gives(function):
                code = f"# Simplified placeholder: a real one would compute this.\nreturn {CONSTANTS[kind]}\n"
                yield Site(f"{function.name} returns {CONSTANTS[kind]}", {source.path: source.body(function, code)})


@operator("empty-file", 1)
def empty_file(experiment: Experiment) -> Iterator[Site]:
    """A file is empty, or nothing but a docstring."""
    for source in experiment.sources:
        yield Site(f"{source.path} is empty", {source.path: ""})
        text = f'"""{(ast.get_docstring(source.tree) or "What this does.").splitlines()[0]}"""\n'
        yield Site(f"{source.path} is a docstring", {source.path: text})


@operator("syntax-error", 1, breaks=True)
def syntax_error(experiment: Experiment) -> Iterator[Site]:
    """A file does not parse: a colon or a bracket is missing."""
    for source in experiment.sources:
        for function in source.functions():
            if function.returns is not None:
                colon = source.span(function.returns)[1]
                text = source.edit((colon, colon + 1, ""))
                yield Site(f"no colon after {function.name}'s head", {source.path: text})
        for call in source.calls("ExperimentError"):
            _, end = source.span(call)
            yield Site("a bracket is missing", {source.path: source.text[: end - 1] + source.text[end:]})


@operator("not-python", 1, breaks=True)
def not_python(experiment: Experiment) -> Iterator[Site]:
    """A file holds a NUL byte, is not UTF-8, is fenced as in a chat, or ends inside a string."""
    for source in experiment.sources:
        path, text = source.path, source.text
        middle = text.index("\n", len(text) // 2)
        yield Site("a NUL byte", {path: text[:middle] + "\n\0" + text[middle:]})
        yield Site("a byte that is not UTF-8", {path: f'{text}\nPLACE = "caf\udce9"\n'})
        yield Site("a Markdown fence", {path: f"```python\n{text}```\n"})
        yield Site("an open string", {path: f'{text}\nTAIL = """and so on\n'})


@operator("import-lost", 1)
def import_lost(experiment: Experiment) -> Iterator[Site]:
    """A name that the file uses is no longer imported."""
    for source in experiment.sources:
        used = _evaluated_names(source.tree)
        for node in source.tree.body:
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                if name in used and not hasattr(builtins, name):
                    others = [other for other in node.names if other is not alias]
                    code = _import(node, others) if others else ""
                    text = source.instead(node, code) if code else source.without(node)
                    yield Site(f"{source.path} no longer imports {name}", {source.path: text})


def _import(node: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> str:
    changed = ast.Import(names) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, names, node.level)
    return ast.unparse(changed) + "\n"


def _evaluated_names(tree: ast.Module) -> set[str]:
    """Names that are looked up when the code runs: annotations are not."""
    names: set[str] = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names.add(node.id)
        for field, value in ast.iter_fields(node):
            if field not in {"annotation", "returns"}:
                waiting += [
                    item for item in (value if isinstance(value, list) else [value]) if isinstance(item, ast.AST)
                ]
    return names


@operator("sibling-import", 2)
def sibling_import(experiment: Experiment) -> Iterator[Site]:
    """Another of the files is imported by a name that it does not have, or as if src were on the path."""
    for source in experiment.sources:
        for node in source.tree.body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("src."):
                module = str(node.module).removeprefix("src.")
                line = source.get(node).replace("src.", "", 1)
                yield Site(f"from {module} without src", {source.path: source.replace(node, line)})
                alias = node.names[0]
                wrong = source.get(alias).replace(alias.name, f"{alias.name}_v2 as {alias.name}", 1)
                text = source.replace(alias, wrong)
                yield Site(f"{alias.name}_v2 of {module}", {source.path: text}, also=(f"src/{module}.py",))


@operator("entry-point-lost", 2)
def entry_point_lost(experiment: Experiment) -> Iterator[Site]:
    """`python -m src.main` and `src.evaluate` define functions and do nothing."""
    for source in experiment.sources:
        for node in source.tree.body:
            if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
                yield Site(f"{source.path} is never started", {source.path: source.without(node)})
    source = experiment.source(MAIN)
    main = source.function("main")
    if main is not None and main.decorator_list:
        yield Site("main gets no configuration", {MAIN: source.undecorated(main)})
