"""`RankPlan`: the ranks that were found, as a file that another machine or another framework can use.

JSON, and therefore YAML too: ``rank_pattern`` and ``alpha_pattern`` are PEFT's, with anchored keys.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peft import LoraConfig

from glora.adapter_files import SavedAdapter
from glora.adapters import adapted_matrices, unwrap_model
from glora.errors import AdapterFileError, MissingDependencyError, PlanError
from glora.patterns import anchored, exactly, target_modules

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

FORMAT = 1

# What a file holds beside the plan's own fields, for other frameworks.
_PEFT_FIELDS = ("r", "lora_alpha", "target_modules", "rank_pattern", "alpha_pattern")

# What the fields beside the ranks may be.
_KINDS: tuple[tuple[str, tuple[type, ...], str], ...] = (
    ("model_id", (str, type(None)), "a model's id"),
    ("use_rslora", (bool,), "true or false"),
    ("signal", (str, type(None)), "a signal's name"),
    ("steps", (int, type(None)), "a number of steps"),
    ("versions", (dict,), "a mapping of packages"),
)


def _versions() -> dict[str, str]:
    found = {}
    for package in ("glora", "peft", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


@dataclass(frozen=True, kw_only=True)
class RankPlan:
    """The rank of every adapted matrix, and what it came from.

    Attributes:
        ranks: Rank by module name as in the base model, in the model's order; 0 where there is no adapter.
        alphas: alpha by module name, for ranks above 0.
        model_id: The base model's id or path, if it is known.
        use_rslora: Whether alpha is divided by √r instead of r.
        signal: The signal that the ranks came from, if they were allocated.
        scores: Each matrix's share of the signal, if they were allocated.
        steps: Optimizer steps observed.
        versions: Of glora, peft and torch.

    Example:
        >>> plan = RankPlan(ranks={"up": 3, "down": 0}, alphas={"up": 6})
        >>> plan.to_lora_config().r
        3
    """

    ranks: Mapping[str, int]
    alphas: Mapping[str, float]
    model_id: str | None = None
    use_rslora: bool = False
    signal: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    steps: int | None = None
    versions: Mapping[str, str] = field(default_factory=_versions)

    def __post_init__(self) -> None:
        problems = [
            *_wrong(self.ranks, "ranks", lambda rank: isinstance(rank, int) and rank >= 0, "a whole number from 0"),
            *_wrong(self.alphas, "alphas", lambda alpha: _is_number(alpha) and alpha > 0, "a number above 0"),
            *_wrong(self.scores, "scores", _is_number, "a finite number"),
        ]
        problems += [
            f"`{name}` is {getattr(self, name)!r}, which is not {meant}"
            for name, kinds, meant in _KINDS
            if not isinstance(getattr(self, name), kinds)
        ]
        kept = set() if problems else {name for name, rank in self.ranks.items() if rank > 0}
        if not problems and not kept:
            problems.append("`ranks` has no rank above 0; a plan adapts at least one matrix")
        if not problems and kept != self.alphas.keys():
            name = min(kept ^ self.alphas.keys())
            problems.append(f"`alphas` and the ranks above 0 disagree on `{name}`; give one alpha per adapted matrix")
        if problems:
            raise PlanError("RankPlan: " + "; ".join(problems) + ".")

    @classmethod
    def from_model(cls, model: nn.Module, adapter_name: str = "default", **found: Any) -> RankPlan:
        """Read the plan off a living model.

        Args:
            model: A PEFT model, or a wrapper around one.
            adapter_name: The adapter.
            **found: What else is known: `signal`, `scores`, `steps`, or `ranks` with the matrices of rank 0.

        Raises:
            UnsupportedModelError: If the adapter is none that GLoRA resizes.
        """
        inner, _ = unwrap_model(model)
        matrices = adapted_matrices(inner, adapter_name)
        config = inner.peft_config[adapter_name]
        base_config = getattr(inner.get_base_model(), "config", None)
        return cls(
            model_id=config.base_model_name_or_path or getattr(base_config, "_name_or_path", None) or None,
            use_rslora=config.use_rslora,
            alphas={name: matrix.alpha for name, matrix in matrices.items()},
            **{"ranks": {name: matrix.rank for name, matrix in matrices.items()}, **found},
        )

    @classmethod
    def from_adapter(cls, folder: str | os.PathLike[str]) -> RankPlan:
        """Read the plan off a saved LoRA adapter.

        Raises:
            AdapterFileError: If the folder holds none that can be read.
        """
        saved = SavedAdapter.read(folder)
        for name in saved.ranks:
            if (problem := saved.problem_of(name)) is not None:
                raise AdapterFileError(f"{saved.folder}: `{name}` {problem}; a plan has one rank for each matrix.")
        return cls(
            model_id=saved.config.base_model_name_or_path,
            use_rslora=saved.config.use_rslora,
            ranks=saved.ranks,
            alphas={name: saved.alpha(name) for name in saved.ranks},
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> RankPlan:
        """Read a plan that `save` wrote.

        Raises:
            PlanError: If the file cannot be read, is of another format, or holds a value that is none; the text names
                file, key and value.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise PlanError(f"{path} cannot be read as a rank plan: {error}") from error
        if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
            raise PlanError(f"{path} is no rank plan of format {FORMAT}; RankPlan.save writes them.")
        unknown = sorted(content.keys() - cls.__dataclass_fields__.keys() - set(_PEFT_FIELDS))
        missing = sorted({"ranks", "alphas"} - content.keys())
        if unknown or missing:
            raise PlanError(f"{path}: {f'`{unknown[0]}` is unknown' if unknown else f'`{missing[0]}` is missing'}.")
        content = {key: value for key, value in content.items() if key in cls.__dataclass_fields__}
        try:
            return cls(**content)
        except PlanError as error:
            raise PlanError(f"{path}: {error}") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as JSON, at once or not at all.

        Raises:
            PlanError: If it cannot be written.
        """
        target = Path(path)
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            draft.write_text(json.dumps(self.to_dict(), indent=2) + "\n", encoding="utf-8")
            draft.replace(target)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise PlanError(f"The rank plan cannot be written to {target}: {error}.") from error

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, with the fields of PEFT's ``LoraConfig`` for other frameworks' files.

        The patterns name every matrix, so that they hold whatever ``r`` and ``lora_alpha`` stand beside them.
        """
        config = self.to_lora_config()
        kept = [name for name, rank in self.ranks.items() if rank > 0]
        fields = {
            "r": config.r,
            "lora_alpha": config.lora_alpha,
            "target_modules": config.target_modules,
            "rank_pattern": {anchored(name): self.ranks[name] for name in kept},
            "alpha_pattern": {anchored(name): self.alphas[name] for name in kept},
        }
        return {"format": FORMAT, **asdict(self), **fields}

    def to_lora_config(self, model: nn.Module | None = None, **options: Any) -> LoraConfig:
        """Make the config that gives a fresh base model exactly these ranks and scalings.

        Args:
            model: The base model. With it, ``target_modules`` is a list of names where names are enough; without it,
                always a pattern, because a name may also be the ending of another module's.
            **options: Further fields of `peft.LoraConfig`. A plan holds ranks and scalings alone: ``task_type``,
                ``modules_to_save``, ``lora_dropout``, ``use_dora`` and the like are to be given again.

        Raises:
            PlanError: If `model` lacks one of the matrices.
        """
        kept = [name for name, rank in self.ranks.items() if rank > 0]
        if model is not None and (lacking := [name for name in kept if name not in dict(model.named_modules())]):
            raise PlanError(
                f"The plan has a rank of {self.ranks[lacking[0]]} for `{lacking[0]}`, and this "
                f"{type(model).__name__} has no such module; give the base model that the plan was made of "
                f"({self.model_id or 'unknown'})."
            )
        if model is None:
            targets: set[str] | str = exactly(kept)
        else:
            targets = target_modules(kept, [name for name, _ in model.named_modules() if name not in kept])
        widest = max(kept, key=self.ranks.__getitem__)
        rank, alpha = self.ranks[widest], self.alphas[widest]
        return LoraConfig(
            **{
                "r": rank,
                "lora_alpha": alpha,
                "rank_pattern": {anchored(name): self.ranks[name] for name in kept if self.ranks[name] != rank},
                "alpha_pattern": {anchored(name): self.alphas[name] for name in kept if self.alphas[name] != alpha},
                "target_modules": targets,
                "use_rslora": self.use_rslora,
                **options,
            }
        )

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the ranks by layer and matrix as a heat map.

        Args:
            path: Where to write it; the ending chooses the format. ``None`` only returns it.

        Raises:
            MissingDependencyError: If matplotlib is not installed.
        """
        try:
            from glora.heatmap import heat_map  # noqa: PLC0415 - only this needs matplotlib
        except ImportError as error:
            raise MissingDependencyError(
                "RankPlan.plot needs matplotlib, which is not installed. Run: pip install 'glora[plot]'"
            ) from error
        figure = heat_map(self.ranks)
        if path is not None:
            figure.savefig(path)
        return figure


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _wrong(values: Any, what: str, is_right: Any, meant: str) -> list[str]:
    if not isinstance(values, Mapping):
        return [f"`{what}` is a {type(values).__name__}, not a mapping of module names"]
    wrong = [name for name, value in values.items() if isinstance(value, bool) or not is_right(value)]
    return [f"`{what}` has {values[wrong[0]]!r} for `{wrong[0]}`, which is not {meant}"] if wrong else []
