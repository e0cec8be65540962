"""The machine that follows code: what is going on at a point, and what is written down about it.

It never runs the code of a submission. It walks the syntax tree with the values of
:mod:`windtunnel.rehearsal.values`: exact where the configuration, the command line and the files of the submission
decide, and
along both branches where they do not. After something that must fail it goes on, so that one pass finds what a dozen
runs would.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from windtunnel.rehearsal.trace import Event, Trace
from windtunnel.rehearsal.values import Module, Scope, Value, unknown

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator, Mapping, Sequence

    from omegaconf import DictConfig

    from windtunnel.rehearsal.program import Program

MOST_STEPS = 400_000  # nodes of the tree that one rehearsal may look at; the longest on record needs 60,000
DEEPEST = 40  # calls inside each other
# what an exception that is caught brings back to what it was where its ``try`` began
LEVELS = ("uncertain", "unlikely", "no_grad", "loops", "open_loops", "trial")


class Flow(Enum):
    """How a statement ended."""

    NEXT = 0
    RETURN = 1
    BREAK = 2
    CONTINUE = 3
    RAISE = 4


class Raised(Exception):  # noqa: N818 - the submission's exception, not ours
    """An exception of the submission on its way to the ``try`` that catches it."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(f"{error}: {message}")
        self.error = error
        self.message = message


class Left(Exception):  # noqa: N818 - an end, not an error
    """The process ends here (``sys.exit``)."""


class Exhausted(Exception):  # noqa: N818 - see MOST_STEPS
    """Too many steps or too deep."""


@dataclass(slots=True)
class Frame:
    """A call in progress."""

    name: str
    path: str
    returns: list[Value] = field(default_factory=list)
    yields: list[Value] = field(default_factory=list)
    uncertain: int = 0
    loops: int = 0
    unlikely: int = 0
    left: bool = False  # a return that may have happened: what follows may not be reached
    supposed: bool = False  # an ``if`` was taken to go as in a first run: what is raised may be meant for that
    expected: Value | None = None  # what it returns in a first run


@dataclass(slots=True)
class Guard:
    """A ``try`` in progress.

    Attributes:
        errors: the exceptions it catches.
        uncertain: how uncertain things were when it began.
        broad: whether it catches what mistakes in code raise, not only what a network, a disk or a person may cause.
    """

    errors: tuple[str, ...]
    uncertain: int
    broad: bool = field(init=False)

    def __post_init__(self) -> None:
        self.broad = any(self.catches(error) for error in _MISTAKES)

    def catches(self, error: str) -> bool:
        """Whether a handler catches an exception by its name."""
        return any(
            name in {"*", "Exception", "BaseException"} or name == error or error in _KIN.get(name, ())
            for name in self.errors
        )


_MISTAKES = ("TypeError", "AttributeError", "ValueError", "KeyError", "RuntimeError", "ImportError")

# Which built-in and OmegaConf exceptions a handler for the name on the left catches.
_KIN = {
    "LookupError": ("KeyError", "IndexError", "ConfigKeyError"),
    "KeyError": ("ConfigKeyError", "ConfigAttributeError"),
    "AttributeError": ("ConfigAttributeError",),
    "OSError": ("FileNotFoundError", "FileExistsError", "PermissionError"),
    "IOError": ("FileNotFoundError", "OSError"),
    "EnvironmentError": ("FileNotFoundError", "OSError"),
    "ValueError": ("JSONDecodeError", "UnicodeDecodeError"),
    "ImportError": ("ModuleNotFoundError",),
    "OmegaConfBaseException": (
        "ConfigKeyError",
        "ConfigAttributeError",
        "MissingMandatoryValue",
        "InterpolationKeyError",
    ),
    "ArithmeticError": ("ZeroDivisionError",),
}


class Machine:
    """The state of one rehearsal."""

    def __init__(
        self,
        program: Program,
        trace: Trace,
        argv: Sequence[str],
        environment: Mapping[str, Value] | None = None,
        *,
        script: bool = False,
        most_steps: int = MOST_STEPS,
    ) -> None:
        self.program = program
        self.trace = trace
        self.argv = tuple(argv)
        self.modules: dict[str, Module] = {}
        self.frames: list[Frame] = []
        self.guards: list[Guard] = []
        self.uncertain = 0
        self.unlikely = 0  # of these, what does not happen in a first run by itself
        self.no_grad = 0
        self.trial = 0
        self.loops = 0
        self.open_loops = 0  # of these, those over an unknown number of items
        self.steps = 0
        self.most_steps = most_steps
        self.cwd = "repository"
        # the folder that a first run finds empty
        self.results = next((word.partition("=")[2] for word in argv if word.startswith("results_dir=")), "")
        self.written: set[str] = set()  # files and folders that are there now
        self.environment: dict[str, Value] = dict(environment or {})
        self.script = script  # started as `python src/train.py`: the modules of src are found without their package
        self.target = False
        self.meant = False  # whether the run's file is put where the code looks for it
        self.undo: list[tuple[Any, Any, Any]] = []  # what an Optuna trial changed in configurations
        self.invoked: set[int] = set()  # functions that a library was seen to call
        self.holes: list[Value] = []  # values kept in configuration nodes that OmegaConf cannot hold
        self.run_file: DictConfig | None = None  # the run's own file, read when a key is not where it is read

    # What is going on

    @property
    def path(self) -> str:
        """The file being followed."""
        return self.frames[-1].path if self.frames else ""

    def step(self) -> None:
        """Count one node of the tree.

        Raises:
            Exhausted: there were too many.
        """
        self.steps += 1
        if self.steps > self.most_steps:
            raise Exhausted("too many steps")

    @contextmanager
    def perhaps(self, *, really: bool = True) -> Iterator[None]:
        """What follows runs under a condition that could not be decided."""
        self.uncertain += really
        try:
            yield
        finally:
            self.uncertain -= really

    @contextmanager
    def supposing(self, *, happens: bool | None) -> Iterator[None]:
        """What follows runs under a condition that could not be decided; ``happens`` tells whether in a first run."""
        self.uncertain += happens is not True
        self.unlikely += happens is False
        try:
            yield
        finally:
            self.uncertain -= happens is not True
            self.unlikely -= happens is False

    @contextmanager
    def without_gradients(self, *, really: bool = True) -> Iterator[None]:
        """What follows runs inside ``torch.no_grad``."""
        self.no_grad += really
        try:
            yield
        finally:
            self.no_grad -= really

    @contextmanager
    def assigning(self) -> Iterator[None]:
        """What is read here is the section that an assignment writes to."""
        before, self.target = self.target, True
        try:
            yield
        finally:
            self.target = before

    def guarded(self, error: str) -> bool:
        """Whether a ``try`` in progress would catch this exception."""
        return any(guard.catches(error) for guard in self.guards)

    # What is written down

    def note(self, kind: str, node: ast.AST, /, **data: Any) -> Event:
        """Write down an event at a node."""
        event = Event(
            kind=kind,
            path=self.path,
            node=node,
            data=data,
            certain=not self.uncertain,
            guarded=any(guard.broad for guard in self.guards),
            tried=bool(self.guards),
            crashes=self.trace.crashes,
            stack=tuple(frame.name for frame in self.frames[-8:]),
            no_grad=self.no_grad,
            trial=bool(self.trial),
            loop=self.loops,
        )
        self.trace.events.append(event)
        return event

    def fail(self, kind: str, node: ast.AST, error: str, /, **data: Any) -> Value:
        """Write down something that raises ``error``, and go on as if it had given an unknown value.

        Raises:
            Raised: a ``try`` of the submission catches it and it is certain to happen.
        """
        caught = self.guarded(error)
        event = self.note(kind, node, error=error, **data)
        event.guarded = caught
        if not caught:
            self.trace.crashes += event.certain
            return unknown()
        for guard in reversed(self.guards):
            if guard.catches(error):
                if self.uncertain <= guard.uncertain:
                    raise Raised(error, str(data.get("message", "")))
                break
        return unknown()

    def module(self, name: str) -> Module | None:
        """A module of the submission, its body followed on first use; None if it is not there or cannot be read."""
        if name in self.modules:
            return self.modules[name]
        source = self.program.source(name)
        if source is None:
            return None
        module = Module(name, source.path, Scope({}))
        module.scope.module = module
        self.modules[name] = module
        from windtunnel.rehearsal.statements import run_block  # noqa: PLC0415 - the two call each other

        self.frames.append(Frame("<module>", source.path))
        uncertain, self.uncertain = self.uncertain, 0
        try:
            run_block(self, source.tree.body, module.scope)
        except Left:
            pass
        finally:
            self.uncertain = uncertain
            self.frames.pop()
        return module
