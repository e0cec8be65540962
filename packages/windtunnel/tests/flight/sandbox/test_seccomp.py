"""The filter's decisions, by an interpreter of the few instructions that it uses."""

from __future__ import annotations

import errno
import struct

import pytest

from windtunnel.flight.sandbox.seccomp import seccomp_filter

ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# <asm/unistd_64.h>, <asm-generic/unistd.h>
CALLS = {
    "x86_64": {"read": 0, "socket": 41, "clone": 56, "unshare": 272, "keyctl": 250, "mount": 165, "futex": 202},
    "aarch64": {"read": 63, "socket": 198, "clone": 220, "unshare": 97, "keyctl": 219, "mount": 40, "futex": 98},
}
ALLOWED = "allowed"
NEWUSER, THREAD = 0x10000000, 0x003D0F00


def decide(machine: str, number: int, *arguments: int, architecture: int | None = None) -> str:
    """Run the filter on one system call, as the kernel does."""
    words = [number, architecture if architecture is not None else ARCHITECTURE[machine], 0, 0]
    for argument in (*arguments, *[0] * 6)[:6]:
        words += [argument & 0xFFFFFFFF, argument >> 32]
    program = list(struct.iter_unpack("=HBBI", seccomp_filter(machine)))
    at = value = 0
    while True:
        code, jump_true, jump_false, constant = program[at]
        at += 1
        if code == 0x20:
            value = words[constant // 4]
        elif code == 0x06:
            break
        else:
            holds = {0x15: value == constant, 0x35: value >= constant, 0x45: bool(value & constant)}[code]
            at += jump_true if holds else jump_false
    return ALLOWED if constant == 0x7FFF0000 else errno.errorcode[constant & 0xFFFF]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
class TestEveryMachine:
    def call(self, machine: str, name: str, *arguments: int) -> str:
        return decide(machine, CALLS[machine][name], *arguments)

    def test_what_programs_need_is_allowed(self, machine: str) -> None:
        assert self.call(machine, "read", 3) == ALLOWED
        assert self.call(machine, "futex") == ALLOWED
        assert self.call(machine, "clone", THREAD) == ALLOWED

    @pytest.mark.parametrize("name", ["unshare", "keyctl", "mount"])
    def test_what_leads_out_is_refused(self, machine: str, name: str) -> None:
        assert self.call(machine, name) == "EPERM"

    def test_a_user_namespace_of_ones_own_is_refused(self, machine: str) -> None:
        assert self.call(machine, "clone", NEWUSER | 17) == "EPERM"

    def test_sockets_are_of_four_families(self, machine: str) -> None:
        answers = {family: self.call(machine, "socket", family, 1) for family in range(46)}
        assert [family for family, answer in answers.items() if answer == ALLOWED] == [1, 2, 10, 16]
        assert answers[40] == "EAFNOSUPPORT"  # AF_VSOCK

    @pytest.mark.parametrize("number", [425, 426, 427, 435])
    def test_what_has_another_way_is_unknown(self, machine: str, number: int) -> None:
        assert decide(machine, number) == "ENOSYS"

    def test_the_numbers_of_another_architecture_are_unknown(self, machine: str) -> None:
        assert decide(machine, 3, architecture=0x40000003) == "ENOSYS"


def test_the_second_set_of_numbers_of_x86_is_unknown() -> None:
    assert decide("x86_64", 0x40000000 | 41, 40) == "ENOSYS"


def test_a_machine_that_is_not_known_has_no_filter() -> None:
    assert seccomp_filter("riscv64") == b""
