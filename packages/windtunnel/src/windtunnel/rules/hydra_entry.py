"""Hydra: whether the configuration of each entry point composes for the contract's command line (criterion 2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from omegaconf import DictConfig

from windtunnel.findings import Place
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.gathering import Group, gather, place, quote, root_config, run_places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo


class HYD001(Rule):
    """The configuration of an entry point does not compose."""

    name = "broken-composition"
    criterion = 2
    categories: ClassVar[tuple[str, ...]] = ("hydra-compose", "invalid-yaml", "cfg-key-missing")
    source = "rehearsal"
    doc = Doc(
        what="Hydra's own composition of what `@hydra.main` names, with the overrides of the contract's command line, "
        "for every run configuration.",
        why="Nothing runs when it fails: no config_name, a group in `run/` while the files lie in `runs/`, `${run}` "
        "in the defaults list while `run` is '???', "
        "unknown keys in the `hydra` section.",
        example="defaults:\n  - runs/${run}   # run: '???'",
        instead="defaults:\n  - _self_\n  - run: null   # with config/run/<run id>.yaml beginning '# @package "
        "_global_'",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        groups = gather(
            repo.traces(),
            ["compose"],
            lambda event: (
                None
                if event.data["what"] == "override" or not event.certain
                else (event.data["what"], event.data["subject"])
            ),
        )
        merged: dict[tuple[str, str], Group] = {}
        for group in groups:
            merged.setdefault((group.first.data["what"], group.first.data["subject"]), Group()).events.extend(
                group.events
            )
        for group in merged.values():
            first = group.first
            what = first.data["what"]
            decorators = tuple(dict.fromkeys(place(repo, event) for _, event in group.events))
            where = {"config name": decorators[0], "config folder": decorators[0]}.get(what) or root_config(
                repo, self._key(what, first.data["subject"])
            )
            yield self.finding(
                self._message(what, first.data["error"]),
                where,
                evidence=self._evidence(repo, where, group),
                fix=self._fix(what, first.data["subject"]),
                related=(
                    *(decorator for decorator in decorators if decorator != where),
                    *([Place("config/config.yaml")] if where.path != "config/config.yaml" else []),
                    *run_places(repo, group.runs),
                ),
                runs=group.runs,
                modes=group.modes,
            )

    @staticmethod
    def _key(what: str, subject: str) -> str:
        return subject if what == "hydra key" else "defaults"

    @staticmethod
    def _evidence(repo: Repo, where: Place, group: Group) -> str:
        document = repo.documents.get(where.path)
        if document is None:
            return quote(repo, group.first)
        lines = document.text.splitlines()
        return lines[where.line - 1].strip() if 0 < where.line <= len(lines) else ""

    @staticmethod
    def _message(what: str, error: str) -> str:
        return {
            "config name": "@hydra.main names no config_name, so config.yaml is not loaded at all",
            "config folder": f"config_path of @hydra.main does not lead to config/: {error}",
            "run group": f"the defaults list and the folder of the run configurations do not agree: {error}",
            "run replaced": error,
        }.get(what, f"Hydra cannot compose the configuration: {error}")

    @staticmethod
    def _fix(what: str, subject: str) -> str:
        return {
            "config name": 'write @hydra.main(config_path="../config", config_name="config", version_base="1.3")',
            "config folder": 'config_path is relative to the file: write config_path="../config", config_name="config"',
            "run group": "name the group as the folder is called (config/run), in the defaults list and on the "
            "command line",
            "run replaced": "call the group 'run' (config/run/, '- run: null' in the defaults list) so that run=<id> "
            "chooses from it",
            "hydra key": f"remove {subject!r}; Hydra's own section takes known keys only",
            "defaults": "write '- _self_' and '- run: null' in the defaults list; run=<id> on the command line then "
            "chooses the file in config/run",
        }.get(what, "correct config/config.yaml and the defaults list")


class HYD002(Rule):
    """A command line overrides a key that does not exist."""

    name = "override-of-missing-key"
    criterion = 2
    categories: ClassVar[tuple[str, ...]] = ("cli-override-key", "cfg-key-missing", "hydra-compose")
    source = "rehearsal"
    doc = Doc(
        what="`key=value` arguments that Hydra refuses: those of the contract, and those main.py hands to the process "
        "it starts.",
        why="Hydra ends with 'Could not override ...' before any line of the program.",
        example='subprocess.run([sys.executable, "-m", "src.train", "training.epochs=1"])   # config.yaml has no '
        "training.epochs",
        instead="define the key in config.yaml, or write +training.epochs=1",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[str, Group] = {}
        for group in gather(
            repo.traces(),
            ["compose"],
            lambda event: event.data["subject"] if event.data["what"] == "override" else None,
        ):
            found.setdefault(group.first.data["subject"], Group()).events.extend(group.events)
        for override, group in found.items():
            first = group.first
            key = override.lstrip("+~").split("=", 1)[0]
            given = self._given(repo, override)
            where = given or place(repo, first)
            source = repo.sources.get(where.path)
            yield self.finding(
                f"{override!r} overrides a key that the configuration does not have: {first.data['error']}",
                where,
                evidence=source.line(where.line).strip() if source else "",
                fix=f"define {key!r} in config/config.yaml, or at the root of the run configurations, or pass "
                f"+{override}",
                related=(
                    root_config(repo, key),
                    *([place(repo, first)] if given else []),
                    *run_places(repo, group.runs, key),
                ),
                runs=group.runs,
                modes=group.modes,
            )

    @staticmethod
    def _given(repo: Repo, override: str) -> Place | None:
        """The line of main.py that holds the override."""
        key = override.split("=", 1)[0]
        source = repo.sources.get("src/main.py")
        for number, line in enumerate(source.lines if source else [], 1):
            found = re.search(rf"""["'][+~]*{re.escape(key)}=""", line)
            if found:
                return Place("src/main.py", number, found.start() + 1)
        return None


class HYD003(Rule):
    """The process that trains is not told which run it is."""

    name = "untold-child"
    criterion = 2
    categories: ClassVar[tuple[str, ...]] = ("hydra-compose",)
    source = "rehearsal"
    doc = Doc(
        what="A child process `src.train` whose arguments lack `run=<id>`, or whose `run=` is a whole configuration "
        "section instead of the id.",
        why="It composes the default run, or none, whatever main.py was asked for.",
        example='overrides = [f"run={cfg.run}"]   # cfg.run is the section itself: "run={\'run_id\': ...}"',
        instead='overrides = [f"run={hydra.core.hydra_config.HydraConfig.get().runtime.choices.run}"]',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        from windtunnel.rehearsal.values import Const, Text  # noqa: PLC0415

        for group in gather(
            repo.traces("main"), ["child"], lambda event: event.line if event.data["module"] == "src.train" else None
        ):
            event = group.first
            words = [
                word.value if isinstance(word, Const) else str(word) if isinstance(word, Text) else ""
                for word in event.data["arguments"]
            ]
            texts = [str(word) for word in words]
            runs = [
                text
                for text in texts
                if text.startswith(("run=", "+run=", "run_id=", "runs=", "--run", "run@", "runs@"))
                or text == group.trace.run_id
            ]
            sections = [text for text in runs if text == "run={}" and self._is_section(group)]
            if runs and not sections:
                continue
            if not texts or (any(text == "" for text in texts) and not sections):
                continue
            message = (
                "run= is built from the whole section cfg.run, not from the run id, and names no file in config/run"
                if sections
                else f"the process is started without run=<id> ({' '.join(texts)[:160]})"
            )
            yield self.finding(
                message,
                place(repo, event),
                evidence=quote(repo, event),
                fix="pass the id that main.py was called with: run=<id>",
                related=(root_config(repo, "defaults"),),
                runs=group.runs,
                modes=group.modes,
            )

    @staticmethod
    def _is_section(group: Group) -> bool:
        config = group.trace.facts.get("config")
        try:
            return hasattr(config["run"], "keys")  # type: ignore[index]
        except Exception:  # noqa: BLE001 - no such key, or one that cannot be resolved
            return False


class HYD004(Rule):
    """The run configuration never reaches the program."""

    name = "unloaded-run-configuration"
    criterion = 2
    categories: ClassVar[tuple[str, ...]] = ("hydra-compose", "cfg-key-missing")
    source = "rehearsal"
    doc = Doc(
        what="A training entry point whose configuration holds nothing of config/run/<id>.yaml although the "
        "composition succeeds, and that does not load the file itself.",
        why="Every run trains with the same defaults, or stops at the first key that only the run configuration has.",
        example="run: null   # a plain key of config.yaml; run=<id> only sets a string",
        instead="defaults:\n  - _self_\n  - run: null",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        traces = [
            trace
            for trace in repo.traces("train", "main")
            if trace.facts.get("config") is not None and not trace.facts.get("guess")
        ]
        trainers = [trace for trace in traces if trace.entry == "train"] or traces
        bad = [
            trace
            for trace in trainers
            if not self._reached(repo, trace.facts["config"], trace.run_id) and not self._loaded(trace)
        ]
        if not bad or len(bad) < len(trainers):
            return
        runs = tuple(sorted({trace.run_id for trace in bad}))
        where = root_config(repo, "run")
        document = repo.documents.get("config/config.yaml")
        yield self.finding(
            "run=<id> only sets a string: no entry of the defaults list and no line of the code loads the run "
            "configuration",
            where,
            evidence=document.quote(("run",)) if document is not None else "",
            fix="add '- run: null' to the defaults list of config/config.yaml and begin each run configuration with "
            "'# @package _global_'",
            related=run_places(repo, runs),
            runs=runs,
        )

    @staticmethod
    def _reached(repo: Repo, config: object, run_id: str) -> bool:
        document = repo.documents.get(repo.run_path(run_id))
        if document is None or not isinstance(document.value, dict):
            return True
        for section in (config, _get(config, "run"), _get(config, "runs")):
            if isinstance(section, DictConfig) and any(
                key in section for key in document.value if key not in {"run_id", "optuna", "training"}
            ):
                return True
        return False

    @staticmethod
    def _loaded(trace: object) -> bool:
        facts = trace.facts  # type: ignore[attr-defined]
        return any("config/run" in path for path in facts.get("loaded", [])) or any(
            event.data["what"] == "read" and event.data["place"] is None
            for event in trace.of("file")  # type: ignore[attr-defined]
        )


class HYD005(Rule):
    """An entry point is not managed by Hydra."""

    name = "entry-without-hydra"
    criterion = 2
    doc = Doc(
        what="src/main.py without `@hydra.main` and without `hydra.compose`.",
        why="The contract's command line (run=, results_dir=, mode=) is Hydra's.",
        example="parser = argparse.ArgumentParser()",
        instead='@hydra.main(config_path="../config", config_name="config", version_base="1.3")',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        source = repo.source("src/main.py")
        if source.is_empty:
            raise Skip("src/main.py is empty")
        if "hydra" not in source.text:
            yield self.finding(
                "src/main.py does not use Hydra",
                Place("src/main.py", 1, 1),
                evidence=source.line(1),
                fix='decorate the entry point with @hydra.main(config_path="../config", config_name="config", '
                'version_base="1.3")',
            )


def _get(config: object, key: str) -> object:
    try:
        return config[key]  # type: ignore[index]
    except Exception:  # noqa: BLE001 - absent, missing or not a section
        return None
