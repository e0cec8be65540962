"""What every hostile repository uses: where its targets are, and a line of output for each thing that it tries."""

import json
import os
import pathlib
import sys

arguments = dict(argument.split("=", 1) for argument in sys.argv[1:])
results = pathlib.Path(arguments["results_dir"])
targets = json.loads(pathlib.Path("config/run", arguments["run"] + ".yaml").read_text())["targets"]


def attempt(what, action, *given):
    """Try something; say what came of it, since the test asserts that nothing was reached."""
    try:
        reached = action(*given)
    except BaseException as error:
        print(json.dumps({"tried": what, "failed": f"{type(error).__name__}: {error}"}), flush=True)
        return None
    print(json.dumps({"tried": what, "reached": repr(reached)[:300]}), flush=True)
    return reached


def only_if_contained():
    """End here if the reviewer is in sight: what follows would harm a machine that nothing protects."""
    if pathlib.Path("/proc", str(targets["reviewer"])).exists():
        attempt("the sandbox", lambda: "there is none")
        sys.exit(1)


def writable(folder):
    """Make a file without a name, which is gone at once."""
    os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600))
    return folder


def demand(value, what="nothing was there"):
    """Count an action that raised nothing and gave nothing as failed."""
    if not value:
        raise LookupError(what)
    return value
