"""The files: exactly the seven, none of them empty, all of them readable (criterion 5)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, ClassVar

from windtunnel.contract import REQUIRED_FILES, RUN_FOLDERS
from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Doc, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_HARMLESS = (
    "README",
    "LICENSE",
    "LICENCE",
    "NOTICE",
    "CITATION",
    "CHANGELOG",
    ".git",
    ".github/",
    ".research/",
    ".logs/",
    ".python-version",
    ".env.example",
    "results/",
    "outputs/",
)
_HARMLESS_NAMES = frozenset(
    {
        "uv.lock",
        "poetry.lock",
        "requirements.txt",
        ".gitkeep",
        ".gitignore",
        ".gitattributes",
        ".DS_Store",
        "Makefile",
        ".pre-commit-config.yaml",
    }
)


class FIL001(Rule):
    """A required file is missing."""

    name = "missing-file"
    criterion = 5
    doc = Doc(
        what="The seven files of the contract.",
        why="`python -m src.main` or `python -m src.evaluate` cannot start without them.",
        example="src/evaluate.py is not there",
        instead=", ".join(REQUIRED_FILES),
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for path in REQUIRED_FILES:
            if path not in repo.submission.files:
                yield self.finding(f"{path} is missing", Place(path), fix=f"add {path}")


class FIL002(Rule):
    """A required file is empty."""

    name = "empty-file"
    criterion = 5
    categories: ClassVar[tuple[str, ...]] = ("empty-file",)
    doc = Doc(
        what="Required files without a line of code or a key.",
        why="`python -m src.main` of an empty file ends with exit code 0: it looks like a run that passed.",
        example="src/main.py of 0 bytes",
        instead="the whole program",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for path in REQUIRED_FILES:
            file = repo.submission.files.get(path)
            if file is None or file.data is None:
                continue
            source, document = repo.sources.get(path), repo.documents.get(path)
            empty = (
                not file.data.strip()
                or (source is not None and source.is_empty)
                or (document is not None and not document.value)
            )
            if empty:
                yield self.finding(
                    f"{path} is empty ({file.size} bytes): it holds no code"
                    if path.endswith(".py")
                    else f"{path} is empty ({file.size} bytes)",
                    Place(path, 1 if file.data.strip() else 0),
                    fix=f"write {path} in full",
                )


class FIL003(Rule):
    """A Python module that the contract does not have."""

    name = "extra-module"
    criterion = 5
    doc = Doc(
        what="Python files other than the five in src/, `src/__init__.py` and `setup.py` among them.",
        why="The contract wants exactly seven files; what lies elsewhere is not reviewed with them and gets lost on "
        "the way.",
        example="src/helpers.py",
        instead="the functions in the file that uses them",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for path in repo.submission.files:
            if (
                path.endswith((".py", ".pyi", ".ipynb", ".pyx"))
                and path not in REQUIRED_FILES
                and not path.startswith((".research/", ".github/"))
            ):
                yield self.finding(
                    f"{path} is not one of the seven files",
                    Place(path),
                    fix="move what it holds into the file that uses it, and remove it",
                )


class FIL004(Rule):
    """A file besides the seven."""

    name = "extra-file"
    criterion = 5
    severity = Severity.NOTE
    doc = Doc(
        what="Files that are neither required nor run configurations nor the usual company of a repository.",
        why="The contract wants exactly seven files.",
        example="notes.txt",
        instead="no such file, or its content in README.md",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        runs = {run.path for run in repo.runs}
        extra = []
        for path in repo.submission.files:
            name = posixpath.basename(path)
            if path in REQUIRED_FILES or path in runs or path.endswith((".py", ".pyi", ".ipynb", ".pyx")):
                continue
            if name in _HARMLESS_NAMES or path.startswith(_HARMLESS):
                continue
            extra.append(path)
        if extra:
            shown = ", ".join(extra[:8]) + (f" and {len(extra) - 8} more" if len(extra) > 8 else "")
            yield self.finding(
                f"besides the seven files there is {shown}",
                Place(extra[0]),
                fix="remove what the experiment does not need",
            )


_FIXES = dict.fromkeys(("syntax", "duplicate", "tab", "tag"), "correct the line") | {
    "size": "split it, or keep data out of the code",
    "nesting": "write it with fewer levels",
}


class FIL005(Rule):
    """A file that cannot be read as what it is."""

    name = "unreadable-file"
    criterion = 1
    categories: ClassVar[tuple[str, ...]] = ("syntax", "encoding", "invalid-yaml")
    doc = Doc(
        what="Python that does not parse, YAML and TOML that do not load, NUL bytes, text that is not UTF-8, nesting "
        "beyond any use.",
        why="The interpreter, Hydra or uv stops at it. A file that neither trial nor full run imports is noticed "
        "last: evaluate.py.",
        example="cfg.gains.global   # a keyword as an attribute",
        instead='cfg.gains["global"]',
        limits="Files are parsed as the Python that runs windtunnel understands them.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for problem in repo.unreadable:
            yield self.finding(
                f"{problem.path} cannot be read: {problem.message}",
                Place(problem.path, problem.line, problem.column),
                evidence=problem.evidence,
                fix=_FIXES.get(problem.kind, "write the file anew as plain UTF-8 text"),
            )
        for document in repo.documents.values():
            for keys, first, second in document.duplicates:
                lines = document.text.splitlines()
                yield self.finding(
                    f"the key {'.'.join(map(str, keys))!r} stands in line {first} and again in line {second}, which "
                    "OmegaConf refuses",
                    Place(document.path, second, 1),
                    evidence=lines[second - 1].strip() if second <= len(lines) else "",
                    fix="keep one of them",
                    related=(Place(document.path, first, 1),),
                )
        for path, source in repo.sources.items():
            if source.control_characters and not source.errors:
                line = source.control_characters[0]
                yield self.finding(
                    f"{path} holds control characters in {len(source.control_characters)} lines",
                    Place(path, line, 1),
                    evidence=source.line(line).strip(),
                    fix="write the file anew as plain text",
                    severity=Severity.WARNING,
                )


class FIL006(Rule):
    """Something was met that is not part of a submission."""

    name = "refused-file"
    criterion = 5
    doc = Doc(
        what="Symbolic links, pipes, files too large to be code, names that are no text, JSON keys that are no file: "
        "what the reviewer refused to read.",
        why="What was not read was not reviewed.",
        example="src/model.py -> /home/somebody/model.py",
        instead="the file itself",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for problem in repo.submission.problems:
            file = repo.submission.files.get(problem.path)
            counts = problem.path in REQUIRED_FILES or (
                file is not None and problem.path.endswith((".py", ".yaml", ".yml", ".toml"))
            )
            yield self.finding(
                f"{problem.path or 'the submission'}: {problem.message}",
                Place(problem.path),
                fix=problem.fix,
                severity=Severity.BLOCKER if counts else Severity.WARNING,
            )


class FIL007(Rule):
    """There is no run configuration."""

    name = "no-run-configuration"
    criterion = 7
    severity = Severity.UNDECIDED
    doc = Doc(
        what="Run configurations in config/run, config/runs, a review document or --runs.",
        why="Without one nobody can say what any run would do.",
        example="windtunnel check submission.json",
        instead="windtunnel check submission.json --runs runs/",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        if not repo.runs:
            yield self.finding(
                f"there is no run configuration in {' or '.join(RUN_FOLDERS)}: what a run would do is not decided",
                Place("config"),
                fix="hand them in with --runs DIR, or put them in config/run",
            )


class FIL008(Rule):
    """A module or name of the submission is imported that is not there."""

    name = "missing-import"
    criterion = 5
    categories: ClassVar[tuple[str, ...]] = ("import",)
    source = "rehearsal"
    doc = Doc(
        what="Imports between the submission's own files: modules that do not exist, names that a module does not "
        "define, relative imports without a package.",
        why="ModuleNotFoundError or ImportError before anything else.",
        example="from src.utils import set_seed   # there is no src/utils.py",
        instead="def set_seed(...): ...   # in the file that needs it",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        from windtunnel.rules.gathering import gather, place, quote  # noqa: PLC0415 - the rehearsals come with Hydra

        for group in gather(
            repo.traces(), ["import"], lambda event: (event.line, event.data["module"], event.data["name"])
        ):
            data = group.first.data
            what = f"{data['name']!r} from {data['module']!r}" if data["name"] else f"{data['module']!r}"
            yield self.finding(
                f"{what} cannot be imported: {data['message']}",
                place(repo, group.first),
                evidence=quote(repo, group.first),
                fix="define it in one of the five files in src/, and import it as src.<module>",
                related=(Place(data["module"].replace(".", "/") + ".py"),) if data["name"] else (),
                severity=None if group.certain else Severity.WARNING,
            )
