"""One file that grows: by writing, by reserving, and as a hole that takes no space until somebody copies it."""

import os

from src.attempts import attempt, results

SIZE = 256 * 2**20


def write():
    with (results / "written").open("wb") as file:
        for _ in range(SIZE // 2**20):
            file.write(bytes(2**20))
    return file


def reserve():
    with (results / "reserved").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, SIZE)


def stretch():
    with (results / "stretched").open("wb") as file:
        file.truncate(SIZE)


attempt("written", write)
attempt("reserved", reserve)
attempt("stretched", stretch)
