"""Library interfaces: names that do not exist, arguments that are not taken, what is on its way out (criterion 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from weakref import WeakKeyDictionary

from windtunnel.findings import Place, Severity
from windtunnel.knowledge.replacements import DEPRECATED, GONE, INSTEAD, KEYWORDS
from windtunnel.knowledge.signatures import Missing, Symbol
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.library_uses import Use, in_rehearsals, in_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

# devices that packages of their own add to torch when they are imported
ADDED_TO_TORCH = frozenset({"npu", "hpu", "mlu", "sdaa", "musa", "neuron", "tpu", "xla", "dml", "gcu"})
# what rehearsals call objects that may be of any class below, or only behave alike
LOOSE_TYPES = frozenset({"Tensor", "Parameter", "PreTrainedTokenizerBase", "PretrainedConfig", "ProcessorMixin"})

_DOC_LIMITS = (
    "Names that a library makes at run time, arguments behind decorators or `**kwargs`, objects whose type is not "
    "known, and libraries without a table are left alone; so is what stands in a `try` that catches it or behind "
    "`hasattr` or a test of a version."
)


class _Api(Rule):
    """What the rules of this family share."""

    criterion = 1
    categories: ClassVar[tuple[str, ...]] = ("library-api",)
    source = "table"

    def _uses(self, repo: Repo) -> tuple[Use, ...]:
        """All uses of libraries that there is a table for, collected once for the rules of this family."""
        if repo not in _COLLECTED:
            _COLLECTED[repo] = tuple(_collect(repo))
        return _COLLECTED[repo]

    def _made(self, repo: Repo, use: Use, message: str, fix: str, severity: Severity | None = None) -> Finding:
        source = repo.sources.get(use.path)
        return self.finding(
            message,
            Place(use.path, use.key[1], use.key[2] + 1),
            evidence=source.quote(use.node) if source is not None else "",
            fix=fix,
            severity=severity or (Severity.BLOCKER if use.met else Severity.WARNING),
            runs=tuple(sorted(use.runs)),
            modes=tuple(sorted(use.modes)),
        )


class API001(_Api):
    """A library has no such function, class or attribute."""

    name = "missing-library-name"
    doc = Doc(
        what="Names of libraries, through their imports, and methods of objects whose type is known, that the version "
        "in "
        "force does not have; also methods that do nothing but raise NotImplementedError.",
        why="AttributeError or ImportError when the line runs, which may be after hours.",
        example="best = OmegaConf.deepcopy(cfg)",
        instead="best = copy.deepcopy(cfg)",
        limits=_DOC_LIMITS,
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        seen: set[tuple[str, str]] = set()  # one finding a file and name; of its places one that is reached
        for use in sorted(self._uses(repo), key=lambda use: not use.met):
            found = repo.signatures.find(use.name)
            library = use.name.partition(".")[0]
            where = (use.path, use.name)
            version = repo.signatures.version(library)
            if where in seen:
                continue
            if found is None and use.name in GONE and _reached(version, GONE[use.name]):
                seen.add(where)
                parent, _, name = use.name.rpartition(".")
                message = f"{parent} has no {name!r} in {library} {version}; it was removed by {GONE[use.name]}"
                yield self._made(repo, use, message, INSTEAD.get(use.name, "use what took its place"))
            elif isinstance(found, Missing) and not _may_be_wrong(found, use):
                seen.add(where)
                parent = _public(found.parent.name, use.name, found.name)
                message = f"{parent} has no {found.name!r} in {library} {version}"
                severity = None
                if found.removed_in:
                    message += f"; it was removed by {found.removed_in}"
                elif found.since:
                    message += f"; it comes with {found.since}"
                    severity = Severity.WARNING
                close = f"; names that come close: {', '.join(found.close)}" if found.close else ""
                fix = INSTEAD.get(f"{parent}.{found.name}", f"use a name that {library} {version} has{close}")
                yield self._made(repo, use, message, fix, severity)
            elif (
                isinstance(found, Symbol)
                and found.raises_not_implemented
                and use.arguments is not None
                and found.kind in {"method", "function"}
            ):
                seen.add(where)
                message = f"{use.name} only raises NotImplementedError in {library} {version}: it is inherited as it is"
                yield self._made(repo, use, message, INSTEAD.get(use.name, "compute it another way"))


class API002(_Api):
    """A library function does not take these arguments."""

    name = "wrong-library-arguments"
    doc = Doc(
        what="Calls of library functions, constructors and methods with a keyword they do not take, too many "
        "arguments, "
        "or without one they need.",
        why="TypeError when the line runs, which may be after hours.",
        example="LoraConfig(r=8, dropout=0.1)",
        instead="LoraConfig(r=8, lora_dropout=0.1)",
        limits=_DOC_LIMITS,
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        seen: set[tuple[str, int, str]] = set()
        for use in self._uses(repo):
            if use.arguments is None:
                continue
            found = repo.signatures.find(use.name)
            if not isinstance(found, Symbol) or found.kind not in {"class", "function", "method"}:
                continue
            given = use.arguments
            bound = use.method or found.kind != "method"
            said = found.bind(
                given.positional, given.keywords, star_args=given.star_args, star_kwargs=given.star_kwargs, bound=bound
            )
            where = (use.path, use.key[1], found.name)
            if not said or where in seen:
                continue
            seen.add(where)
            library = use.name.partition(".")[0]
            known = [
                KEYWORDS[key] for name in given.keywords if (key := (use.name.rsplit(".", 1)[-1], name)) in KEYWORDS
            ]
            fix = known[0] if known else f"call it the way {library} {repo.signatures.version(library)} defines it"
            yield self._made(
                repo, use, f"{use.name}: {'; '.join(said)} ({library} {repo.signatures.version(library)})", fix
            )


class API003(_Api):
    """A library interface is deprecated or soon gone."""

    name = "deprecated-library-name"
    severity = Severity.WARNING
    doc = Doc(
        what="Names and arguments that still work in the version in force, which the library has announced to remove.",
        why="An unpinned environment gets the version without them before long.",
        example="model = AutoModelForCausalLM.from_pretrained(name, load_in_8bit=True)",
        instead="AutoModelForCausalLM.from_pretrained(name, quantization_config=BitsAndBytesConfig(load_in_8bit=True))",
        limits="A list of what experiments use; see knowledge/replacements.py.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        places: dict[tuple[str, str], list[Use]] = {}
        for use in self._uses(repo):
            given = use.arguments.keywords if use.arguments is not None else ()
            for entry in DEPRECATED:
                if entry.fits(use.name, given) and not isinstance(repo.signatures.find(use.name), Missing):
                    uses = places.setdefault((use.path, entry.message), [])
                    if use.key[1] not in {other.key[1] for other in uses}:
                        uses.append(use)
        for (_, message), uses in places.items():
            entry = next(item for item in DEPRECATED if item.message == message)
            more = f" ({len(uses)} places in this file)" if len(uses) > 1 else ""
            yield self._made(repo, uses[0], message + more, entry.instead, Severity.WARNING)


_COLLECTED: WeakKeyDictionary[Repo, tuple[Use, ...]] = WeakKeyDictionary()


def _collect(repo: Repo) -> Iterator[Use]:
    libraries = repo.signatures.libraries
    met: set[tuple[str, int]] = set()
    entered: set[str] = set()
    for trace in repo.traces():
        met |= {(event.path, event.line) for event in trace.of("call", "method", "attribute")}
        entered |= {f"{name.partition(':')[0]}:{name.rpartition(':')[2]}" for name in trace.entered}
    seen: set[tuple[object, ...]] = set()
    for source in repo.sources.values():
        for use in in_text(source):
            if use.name.partition(".")[0] not in libraries:
                continue
            name, line = use.function
            there = use.key[:2] in met if use.arguments is not None else f"{source.path}:{line}" in entered
            use.met = there or not name
            seen.add((use.key, use.name))
            yield use
    for use in in_rehearsals(repo):
        if use.name.partition(".")[0] not in libraries:
            continue
        if use.method:
            owner = repo.signatures.find(use.name.rpartition(".")[0])
            if not isinstance(owner, Symbol) or owner.kind != "class":
                continue  # the rehearsal's own word for an object, which no library has
        elif (use.key, use.name) in seen and use.arguments is None:
            continue
        yield use


def _reached(version: str | None, gone: str) -> bool:
    from packaging.version import Version  # noqa: PLC0415 - only where such a name is used

    return version is not None and Version(version) >= Version(gone)


def _may_be_wrong(found: Missing, use: Use) -> bool:
    """Whether a name that is not found may be there: private, added by another package, or of a loose type."""
    parts = use.name.split(".")
    if any(part.startswith("_") for part in parts) or (parts[0] == "torch" and parts[1] in ADDED_TO_TORCH):
        return True
    loose = found.parent.name.rsplit(".", 1)[-1] in LOOSE_TYPES
    return use.method and loose and not found.removed_in


def _public(parent: str, used: str, name: str) -> str:
    """The parent as the code names it, where it does."""
    before, dot, _ = used.rpartition(f".{name}")
    return before if dot else parent
