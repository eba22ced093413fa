"""Patience: how many seconds may be lost to a machine that is not ours, in all.

What belongs here: the seconds that are left, and calls that are given up when none are. What does
not: whom one waits for, or what is done when it was in vain (`burnish.workflows.backlog`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")


class Patience:
    """So many `seconds` of waiting, shared by all calls made with it; infinite by default.

    A call that is given up goes on in a thread of its own until it notices: neither a timeout of
    a socket nor one of a database bounds a name that is looked up, or an answer that drips in. So
    what is called must bear being finished late, and being done again. `clock` gives seconds.

    >>> patience = Patience(4.0)
    >>> patience.call(max, 1, 2)
    2
    >>> Patience(0.0).call(max, 1, 2)
    Traceback (most recent call last):
      ...
    TimeoutError: not within 0 s
    """

    def __init__(
        self,
        seconds: float = math.inf,
        *,
        clock: Callable[[], float] = time.monotonic,
        _of: Patience | None = None,
    ) -> None:
        self.seconds = seconds
        self.spent = 0.0
        self._clock = clock
        self._of = _of

    @property
    def left(self) -> float:
        """The seconds that may still be waited; 0 where there are none."""
        own = max(0.0, self.seconds - self.spent)
        return own if self._of is None else min(own, self._of.left)

    def part(self, seconds: float) -> Patience:
        """At most so many seconds of these: what is waited with the part is taken off the whole."""
        return Patience(seconds, clock=self._clock, _of=self)

    def call(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """What `function` returns or raises; raises `TimeoutError` when the seconds are used up."""
        left, used_up = self.left, TimeoutError(f"not within {self._scarce().seconds:g} s")
        if left <= 0:
            raise used_up
        began = self._clock()
        try:
            if math.isinf(left):
                return function(*args, **kwargs)
            answer = _begun(function, args, kwargs)
            wait([answer], timeout=left)
            if not answer.done():
                raise used_up
            return answer.result()
        finally:
            self._take(self._clock() - began)

    def _take(self, seconds: float) -> None:
        self.spent += seconds
        if self._of is not None:
            self._of._take(seconds)

    def _scarce(self) -> Patience:
        if self._of is None or self.seconds - self.spent <= self._of.left:
            return self
        return self._of._scarce()


def _begun(function: Callable[..., Result], args: Any, kwargs: Any) -> Future[Result]:
    answer: Future[Result] = Future()

    def work() -> None:
        try:
            answer.set_result(function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
            answer.set_exception(error)

    # A daemon: a call that was given up must not keep the process from ending.
    Thread(target=copy_context().run, args=(work,), daemon=True).start()
    return answer
