"""Files that an experiment counts on and nobody provides: checkpoints, tables, models (criterion 4)."""

from __future__ import annotations

import ast
import posixpath
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Place, Severity
from windtunnel.reading.nodes import called, walk
from windtunnel.rehearsal.libraries.paths import as_path
from windtunnel.rehearsal.values import Const, Path_, Text, Thing, Value
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import place, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.reading.config_yaml import Document
    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo

_ARTIFACT = re.compile(
    r"\.(pt|pth|ckpt|bin|safetensors|onnx|pkl|pickle|joblib|npy|npz|h5|hdf5|gguf|csv|tsv|jsonl?|parquet|txt|model|zip|gz)$"
)
_DEEPEST = 8  # levels of a YAML file
_WEIGHTS = re.compile(r"\.(pt|pth|ckpt|onnx)$")
_OUTPUT = re.compile(r"out|save|log|result|export|write|dump|report|figure|plot", re.IGNORECASE)
# functions that read a file, and the position of its path
_READERS = {
    "torch.load": 0,
    "torch.jit.load": 0,
    "numpy.load": 0,
    "numpy.loadtxt": 0,
    "pandas.read_csv": 0,
    "pandas.read_json": 0,
    "pandas.read_parquet": 0,
    "pandas.read_pickle": 0,
    "onnxruntime.InferenceSession": 0,
    "onnx.load": 0,
    "joblib.load": 0,
    "safetensors.torch.load_file": 0,
    "safetensors.torch.load_model": 1,
    "tokenizers.Tokenizer.from_file": 0,
}
_WRITERS = re.compile(
    r"^(save\w*|dump|to_csv|to_json|to_parquet|to_pickle|write\w*|copy\w*|move|rename|export|download\w*|urlretrieve|hf_hub_download|snapshot_download|extractall)$"
)
_NOISE = re.compile(
    r"\b(rand\w*|normal|zeros\w*|ones\w*|dummy\w*|synthetic\w*|fake\w*|mock\w*|toy\w*|placeholder\w*)\b|_(dummy|synthetic|fake|mock|toy|random)\b|\b(make|build|create|get)_(dummy|synthetic|fake|mock|toy|random)\w*",
    re.IGNORECASE,
)
_LOADING = frozenset(
    {
        "load_dataset",
        "from_pretrained",
        "load",
        "load_state_dict",
        "load_from_disk",
        "read_csv",
        "read_parquet",
        "create_model",
    }
)


class ART001(Rule):
    """A file is read that nothing provides."""

    name = "missing-artifact"
    criterion = 4
    categories: ClassVar[tuple[str, ...]] = ("missing-artifact",)
    source = "rehearsal"
    doc = Doc(
        what="Files that training reads and that are neither in the repository nor written by it: checkpoints, ONNX "
        "models, tables.",
        why="The run ends where it loads them.",
        example='session = onnxruntime.InferenceSession(cfg.controller.onnx_path)   # "tiny.onnx"',
        instead="build the model in src/model.py, or train it before it is used",
        limits="What is written under a name that is put together at run time is taken to be there.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        written, open_ = _written(repo)
        seen: dict[tuple[str, int], tuple[Event, str, bool, set[str], set[str]]] = {}
        for trace in repo.traces("main", "train"):
            asked = {_base(event.data["path"]) for event in trace.of("file") if event.data["what"] == "exists"}
            for event, path in _reads(trace):
                name = _base(path)
                if not name or event.tried or name in written or name in asked or not _absent(repo, path):
                    continue
                sure = event.certain and path.base in {"cwd", "repository"} and not open_
                *_, runs, modes = seen.setdefault((event.path, event.line), (event, name, sure, set(), set()))
                runs.add(trace.run_id)
                modes.add(trace.mode)
        for event, name, sure, runs, modes in seen.values():
            yield self.finding(
                f"{name!r} is read, but it is neither in the repository nor written by it",
                place(repo, event),
                evidence=quote(repo, event),
                fix="make what it holds part of the code, or train it before it is read",
                severity=None if sure else Severity.WARNING,
                related=tuple(found for found in _named(repo, name))[:2],
                runs=tuple(sorted(runs)),
                modes=tuple(sorted(modes)),
            )


class ART002(Rule):
    """A missing file is replaced by something else without a word."""

    name = "silent-fallback"
    criterion = 4
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("silent-fallback", "silent-noop-method", "missing-artifact")
    source = "rehearsal"
    doc = Doc(
        what="Code that asks whether a file is there, or catches that it is not, and goes on without it, where nothing "
        "provides the file.",
        why="The other branch always runs: the method is never what the results are said to be of.",
        example="if file.is_file(): net.load_state_dict(torch.load(file))\nelse: alpha, beta = 0.5, 0.5",
        instead="if not file.is_file(): raise FileNotFoundError(file)",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        written, _ = _written(repo)
        seen: dict[tuple[str, int], tuple[Event, str, set[str]]] = {}
        for trace in repo.traces("main", "train"):
            asked = [(event, event.data["path"]) for event in trace.of("file") if event.data["what"] == "exists"]
            caught = [(event, path) for event, path in _reads(trace) if event.tried]
            for event, path in (*asked, *caught):
                name = _base(path)
                if not _ARTIFACT.search(name) or name in written or not _absent(repo, path) or _refuses(repo, event):
                    continue
                seen.setdefault((event.path, event.line), (event, name, set()))[2].add(trace.run_id)
        named: set[tuple[str, str]] = set()
        for event, name, runs in seen.values():
            if (event.path, name) in named:
                continue
            named.add((event.path, name))
            yield self.finding(
                f"nothing in the repository provides {name!r}: what runs without it is all that ever runs",
                place(repo, event),
                evidence=quote(repo, event),
                fix="raise an error if it is missing, and provide it or do without it",
                related=tuple(_named(repo, name))[:2],
                runs=tuple(sorted(runs)),
            )


class ART003(Rule):
    """What cannot be loaded is replaced by made-up data."""

    name = "made-up-fallback"
    criterion = 3
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("silent-fallback",)
    doc = Doc(
        what="`except` branches around the loading of data or weights that go on with random, constant or synthetic "
        "ones.",
        why="The run ends well and its numbers mean nothing.",
        example="try: rows = load_dataset(name)\nexcept Exception: rows = make_synthetic_rows()",
        instead="rows = load_dataset(name)",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        loading = _LOADING | {
            function.name
            for source in repo.sources.values()
            for _, function in source.functions
            if any(_loads_something(node) for node in walk(function))
        }
        for source in repo.sources.values():
            for node in source.nodes:
                if not isinstance(node, ast.Try) or not _loads(node, loading):
                    continue
                for handler in node.handlers:
                    if any(isinstance(inner, ast.Raise) for inner in walk(handler)):
                        continue
                    calls = [inner for part in handler.body for inner in walk(part) if isinstance(inner, ast.Call)]
                    made = next((call for call in calls if _NOISE.search(ast.unparse(call.func))), None)
                    if made is not None:
                        yield self.finding(
                            f"if loading fails, {ast.unparse(made.func)[:60]}() takes its place",
                            source.place(made),
                            evidence=source.quote(made),
                            fix="let the error end the run",
                        )
                        break


class ART004(Rule):
    """The configuration names a file that neither exists nor is read."""

    name = "unread-artifact"
    criterion = 7
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("missing-artifact", "config-key-unused")
    doc = Doc(
        what="File names such as warm_start.pt in run configurations, under keys that no code reads.",
        why="The experiment is described as starting from it, and does not.",
        example="warm_start_ckpt: planner_pretrained.pt",
        instead="code that trains or loads it, or no such key",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        code = "\n".join(source.text for source in repo.sources.values())
        for path, document in repo.documents.items():
            for keys, value in _files(document):
                if _OUTPUT.search(keys[-1]) or not _missing(repo, value):
                    continue
                if re.search(rf"\b{re.escape(keys[-1])}\b", code) or posixpath.basename(value) in code:
                    continue
                yield self.finding(
                    f"{'.'.join(keys)} names {value!r}, which is not in the repository and which no code reads",
                    document.place(keys),
                    evidence=document.quote(keys),
                    fix="remove the key, or read it and provide the file",
                    runs=tuple(run.run_id for run in repo.runs if run.path == path),
                )


def _loads_something(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and called(node) in {"load_dataset", "load_from_disk", "from_pretrained"}


def _loads(node: ast.Try, loading: frozenset[str]) -> bool:
    """Whether the body of a ``try`` loads data or weights."""
    return any(isinstance(inner, ast.Call) and called(inner) in loading for part in node.body for inner in walk(part))


def _reads(trace: Trace) -> Iterator[tuple[Event, Path_]]:
    """Files that a rehearsal reads."""
    for event in trace.events:
        if event.kind == "file" and event.data["what"] == "read":
            yield event, event.data["path"]
        elif event.kind == "call":
            position = _READERS.get(str(event.data["name"]))
            args: list[Value] = event.data["args"]
            if position is not None and position < len(args):
                yield event, as_path(args[position])


def _written(repo: Repo) -> tuple[set[str], bool]:
    """(names of files that some code writes or fetches, whether others are written under names that are not known)."""
    found: set[str] = set()
    open_ = False
    for trace in repo.traces():
        for event in trace.of("file", "call", "method", "saved"):
            if event.kind == "file" and event.data["what"] == "write":
                targets: list[Value] = [event.data["path"]]
            elif event.kind == "saved":
                targets = [event.data["path"]]
            elif event.kind in {"call", "method"} and _WRITERS.search(str(event.data["name"]).rsplit(".", 1)[-1]):
                targets = [*event.data["args"], *event.data["keywords"].values()]
            else:
                continue
            names = {_base(target) for target in targets if _is_path(target)}
            found |= names - {""}
            open_ = open_ or (event.kind == "saved" and not names - {""})
    return found, open_


def _is_path(value: Value) -> bool:
    return (
        isinstance(value, Path_ | Text)
        or (isinstance(value, Const) and isinstance(value.value, str))
        or (isinstance(value, Thing) and "path" in value.data)
    )


def _base(value: Value) -> str:
    """The name of a file, "" if it is not known to the last letter."""
    text = as_path(value).text
    if isinstance(text, Text):
        last = text.parts[-1]
        return posixpath.basename(last) if last is not None and "/" in last else ""
    return posixpath.basename(text.value) if isinstance(text, Const) and isinstance(text.value, str) else ""


def _absent(repo: Repo, path: Path_) -> bool:
    """Whether a path leads to nothing that the repository has; absolute ones may lead to what the machine has."""
    known = path.known or str(path.text if isinstance(path.text, Text) else "")
    return path.base != "absolute" and not known.startswith(("/", "~")) and _missing(repo, known)


def _missing(repo: Repo, path: str) -> bool:
    if not _ARTIFACT.search(path) or "://" in path or "$" in path:
        return False
    if ".cache" in path and not _WEIGHTS.search(path):  # what libraries and downloads leave there
        return False
    name = posixpath.basename(path)
    return not any(posixpath.basename(file) == name for file in repo.submission.files)


def _files(document: Document) -> Iterator[tuple[tuple[str, ...], str]]:
    """(keys, value) of the file names in a YAML file."""

    def walk(value: object, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        if isinstance(value, dict) and len(keys) < _DEEPEST:
            for key, inner in value.items():
                yield from walk(inner, (*keys, str(key)))
        elif isinstance(value, str) and keys and _ARTIFACT.search(value) and " " not in value:
            yield keys, value

    yield from walk(document.value, ())


def _named(repo: Repo, name: str) -> Iterator[Place]:
    """Where the configuration names a file."""
    for document in repo.documents.values():
        for keys, value in _files(document):
            if posixpath.basename(value) == name:
                yield document.place(keys)


def _refuses(repo: Repo, event: Event) -> bool:
    """Whether code raises or ends if the file is not there: ``if not path.exists(): raise ...``."""
    source = repo.sources.get(event.path)
    for node in source.nodes if source is not None else ():
        branches: list[list[ast.stmt]] = []
        if isinstance(node, ast.If) and any(inner is event.node for inner in walk(node.test)):
            branches = [node.body, node.orelse]
        elif isinstance(node, ast.Try) and any(inner is event.node for part in node.body for inner in walk(part)):
            branches = [handler.body for handler in node.handlers]
        if any(
            isinstance(inner, ast.Raise)
            or (isinstance(inner, ast.Call) and ast.unparse(inner.func) in {"sys.exit", "exit"})
            for branch in branches
            for part in branch
            for inner in walk(part)
        ):
            return True
        if isinstance(node, ast.Assert) and any(inner is event.node for inner in walk(node.test)):
            return True
    return False
