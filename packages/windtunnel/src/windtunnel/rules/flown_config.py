"""The configuration of a flight: which keys were read, and which were asked for and not there (criteria 2 and 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_processes import finished, line_at, place_of, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import CommandFlown, ConfigSeen
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

# sections that are not the experiment's to read, or that describe it
_NOT_OURS = frozenset(
    {"run_id", "mode", "results_dir", "wandb", "hydra", "optuna", "defaults", "hardware", "method", "method_name"}
    | {"description", "notes", "citation", "environment", "compute", "task", "name", "type", "family"}
)
_DESCRIBED = frozenset({"num_parameters", "parameter_count", "params", "hidden_size", "num_layers", "gpu_type"})


class FLY085(Rule):
    """The run did not read what its configuration sets."""

    name = "config-key-left-unread"
    criterion = 7
    source = "flight"
    severity = Severity.WARNING
    doc = Doc(
        what="Keys of a run configuration that no process of the full run read, one by one or as part of a section, "
        "where every process was watched to its end.",
        why="The value in the paper's table is not the value that was used.",
        example="training:\n  gradient_accumulation_steps: 8   # train.py never looks at it",
        instead="use the key, or remove it",
        limits="Keys that describe (method, hardware, hidden_size) are left out; so is what a section was converted "
        "with, as what is read of it then is not known.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown("full"):
            for command in finished(flight):
                seen = _configurations(command)
                document = repo.documents.get(repo.run_path(command.name))
                if not seen or document is None or _reads_files_itself(repo):
                    continue
                exercised = True
                unread = [
                    keys
                    for keys in document.places
                    if all(isinstance(part, str) for part in keys)
                    and not ({keys[0]} & _NOT_OURS or {keys[-1]} & (_NOT_OURS | _DESCRIBED))
                    and _is_unread(".".join(map(str, keys)), seen)
                ]
                if unread:
                    shown = ", ".join(".".join(map(str, keys)) for keys in unread[:6])
                    more = f" and {len(unread) - 6} more" if len(unread) > 6 else ""
                    yield self.finding(
                        f"{shown}{more} {'is' if len(unread) == 1 else 'are'} set here, and the full run read "
                        f"{'it' if len(unread) == 1 else 'them'} nowhere",
                        document.place(unread[0]),
                        evidence=document.quote(unread[0]),
                        fix="use what is set where it belongs, or remove it",
                        runs=(command.name,),
                        modes=("full",),
                    )
        if not exercised:
            raise Skip("not exercised: no full run was watched to its end in all its processes")


class FLY086(Rule):
    """A default takes the place of a key that is not there."""

    name = "absent-key-with-default"
    criterion = 2
    source = "flight"
    severity = Severity.WARNING
    doc = Doc(
        what="Keys that code read with a fallback, that the configuration of the run does not have, and that are "
        "called like one that it has elsewhere. A blocker where Optuna's search space names the key.",
        why="The code runs with its default, and the configured value is ignored without an error.",
        example='cfg.get("learning_rate", 1e-3)   # the value is at cfg.training.learning_rate',
        instead="cfg.training.learning_rate",
        limits="Keys that the configuration has under no other section are optional, and left alone.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown():
            for command in flight.training:
                searched = _searched(repo, command.name)
                seen = [process.config for process in command.processes if process.config is not None]
                read = {key for config in seen for key in config.reads}
                for config in seen:
                    exercised = True
                    if not {*config.as_text} >= {place for places in config.bulk.values() for place in places}:
                        continue  # what is read of a section that was converted is not known
                    for absent in config.absent:
                        last = absent.key.rpartition(".")[2]
                        others = [key for key in config.keys if key.rpartition(".")[2] == last and key != absent.key]
                        others = [key for key in others if not key.startswith(("hydra.", "optuna."))]
                        if not others or last in _NOT_OURS or any(key in read for key in others):
                            continue
                        at = place_of(absent.place)
                        yield self.finding(
                            f"{absent.key!r} is not in the configuration, so {absent.default} was used; "
                            f"{others[0]} is {config.keys[others[0]]}",
                            at,
                            evidence=line_at(repo, at),
                            fix=f"read {others[0]}, without a fallback",
                            severity=Severity.BLOCKER if last in searched else None,
                            related=(repo.config_place(others[0], command.name) or Place("config/config.yaml"),),
                            runs=(command.name,),
                            modes=(flight.mode,),
                        )
        if not exercised:
            raise Skip("not exercised: no process was seen to compose a configuration")


def _configurations(command: CommandFlown) -> list[ConfigSeen]:
    """How the processes of a command used their configurations; empty if any of them was not watched to its end."""
    if not whole(command) or not any("config" in process.watched for process in command.processes):
        return []
    return [process.config for process in command.processes if process.config is not None]


def _reads_files_itself(repo: Repo) -> bool:
    """Whether training code opens YAML files without OmegaConf, which no observer of OmegaConf sees."""
    return any(
        "yaml.safe_load" in source.text or "yaml.load(" in source.text
        for path, source in repo.sources.items()
        if path != "src/evaluate.py"
    )


def _is_unread(key: str, seen: list[ConfigSeen]) -> bool:
    """Whether a key of a run configuration, at the root or below ``run``, is a leaf that nobody read."""
    names = {key, f"run.{key}"}
    if not any(names & config.keys.keys() for config in seen):
        return False
    for config in seen:
        if names & config.reads.keys() or names & config.assigned.keys():
            return False
        for node, places in config.bulk.items():
            covers = not node or node == "run" or any(name == node or name.startswith(f"{node}.") for name in names)
            if covers and not set(places) <= set(config.as_text):
                return False
    return True


def _searched(repo: Repo, run_id: str) -> set[str]:
    """The last parts of the names in the search space of a run."""
    space = repo.configured("optuna.search_space", run_id)
    trials = repo.configured("optuna.n_trials", run_id)
    if not isinstance(space, dict) or not isinstance(trials, int) or trials <= 0:
        return set()
    return {str(name).rpartition(".")[2] for name in space}
