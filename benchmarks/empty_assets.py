"""Ten assets that do nothing, in a chain: what Dagster takes for a step whatever is in it.

What belongs here: the assets, the three ways to run them, and the seconds of a first and a second
run in this process. What does not: starting new processes, and the table (`overhead.py`).

    python benchmarks/empty_assets.py in_process HOME
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

COUNT = 10
# Beside Dagster itself, what opens an instance on disk: else each step imports that anew.
PRELOADED = ["dagster", "dagster._core.storage.sqlite_storage", "empty_assets"]


def plain(home: Path, stack: ExitStack) -> Callable[[], None]:  # noqa: ARG001
    """Ten functions, called in order."""
    functions: list[Callable[[], None]] = [lambda: None for _ in range(COUNT)]

    def run() -> None:
        for function in functions:
            function()

    return run


def in_process(home: Path, stack: ExitStack) -> Callable[[], None]:
    """`execute_in_process` on the instance of the home."""
    from pipelines.instance import open_instance

    instance = stack.enter_context(open_instance(home))
    job = in_process_job()
    return lambda: _succeeded(job.execute_in_process(instance=instance, run_config=QUIET))


def forkserver(home: Path, stack: ExitStack) -> Callable[[], None]:
    """A process a step, forked from a server that has loaded Dagster and this module."""
    import dagster as dg
    import empty_assets

    from pipelines.instance import open_instance

    instance = stack.enter_context(open_instance(home))
    job = dg.reconstructable(empty_assets.forkserver_job)

    def run() -> None:
        with dg.execute_job(job, instance=instance, run_config=QUIET) as result:
            _succeeded(result)

    return run


WAYS: dict[str, Callable[[Path, ExitStack], Callable[[], None]]] = {
    "plain": plain,
    "in_process": in_process,
    "forkserver": forkserver,
}
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def in_process_job() -> Any:
    import dagster as dg

    return _job(dg.in_process_executor)


def forkserver_job() -> Any:
    import dagster as dg

    start = {"forkserver": {"preload_modules": PRELOADED}}
    return _job(dg.multiprocess_executor.configured({"start_method": start, "max_concurrent": 2}))


def _job(executor: Any) -> Any:
    import dagster as dg

    def empty(number: int) -> dg.AssetsDefinition:
        before = [f"empty_{number - 1}"] if number else []

        @dg.asset(name=f"empty_{number}", deps=before)
        def nothing() -> None:
            return

        return nothing

    job = dg.define_asset_job("empty", executor_def=executor)
    definitions = dg.Definitions(assets=[empty(n) for n in range(COUNT)], jobs=[job])
    return definitions.resolve_job_def("empty")


def _succeeded(result: Any) -> None:
    if not result.success:
        raise SystemExit("an empty asset failed")


def main(way: str, home: str) -> None:
    with ExitStack() as stack:
        run = WAYS[way](Path(home), stack)
        seconds = []
        for _ in range(2):
            began = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - began)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
