"""The repository that is reviewed, where the user has it: changed, added to, deleted, replaced."""

import os
import pathlib
import shutil

from src.attempts import attempt, targets

original = pathlib.Path(targets["original"])
attempt("change", (original / "src" / "main.py").write_text, "print('nothing to see')")
attempt("add", (original / "backdoor.py").write_text, "import os")
attempt("a hook of git", (original / ".git" / "hooks" / "pre-commit").write_text, "#!/bin/sh")
attempt("delete", (original / "src" / "main.py").unlink)
attempt("delete everything", shutil.rmtree, original)
attempt("replace", os.rename, original, str(original) + ".old")
attempt("mode", os.chmod, original, 0o777)
