"""The Dagster instance of a home: its folder, its configuration, and opening it.

What belongs here: `DAGSTER_HOME` under a Burnish home. What does not: our own record of
iterations and gates (`burnish.versions`); Dagster's event log mirrors that.
"""

import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from pipelines.databases import make_databases

PROCESS_TAG = "burnish/process"
"""Which process of which machine a run lives in, for runs that no launcher watches."""

QUIET_STEPS = {
    # A loop on a terminal shows its own progress; captured output would swallow that.
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}


def prepare(home: Path) -> Path:
    """Make `home/dagster`, its configuration and its databases; return that folder.

    Runs that a killed process left as started are marked failed: they would hold the one place
    that a dataset has.
    """
    folder = _configured(home)
    with _alone(folder):
        make_databases(folder)
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            _end_orphans(instance)
    return folder


def open_instance(home: Path) -> dg.DagsterInstance:
    """The instance whose history `dagster dev` shows when `DAGSTER_HOME` is the same folder."""
    from dagster._core.instance.ref import InstanceRef

    folder = prepare(home)
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides=QUIET_STEPS))


def process_name() -> str:
    """The value of `PROCESS_TAG` for runs in this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _configured(home: Path) -> Path:
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "dagster.yaml"
    if not target.exists():
        draft = folder / f".{os.getpid()}.yaml"
        shutil.copyfile(Path(__file__).with_name("dagster.yaml"), draft)
        draft.replace(target)
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time: two that create the databases at once leave them broken for good."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _end_orphans(instance: dg.DagsterInstance) -> None:
    # A run is there for a moment before it starts; one killed in it would seem about to start.
    unfinished = [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
    ]
    for run in instance.get_runs(dg.RunsFilter(statuses=unfinished)):
        host, _, pid = run.tags.get(PROCESS_TAG, "").rpartition(":")
        if host == socket.gethostname() and not _is_alive(int(pid)):
            instance.report_run_failed(run, "the process it ran in is gone")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's process, so it lives
        return True
    return True
