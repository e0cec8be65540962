"""Where the evaluation writes: each run's results in its own folder, the comparison's in comparison/ (criterion 8)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.rehearsal.values import Const, Path_, Text
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import place, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.rehearsal import Event
    from windtunnel.repo import Repo

RUN, COMPARISON = "metrics.json", "aggregated_metrics.json"


class EVA009(Rule):
    """Results are written to another folder than the contract's."""

    name = "results-elsewhere"
    criterion = 8
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("evaluate-incomplete",)
    source = "rehearsal"
    doc = Doc(
        what="metrics.json that src/evaluate.py writes elsewhere than to {results_dir}/{run_id}/, and "
        "aggregated_metrics.json elsewhere than to {results_dir}/comparison/.",
        why="Whoever reads the results looks there.",
        example='(results_dir / "summary" / "aggregated_metrics.json").write_text(...)',
        instead='(results_dir / "comparison" / "aggregated_metrics.json").write_text(...)',
        limits="Folders that are not known when the code is followed count as right.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        ids = {run.run_id for run in repo.runs}
        written = [(event, _folders(event)) for event in repo.evaluation.of("file") if event.data["what"] == "write"]
        roots = {tuple(folders[:-2]) for _, folders in written if folders[-2:] == ["comparison", COMPARISON]}
        seen: set[tuple[int, str]] = set()
        for event, folders in written:
            if folders[-1:] == [COMPARISON]:
                wrong = len(folders) > 1 and folders[-2] != "comparison" and "{}" not in folders[-2]
                wanted = "{results_dir}/comparison/"
            elif folders[-1:] == [RUN]:
                wrong = not _own(folders[:-1], ids) or tuple(folders[:-1]) in roots
                wanted = "{results_dir}/{run_id}/"
            else:
                continue
            shown = "/".join(folders).replace("{}", "...")
            if wrong and (event.line, folders[-1]) not in seen:
                seen.add((event.line, folders[-1]))
                yield self.finding(
                    f"{folders[-1]} is written to {shown}, and belongs in {wanted}",
                    place(repo, event),
                    evidence=quote(repo, event),
                    fix=f"write it to {wanted}{folders[-1]}",
                )


def _folders(event: Event) -> list[str]:
    """The parts of a path; "{}" where one is not known."""
    path = event.data["path"]
    text = path.text if isinstance(path, Path_) else None
    if isinstance(text, Const):
        return posixpath.normpath(str(text.value)).strip("/").split("/")
    return [part for part in str(text).split("/") if part] if isinstance(text, Text) else []


def _own(folders: list[str], ids: set[str]) -> bool:
    """Whether a folder is one run's own, right below the results, or may be."""
    if not folders:
        return True  # all of it is unknown
    last, above = folders[-1], folders[:-1]
    if last not in ids and "{}" not in last:
        return False
    return not any(part in _BETWEEN for part in above)


# Folders that are put between the results and a run's own, where nobody looks.
_BETWEEN = frozenset({"runs", "figures", "metrics", "evaluation", "eval", "per_run", "individual", "outputs"})
