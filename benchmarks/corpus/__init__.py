"""How much of what breaks real repositories `windtunnel check` finds: recall on labelled snapshots, noise, and time.

    python -m benchmarks.corpus LABELS.json SNAPSHOTS_DIR --json corpus.json

LABELS.json is a list of snapshots, each with an `id`, `ready` (whether its training ran to completion) and `defects`;
a defect has `category`, `file`, `sentence`, `phase`, `blocking` and `statically_detectable` (yes, needs-run or no).
SNAPSHOTS_DIR holds one folder for each id.

A blocking label is found if a blocker of a rule that answers its category names its file, as its place or as one of
its related places; `anywhere` counts also those whose blocker names another file. A label that does not block is found
by a finding of any severity. config/run/X.yaml and config/runs/X.yaml count as one file: where the defect is that the
folder has the wrong name, labels and findings may use either. A finding may answer several labels.

It does not say whether a blocker that no label has is right: somebody must read it. What was decided goes into a file
for `--judged`, a list of {"snapshot", "code", "path", "line", "verdict": "right" | "wrong" | "unclear", "why"}.
"""
