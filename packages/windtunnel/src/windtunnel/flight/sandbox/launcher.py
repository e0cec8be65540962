"""The first process inside the sandbox: it starts the command, passes its connections on, and says how it ended.

This file runs alone, with ``python -I -S`` of the flown environment: it imports nothing but the standard library, and
works with every Python from 3.8 on. As process 1 of its namespace it adopts every orphan, is out of reach of the
signals sent within, and takes all processes with it when it ends.

It also counts the processes, since it sees them at less cost than the flight does and is not delayed by a machine
that is full of them; where there are too many it ends, and so do they.

Arguments: the file descriptor for what it has to say, the limits, the number of processes (0 is any), the relays, the
seconds that processes may outlive the command, then the command. A limit is ``NAME=NUMBER`` with a name of
:mod:`resource`, a relay is ``PORT=SOCKET``; each list is separated by commas, and ``-`` if empty. What it says is one
JSON object a line: ``{"started": PID}`` or ``{"error": TEXT}``, then ``{"ended": STATUS, "leftover": COUNT}`` with the
status as waitpid(2) has it, or ``{"processes": COUNT}`` if there were too many.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time

_CHUNK_BYTES = 2**18
_PR_SET_DUMPABLE = 4  # <linux/prctl.h>: nobody may trace it or open its files through /proc
_LOOK_SECONDS = 0.1
_POLL_SECONDS = 0.02
_BUSY_SECONDS = 0.1


def listen(relays: dict[int, str]) -> list[tuple[socket.socket, str]]:
    """Listen on 127.0.0.1 for each relay, so that the command finds every port open."""
    listeners = []
    for port, path in relays.items():
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        listeners.append((listener, path))
    return listeners


def relay(listeners: list[tuple[socket.socket, str]]) -> None:
    """Pass connections on until this process is ended."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # while the command comes to an orderly end, its clients may still have something to send
        signal.signal(number, signal.SIG_IGN)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    threads = [threading.Thread(target=_accept, args=pair) for pair in listeners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _accept(listener: socket.socket, path: str) -> None:
    while True:
        try:
            client = listener.accept()[0]
        except OSError:  # no file descriptor is left: some connection will end
            time.sleep(_BUSY_SECONDS)
            continue
        try:
            threading.Thread(target=_serve, args=(client, path), daemon=True).start()
        except RuntimeError:  # no thread is left
            client.close()
            time.sleep(_BUSY_SECONDS)


def _serve(client: socket.socket, path: str) -> None:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with client, server:
        try:
            server.connect(path)
            answers = threading.Thread(target=_pump, args=(server, client), daemon=True)
            answers.start()
        except (OSError, RuntimeError):
            return
        _pump(client, server)
        answers.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Copy until the source has ended, then tell the target that nothing more comes."""
    try:
        while True:
            chunk = source.recv(_CHUNK_BYTES)
            if not chunk:
                break
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # one side is gone, and so is the use of the other
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def start(argv: list[str], environment: dict[bytes, bytes], limits: dict[str, int], say: int) -> int:
    """Start the command in a session of its own."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        for name in ("SIGPIPE", "SIGXFSZ", "SIGINT"):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        _limit(limits)
        os.execvpe(argv[0], argv, environment)  # noqa: S606  # no shell is wanted
    except BaseException as error:  # noqa: BLE001  # whatever it is, the flight must know of it
        import json  # noqa: PLC0415  # only where there is something to quote

        _say(say, json.dumps({"error": str(error)}))
    os._exit(127)


def _environment() -> dict[bytes, bytes]:
    """Return the variables that this process was given, without what Python and bubblewrap add."""
    with open("/proc/self/environ", "rb") as file:  # noqa: PTH123  # pathlib costs a third of this script's time
        variables = [entry.partition(b"=") for entry in file.read().split(b"\0") if entry]
    return {name: value for name, _, value in variables if name != b"PWD"}


def _prepare() -> None:
    """Make this process the first to go where memory runs out, and keep the command from speaking for it."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
            file.write("1000")
        import ctypes  # noqa: PLC0415  # which a small Python may lack

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass


def _limit(limits: dict[str, int]) -> None:
    import resource  # noqa: PLC0415  # in the child, whose start it does not delay

    for name, value in limits.items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)  # noqa: PLW2901
        resource.setrlimit(number, (value, value))


def _say(descriptor: int, text: str) -> None:
    os.write(descriptor, text.encode("utf-8", "replace") + b"\n")


def attend(command: int, relaying: int, most: int) -> tuple[int, int]:
    """Bury what ends until the command has.

    Returns:
        The status of the command and 0, or 0 and how many processes there were if that was more than ``most``.
    """
    mine = {os.getpid(), relaying}
    while True:
        status = _bury(command)
        if status is not None:
            return status, 0
        count = _others(mine)
        if most and count > most:
            return 0, count
        signal.sigtimedwait({signal.SIGCHLD}, _LOOK_SECONDS)


def settle(relaying: int, seconds: float) -> int:
    """Give what outlives the command a moment to end by itself, and return how many processes have not."""
    deadline = time.monotonic() + seconds
    while True:
        _bury(0)
        left = _others({os.getpid(), relaying})
        if not left or time.monotonic() > deadline:
            return left
        signal.sigtimedwait({signal.SIGCHLD}, _POLL_SECONDS)


def _bury(command: int) -> int | None:
    """Bury every child that has ended, and return the status of the command if it was among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if not pid:
            return found
        if pid == command:
            found = status


def _others(mine: set[int]) -> int:
    return sum(name.isdigit() and int(name) not in mine for name in os.listdir("/proc"))  # noqa: PTH208


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.split(",")) if text != "-" else {}


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code, 128 + the signal if one ended it."""
    say = int(arguments[0])
    os.set_inheritable(say, False)
    limits = {name: int(value) for name, value in _pairs(arguments[1]).items()}
    relays = {int(port): path for port, path in _pairs(arguments[3]).items()}
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    environment = _environment()
    _prepare()
    listeners = listen(relays)
    relaying = os.fork() if listeners else 0
    if listeners and not relaying:
        os.close(say)
        relay(listeners)
        os._exit(0)
    for listener, _ in listeners:
        listener.close()
    command = start(arguments[5:], environment, limits, say)
    _say(say, f'{{"started": {command}}}')
    status, too_many = attend(command, relaying, int(arguments[2]))
    if too_many:
        _say(say, f'{{"processes": {too_many}}}')
        return 128 + signal.SIGKILL
    leftover = settle(relaying, float(arguments[4]))
    _say(say, f'{{"ended": {status}, "leftover": {leftover}}}')
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
