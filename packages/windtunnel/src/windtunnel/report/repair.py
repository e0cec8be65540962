"""What to tell a model that repairs the code: what is wrong, and what a repair may not do.

The rules for repairs come from what automatic fixes have done: they made a run pass by taking the experiment out of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.contract import REQUIRED_FILES

if TYPE_CHECKING:
    from windtunnel.verdict import Verdict

_HEAD = """\
A reviewer has read the experiment code below its contract and found what follows. Repair it.

- Mend every numbered point at the place it names; leave the rest of the code as it is.
- The files stay exactly these: {files}. Return each of them whole.
- Do not make a point go away by taking the experiment out: the same models, datasets, methods, metrics and run
  configurations as before, nothing replaced by a constant, noise or a stand-in, no error caught and passed over.
- If a point is wrong, say so and why, with the line that shows it, and change nothing for it.

"""


def repair_prompt(verdict: Verdict) -> str:
    """Return the prompt; "" where the verdict is ready."""
    issue = verdict.code_issue
    return _HEAD.format(files=", ".join(REQUIRED_FILES)) + issue + "\n" if issue else ""
