"""What tokenizers of the hub need besides transformers (criterion 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.dependencies import declared_names
from windtunnel.rules.gathering import quote
from windtunnel.rules.loaded import config_places, model_loads, text, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

# Repositories of the hub whose tokenizer is a sentencepiece file alone, and what reads it.
SENTENCEPIECE_ONLY = ("microsoft/deberta-v3-", "microsoft/mdeberta-v3-")
_READERS = ("sentencepiece",)


class DEP009(Rule):
    """A tokenizer needs a distribution that is not declared."""

    name = "tokenizer-needs"
    criterion = 5
    source = "table"
    categories: ClassVar[tuple[str, ...]] = ("dep-missing",)
    doc = Doc(
        what="Tokenizers whose repository has a sentencepiece file and no tokenizer.json, loaded by a submission that "
        "does not declare sentencepiece.",
        why="transformers cannot convert the file: ValueError or ImportError where the tokenizer is loaded.",
        example='AutoTokenizer.from_pretrained("microsoft/deberta-v3-base")   # sentencepiece is not declared',
        instead='dependencies = [..., "sentencepiece"]',
        limits=f"Only repositories that begin with {', '.join(SENTENCEPIECE_ONLY)}.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        declared = declared_names(repo)
        if declared is None or declared & set(_READERS):
            return
        for trace in repo.traces("main", "train"):
            for load in model_loads(trace):
                name = text(load.id)
                if "Tokenizer" in load.owner and name and name.startswith(SENTENCEPIECE_ONLY):
                    yield self.finding(
                        f"the tokenizer of {name!r} needs sentencepiece, which is not declared",
                        where(repo, load.event),
                        evidence=quote(repo, load.event),
                        fix="add 'sentencepiece' to the dependencies in pyproject.toml",
                        related=(
                            repo.pyproject.place("project", "dependencies"),
                            *config_places(repo, load.id, trace.run_id),
                        ),
                        runs=(trace.run_id,) if trace.run_id else (),
                    )
                    return
