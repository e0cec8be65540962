"""Where the models of library behaviour are registered and looked up.

A model gets the machine and the call and gives a value, or None for "nothing special". They are looked up by the
dotted name of a function, by the type of a receiver and the name of a method, by the type of an object that is
called, or by type
for attributes and items.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from windtunnel.rehearsal import libraries
from windtunnel.rehearsal.values import Value, constant, join_tags

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.values import Thing


@dataclass(slots=True)
class Call:
    """A call of a library: its name, its arguments, whether there may be more of them, and where it is."""

    name: str
    args: list[Value]
    keywords: dict[str, Value]
    starred: bool
    node: ast.AST

    @property
    def tags(self) -> frozenset[str]:
        """The tags of all arguments."""
        return join_tags([*self.args, *self.keywords.values()])

    def argument(self, position: int, name: str) -> Value | None:
        """An argument by position or keyword."""
        if name in self.keywords:
            return self.keywords[name]
        return self.args[position] if 0 <= position < len(self.args) else None

    def plain(self, position: int, name: str, default: Any = None) -> Any:
        """An argument as a plain Python value, ``default`` if it is absent or not known."""
        value = self.argument(position, name)
        if value is None:
            return default
        known, plain = constant(value)
        return plain if known else default


FunctionModel = Callable[..., Value | None]

_FUNCTIONS: dict[str, FunctionModel] = {}
_METHODS: dict[tuple[str, str], FunctionModel] = {}
_INVOKES: dict[str, FunctionModel] = {}
_ATTRIBUTES: dict[tuple[str, str], FunctionModel] = {}
_ITEMS: dict[str, FunctionModel] = {}
_TYPES: dict[str, str] = {}


def function(*names: str) -> Callable[[FunctionModel], FunctionModel]:
    """Register the model of library functions by dotted name; ``a.*`` stands for every other name below ``a``."""

    def register(model: FunctionModel) -> FunctionModel:
        for name in names:
            _FUNCTIONS[name] = model
        return model

    return register


def method(type_: str, *names: str) -> Callable[[FunctionModel], FunctionModel]:
    """Register the model of methods of a type; type "*" is any type, the last resort."""

    def register(model: FunctionModel) -> FunctionModel:
        for name in names:
            _METHODS[type_, name] = model
        return model

    return register


def invocation(*types: str) -> Callable[[FunctionModel], FunctionModel]:
    """Register what calling an object of a type does."""

    def register(model: FunctionModel) -> FunctionModel:
        for type_ in types:
            _INVOKES[type_] = model
        return model

    return register


def attributes(type_: str, *names: str) -> Callable[[FunctionModel], FunctionModel]:
    """Register what attributes of a type are."""

    def register(model: FunctionModel) -> FunctionModel:
        for name in names:
            _ATTRIBUTES[type_, name] = model
        return model

    return register


def items(*types: str) -> Callable[[FunctionModel], FunctionModel]:
    """Register what ``value[key]`` of a type is."""

    def register(model: FunctionModel) -> FunctionModel:
        for type_ in types:
            _ITEMS[type_] = model
        return model

    return register


def results(type_: str, *names: str) -> None:
    """Say what type functions give."""
    for name in names:
        _TYPES[name] = type_


@cache
def _load() -> None:
    """Import every module here once; each registers its models."""
    for module in iter_modules(libraries.__path__, f"{libraries.__name__}."):
        import_module(module.name)


def function_model(name: str) -> FunctionModel | None:
    """The model of a library function."""
    _load()
    found = _FUNCTIONS.get(name)
    if found is None and "." in name:
        owner, last = name.rsplit(".", 1)
        found = _FUNCTIONS.get(f"*.{last}") or _FUNCTIONS.get(f"{owner}.*")
    return found


def method_model(type_: str, name: str) -> FunctionModel | None:
    """The model of a method."""
    _load()
    return _METHODS.get((type_, name)) or _METHODS.get((family(type_), name)) or _METHODS.get(("*", name))


def invoke_model(thing: Thing) -> FunctionModel | None:
    """The model of calling an object."""
    _load()
    return _INVOKES.get(thing.type) or _INVOKES.get(family(thing.type))


def attribute_model(thing: Thing, name: str) -> FunctionModel | None:
    """The model of an attribute."""
    _load()
    return (
        _ATTRIBUTES.get((thing.type, name))
        or _ATTRIBUTES.get((family(thing.type), name))
        or _ATTRIBUTES.get(("*", name))
    )


def item_model(thing: Thing) -> FunctionModel | None:
    """The model of items."""
    _load()
    return _ITEMS.get(thing.type) or _ITEMS.get(family(thing.type))


def family(type_: str) -> str:
    """A coarser type with common behaviour: every optimizer is ``optimizer``, every model is ``model``."""
    last = type_.rsplit(".", 1)[-1]
    if type_.startswith("torch.optim.lr_scheduler.") or last in {"LRScheduler", "LambdaLR"}:
        return "scheduler"
    if type_.startswith("torch.optim.") or last in {"AdamW", "Adam", "SGD", "Adafactor", "AdamW8bit", "PagedAdamW8bit"}:
        return "optimizer"
    if type_.startswith(("torch.nn.", "transformers.AutoModel", "torchvision.models.", "timm.")) or type_ in {
        "transformers.PreTrainedModel",
        "peft.PeftModel",
    }:
        return "model"
    if type_.startswith("transformers.") and ("For" in last or last.endswith("Model")) and "Collator" not in last:
        return "model"
    if type_.startswith("transformers.") and "Tokenizer" in last:
        return "tokenizer"
    if type_.startswith("transformers.DataCollator") or last in {"DefaultDataCollator", "default_data_collator"}:
        return "collator"
    if type_ in {
        "datasets.Dataset",
        "datasets.IterableDataset",
        "datasets.DatasetDict",
        "datasets.IterableDatasetDict",
    }:
        return "dataset"
    return type_


def result_type(name: str) -> str:
    """The type of what a library function or class gives, "" if it is not known."""
    _load()
    found = _TYPES.get(name)
    if found is not None:
        return found
    last = name.rsplit(".", 1)[-1]
    if name.startswith("torch.") and last[:1].islower() and name.count(".") == 1:
        return "torch.Tensor"
    if last[:1].isupper():
        return name
    owner = name.rsplit(".", 2)
    return (
        owner[0] + "." + owner[1]
        if last in {"from_pretrained", "from_config", "from_dict", "from_list", "load_from_checkpoint"}
        and len(owner) == 3
        and owner[1][:1].isupper()
        else ""
    )
