"""A backfill of production launched as the UI does, and its daemon killed in the middle.

Of three days; of more with `BACKFILL_DAYS`, which takes some ten seconds a day on two cores.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.instance import prepare
from tests.burnish.workflows.production_days import START, day_lines, write_day, write_lines
from tests.burnish.workflows.production_world import World, copied
from tests.operating.served import ROOT, Served, serving

BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
STATE = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}
"""
STAGES = ("production_batch", "predictions", "drift_report", "performance_estimate")
DAYS = int(os.environ.get("BACKFILL_DAYS", "3"))
PERIODS = [(START + timedelta(days=n)).isoformat() for n in range(DAYS)]
REFUSED = PERIODS[1]


@pytest.mark.slow
def test_a_backfill_whose_daemon_is_killed_loses_no_day_and_doubles_none(with_champion, tmp_path):
    planted = copied(with_champion, tmp_path / "copy")
    world = World.of(planted)
    for place in range(DAYS):
        write_day(world.arrivals, START + timedelta(days=place))
    lines = [line.rpartition(",")[0] for line in day_lines(START + timedelta(days=1))[0]]
    write_lines(world.arrivals / f"{REFUSED}.csv", lines, header="flower,met,petal,sepal,leaf")
    with serving(planted.catalog, planted.home) as served:
        backfill = launch(served)
        served.until(
            lambda: world.versions.published("flowers", f"predictions/{PERIODS[DAYS // 3 - 1]}"),
            seconds=180 + 60 * (DAYS // 3),
            what="a third of the days",
        )
        os.killpg(daemon_of(served), signal.SIGKILL)
        with another_daemon(served):
            served.until(
                lambda: ended(served, backfill), seconds=400 + 40 * DAYS, what="the backfill to end"
            )
    for period in PERIODS:
        versions = {
            stage: world.versions.published("flowers", f"{stage}/{period}") for stage in STAGES
        }
        if period == REFUSED:
            assert set(versions.values()) == {None}
            verdict = world.versions.verdict("flowers", f"production_batch/{period}")
            assert "PRODUCTION-COLUMN-EXISTS-COLOUR" in verdict.stopped_by
            continue
        assert versions["production_batch"].version == 1, period
        assert versions["predictions"].version == 1, period
        rows = world.versions.read_last_good("flowers", f"predictions/{period}")
        assert len(set(rows["example_id"].to_pylist())) == rows.num_rows == 40
        assert versions["performance_estimate"] is not None, period


def launch(served: Served) -> str:
    params = {
        "assetSelection": [{"path": ["flowers", stage]} for stage in STAGES],
        "partitionNames": PERIODS,
    }
    [done] = served.ask(BACKFILL, params=params).values()
    assert done["__typename"] == "LaunchBackfillSuccess", done
    return done["backfillId"]


def ended(served: Served, backfill: str) -> str | None:
    status = served.ask(STATE, id=backfill)["partitionBackfillOrError"]["status"]
    return status if status.startswith(("COMPLETED", "FAILED", "CANCELED")) else None


def daemon_of(served: Served) -> int:
    """The process of the daemon that works on this home, which leads a group of its own."""
    mark = f"DAGSTER_HOME={served.environ['DAGSTER_HOME']}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command = (place / "cmdline").read_bytes()
            environ = (place / "environ").read_bytes()
        except OSError:
            continue
        pid = int(place.name)
        if b"dagster-daemon" in command and mark in environ.split(b"\0") and os.getpgid(pid) == pid:
            return pid
    raise AssertionError("no daemon is at work")


@contextmanager
def another_daemon(served: Served) -> Iterator[None]:
    # As a start does: what the killed one had left as started would hold the pool for good.
    prepare(served.home, retry=True)
    tool = Path(sys.executable).parent / "dagster-daemon"
    with (served.home / "daemon2.log").open("w") as log:
        process = subprocess.Popen(
            [str(tool), "run", "-w", str(ROOT / "workspace.yaml")],
            env=served.environ,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
