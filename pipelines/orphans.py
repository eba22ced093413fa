"""Runs whose process is gone: they say so, and what they held is free again.

What belongs here: telling the living from the dead without a daemon to ask. What does not:
resuming (Dagster's daemon does, and the next iteration of the loop), or the record of iterations.

A run that this project starts itself names its process in a tag. One that a daemon launched, or
`dagster asset materialize`, leaves the ids of its processes in its events. A run lives as long as
any of them does: of a run in several processes the first may die before the others. Nobody is
declared dead on the word of another machine's process ids.
"""

import json
import os
import socket
from pathlib import PurePath

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.storage.tags import GRPC_INFO_TAG, MAX_RETRIES_TAG

from pipelines import processes

PROCESS_TAG = "burnish/process"
"""Which process of which machine a run lives in, for runs that no launcher watches."""

SOCKET_FOLDER = "burnish-up"
GONE = "the process it ran in is gone"
UNFINISHED = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
# A run of our own is there for a moment before it starts; killed in it, it seems about to start.
ABOUT_TO_START = DagsterRunStatus.NOT_STARTED


def process_name() -> str:
    """The value of `PROCESS_TAG` for runs in this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def end_orphans(instance: dg.DagsterInstance, *, shared: bool, retry: bool) -> None:
    """Mark runs without a process as failed, and free what finished runs still hold of a pool.

    `shared` says that other machines may use this instance. With `retry` a daemon may run them
    again; without, only where the server that launched one still answers, and so has a daemon
    beside it: else it would happen much later, when somebody has long gone on by hand.
    """
    for run in instance.get_runs(dg.RunsFilter(statuses=[ABOUT_TO_START, *UNFINISHED])):
        if run.status == ABOUT_TO_START and PROCESS_TAG not in run.tags:
            continue  # a daemon's, and it will
        if _is_orphan(instance, run, shared=shared):
            # It may have ended well between the look at its status and the look at its process.
            last = instance.get_run_by_id(run.run_id)
            if last is not None and not last.is_finished:
                _end(instance, last, retry=retry or _launcher_answers(last))
    storage = instance.event_log_storage
    if storage.supports_global_concurrency_limits:
        for run_id in storage.get_concurrency_run_ids():
            holder = instance.get_run_by_id(run_id)
            if holder is None or holder.is_finished:
                storage.free_concurrency_slots_for_run(run_id)


def _end(instance: dg.DagsterInstance, run: dg.DagsterRun, *, retry: bool) -> None:
    if run.status == DagsterRunStatus.CANCELING:
        mark_cancelled(instance, run, GONE)
        return
    # A run without an origin was launched by no daemon, and none can repeat it.
    if not retry or run.remote_job_origin is None:
        instance.add_run_tags(run.run_id, {MAX_RETRIES_TAG: "0"})
    instance.report_run_failed(run, GONE)
    _free(instance, run.run_id)


def mark_cancelled(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str) -> None:
    """Record that a run which was to end has ended, and free what it held."""
    instance.report_run_canceled(run, why)
    _free(instance, run.run_id)


def launched_by(instance: dg.DagsterInstance, target: str) -> list[dg.DagsterRun]:
    """The unfinished runs that the code server at this socket was asked for."""
    runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    return [run for run in runs if _launcher(run).get("socket") == target]


def socket_folder() -> str:
    """How the name of the folder begins that `burnish up` keeps its code server's socket in.

    The rest is drawn at random. The machine's name is in it, since a run's record keeps the
    socket's path, and so says which machine's process ids it speaks of.
    """
    return f"{SOCKET_FOLDER}-{socket.gethostname()}-"


def _free(instance: dg.DagsterInstance, run_id: str) -> None:
    if instance.event_log_storage.supports_global_concurrency_limits:
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)


def _is_orphan(instance: dg.DagsterInstance, run: dg.DagsterRun, *, shared: bool) -> bool:
    host, _, pid = run.tags.get(PROCESS_TAG, "").rpartition(":")
    if host:
        since = instance.get_run_stats(run.run_id).start_time
        return host == socket.gethostname() and not processes.is_alive(int(pid), by=since)
    machine = _machine(run)
    if machine != socket.gethostname() and (shared or machine):
        return False
    noted = _processes(instance, run)
    if any(processes.is_alive(pid, by=moment) for pid, moment in noted):
        return False
    # A run that has no process yet may still get one, from the server that was asked for it.
    return bool(noted) or not _launcher_answers(run)


def _processes(instance: dg.DagsterInstance, run: dg.DagsterRun) -> set[tuple[int, float]]:
    """The ids of processes that a run was ever in, each with a time at which it was."""
    found = set()
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT):
        event = entry.get_dagster_event()
        pid = event.engine_event_data.metadata.get("pid")
        if pid is not None and str(pid.value).isdigit():
            found.add((int(str(pid.value)), entry.timestamp))
    return found


def _machine(run: dg.DagsterRun) -> str:
    """The machine whose `burnish up` launched a run; empty where something else did."""
    folder = PurePath(_launcher(run).get("socket") or "").parent.name
    if not folder.startswith(SOCKET_FOLDER):
        return ""
    return folder.removeprefix(f"{SOCKET_FOLDER}-").rpartition("-")[0]


def _launcher(run: dg.DagsterRun) -> dict[str, str | int]:
    """Where the code server listens that was asked to start the run."""
    return json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))


def _launcher_answers(run: dg.DagsterRun) -> bool:
    address = _launcher(run)
    if "socket" in address:
        family, target = socket.AF_UNIX, address["socket"]
    elif "port" in address:
        family, target = socket.AF_INET, (address.get("host", "localhost"), address["port"])
    else:
        return True
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(target)
        except OSError:
            return False
    return True
