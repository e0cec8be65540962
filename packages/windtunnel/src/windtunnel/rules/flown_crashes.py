"""Crashes of a flight: the exception that ended a run, at the deepest line of the repository (criteria 1 to 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Place
from windtunnel.knowledge.crashes import OTHER, kind_of
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.flown_beyond import beyond_miniature
from windtunnel.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import CommandFlown, Crash, Flight
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

EVALUATE = "evaluate"
_MESSAGE_CHARACTERS = 400


def explained_by_unknown(flight: Flight, crash: Crash) -> bool:
    """Whether a crash comes from an id that the catalogue does not have: that decides nothing about the code."""
    told = "\n".join((crash.message, *crash.chain))
    return any(unknown.repo_id in told for unknown in flight.unknown)


def stage_of(flight: Flight, command: CommandFlown) -> Stage:
    """Where a failing command stops the experiment."""
    if command.name == EVALUATE:
        return Stage.EVALUATION
    return Stage.TRIAL if flight.mode == "trial" else Stage.FULL


def entry_of(command: CommandFlown) -> str:
    """The file that a command starts."""
    return "src/evaluate.py" if command.name == EVALUATE else "src/main.py"


def place_of(repo: Repo, crash: Crash, command: CommandFlown) -> Place:
    """The deepest line of the repository that a crash passed through, else the file that was started."""
    for frame in reversed(crash.frames):
        if frame.path in repo.submission.files:
            return Place(frame.path, frame.line)
    return Place(entry_of(command))


class _Crash(Rule):
    """A base: one rule for each kind of crash."""

    source = "flight"
    criterion = 1
    stage = Stage.TRIAL
    kinds: ClassVar[tuple[str, ...]] = ()
    fix: ClassVar[str] = "mend the line"

    def check(self, repo: Repo) -> Iterator[Finding]:
        for flight in repo.flown():
            for crash, commands in _distinct(flight, self.kinds):
                command = commands[0]
                frames = [frame for frame in crash.frames if frame.path in repo.submission.files]
                place = place_of(repo, crash, command)
                yield self.finding(
                    f"{_what(commands)} stopped here in {flight.mode} mode: "
                    f"{crash.exception}: {_shortened(crash.message)}",
                    place,
                    evidence=f"{crash.exception}: {crash.message}",
                    fix=f"{self.fix}; to see it again: {command.again}",
                    severity=self.severity,
                    related=tuple(dict.fromkeys(Place(f.path, f.line) for f in frames[-4:-1]))[::-1],
                    runs=tuple(one.name for one in commands if one.name != EVALUATE),
                    modes=(flight.mode,),
                    stage=stage_of(flight, command),
                )


def _distinct(flight: Flight, kinds: tuple[str, ...]) -> Iterator[tuple[Crash, list[CommandFlown]]]:
    """The crashes of some kinds, each once with all commands that end in it."""
    found: dict[tuple[object, ...], tuple[Crash, list[CommandFlown]]] = {}
    for command in flight.commands:
        crash = command.crash
        if crash is None or command.status != "failed" or explained_by_unknown(flight, crash):
            continue
        if beyond_miniature(command, crash):
            continue
        if kind_of(crash, accelerator=flight.accelerator) in kinds:
            key = (crash.exception, crash.message, crash.frames[-1:])
            found.setdefault(key, (crash, []))[1].append(command)
    yield from found.values()


def _what(commands: list[CommandFlown]) -> str:
    if commands[0].name == EVALUATE:
        return "the evaluation"
    return "the run" if len(commands) == 1 else f"{len(commands)} runs"


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MESSAGE_CHARACTERS else line[:_MESSAGE_CHARACTERS] + "…"


class FLY001(_Crash):
    """A run of the flight ends with an exception."""

    name = "flight-crash"
    kinds = (OTHER, "number", "syntax")
    categories = ("numeric", "syntax", "encoding", "empty-file", "tokenizer", "model-head-mismatch")
    fix = "mend what raises it"
    doc = Doc(
        what="An exception that ended a command of the contract in miniature, of none of the kinds that have a rule.",
        why="What stops on a miniature stops on the real thing, after the GPU was paid for.",
        example="train.py:88 raises ValueError: not enough values to unpack",
        instead="code that runs to its end in trial mode",
    )


class FLY002(_Crash):
    """A run of the flight ends in its configuration."""

    name = "flight-configuration-crash"
    criterion = 2
    kinds = ("configuration",)
    categories = (
        "struct-violation", "cfg-key-missing", "hydra-compose", "cfg-path-mismatch", "cli-override-key", "invalid-yaml",
        "run-id-mismatch", "run-id-unsafe",
    )  # fmt: skip
    fix = "have the configuration hold what is read, and read it where it stands"
    doc = Doc(
        what="Exceptions of Hydra, OmegaConf and YAML that ended a command.",
        why="The run configuration does not reach the code, so nothing is trained.",
        example="cfg.training.lr, which no configuration has",
        instead="training.lr in config/config.yaml, or cfg.run.training.lr where the run configuration has it",
    )


class FLY003(_Crash):
    """A run of the flight ends at an import."""

    name = "flight-import-crash"
    criterion = 5
    kinds = ("import",)
    categories = ("dep-missing", "child-process-import", "library-api", "deps-not-pep621", "import")
    fix = (
        "declare the distribution in pyproject.toml, import what its version has, or start child processes in the root"
    )
    doc = Doc(
        what="ImportError and ModuleNotFoundError that ended a command, and libraries that ask for another one.",
        why="The environment that the project declares does not have what the code imports.",
        example="import evaluate   # pyproject.toml does not list it",
        instead='dependencies = ["evaluate", …]',
    )


class FLY004(_Crash):
    """A run of the flight calls a library in a way it refuses."""

    name = "flight-interface-crash"
    criterion = 4
    kinds = ("interface",)
    categories = ("library-api", "model-head-mismatch", "optuna-space")
    fix = "call it as its installed version is written"
    doc = Doc(
        what="TypeError and AttributeError that ended a command: arguments and names that a function does not have.",
        why="Interfaces change; a call that the installed version refuses stops the run.",
        example="TrainingArguments(evaluation_strategy='epoch')   # eval_strategy since 4.46",
        instead="TrainingArguments(eval_strategy='epoch')",
    )


class FLY005(_Crash):
    """A run of the flight ends in the adapter library."""

    name = "flight-adapter-crash"
    criterion = 4
    kinds = ("adapter",)
    categories = ("lora-peft", "autograd")
    fix = "name modules that the model has and that the adapter can wrap"
    doc = Doc(
        what="Exceptions raised in PEFT that ended a command.",
        why="An adapter that does not fit its model trains nothing.",
        example='LoraConfig(target_modules=["attention"])   # a container',
        instead='LoraConfig(target_modules=["query", "value"])',
    )


class FLY006(_Crash):
    """A run of the flight ends in the gradients."""

    name = "flight-gradient-crash"
    criterion = 12
    kinds = ("autograd",)
    categories = ("autograd",)
    fix = "keep the loss connected to parameters that need gradients, and each graph used once"
    doc = Doc(
        what="Exceptions of backward that ended a command.",
        why="Without a gradient nothing learns.",
        example="loss = torch.tensor(loss.item()); loss.backward()",
        instead="loss.backward()",
    )


class FLY007(_Crash):
    """A run of the flight ends with shapes, types or devices that do not fit."""

    name = "flight-shape-crash"
    criterion = 12
    kinds = ("shape", "device")
    categories = ("tensor-shape", "device-dtype-amp", "tokenize-collate", "numeric")
    fix = "make the two sides of the operation agree"
    doc = Doc(
        what="Exceptions about sizes, dtypes and devices that ended a command.",
        why="The miniature has the real names and heads, so the real model stops at the same line.",
        example="cross_entropy(logits.view(-1, 2), labels)   # three classes",
        instead="cross_entropy(logits.view(-1, model.config.num_labels), labels)",
        limits="Above 150 million parameters the miniature's hidden size is smaller; code that writes it down as a "
        "number stops here and not on the real model.",
    )


class FLY008(_Crash):
    """A run of the flight ends in its data."""

    name = "flight-data-crash"
    criterion = 3
    kinds = ("data",)
    categories = ("dataset-schema", "tokenize-collate", "hf-dataset-ref", "cfg-key-missing", "evaluate-cli")
    fix = "use the columns, types and special tokens that the dataset and the tokenizer have"
    doc = Doc(
        what="Missing columns and keys, batches that cannot be padded, tokenizers without a pad token.",
        why="The generated rows have the real columns and types, so the real rows stop the run as well.",
        example='examples["text"]   # the column is called "sentence"',
        instead='examples["sentence"]',
    )


class FLY009(_Crash):
    """A run of the flight ends at a file that is not there."""

    name = "flight-file-crash"
    criterion = 3
    kinds = ("file",)
    categories = ("missing-artifact", "relative-path", "child-process-import", "evaluate-incomplete")
    fix = "write the file before it is read, and name it from results_dir or the root of the repository"
    doc = Doc(
        what="FileNotFoundError and its relatives that ended a command.",
        why="A path that depends on the working directory, or a file that nothing writes, is missing everywhere.",
        example='torch.load("checkpoints/best.pt")   # saved below results_dir',
        instead='torch.load(Path(cfg.results_dir) / run_id / "best.pt")',
    )


class FLY010(_Crash):
    """A run of the flight ends in W&B."""

    name = "flight-tracking-crash"
    criterion = 6
    kinds = ("tracking",)
    categories = ("wandb-auth-mode", "wandb", "evaluate-incomplete")
    fix = "log in the modes in which a run is open, and ask for what was logged"
    doc = Doc(
        what="Exceptions raised in wandb that ended a command, against a server that takes what the real one takes.",
        why="The real server refuses the same.",
        example="wandb.log({...})   # before wandb.init in trial mode",
        instead="if run is not None: run.log({...})",
    )


class FLY011(_Crash):
    """A run of the flight ends in its hyper-parameter search."""

    name = "flight-search-crash"
    criterion = 7
    kinds = ("tuning",)
    categories = ("optuna-space", "optuna-objective")
    fix = "suggest with the arguments that Optuna has"
    doc = Doc(
        what="Exceptions raised in Optuna that ended a command.",
        why="The search stops before the run that it is for.",
        example='trial.suggest_float("lr", low=1e-2, high=1e-4)',
        instead='trial.suggest_float("lr", low=1e-4, high=1e-2, log=True)',
    )


class FLY012(_Crash):
    """A run of the flight asks the hub for what it does not have."""

    name = "flight-hub-crash"
    criterion = 3
    kinds = ("hub",)
    categories = ("hf-dataset-ref", "hf-model-id", "dataset-schema")
    fix = "use an id, a config and a split that exist"
    doc = Doc(
        what="Ids, configs and splits that the loopback hub refuses as the real one does, and that ended a command.",
        why="The real hub answers the same.",
        example='load_dataset("openai/gsm8k")   # a config must be named',
        instead='load_dataset("openai/gsm8k", "main")',
    )
