"""Runs whose process is gone are told from those that live, and what they held is free again."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus as Status
from dagster._core.events import EngineEventData
from dagster._core.storage.tags import GRPC_INFO_TAG, MAX_RETRIES_TAG

from pipelines.instance import open_instance, prepare
from pipelines.orphans import PROCESS_TAG, end_orphans, launched_by, socket_folder

HOST = socket.gethostname()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(tmp_path / "home") as opened:
        yield opened


@pytest.fixture(scope="module")
def dead() -> int:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    return child.pid


def add(
    instance: dg.DagsterInstance,
    *pids: int,
    status: Status = Status.STARTED,
    target: str | None = None,
    **tags: str,
) -> str:
    """A run that was in these processes, launched by the code server at `target`."""
    if target is not None:
        tags[GRPC_INFO_TAG] = json.dumps({"host": "localhost", "socket": target})
    run = instance.add_run(dg.DagsterRun(job_name="j", tags=tags, status=status))
    for pid in pids:
        instance.report_engine_event("Started", run, EngineEventData.in_process(pid))
    return run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> Status:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def clear(instance: dg.DagsterInstance, *, shared: bool = False, retry: bool = False) -> None:
    end_orphans(instance, shared=shared, retry=retry)


def test_a_run_lives_as_long_as_one_of_its_processes(instance, dead: int):
    gone = add(instance, dead, target="/nowhere/code.sock")
    alive = add(instance, os.getpid(), target="/nowhere/code.sock")
    both = add(instance, dead, os.getpid(), target="/nowhere/code.sock")
    by_command = add(instance, dead)
    clear(instance)
    assert status(instance, gone) == status(instance, by_command) == Status.FAILURE
    assert status(instance, alive) == status(instance, both) == Status.STARTED


def test_a_process_that_got_the_number_later_is_another_one(instance):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as later:
        try:
            run_id = add(instance, target="/nowhere/code.sock")
            event = dg.DagsterEvent(
                event_type_value=dg.DagsterEventType.ENGINE_EVENT.value,
                job_name="j",
                event_specific_data=EngineEventData.in_process(later.pid),
            )
            record = dg.EventLogEntry(
                error_info=None,
                level=10,
                user_message="",
                run_id=run_id,
                timestamp=time.time() - 3600,
                dagster_event=event,
            )
            instance.store_event(record)
            clear(instance)
            assert status(instance, run_id) == Status.FAILURE
        finally:
            later.kill()


def test_a_run_that_has_no_process_yet_waits_for_the_server_that_was_asked(
    instance, tmp_path: Path, dead: int
):
    target = f"/tmp/{socket_folder()}{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(target)
        server.listen()
        try:
            waits = add(instance, status=Status.STARTING, target=target)
            never = add(instance, status=Status.STARTING, target=str(tmp_path / "gone.sock"))
            unknown = add(instance, status=Status.STARTING)
            crashed = add(instance, dead, target=target)
            clear(instance)
        finally:
            Path(target).unlink()
    assert status(instance, waits) == status(instance, unknown) == Status.STARTING
    assert status(instance, never) == status(instance, crashed) == Status.FAILURE


def test_a_cancelled_run_without_a_process_is_cancelled(instance, dead: int):
    run_id = add(instance, dead, status=Status.CANCELING, target="/nowhere/code.sock")
    clear(instance)
    assert status(instance, run_id) == Status.CANCELED


def test_where_machines_share_the_storage_none_judges_the_runs_of_another(instance, dead: int):
    folder = f"/tmp/{socket_folder()}abc"
    own = add(instance, dead, target=f"{folder}/code.sock")
    other = add(instance, dead, target=f"/tmp/burnish-up-elsewhere-{HOST}x-abc/code.sock")
    unknown = add(instance, dead, target="/tmp/tmpabc")
    tagged = add(instance, **{PROCESS_TAG: f"elsewhere:{dead}"})
    clear(instance, shared=True)
    assert status(instance, own) == Status.FAILURE
    for run_id in (other, unknown, tagged):
        assert status(instance, run_id) == Status.STARTED


def test_what_nobody_would_run_again_says_so(instance, dead: int):
    run_id = add(instance, dead, target="/nowhere/code.sock")
    clear(instance)
    assert instance.get_run_by_id(run_id).tags[MAX_RETRIES_TAG] == "0"
    assert instance.get_run_by_id(run_id).tags["dagster/will_retry"] == "false"


def test_the_place_in_a_pool_of_a_run_that_has_ended_is_free_again(tmp_path: Path, dead: int):
    with open_instance(tmp_path) as instance:
        storage = instance.event_log_storage
        storage.set_concurrency_slots("flowers", 1)
        killed = add(instance, dead, target="/nowhere/code.sock")
        assert storage.claim_concurrency_slot("flowers", killed, "step").is_claimed
        other = add(instance, os.getpid())
        assert not storage.claim_concurrency_slot("flowers", other, "step").is_claimed
    prepare(tmp_path)
    with open_instance(tmp_path) as instance:
        storage = instance.event_log_storage
        assert storage.claim_concurrency_slot("flowers", other, "step").is_claimed
        instance.report_run_failed(instance.get_run_by_id(other))
    prepare(tmp_path)
    with open_instance(tmp_path) as instance:
        assert instance.event_log_storage.get_concurrency_info("flowers").active_slot_count == 0


def test_runs_of_one_code_server_are_found_by_its_socket(instance):
    mine = add(instance, target="/tmp/a/code.sock")
    add(instance, target="/tmp/b/code.sock")
    add(instance)
    add(instance, status=Status.SUCCESS, target="/tmp/a/code.sock")
    assert [run.run_id for run in launched_by(instance, "/tmp/a/code.sock")] == [mine]
