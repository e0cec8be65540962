"""The name of a run: the same in its file's name and in the file (criterion 7)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Place
from windtunnel.rules.base import Doc, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo


class CFG006(Rule):
    """A run configuration is called something else than its file."""

    name = "run-id-of-another-file"
    criterion = 7
    categories: ClassVar[tuple[str, ...]] = ("run-id-mismatch",)
    doc = Doc(
        what="`run_id` in a run configuration, held against the name of its file.",
        why="`run=<file>` then trains under the other name: W&B and the results folder get the run of another "
        "configuration, or one that the evaluation does not ask for.",
        example="run_id: proposed-bert-sst2   # in config/run/baseline-bert-sst2.yaml",
        instead="run_id: baseline-bert-sst2",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        places = {run.path: posixpath.splitext(posixpath.basename(run.path))[0] for run in repo.runs}
        for path, name in places.items():
            document = repo.documents.get(path)
            told = document.value.get("run_id") if document is not None and isinstance(document.value, dict) else None
            if document is None or not isinstance(told, str) or told == name or "${" in told:
                continue
            other = next((Place(one, 1, 1) for one, stem in places.items() if stem == told and one != path), None)
            yield self.finding(
                f"the run in {path} calls itself {told!r}",
                document.place(("run_id",)),
                evidence=document.quote(("run_id",)),
                fix=f"run_id: {name}",
                related=(other,) if other is not None else (),
                runs=(name,),
            )
