from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import pytest

from windtunnel.flight.observer import Observer, crash_in_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from windtunnel.evidence import ProcessSeen


@pytest.fixture
def watched(tmp_path: Path) -> Callable[..., tuple[ProcessSeen, ...]]:
    """Runs a program of a repository under the observer and returns what it told."""
    repository = tmp_path / "repository"
    repository.mkdir()

    def run(text: str, *arguments: str, files: dict[str, str] | None = None) -> tuple[ProcessSeen, ...]:
        for name, content in {"main.py": text, **(files or {})}.items():
            path = repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content))
        with Observer(tmp_path / "socket", repository=repository) as observer:
            subprocess.run(
                [sys.executable, "main.py", *arguments],
                cwd=repository,
                env={**os.environ, **observer.environment(hub_url="http://127.0.0.1:9")},
                check=False,
                capture_output=True,
            )
            return observer.take()

    return run


def test_a_process_is_told_with_its_arguments_and_its_end(watched: Callable[..., tuple[ProcessSeen, ...]]) -> None:
    (process,) = watched("print('done')\n", "run=a")
    assert process.argv[-1] == "run=a"
    assert process.said_goodbye
    assert process.crash is None


def test_an_exception_is_told_with_the_lines_of_the_repository(
    watched: Callable[..., tuple[ProcessSeen, ...]],
) -> None:
    (process,) = watched("import json\n\ndef read():\n    return json.loads('{')\n\nread()\n")
    crash = process.crash
    assert crash is not None
    assert crash.exception.endswith("JSONDecodeError")
    assert [(frame.path, frame.line) for frame in crash.frames] == [("main.py", 6), ("main.py", 4)]
    assert crash.library.startswith("json/")


def test_a_child_is_a_process_of_its_own_and_who_started_it_is_told(
    watched: Callable[..., tuple[ProcessSeen, ...]],
) -> None:
    text = "import subprocess, sys\nsubprocess.run([sys.executable, 'child.py'])\n"
    parent, child = watched(text, files={"child.py": "raise KeyError('text')\n"})
    assert child.parent == parent.pid
    assert child.crash is not None
    assert any(started.place == "main.py:2" for started in parent.started)


def test_a_swallowed_exception_is_told_where_it_was_handled(
    watched: Callable[..., tuple[ProcessSeen, ...]],
) -> None:
    code = "try:\n    int('x')\nexcept Exception:\n    pass\n"
    (process,) = watched("import part\n", files={"part.py": code})
    (swallowed,) = process.swallowed
    assert (swallowed.exception, swallowed.handled.partition(":")[0]) == ("ValueError", "part.py")


def test_files_that_are_written_and_hosts_that_are_asked_are_told(
    watched: Callable[..., tuple[ProcessSeen, ...]],
) -> None:
    text = """
        import contextlib, socket
        open("figure.pdf", "w").close()
        with contextlib.suppress(OSError):
            socket.getaddrinfo("example.invalid", 443)
    """
    (process,) = watched(text)
    assert any(written.path.endswith("figure.pdf") and written.place == "main.py:3" for written in process.written)
    assert any("example.invalid" in asked.address for asked in process.connections)


def test_the_configuration_is_told_key_by_key(watched: Callable[..., tuple[ProcessSeen, ...]]) -> None:
    text = """
        import hydra

        @hydra.main(version_base=None, config_path="config", config_name="config")
        def main(cfg):
            print(cfg.training.lr, cfg.get("absent", 3))

        main()
    """
    (process,) = watched(text, files={"config/config.yaml": "training: {lr: 0.1, epochs: 3}\n"})
    config = process.config
    assert config is not None
    assert {"training.lr", "training.epochs"} <= set(config.keys)
    assert "training.lr" in config.reads
    assert "training.epochs" not in config.reads
    assert [(absent.key, absent.default) for absent in config.absent] == [("absent", "3")]


def test_steps_losses_parameters_and_hooks_are_told(watched: Callable[..., tuple[ProcessSeen, ...]]) -> None:
    text = """
        import torch

        model = torch.nn.Linear(2, 1)
        head = torch.nn.Linear(2, 1)
        model.register_forward_hook(lambda *_: None)
        head.register_forward_hook(lambda *_: None)
        optimizer = torch.optim.SGD([*model.parameters(), *head.parameters()], lr=0.1)
        for _ in range(3):
            loss = model(torch.ones(4, 2)).pow(2).mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    """
    (process,) = watched(text)
    (optimizer,) = process.optimizers
    assert (optimizer.name, optimizer.steps, optimizer.effective_steps) == ("SGD", 3, 3)
    (loss,) = process.losses
    assert (loss.place, loss.count, loss.not_finite) == ("main.py:11", 3, 0)
    moved = [parameter.moved for parameter in process.parameters]
    assert (moved.count(True), moved.count(False)) == (2, 2)
    assert {(hook.place, hook.fired) for hook in process.hooks} == {("main.py:6", 3), ("main.py:7", 0)}


@pytest.mark.parametrize("junk", [b"\x00\xff" * 500, b'{"pid": "x"}\n', b"[1, 2]\n", b"{" * 100_000, b"\n" * 1000])
def test_what_is_no_message_is_dropped_and_the_next_one_is_heard(
    watched: Callable[..., tuple[ProcessSeen, ...]], tmp_path: Path, junk: bytes
) -> None:
    with Observer(tmp_path / "junk", repository=tmp_path) as observer:
        with socket.socket(socket.AF_UNIX) as hostile:
            hostile.connect(str(tmp_path / "junk"))
            hostile.sendall(junk)
        time.sleep(0.1)
        assert observer.take() == ()
    (process,) = watched("print('done')\n")
    assert process.said_goodbye


def test_a_crash_is_read_from_the_log_where_nothing_was_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        textwrap.dedent(f"""\
            Traceback (most recent call last):
              File "{tmp_path}/src/train.py", line 7, in main
                step()
              File "/usr/lib/python3/site-packages/torch/nn/linear.py", line 3, in forward
                raise RuntimeError(shape)
            RuntimeError: mat1 and mat2
        """)
    )
    crash = crash_in_log(log, tmp_path)
    assert crash is not None
    assert (crash.exception, crash.message) == ("RuntimeError", "mat1 and mat2")
    assert [(frame.path, frame.line) for frame in crash.frames] == [("src/train.py", 7)]
    assert "torch/nn/linear.py" in crash.library
    assert json.dumps(crash.chain)


def test_no_module_is_there_that_the_program_did_not_import(watched: Callable[..., tuple[ProcessSeen, ...]]) -> None:
    modules = "['urllib.request', 'http', 'shutil', 'subprocess', 'json', 'warnings', 'inspect']"
    plain = subprocess.run(
        [sys.executable, "-c", f"import sys; print([name for name in {modules} if name in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    (process,) = watched(
        f"import sys\nfound = [name for name in {modules} if name in sys.modules]\nraise RuntimeError(str(found))\n"
    )
    assert process.crash is not None
    assert process.crash.message == plain.stdout.strip()


PASSES = """
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    rows = torch.randn(40, 3)
    model = torch.nn.Linear(3, 1)
    def loader(part):
        return DataLoader(TensorDataset(part, torch.zeros(len(part))), batch_size=4, shuffle=True)
    def train():
        for inputs, _ in loader(rows[:24]):
            model(inputs).sum().backward()
    def measure(part):
        for inputs, _ in loader(part):
            model(inputs)
    train()
"""


@pytest.mark.parametrize(
    ("measured", "counts"), [("rows[24:]", (16, 0)), ("rows[:24]", (24, 24)), ("rows[20:]", (20, 4))]
)
def test_rows_that_are_measured_on_are_held_against_those_trained_on(
    watched: Callable[..., tuple[ProcessSeen, ...]], measured: str, counts: tuple[int, int]
) -> None:
    (process,) = watched(f"{PASSES}    measure({measured})\n    train()\n")
    (rows,) = process.rows
    assert (rows.measured, rows.trained) == counts
    assert rows.place == "main.py:13"
    assert process.faults == ()


def test_padding_does_not_make_another_row(watched: Callable[..., tuple[ProcessSeen, ...]]) -> None:
    text = """
        import torch
        from torch.utils.data import DataLoader

        def padded(rows, length):
            ids = torch.zeros(len(rows), length, dtype=torch.long)
            ids[:, :3] = rows
            return [{"input_ids": row, "attention_mask": (row > 0).long()} for row in ids]

        rows = torch.arange(1, 25).reshape(8, 3)
        weight = torch.zeros(1, requires_grad=True)
        for _ in DataLoader(padded(rows, 5), batch_size=2):
            weight.sum().backward()
        for _ in DataLoader(padded(rows, 7), batch_size=4):
            pass
    """
    (process,) = watched(text)
    assert [(rows.measured, rows.trained) for rows in process.rows] == [(8, 8)]


def test_a_pass_that_fetches_ahead_of_its_training_trained(watched: Callable[..., tuple[ProcessSeen, ...]]) -> None:
    text = """
        import torch
        from torch.utils.data import DataLoader

        weight = torch.zeros(1, requires_grad=True)
        batches = iter(DataLoader(torch.randn(12, 2), batch_size=4))
        ahead = next(batches)
        for following in batches:
            weight.sum().backward()
            ahead = following
        weight.sum().backward()
    """
    (process,) = watched(text)
    assert process.rows == ()


def test_what_a_search_came_to_is_told(watched: Callable[..., tuple[ProcessSeen, ...]]) -> None:
    text = """
        import optuna

        def objective(trial):
            trial.suggest_float("lr", 0.1, 0.9)
            if trial.number == 2:
                raise optuna.TrialPruned
            return float(trial.number)

        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        study.optimize(objective, n_trials=4)
    """
    (process,) = watched(text)
    (search,) = process.searches
    assert (search.place, search.names, search.tried) == ("main.py:11", ("lr",), 3)
    assert search.values == ((0.0,), (1.0,), (3.0,))
    assert process.faults == ()


@pytest.mark.parametrize(
    "start",
    [
        "subprocess.run([sys.executable, 'child.py'], env={**os.environ, 'PYTHONPATH': os.getcwd()})",
        "subprocess.run([sys.executable, 'child.py'], env={'PATH': os.environ['PATH']})",
        "os.environ['PYTHONPATH'] = os.getcwd(); subprocess.run([sys.executable, 'child.py'])",
        "subprocess.Popen([sys.executable, 'child.py'], -1, *[None] * 5, True, False, None, {}).wait()",
    ],
)
def test_a_child_with_an_environment_of_its_own_is_watched(
    watched: Callable[..., tuple[ProcessSeen, ...]], start: str
) -> None:
    text = f"import os, subprocess, sys\n{start}\n"
    parent, child = watched(text, files={"child.py": "raise KeyError('text')\n"})
    assert child.parent == parent.pid
    assert child.crash is not None


def test_the_environment_of_a_child_keeps_what_it_was_given(watched: Callable[..., tuple[ProcessSeen, ...]]) -> None:
    text = """
        import contextlib, os, subprocess, sys

        given = {"PYTHONPATH": os.getcwd(), "OWN": "1"}
        subprocess.run([sys.executable, "child.py"], env=given)
        assert given == {"PYTHONPATH": os.getcwd(), "OWN": "1"}
        with contextlib.suppress(AttributeError):
            subprocess.run([sys.executable, "child.py"], env=7)
    """
    child = "import os, module\nassert os.environ['OWN'] and 'HOME' not in os.environ\nraise KeyError('reached')\n"
    parent, *children = watched(text, files={"child.py": child, "module.py": ""})
    assert parent.crash is None
    assert [seen.crash.exception for seen in children if seen.crash is not None] == ["KeyError"]
