"""Patience: what is waited is taken off, and nobody waits longer than there is."""

from __future__ import annotations

import threading

import pytest

from burnish.patience import Patience


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> str:
        self.now += seconds
        return "answer"


def test_every_call_is_taken_off():
    clock = Clock()
    patience = Patience(4.0, clock=clock)
    assert patience.call(clock.pass_by, 1.5) == "answer"
    assert (patience.spent, patience.left) == (1.5, 2.5)
    patience.call(clock.pass_by, seconds=3.0)  # it took longer, and was back all the same
    assert patience.left == 0.0
    with pytest.raises(TimeoutError, match="not within 4 s"):
        patience.call(clock.pass_by, 1.0)
    assert patience.spent == 4.5


def test_a_call_that_fails_was_waited_for_too():
    clock = Clock()
    patience = Patience(4.0, clock=clock)

    def fail() -> None:
        clock.pass_by(1.0)
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        patience.call(fail)
    assert patience.left == 3.0


def test_a_timeout_of_what_is_called_stays_its_own():
    def out_of_time() -> None:
        raise TimeoutError("of the server")

    with pytest.raises(TimeoutError, match="of the server"):
        Patience(4.0).call(out_of_time)


def test_a_part_is_bounded_by_itself_and_by_the_whole():
    clock = Clock()
    whole = Patience(4.0, clock=clock)
    part = whole.part(2.0)
    part.call(clock.pass_by, 1.5)
    assert (part.left, whole.left) == (0.5, 2.5)
    whole.call(clock.pass_by, 2.25)
    assert part.left == 0.25
    part.call(clock.pass_by, 1.0)
    with pytest.raises(TimeoutError):
        whole.part(60.0).call(clock.pass_by, 0.0)


def test_what_does_not_come_back_is_given_up_and_may_still_end():
    come, came = threading.Event(), threading.Event()

    def late() -> None:
        come.wait(60)
        came.set()

    with pytest.raises(TimeoutError, match=r"not within 0\.05 s"):
        Patience(0.05).call(late)
    assert not came.is_set()
    come.set()
    assert came.wait(60)


def test_patience_without_end_asks_nobody_else():
    assert Patience().call(threading.get_ident) == threading.get_ident()
    assert Patience(60.0).call(threading.get_ident) != threading.get_ident()
