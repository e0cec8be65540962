from __future__ import annotations

import os
import signal
import time

import pytest

from windtunnel.flight.interrupts import Interrupted, Interrupts


def signal_and_wait(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    time.sleep(5)


def test_a_signal_waits_for_the_place_where_it_may_act() -> None:
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        assert interrupts.requested
        assert not interrupts.urgent
        assert interrupts.exit_code == 143
        with pytest.raises(Interrupted):
            interrupts.check()


def test_a_signal_acts_at_once_where_that_is_safe_and_only_the_first() -> None:
    with Interrupts() as interrupts:
        with pytest.raises(Interrupted), interrupts.at_once():
            signal_and_wait(signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        assert not interrupts.urgent, "a launcher passed the same Ctrl-C on"
        time.sleep(0.6)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        assert interrupts.urgent
        assert interrupts.exit_code == 130


def test_a_flight_under_nohup_goes_on_when_the_terminal_closes() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.01)
            assert not interrupts.requested
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_handlers_of_before_come_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
