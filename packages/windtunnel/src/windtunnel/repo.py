"""The read-only view of a submission that rules get.

Everything parsed, composed and rehearsed once, when first asked for.
"""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import TYPE_CHECKING

from windtunnel.contract import MODES, REQUIRED_FILES, RUN_FOLDERS
from windtunnel.followed_runs import to_follow
from windtunnel.reading import Unreadable, config_yaml, pyproject, python
from windtunnel.reading.parsing import MOST_NODES
from windtunnel.rules.base import Skip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from windtunnel.configuration import Entry
    from windtunnel.configuration.repair import Mended
    from windtunnel.evidence import Flight
    from windtunnel.findings import Place
    from windtunnel.knowledge.signatures import Signatures
    from windtunnel.reading.config_yaml import Document
    from windtunnel.reading.pyproject import Pyproject
    from windtunnel.reading.python import Source
    from windtunnel.rehearsal import Program, Trace
    from windtunnel.rehearsal.values import Value
    from windtunnel.submission import RunConfig, Submission

# of all rehearsals together; a further run is not begun beyond them. Two runs of a large experiment on record
MOST_STEPS = 80_000
# of the start of a run that is not followed further, and of all such starts: as far as configurations are checked
STEPS_OF_A_START = 9_000
MOST_STEPS_OF_STARTS = 130_000
RESULTS = "/results"  # stands for the folder of the contract's {path}


class Repo:
    """A submission, seen by rules.

    Args:
        submission: the files.
        as_of: the date whose library versions count.
        flights: what was flown, at most one flight of a mode.

    Attributes:
        submission: the files.
        as_of: the date whose library versions count.
        flights: what was flown, by mode.
    """

    def __init__(self, submission: Submission, *, as_of: date, flights: Iterable[Flight] = ()) -> None:
        self.submission = submission
        self.as_of = as_of
        self.flights: dict[str, Flight] = {flight.mode: flight for flight in flights}
        self._composed: set[Entry] = set()

    @cached_property
    def _python(self) -> dict[str, Source | Unreadable]:
        found: dict[str, Source | Unreadable] = {}
        room = MOST_NODES
        files = self.submission.files
        for path in (*(path for path in REQUIRED_FILES if path in files), *files):
            data = files[path].data
            if path.endswith(".py") and path not in found and data is not None:
                read = found[path] = python.read(path, files[path].text, data, room)
                room -= len(read.nodes) if isinstance(read, python.Source) else 0
        return {path: found[path] for path in files if path in found}

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The Python files that can be read, by path."""
        return {path: source for path, source in self._python.items() if isinstance(source, python.Source)}

    @cached_property
    def unreadable(self) -> list[Unreadable]:
        """Why Python and YAML files and the pyproject.toml cannot be read.

        A file may still be in :attr:`sources`, mended.
        """
        found = [
            error
            for source in self._python.values()
            for error in (source.errors if isinstance(source, python.Source) else [source])
        ]
        found += [document for document in self._yaml.values() if isinstance(document, Unreadable)]
        if isinstance(self._pyproject, Unreadable):
            found.append(self._pyproject)
        return found

    @cached_property
    def _yaml(self) -> dict[str, Document | Unreadable]:
        return {
            path: config_yaml.read(path, file.text)
            for path, file in self.submission.files.items()
            if path.startswith("config/") and path.endswith((".yaml", ".yml")) and file.data is not None
        }

    @cached_property
    def documents(self) -> dict[str, Document]:
        """The YAML files below config/ that can be read, by path."""
        return {path: document for path, document in self._yaml.items() if isinstance(document, config_yaml.Document)}

    @cached_property
    def _pyproject(self) -> Pyproject | Unreadable | None:
        file = self.submission.files.get(pyproject.PATH)
        return pyproject.read(file.text) if file is not None and file.data is not None else None

    @property
    def pyproject(self) -> Pyproject:
        """The pyproject.toml.

        Raises:
            Skip: there is none, or it cannot be read.
        """
        if isinstance(self._pyproject, pyproject.Pyproject):
            return self._pyproject
        raise Skip("there is no pyproject.toml that can be read")

    def source(self, path: str) -> Source:
        """A Python file.

        Raises:
            Skip: it is not there, or cannot be read.
        """
        found = self.sources.get(path)
        if found is None:
            raise Skip(f"{path} {'cannot be read' if path in self.submission.files else 'is not there'}")
        return found

    def config(self, path: str = "config/config.yaml") -> Document:
        """A YAML file.

        Raises:
            Skip: it is not there, or cannot be read.
        """
        found = self.documents.get(path)
        if found is None:
            raise Skip(f"{path} {'cannot be read' if path in self.submission.files else 'is not there'}")
        return found

    def flown(self, *modes: str) -> tuple[Flight, ...]:
        """The flights in some modes, in all of them if none is named.

        Raises:
            Skip: nothing was flown in them.
        """
        wanted = modes or MODES
        found = tuple(self.flights[mode] for mode in wanted if mode in self.flights)
        if not found:
            raise Skip(f"nothing was flown in {' or '.join(wanted)} mode")
        return found

    @property
    def runs(self) -> tuple[RunConfig, ...]:
        """The run configurations."""
        return self.submission.runs

    @cached_property
    def rehearsed_runs(self) -> tuple[RunConfig, ...]:
        """The run configurations to follow through the code."""
        return to_follow(self.runs, self.documents)

    @cached_property
    def signatures(self) -> Signatures:
        """The signature tables of libraries."""
        from windtunnel.knowledge.signatures import Signatures  # noqa: PLC0415 - read when first asked for

        return Signatures(self.as_of, self.requirements)

    @cached_property
    def requirements(self) -> dict[str, str]:
        """The version specifier of each declared distribution, by normalised name."""
        from windtunnel.requirements import declared  # noqa: PLC0415

        return {name: str(item.specifier) for name, item in declared(self._pyproject).items()}

    @cached_property
    def program_tops(self) -> frozenset[str]:
        """The top-level import names that are the submission's own."""
        return frozenset(
            path.split("/")[0].removesuffix(".py") for path in self.submission.files if path.endswith(".py")
        ) | {"src", "preprocess", "model", "train"}

    @cached_property
    def program(self) -> Program:
        """The submission as a program."""
        from windtunnel.rehearsal import Program  # noqa: PLC0415 - Hydra takes a fifth of a second to import

        return Program(
            self.sources,
            list(self.submission.files),
            broken=[path for path, source in self._python.items() if isinstance(source, Unreadable)],
            runs=[run.run_id for run in self.runs],
            compose=self._compose,
            texts=self.submission.text,
            documents=self.documents,
        )

    def _compose(self, entry: Entry, overrides: tuple[str, ...]) -> Mended:
        from windtunnel.configuration.compose import fresh  # noqa: PLC0415
        from windtunnel.configuration.composed import composed  # noqa: PLC0415

        # The first composition of an entry point holds what it says of Hydra, if it says anything, against Hydra's
        # schema; the others need not.
        first = entry not in self._composed and any("hydra" in document.text for document in self.documents.values())
        self._composed.add(entry)
        return fresh(composed(tuple(self.documents.values()), entry, overrides, first))

    @cached_property
    def rehearsals(self) -> tuple[Trace, ...]:
        """``src.main`` on the contract's command line for every rehearsed run and mode.

        And ``src.train`` as main starts it.
        """
        from windtunnel.rehearsal import rehearse  # noqa: PLC0415

        # The first run whole; then every further one in the first mode, before any of them in the other.
        runs = self.rehearsed_runs
        turns = [(run, mode) for run in runs[:1] for mode in MODES]
        turns += [(run, mode) for mode in MODES for run in runs[1:]]
        found: list[Trace] = []
        for run, mode in turns:
            if sum(trace.facts["steps"] for trace in found) > MOST_STEPS:
                break
            argv = [f"run={run.run_id}", f"results_dir={RESULTS}", f"mode={mode}"]
            main = rehearse(self.program, "main", argv, run_id=run.run_id, mode=mode)
            found.append(main)
            children = _children(main) or ([] if _trains_itself(main) else [(argv, {}, False)])
            for arguments, environment, script in children:
                found.append(
                    rehearse(
                        self.program,
                        "train",
                        arguments,
                        run_id=run.run_id,
                        mode=mode,
                        environment=environment,
                        script=script,
                    )
                )
        return tuple(found)

    @cached_property
    def unrehearsed_runs(self) -> tuple[RunConfig, ...]:
        """The run configurations that are not followed through the code."""
        rehearsed = {trace.run_id for trace in self.rehearsals}
        return tuple(run for run in self.runs if run.run_id not in rehearsed)

    @cached_property
    def starts(self) -> tuple[Trace, ...]:
        """How the runs begin that are not rehearsed: as far as their configurations are checked, most often.

        What is not met there may still come; only what is met says something.
        """
        from windtunnel.rehearsal import rehearse  # noqa: PLC0415

        found: list[Trace] = []
        for run in self.unrehearsed_runs:
            if sum(trace.facts["steps"] for trace in found) > MOST_STEPS_OF_STARTS:
                break
            argv = [f"run={run.run_id}", f"results_dir={RESULTS}", "mode=full"]
            found.append(
                rehearse(self.program, "main", argv, run_id=run.run_id, mode="full", most_steps=STEPS_OF_A_START)
            )
        return tuple(found)

    @cached_property
    def meant(self) -> tuple[Trace, ...]:
        """Full training runs that look for their configuration where it is not, with it put there.

        What a search would do is seen in these: where the real run stops before it, or reads another number of trials.
        """
        from windtunnel.rehearsal import rehearse  # noqa: PLC0415

        found: list[Trace] = []
        for trace in self.rehearsals:
            if (
                trace.entry != "train"
                or trace.mode != "full"
                or not any(event.kind == "missing" for event in trace.events)
            ):
                continue
            argv = [str(word) for word in trace.facts.get("overrides", [])]
            found.append(rehearse(self.program, "train", argv, run_id=trace.run_id, mode="full", meant=True))
        return tuple(found)

    @cached_property
    def evaluation(self) -> Trace:
        """``src.evaluate`` on the contract's command line."""
        import json  # noqa: PLC0415

        from windtunnel.rehearsal import rehearse  # noqa: PLC0415

        ids = [run.run_id for run in self.runs][:12] or ["run-1", "run-2"]
        return rehearse(self.program, "evaluate", [f"results_dir={RESULTS}", f"run_ids={json.dumps(ids)}"])

    def traces(self, *entries: str) -> Iterator[Trace]:
        """The rehearsals of some entry points, all of them if none is named.

        Raises:
            Skip: there is nothing to follow.
        """
        if not self.sources:
            raise Skip("no Python file can be read")
        wanted = entries or ("main", "train", "evaluate")
        if {"main", "train"} & set(wanted):
            yield from (trace for trace in self.rehearsals if trace.entry in wanted)
        if "evaluate" in wanted:
            yield self.evaluation

    def config_place(self, key: str, run_id: str = "") -> Place | None:
        """Where a configuration key stands: in the run's own file, else in config.yaml.

        None if it stands in neither.
        """
        keys = tuple(key.split("."))
        paths = [run.path for run in self.runs if run.run_id == run_id] + ["config/config.yaml"]
        for path in paths:
            document = self.documents.get(path)
            if document is not None and keys in document.places:
                return document.place(keys)
        return None

    def configured(self, key: str, run_id: str) -> object:
        """The value of a key in the run's own file, else in config.yaml; None if neither has it."""
        paths = [run.path for run in self.runs if run.run_id == run_id] + ["config/config.yaml"]
        for path in paths:
            value = self.documents[path].value if path in self.documents else None
            for part in key.removeprefix("run.").split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                return value
        return None

    def run_path(self, run_id: str) -> str:
        """The file of a run configuration."""
        return next(
            (run.path for run in self.runs if run.run_id == run_id), posixpath.join(RUN_FOLDERS[0], f"{run_id}.yaml")
        )

    @property
    def required(self) -> tuple[str, ...]:
        """The seven files."""
        return REQUIRED_FILES


def _children(trace: Trace) -> list[tuple[list[str], dict[str, Value], bool]]:
    """(arguments, environment, whether as a file) of each ``src.train`` that a rehearsal of main starts.

    As far as they are known.
    """
    from windtunnel.rehearsal.values import Const, Text  # noqa: PLC0415

    found: list[tuple[list[str], dict[str, Value], bool]] = []
    for event in trace.of("child"):
        if event.data["module"] != "src.train":
            continue
        words = [
            word.value if isinstance(word, Const) else str(word) if isinstance(word, Text) else ""
            for word in event.data["arguments"]
        ]
        # run={} is a whole section where an id was meant; what the child would do with the id is worth seeing too
        arguments = [f"run={trace.run_id}" if word == "run={}" else str(word) for word in words if word]
        if arguments not in [known for known, _, _ in found]:
            found.append((arguments, event.data["environment"], event.data["script"] is not None))
    return found[:2]


def _trains_itself(trace: Trace) -> bool:
    """Whether main imports train and runs it in its own process."""
    return any(name.startswith("src/train.py:") for name in trace.entered)
