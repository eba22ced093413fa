"""Where heavy work runs: in this process, or over a few processes of this machine.

What belongs here: mappers, which fan a function out over items. What does not: the functions;
only those of `burnish` cross a process boundary, and they limit their own threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, TypeVar

import dagster as dg

from burnish.errors import BurnishError
from burnish.typing import Mapper

A = TypeVar("A")
B = TypeVar("B")


class SerialMapper:
    """One item after the other, in this process.

    >>> SerialMapper().map(abs, [-2, 1])
    [2, 1]
    """

    def map(self, function: Callable[[A], B], items: Iterable[A]) -> list[B]:
        return [function(item) for item in items]


class ProcessMapper:
    """Over at most `workers` processes, results in the order of the items.

    Processes are started anew (never forked from one that holds threads and locks), for each
    call, and never more than there are items; a single item stays here. The function, the items
    and the results must pickle. What the function raises is raised here; a process that dies
    raises `BurnishError`.
    """

    def __init__(self, *, workers: int, start: Literal["spawn", "forkserver"] = "spawn") -> None:
        if workers < 1:
            raise BurnishError(f"{workers} workers", expected="1 or more")
        self.workers = workers
        self.start: Literal["spawn", "forkserver"] = start

    def map(self, function: Callable[[A], B], items: Iterable[A]) -> list[B]:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool

        waiting = list(items)
        workers = min(self.workers, len(waiting))
        if workers <= 1:
            return SerialMapper().map(function, waiting)
        context = multiprocessing.get_context(self.start)
        try:
            with ProcessPoolExecutor(workers, mp_context=context) as pool:
                return list(pool.map(function, waiting))
        except BrokenProcessPool as error:
            raise BurnishError(
                f"a worker process died while it ran {getattr(function, '__name__', function)}",
                expected="workers that live to return their result",
                hint="memory may have run out: give fewer workers",
            ) from error


class MapperResource(dg.ConfigurableResource[Mapper]):
    """Hands assets a `Mapper` as `dg.ResourceParam[Mapper]`: serial with one worker."""

    workers: int = 1

    def create_resource(self, context: dg.InitResourceContext) -> Mapper:  # noqa: ARG002
        return SerialMapper() if self.workers == 1 else ProcessMapper(workers=self.workers)
