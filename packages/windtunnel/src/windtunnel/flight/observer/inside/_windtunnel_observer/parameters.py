"""Trainable parameters: which have a gradient, and which are other than before the first step.

A parameter is compared by a fingerprint that costs little: exact sums and a sample of its values, and for large ones a
sample with the row of the largest gradient, which is the one that must move. What has moved is not looked at again.
Parameters are held weakly: a model that the flown code drops is gone, and what was seen of it by then stands.
"""

from __future__ import annotations

import gc
import sys
import time
import weakref

from . import story

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_MOST = 2000
_SAMPLE = 1024
_LARGE = 1_000_000
_MOST_SEARCHES = 20
# of the time since the first step, for looks at what has not moved yet
_SHARE, _ALLOWANCE_SECONDS = 0.02, 0.25


class _Parameter:
    """One parameter."""

    def __init__(self, parameter: Any, name: str, *, held: bool) -> None:
        self.reference = weakref.ref(parameter)
        self.name = name
        self.shape = [int(size) for size in parameter.shape]
        self.in_optimizer = held
        self.had_gradient = self.moved = False
        self.row: tuple[int, int] | None = None
        self.print: tuple[Any, ...] | None = None


_known: dict[int, _Parameter] = {}
_all: list[_Parameter] = []
_searches = [0]
_spent, _since = [0.0], [0.0]


def install() -> None:
    """Tell of parameters, and look at them once more when the process ends."""
    story.part(_tell, _forget)
    story.at_end(lambda: _compare(whole=True))


def before_step(held: list[Any], moving: list[Any]) -> bool:
    """Take down parameters that are new, and say whether the step can move any.

    Args:
        held: those of the optimizer.
        moving: those of its groups that have a learning rate above 0.
    """
    _since[0] = _since[0] or time.monotonic()
    torch = sys.modules["torch"]
    with torch.no_grad():
        new = [parameter for parameter in held if _of(parameter) is None]
        if new:
            _take(new)
        could = False
        for parameter in sorted(moving, key=_numel):
            seen = _of(parameter)
            if could and (seen is None or seen.had_gradient):
                continue
            if _has_gradient(torch, parameter):
                could = True
                if seen is not None:
                    _first_gradient(torch, seen, parameter)
    return could


def after_step() -> None:
    """Compare what has not moved so far."""
    _compare(whole=False)


def _of(parameter: Any) -> _Parameter | None:
    seen = _known.get(id(parameter))
    return seen if seen is not None and seen.reference() is parameter else None


def _numel(tensor: Any) -> int:
    return int(tensor.numel())


def _take(new: list[Any]) -> None:
    """Take down parameters of an optimizer, with the other trainable ones of the modules that hold them."""
    names, others = _names(new)
    for parameters, held in ((new, True), (others, False)):
        for parameter in parameters:
            seen = _of(parameter)
            if seen is not None:
                seen.in_optimizer = seen.in_optimizer or held
                continue
            if len(_all) >= _MOST:
                story.cut["parameters"] = None
                return
            seen = _known[id(parameter)] = _Parameter(parameter, names.get(id(parameter), ""), held=held)
            seen.print = _fingerprint(parameter, seen)
            _all.append(seen)
    for parameter in new:  # taken down before as another's
        seen = _of(parameter)
        if seen is not None:
            seen.in_optimizer = True


def _names(parameters: list[Any]) -> tuple[dict[int, str], list[Any]]:
    """Find the outermost modules that hold some of the parameters; return names and other trainable parameters."""
    _searches[0] += 1
    if _searches[0] > _MOST_SEARCHES:
        return {}, []
    classes = _with_subclasses(sys.modules["torch.nn.modules.module"].Module)
    # by type: isinstance would ask proxies for what they stand for
    modules = [candidate for candidate in gc.get_objects() if type(candidate) in classes]
    children = {
        id(child)
        for module in modules
        for child in (module.__dict__.get("_modules") or {}).values()
        if child is not None
    }
    wanted = {id(parameter) for parameter in parameters}
    found = []
    for module in modules:
        if id(module) not in children and "_parameters" in module.__dict__:
            named = list(module.named_parameters())
            if any(id(parameter) in wanted for _, parameter in named):
                found.append(named)
    names: dict[int, str] = {}
    others = []
    for named in sorted(found, key=len, reverse=True):
        for name, parameter in named:
            if id(parameter) not in names:
                names[id(parameter)] = name
                if parameter.requires_grad and id(parameter) not in wanted:
                    others.append(parameter)
    return names, others


def _with_subclasses(kind: type) -> set[type]:
    classes: set[type] = {kind}
    waiting: list[type] = [kind]
    while waiting:
        derived: type
        for derived in type.__subclasses__(waiting.pop()):
            if derived not in classes:
                classes.add(derived)
                waiting.append(derived)
    return classes


def _has_gradient(torch: Any, parameter: Any) -> bool:
    gradient = parameter.grad
    if gradient is None or gradient.numel() == 0:
        return False
    if gradient.layout is not torch.strided:
        gradient = gradient.coalesce().values() if gradient.is_sparse else gradient.to_dense()
    return bool(torch.count_nonzero(gradient) > 0)


def _first_gradient(torch: Any, seen: _Parameter, parameter: Any) -> None:
    """Note that a parameter has a gradient, and where it is largest if the parameter is large."""
    if seen.had_gradient:
        return
    seen.had_gradient = True
    gradient = parameter.grad
    if parameter.numel() > _LARGE and parameter.dim() > 1 and gradient.layout is torch.strided:
        rows = gradient.reshape(gradient.shape[0], -1)
        row = int(torch.maximum(rows.amax(1), -rows.amin(1)).argmax())
        if not seen.moved:
            seen.row = (row, int(rows.shape[1]))
            seen.print = _fingerprint(parameter, seen)


def _fingerprint(parameter: Any, seen: _Parameter) -> tuple[Any, ...] | None:
    """Return what tells the values of a parameter from others, None where that cannot be said."""
    torch = sys.modules["torch"]
    values = parameter.detach()
    if values.device.type == "meta" or values.layout is not torch.strided or values.numel() == 0:
        return None
    count = values.numel()
    sums = []
    if count <= _LARGE:
        sums = [float(values.sum(dtype=torch.float64)), float(values.double().abs().sum())]
    flat = values.reshape(-1)
    sample = flat[:: max(1, count // _SAMPLE)][:_SAMPLE].tolist()
    if seen.row is not None:
        row, width = seen.row
        sample += flat[row * width : (row + 1) * width][:_SAMPLE].tolist()
    return (tuple(values.shape), hash(tuple(sample)), *sums)


def _compare(*, whole: bool) -> None:
    torch = sys.modules["torch"]
    began = time.monotonic()
    with torch.no_grad():
        for seen in _all:
            if seen.moved or seen.print is None:
                continue
            if not whole and _spent[0] + time.monotonic() - began > _ALLOWANCE_SECONDS + _SHARE * (began - _since[0]):
                break
            parameter = seen.reference()
            if parameter is not None and _fingerprint(parameter, seen) != seen.print:
                seen.moved = True
    _spent[0] += time.monotonic() - began


def _tell() -> dict[str, Any]:
    return {
        "parameters": [
            {
                "name": seen.name,
                "shape": seen.shape,
                "in_optimizer": seen.in_optimizer,
                "had_gradient": seen.had_gradient,
                "moved": seen.moved,
            }
            for seen in list(_all)
        ]
    }


def _forget() -> None:
    _known.clear()
    _all.clear()
