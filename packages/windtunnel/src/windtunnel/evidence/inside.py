"""What the observer inside a flown process tells of it. Every number and text here could be forged by hostile code.

A place is "src/train.py:42": the innermost line of the repository on the stack, "" if there was none.
"""

from __future__ import annotations

from dataclasses import field

from pydantic.dataclasses import dataclass

from windtunnel.evidence.crash import Crash


@dataclass(frozen=True)
class Absent:
    """A configuration key that was asked for and was not there, and what took its place without an error."""

    key: str
    default: str
    place: str
    count: int = 1


@dataclass(frozen=True)
class ConfigSeen:
    """How a process used its composed configuration.

    Attributes:
        keys: every leaf by its dotted name with the value as text, as Hydra handed the configuration over.
        reads: the leaves that code of the repository read one by one, with the places.
        absent: the keys that were read with a fallback and were not there.
        bulk: places where a whole node was converted (``to_container``, ``to_yaml``, ``dict(cfg)``): what was read of
            it afterwards is not known. The node's dotted name, "" for the root, to the places.
        assigned: leaves that code of the repository set, with the values as text in their order.
        as_text: those places of ``bulk`` at which a node was only turned into text (``to_yaml``, ``save``).
    """

    keys: dict[str, str] = field(default_factory=dict)
    reads: dict[str, tuple[str, ...]] = field(default_factory=dict)
    absent: tuple[Absent, ...] = ()
    bulk: dict[str, tuple[str, ...]] = field(default_factory=dict)
    assigned: dict[str, tuple[str, ...]] = field(default_factory=dict)
    as_text: tuple[str, ...] = ()


@dataclass(frozen=True)
class OptimizerSeen:
    """An optimizer that took at least one step.

    Attributes:
        name: its class.
        steps: calls of ``step``.
        effective_steps: those with a learning rate above 0 in a group of which a parameter had a gradient.
        learning_rates: the highest of its groups, at the first and at the last step.
        tensors: how many parameters it holds.
        place: where it was first stepped.
        built: where it was built, "" if not known.
    """

    name: str
    steps: int
    effective_steps: int
    learning_rates: tuple[float, float]
    tensors: int
    place: str = ""
    built: str = ""


@dataclass(frozen=True)
class ParameterSeen:
    """A parameter that was trainable when the first optimizer step was taken, or that an optimizer holds.

    Attributes:
        name: dotted, as the outermost module that holds it names it; "" if no module was found.
        shape: its size.
        in_optimizer: whether a stepped optimizer holds it.
        had_gradient: whether it ever had a gradient with a value other than 0 at an effective step.
        moved: whether its values at the end differ from those before the first step.
    """

    name: str
    shape: tuple[int, ...]
    in_optimizer: bool
    had_gradient: bool
    moved: bool


@dataclass(frozen=True)
class LossSeen:
    """Tensors that ``backward`` was called on at one place.

    Attributes:
        place: of the call.
        count: how many calls.
        first: the first values in their order, at most 200; NaN and infinities are None.
        last: the last values, at most 50.
        not_finite: how many were NaN or infinite.
        first_not_finite: the number of the call (from 1) at which the first of them came, 0 if none did.
    """

    place: str
    count: int
    first: tuple[float | None, ...] = ()
    last: tuple[float | None, ...] = ()
    not_finite: int = 0
    first_not_finite: int = 0


@dataclass(frozen=True)
class HookSeen:
    """Hooks that code of the repository registered at one place on modules or tensors.

    Attributes:
        place: where.
        kind: the method, such as "register_full_backward_hook".
        registered: how many.
        fired: how many calls of all of them together.
    """

    place: str
    kind: str
    registered: int
    fired: int


@dataclass(frozen=True)
class LoaderSeen:
    """Data loaders iterated at one place: batches taken, iterations begun, rows and batches of the largest."""

    place: str
    batches: int
    iterations: int
    rows: int | None = None
    length: int | None = None


@dataclass(frozen=True)
class RowsSeen:
    """The rows of the passes over data loaders at one place during which ``backward`` was not called.

    Attributes:
        place: the line that iterates.
        measured: how many rows.
        trained: how many of them were also in a pass during which it was called.
    """

    place: str
    measured: int
    trained: int


@dataclass(frozen=True)
class SearchSeen:
    """An Optuna study.

    Attributes:
        place: where it was first optimized or told of a trial.
        names: of all parameters that were suggested.
        tried: how many different sets of parameters the completed trials had.
        values: of each completed trial; NaN and infinities are None.
    """

    place: str
    names: tuple[str, ...]
    tried: int
    values: tuple[tuple[float | None, ...], ...] = ()


@dataclass(frozen=True)
class Swallowed:
    """An exception that was raised in or below code of the repository and handled by it without being raised again."""

    exception: str
    message: str
    raised: str
    handled: str
    count: int = 1


@dataclass(frozen=True)
class Started:
    """A child process that Python code started, and from where."""

    argv: tuple[str, ...]
    place: str


@dataclass(frozen=True)
class Written:
    """A file that Python code opened for writing, or a figure saved: its absolute path, and from where."""

    path: str
    place: str


@dataclass(frozen=True)
class Connection:
    """An address that Python code connected or resolved to, other than the two servers."""

    address: str
    place: str


@dataclass(frozen=True)
class ProcessSeen:
    """One Python process of a command.

    Attributes:
        pid: its number inside the sandbox.
        parent: its parent's number.
        argv: its arguments, program first.
        folder: where it started.
        seconds: from its start to its last word.
        said_goodbye: whether its interpreter came to its end; otherwise the numbers are those of its last word.
        python: its version.
        config: how it used the configuration, None if it composed none.
        crash: the exception that ended it.
        watched: what the observer could watch in this process: "config", "torch", "exceptions", "files".
        cut: the lists that were longer than what is kept.
        shims: what stood in for services that cannot be answered on loopback, and for what.
        faults: what failed within the observer itself, so that less was watched than ``watched`` says.
    """

    pid: int
    parent: int
    argv: tuple[str, ...] = ()
    folder: str = ""
    seconds: float = 0.0
    said_goodbye: bool = False
    python: str = ""
    config: ConfigSeen | None = None
    optimizers: tuple[OptimizerSeen, ...] = ()
    parameters: tuple[ParameterSeen, ...] = ()
    losses: tuple[LossSeen, ...] = ()
    hooks: tuple[HookSeen, ...] = ()
    loaders: tuple[LoaderSeen, ...] = ()
    rows: tuple[RowsSeen, ...] = ()
    searches: tuple[SearchSeen, ...] = ()
    swallowed: tuple[Swallowed, ...] = ()
    started: tuple[Started, ...] = ()
    written: tuple[Written, ...] = ()
    connections: tuple[Connection, ...] = ()
    crash: Crash | None = None
    watched: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    shims: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
