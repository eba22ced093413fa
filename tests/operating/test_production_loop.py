"""A drifted week arrives, and a new model answers it, by sensors of a running daemon alone.

What is done here by hand is what the world does: files come in, people decide. All else is done by
`burnish up`; this test only looks at the record, and at the pages people are sent to.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import numpy as np
import pytest

from burnish.policy import Alarm
from burnish.spec import load_catalog
from burnish.workflows.production_stages import ASKED
from pipelines import processes
from tests.burnish.workflows.production_days import (
    KINDS,
    day_lines,
    with_production,
    write_day,
    write_lines,
)
from tests.burnish.workflows.production_world import World, copied
from tests.operating.served import ROOT

WEEKS = [datetime.now(UTC).date() - timedelta(days=days) for days in (16, 9)]
"""Two weeks that are over in every zone: the first is as usual, the second drifted."""

POLICY = """\
policy:
  min_labels: 40
  webhook_variable: MY_HOOK
  rules:
    - {signal: row_drift, action: label, over: 0.65, rows: 20}
    - {signal: estimated_loss, action: label, over: 0.05, rows: 20}
    - {signal: measured_loss, action: retrain, over: 0.05, clear: 0.05}
"""
DRIFT = {"shift": 3.0}
ROWS = 12
PATIENCE = 300.0


@pytest.mark.slow
def test_a_drifted_week_ends_in_a_closed_alarm_by_sensors_alone(with_champion, tmp_path):
    planted = copied(with_champion, tmp_path / "copy")
    world = weekly(planted)
    with noted() as hook, up(planted, MY_HOOK=hook.url):
        arrives(world, WEEKS[0], seed=1)
        until(lambda: measured(world, WEEKS[0]), "the usual week is measured")
        assert not alarms(world, "row_drift")

        # A drifted week arrives: an alarm with its playbook, told, and a queue of the right rows.
        truth = arrives(world, WEEKS[1], seed=1, **DRIFT)
        [raised, *_] = until(lambda: alarms(world), "an alarm is raised")
        page = world.pages.playbook("flowers", raised.number)
        until(page.exists, "its playbook")
        queue = until(lambda: queued(world), "the rows asked for are queued")
        asked = set(world.versions.read("flowers", ASKED)["example_id"].to_pylist())
        assert {row["example_id"] for row in queue} <= asked <= truth.keys()
        until(lambda: hook.notes, "somebody is told")
        assert f"alarm {raised.number}: opened" in str(hook.notes)

        # People decide, one time in ten wrongly; a day later the world says what was right.
        decide(planted, world, truth)
        lines = [
            f"{name},{kind},{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}" for name, kind in truth.items()
        ]
        write_lines(world.catalog / "answers" / "all.csv", lines, header="flower,kind,told")
        until(lambda: alarms(world, "measured_loss"), "the labels show the loss")
        until(lambda: serving(world) > 1, "a new model serves")

        def answered() -> bool:
            told = [raised.number, *(one.number for one in alarms(world, "measured_loss"))]
            return all(not one.is_open for one in alarms(world) if one.number in told)

        until(answered, "what was raised is closed")
        closed = alarms(world, "measured_loss")
        assert any("was trained on" in one.why_closed for one in closed)
        until(lambda: "closed" in str(hook.notes), "the end is told as well")
        # What the new model has learned is no alarm again.
        until(lambda: rebased(world), "the window is held against what the model learned")
        assert all(not one.is_open for one in alarms(world, "column_drift"))


# ---------------------------------------------------------------- what the world does


def weekly(planted: Any) -> World:
    """The flowers, with production by the week since the first of `WEEKS`."""
    with_production(planted)
    file = planted.catalog / "flowers.yaml"
    text = file.read_text().replace("start: 2026-03-01", f"start: {WEEKS[0]}\n  period: week")
    file.write_text(text.replace("window: 3", "window: 1") + POLICY)
    return World.opened(planted, load_catalog(planted.catalog)["flowers"])


def arrives(world: World, week: date, **options: Any) -> dict[str, str]:
    """The files of a week, a day each; the kind of each flower in them."""
    truth: dict[str, str] = {}
    for day in (week + timedelta(days=place) for place in range(7)):
        write_day(world.arrivals, day, rows=ROWS, **options)
        truth |= day_lines(day, rows=ROWS, **options)[1]
    return truth


def decide(planted: Any, world: World, truth: dict[str, str]) -> None:
    """A reviewer who fills the sheet in, errs on one row in ten, and hands it back."""
    sheet, rng = planted.home / "sheet.csv", np.random.default_rng(5)
    sheet.unlink(missing_ok=True)  # that of the iteration before, which is handed in
    burnish(planted, "queue", "export", "flowers", "--to", str(sheet))
    with sheet.open(newline="") as file:
        rows = list(csv.DictReader(file))
    given = world.versions.read("flowers", "validated_examples")
    known = truth | dict(
        zip(given["example_id"].to_pylist(), given["label"].to_pylist(), strict=True)
    )
    for row in rows:
        said = known[row["example_id"]]
        wrong = KINDS[(KINDS.index(said) + 1) % 3]
        row["label"] = wrong if rng.random() < 0.1 else said
    with sheet.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    burnish(planted, "verdicts", "import", str(sheet), "--dataset", "flowers", "--author", "ada")


def burnish(planted: Any, *words: str) -> None:
    mine = {"BURNISH_HOME": str(planted.home), "BURNISH_CATALOG": str(planted.catalog)}
    done = subprocess.run(
        [sys.executable, "-m", "burnish.cli", *words],
        env={**os.environ, **mine},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------- what is looked at


def measured(world: World, week: date) -> bool:
    stage = f"performance_estimate/{week.isoformat()}"
    return world.versions.published("flowers", stage) is not None


def alarms(world: World, signal: str = "") -> list[Alarm]:
    return [one for one in world.record.alarms("flowers") if signal in {"", one.signal.name}]


def queued(world: World) -> list[dict[str, Any]]:
    """The rows that somebody asked for, once the gate of the queue of iteration 2 let them by."""
    rows = world.versions.read_last_good("flowers", "relabel_queue")
    told = [] if rows is None else rows.to_pylist()
    return [row for row in told if (row["iteration"], row["reason"]) == (2, "requested")]


def rebased(world: World) -> bool:
    """Whether the newest drift report is of the window at the promotion."""
    stage = f"drift_report/{WEEKS[1]}"
    table = world.versions.read_last_good("flowers", stage, columns=["against"])
    return table is not None and "rebased" in table["against"].to_pylist()


def serving(world: World) -> int:
    champion = world.versions.champion("flowers")
    return champion.number if champion else 0


def until(found: Callable[[], Any], what: str) -> Any:
    """What `found` returns once it is something."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := found()):
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s in vain for this: {what}"
        time.sleep(0.5)
    return answer


@contextmanager
def up(planted: Any, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """`burnish up` on the project, its sensors looking every 5 seconds."""
    usual = {name: said for name, said in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    mine = {
        "BURNISH_HOME": str(planted.home),
        "BURNISH_CATALOG": str(planted.catalog),
        "BURNISH_LOOK_SECONDS": "5",
        "BURNISH_WEBHOOK_PRIVATE": "1",
        "PYTHONPATH": str(ROOT),
    }
    with (planted.home / "up.out").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "burnish.cli", "up"],
            cwd=ROOT,
            env={**usual, **mine, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
        assert process.poll() is None, (planted.home / "up.out").read_text()
    finally:
        end(planted, process)


def end(planted: Any, process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        with suppress(FileNotFoundError):
            note = json.loads((planted.home / "up.json").read_text())
            processes.end(note["token"], (), patience=0)


@dataclass
class Hook:
    """A webhook of one's own, and what was posted to it."""

    url: str
    notes: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def noted() -> Iterator[Hook]:
    hook = Hook("")

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.notes.append(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """A test says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Taking)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hook.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
