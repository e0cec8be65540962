"""The parameters of a function definition, as the tables write them, and what its decorators make of them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Function = ast.FunctionDef | ast.AsyncFunctionDef

# decorators that leave the parameters as they are, by the last part of their name
KEEP_PARAMETERS = frozenset([
    "Appender", "Substitution", "abstractmethod", "add_code_sample_docstrings", "add_end_docstrings",
    "add_start_docstrings", "add_start_docstrings_to_callable", "add_start_docstrings_to_model_forward",
    "array_function_dispatch", "asynccontextmanager", "auto_class_docstring", "auto_docstring", "cache",
    "can_return_tuple", "capture_outputs", "check_model_inputs", "compatibility", "contextmanager",
    "convert_experimental_func", "copy_docs", "deprecate_nonkeyword_arguments", "deprecated", "deprecated_func",
    "deprecated_method", "disable", "doc", "dtype_check", "experimental", "experimental_func", "final",
    "finalize_array_function_like", "ignore", "inference_mode", "is_tensor_like", "lru_cache", "main",
    "merge_with_config_defaults", "no_grad", "no_jit_trace", "on_main_process", "override", "preserve_array_ptr",
    "replace_return_docstrings", "set_module", "singledispatch", "singledispatchmethod", "substitute_in_graph",
    "torch_non_c_binding_in_graph", "total_ordering", "typing_extensions_deprecated", "unused", "use_kernelized_func",
    "validate_params", "with_doc", "wraps",
])  # fmt: skip
PROPERTIES = frozenset(
    {"property", "cached_property", "abstractproperty", "cache_readonly", "lazy_property", "classproperty"}
)
# decorators that accept a keyword besides, which their first argument names
RENAMED = frozenset({"deprecate_kwarg", "deprecate_arg", "deprecated_argument", "renamed_arg", "_transition_to_rng"})
# decorators that accept these keywords besides
ADDED = {"_axis_nan_policy_factory": ("axis", "nan_policy", "keepdims"), "_preprocess_data": ("data",)}


@dataclass(frozen=True)
class Shape:
    """What a definition is once its decorators are applied.

    Attributes:
        kind: "function" (which is a method in a class), "static", "class" or "property".
        overload: it is one of several alternatives.
        known: its parameters are those that it is written with.
        extra: keywords that a decorator accepts besides.
    """

    kind: str = "function"
    overload: bool = False
    known: bool = True
    extra: tuple[str, ...] = ()


def shape(function: Function, keeps: Callable[[ast.expr], bool]) -> Shape:
    """What the decorators of a definition make of it.

    Args:
        function: the definition.
        keeps: whether a decorator that has no rule here leaves the parameters as they are.
    """
    kind, overload, known, extra = "function", False, True, []
    for decorator in function.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = dotted(called).rpartition(".")[2]
        if name in PROPERTIES or name in {"setter", "getter", "deleter"}:
            kind = "property"
        elif name == "staticmethod":
            kind = "static"
        elif name == "classmethod":
            kind = "class"
        elif name == "available_if":
            continue
        elif name == "overload":
            overload = True
        elif name in RENAMED and isinstance(decorator, ast.Call):
            values = [
                *decorator.args[:1],
                *(item.value for item in decorator.keywords if item.arg in {"old_arg_name", "old_name"}),
            ]
            extra += [one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        elif name in ADDED:
            extra += ADDED[name]
        elif name not in KEEP_PARAMETERS and not keeps(called):
            known = False
    return Shape(kind, overload, known, tuple(extra))


def written(function: Function, shaped: Shape, *, method: bool) -> str:
    """The parameters of a definition as a table has them; ``self`` and ``cls`` are left out of methods."""
    if not shaped.known:
        return "?"
    arguments = function.args
    by_position = [(item.arg, "") for item in (*arguments.posonlyargs, *arguments.args)]
    for index in range(len(arguments.defaults)):
        position = len(by_position) - 1 - index
        by_position[position] = (by_position[position][0], "=")
    slash = len(arguments.posonlyargs)
    # stubs of before Python 3.8 mark a parameter without a keyword by two underscores
    dunder = [name.startswith("__") and not name.endswith("__") for name, _ in by_position]
    if not slash and any(dunder):
        slash = max(index for index, one in enumerate(dunder) if one) + 1
    if method and shaped.kind in {"function", "class"} and by_position:
        by_position, slash = by_position[1:], max(0, slash - 1)
    items = [
        (name if position >= slash else name.lstrip("_") or name) + default
        for position, (name, default) in enumerate(by_position)
    ]
    if slash:
        items.insert(slash, "/")
    if arguments.vararg:
        items.append("*" + arguments.vararg.arg)
    keyword_only = [
        item.arg + ("=" if default is not None else "")
        for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    names = {item.rstrip("=") for item in (*items, *keyword_only)}
    keyword_only += [f"{name}=" for name in shaped.extra if name not in names]
    if keyword_only and not arguments.vararg:
        items.append("*")
    items += keyword_only
    if arguments.kwarg:
        items.append("**" + arguments.kwarg.arg)
    return ",".join(items)


def united(texts: list[str]) -> str:
    """Signatures as alternatives; unknown if any is."""
    return "?" if "?" in texts else "|".join(dict.fromkeys(texts))


def with_aliases(text: str, alias_of: Mapping[str, str]) -> str:
    """A signature whose parameters may be passed by other names too; then none of the two is required."""
    found = []
    for one in text.split("|"):
        items = one.split(",")
        added = []
        for position, item in enumerate(items):
            alias = alias_of.get(item.rstrip("="))
            if alias is not None and f"{alias}=" not in items:
                items[position] = item.rstrip("=") + "="
                added.append(f"{alias}=")
        end = [items.pop()] if items[-1].startswith("**") else []
        if added and not any(item.startswith("*") for item in items):
            items.append("*")
        found.append(",".join([*items, *added, *end]))
    return "|".join(found)


def raises_not_implemented(function: Function) -> bool:
    """Whether all a function does is raise NotImplementedError."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    if len(body) != 1 or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return False
    raised = body[0].exc.func if isinstance(body[0].exc, ast.Call) else body[0].exc
    return dotted(raised) == "NotImplementedError"


def dotted(expression: ast.expr) -> str:
    """An expression of names and dots as text; "" for anything else."""
    if isinstance(expression, ast.Name):
        return expression.id
    if isinstance(expression, ast.Attribute):
        inner = dotted(expression.value)
        return f"{inner}.{expression.attr}" if inner else ""
    return ""
