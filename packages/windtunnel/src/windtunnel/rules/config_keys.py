"""Configuration keys: what is read and not there, what is written and may not be (criteria 2 and 7)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import Group, gather, place, quote, root_config, run_places
from windtunnel.rules.unrehearsed import lacks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.rehearsal import Event
    from windtunnel.repo import Repo


class CFG001(Rule):
    """A key is added to a configuration that Hydra has locked."""

    name = "struct-violation"
    criterion = 2
    categories: ClassVar[tuple[str, ...]] = ("struct-violation", "cfg-key-missing", "optuna-space")
    source = "rehearsal"
    doc = Doc(
        what="Assignments, `OmegaConf.merge` and `OmegaConf.update` that add a key to the configuration `@hydra.main` "
        "gives, or to a part of it.",
        why="Hydra sets the struct flag: a key that is not in the composed configuration raises ConfigAttributeError "
        "or ConfigKeyError. "
        "It is the most frequent first crash on record.",
        example="cfg = OmegaConf.merge(cfg, OmegaConf.load(f'config/run/{cfg.run}.yaml'))  # config.yaml has no "
        "`model`",
        instead="Let Hydra compose the run configuration (`defaults: [_self_, run: null]` and `# @package _global_`), "
        "or unlock the configuration "
        "first with `OmegaConf.set_struct(cfg, False)` or `with open_dict(cfg):`.",
        limits="Keys computed at run time from data.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        def key(event: Event) -> object:
            if event.kind == "missing":
                return (event.line, "assign") if event.data.get("target") and event.data["why"] == "absent" else None
            return (event.line, event.data["how"])

        for group in gather(repo.traces(), ["struct", "missing"], key):
            if not group.certain and group.first.data.get("how") != "merge":
                continue
            keys = list(
                dict.fromkeys(
                    key for _, event in group.events for key in event.data.get("keys", (event.data.get("key"),))
                )
            )
            how = {
                "merge": "a merge adds",
                "update": "an update adds",
                "assign": "an assignment adds",
                "delete": "a deletion removes",
            }[group.first.data.get("how", "assign")]
            yield self.finding(
                f"{how} {_listed(keys)} to a configuration in struct mode, which raises {group.first.data['error']}",
                place(repo, group.first),
                evidence=quote(repo, group.first),
                fix="add the keys to config/config.yaml, let Hydra compose the run configuration at the root (`# "
                "@package _global_`), or call "
                "OmegaConf.set_struct(cfg, False) before this line",
                related=(root_config(repo, keys[0]), *run_places(repo, group.runs)),
                runs=group.runs,
                modes=group.modes,
            )


class CFG002(Rule):
    """A configuration key is read that is not there."""

    name = "missing-config-key"
    criterion = 7
    categories: ClassVar[tuple[str, ...]] = ("cfg-key-missing", "struct-violation")
    source = "rehearsal"
    doc = Doc(
        what="Keys read by attribute or item, through aliases, helpers and `getattr`, that the configuration composed "
        "for some run and mode lacks.",
        why="OmegaConf raises ConfigAttributeError or ConfigKeyError; a key that only one of the run configurations "
        "has stops the others.",
        example="rank = cfg.model.lora.rank  # the baseline's configuration has no `lora` section",
        instead="rank = cfg.model.get('lora', {}).get('rank', 8), or the key in every run configuration, or a default "
        "in config.yaml",
        limits="Keys whose names are computed from data.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for group in _missing(repo):
            if _misplaced(repo, group) is not None or not _worth(group):
                continue
            first = group.first
            key, why = first.data["key"], first.data["why"]
            if why == "mandatory":
                message = f"{key!r} is read while it is still '???'"
                fix = "give it a value in config.yaml or in the run configuration"
            elif why == "interpolation":
                message = f"{key or 'the configuration'!r} cannot be resolved: {first.data['message']}"
                fix = "correct the interpolation, or the key it refers to"
            else:
                message = f"{key!r} is read but the configuration has no such key"
                fix = (
                    f"add {key!r} to the run configurations that lack it or a default to config/config.yaml, "
                    "or read it with .get()"
                )
            yield self.finding(
                message,
                place(repo, first),
                evidence=quote(repo, first),
                fix=fix,
                related=(root_config(repo, key), *run_places(repo, group.runs, key)),
                runs=group.runs,
                modes=group.modes,
            )
        yield from self._not_rehearsed(repo)

    def _not_rehearsed(self, repo: Repo) -> Iterator[Finding]:
        for lack in lacks(repo):
            key = str(lack.event.data["key"])
            runs = tuple(sorted(lack.runs))
            yield self.finding(
                f"{key!r} is read for runs of this method, and {', '.join(runs[:3])}"
                f"{' and others' if len(runs) > 3 else ''} {'has' if len(runs) == 1 else 'have'} no such key",
                run_places(repo, runs, key)[0],
                evidence=quote(repo, lack.event),
                fix=f"add {key!r} to the run configuration, as the others of the method have it",
                severity=Severity.BLOCKER if lack.event.certain else Severity.WARNING,
                related=(place(repo, lack.event), *run_places(repo, runs, key)[1:]),
                runs=runs,
            )


class CFG003(Rule):
    """Code looks for the run configuration where it is not."""

    name = "config-path-mismatch"
    criterion = 2
    categories: ClassVar[tuple[str, ...]] = ("cfg-path-mismatch", "hydra-compose", "cfg-key-missing")
    source = "rehearsal"
    doc = Doc(
        what="Keys read at the root while the run configuration lies under `cfg.run`, or the reverse, and keys looked "
        "for inside a string such as a run id.",
        why="Hydra puts `config/run/ID.yaml` under `run` unless its first line is `# @package _global_`; code that "
        "expects the other raises at its first read.",
        example="lr = cfg.training.learning_rate  # the value is at cfg.run.training.learning_rate",
        instead="begin every run configuration with `# @package _global_`, or read `cfg.run.training.learning_rate` "
        "everywhere",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        files: dict[tuple[str, str], list[tuple[Group, str]]] = {}
        for group in _missing(repo):
            where = _misplaced(repo, group)
            if where is not None and _worth(group):
                files.setdefault((group.first.path, where), []).append((group, group.first.data["key"]))
        for (_, where), groups in files.items():
            first = groups[0][0].first
            keys = list(dict.fromkeys(key.split(".")[0] if where != "scalar" else key for _, key in groups))
            runs = tuple(sorted({run for group, _ in groups for run in group.runs}))
            are, them = ("is", "it") if len(keys) == 1 else ("are", "them")
            if where == "scalar":
                scalar = first.data["scalar"]
                message = f"{_listed(keys)}: {scalar.origin!r} is {scalar.value!r}, which has no keys"
            elif where == "run":
                message = f"{_listed(keys)} {are} read at the root, but the run configuration lies under 'run'"
            elif where == "unloaded":
                message = (
                    f"{_listed(keys)} {are} read at the root, where nothing puts the run configuration that has {them}"
                )
            else:
                message = (
                    f"{_listed([key for _, key in groups])} read under 'run': the run configuration is at the root"
                )
            more = f" ({len(groups)} places in this file)" if len(groups) > 1 else ""
            yield self.finding(
                message + more,
                place(repo, first),
                evidence=quote(repo, first),
                fix="begin each run configuration with '# @package _global_' and read its keys at the root, "
                "everywhere the same way"
                if where != "root"
                else "read the keys at the root: cfg.X instead of cfg.run.X",
                related=(
                    root_config(repo, "defaults"),
                    *(self._other_way(repo, first) if where == "run" else ()),
                    *run_places(repo, runs),
                ),
                runs=runs,
                modes=tuple(sorted({mode for group, _ in groups for mode in group.modes})),
            )

    @staticmethod
    def _other_way(repo: Repo, first: Event) -> tuple[Place, ...]:
        """Where other files read the same configuration under ``run``: one of the two must change."""
        found: dict[str, Place] = {}
        for trace in repo.rehearsals:
            for event in trace.of("read"):
                if event.path != first.path and str(event.data["key"]).startswith("run.") and event.data["found"]:
                    found.setdefault(event.path, place(repo, event))
        return tuple(found.values())


class CFG004(Rule):
    """A run configuration sets what nothing reads."""

    name = "unread-config-key"
    criterion = 7
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("config-key-unused",)
    source = "rehearsal"
    doc = Doc(
        what="Keys of a run configuration that no rehearsal of that run reads, in trial or full mode.",
        why="The value in the paper's table is not the value that was used.",
        example="training:\n  gradient_accumulation_steps: 8   # train.py never looks at it",
        instead="use the key, or remove it",
        limits="Keys that describe (method, hidden_size, num_parameters) are left out; so are whole sections handed "
        'to a library, and keys that the code names in full ("training.optimizer").',
    )
    _described = frozenset(
        [
            "run_id",
            "method",
            "method_name",
            "description",
            "name",
            "type",
            "num_parameters",
            "parameter_count",
            "params",
            "hidden_size",
            "num_layers",
            "gpu_type",
            "num_gpus",
            "accelerator",
            "devices",
            "hardware",
            "compute",
            "environment",
            "citation",
            "task",
            "family",
            "notes",
        ]
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        read: dict[str, set[str]] = {}
        lost: dict[str, set[str]] = {}  # looked for in vain: what lies below would be read too
        for trace in repo.rehearsals:
            if trace.ended:
                return
            for event in trace.of("read", "missing"):
                if not event.data.get("listed"):
                    read.setdefault(trace.run_id, set()).add(str(event.data["key"]).removeprefix("run."))
                if event.kind == "missing":
                    lost.setdefault(trace.run_id, set()).add(str(event.data["key"]).removeprefix("run."))
        named = {
            node.value
            for source in repo.sources.values()
            for node in source.nodes
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        for run in repo.rehearsed_runs:
            document = repo.documents.get(run.path)
            asked = read.get(run.run_id)
            if (
                document is None
                or not asked
                or any(event.data["what"] == "other" for trace in repo.rehearsals for event in trace.of("compose"))
            ):
                continue
            asked_parents = {key.rsplit(".", 1)[0] for key in asked if "." in key} | asked
            unread = []
            for keys in document.places:
                if (
                    any(not isinstance(part, str) for part in keys)
                    or keys[0] == "optuna"
                    or set(keys) & self._described
                ):
                    continue
                key = ".".join(map(str, keys))
                if key in named or any(
                    ".".join(keys[:length]) in lost.get(run.run_id, ()) for length in range(1, len(keys))
                ):
                    continue
                if (
                    key not in asked
                    and isinstance(_value(document.value, keys), str | int | float | bool)
                    and (
                        len(keys) == 1
                        or ".".join(keys[:-1]) in asked_parents
                        or keys[0] not in {name.split(".")[0] for name in asked}
                    )
                ):
                    unread.append(keys)
            if unread:
                yield self.finding(
                    f"{_listed(['.'.join(keys) for keys in unread])} {'is' if len(unread) == 1 else 'are'} set here "
                    "and read nowhere",
                    document.place(unread[0]),
                    evidence=document.quote(unread[0]),
                    fix="use what is set where it belongs, or remove it",
                    related=tuple(self._readers(repo)),
                    runs=(run.run_id,),
                )

    @staticmethod
    def _readers(repo: Repo) -> Iterator[Place]:
        yield from (
            Place(path) for path in ("src/train.py", "src/preprocess.py", "src/model.py") if path in repo.sources
        )


def _value(value: object, keys: tuple[object, ...]) -> object:
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _missing(repo: Repo) -> list[Group]:
    return gather(
        repo.traces(),
        ["missing"],
        lambda event: None if event.data.get("target") else (event.line, event.data["key"], event.data["why"]),
    )


def _worth(group: Group) -> bool:
    """Whether it is sure enough."""
    return group.certain or group.first.data["why"] == "absent"


def _misplaced(repo: Repo, group: Group) -> str | None:
    """Where the key really is: "run", "root", "unloaded" (in the run's file alone), in a "scalar", or None."""
    first: Event = group.first
    if first.data["why"] == "scalar":
        return "scalar"
    if first.data["why"] != "absent":
        return None
    key = str(first.data["key"])
    for trace, _ in group.events:
        document = repo.documents.get(repo.run_path(trace.run_id))
        if document is None or not isinstance(document.value, dict):
            continue
        config = trace.facts.get("config")
        if (
            not key.startswith("run.")
            and tuple(key.split(".")) in document.places
            and config is not None
            and _under_run(config, key)
        ):
            return "run"
        if (
            key == "run"
            and config is not None
            and any(isinstance(name, str) and name in config for name in document.value)
        ):
            return "root"
        if key.startswith("run.") and tuple(key.removeprefix("run.").split(".")) in document.places:
            return "root"
        if tuple(key.split(".")) in document.places:
            return "unloaded"
    return None


def _under_run(config: object, key: str) -> bool:
    here: object = config
    for part in ("run", *key.split(".")):
        try:
            if part not in here:  # type: ignore[operator]
                return False
            here = here[part]  # type: ignore[index]
        except (TypeError, KeyError, ValueError):
            return False
        except Exception:  # noqa: BLE001 - an interpolation that cannot be resolved is there all the same
            return True
    return True


def _listed(keys: list[str], most: int = 6) -> str:
    shown = ", ".join(repr(key) for key in keys[:most])
    return f"{shown} and {len(keys) - most} more" if len(keys) > most else shown
