"""A whole batch out to another tool, everybody's answers back, and the ledger as files: seconds.

A batch of 50,000 rows lies in a home as the loop leaves it. It is handed out as Label Studio's
tasks; every task is given an annotation by one of five simulated people, one in ten of them wrong,
with its time, as Label Studio exports them; the file is taken back twice; then the ledger is
written as CSV and as Label Studio's JSON.

    python benchmarks/verdicts_exchange.py [--rows 50000] [--databases sqlite postgresql]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from desk import NAME, Place, make_home, places, write_examples
from paired import table

from burnish.workflows.tool_exchange import hand_out, opened, take_back
from burnish.workflows.verdicts_file import export_verdicts

PEOPLE = 5
SHARE_WRONG = 0.1
HEADERS = ["database", "what", "items", "seconds", "of processor", "MB"]


def measure(place: Place, rows: int, folder: Path) -> list[list[str]]:
    """The rows of the table, of one database."""
    make_home(place, "single", rows)
    home = place.home()
    write_examples(place, rows)
    tasks, back = folder / "tasks.json", folder / "export.json"
    found: list[list[str]] = []

    def timed(what: str, work: Callable[[], Any], file: Path) -> Any:
        begun, cpu = time.perf_counter(), time.process_time()
        done = work()
        took = time.perf_counter() - begun, time.process_time() - cpu
        size = f"{file.stat().st_size / 1e6:.0f}"
        kind = place.url.partition("+")[0] or "sqlite"
        found.append([kind, what, f"{rows:,}", *(f"{one:.1f}" for one in took), size])
        print("  " + " ".join(found[-1]), flush=True)
        return done

    at = opened(home, place.folder, NAME)
    timed("hand out", lambda: hand_out(at, "label-studio", tasks), tasks)
    answer(tasks, back)
    first = timed("take back", lambda: take_back(at, "label-studio", back), back)
    again = timed("take back again", lambda: take_back(at, "label-studio", back), back)
    assert (first.taken, again.taken, again.known) == (rows, 0, rows), (first, again)
    for form in ("csv", "label-studio"):
        file = folder / f"verdicts.{form}"
        count = timed(
            f"ledger as {form}",
            lambda form=form, file=file: export_verdicts(home, NAME, file, form=form),
            file,
        )
        assert count == rows, count
    return found


def answer(tasks: Path, back: Path) -> None:
    """Simulated people answer every task, as Label Studio exports it."""
    rng, told = np.random.default_rng(0), json.loads(tasks.read_text())
    for number, task in enumerate(told, start=1):
        label = "9" if rng.random() < SHARE_WRONG else "3"
        part = {"from_name": "burnish_label", "value": {"choices": [label]}, "type": "choices"}
        moment = f"2026-11-{1 + number % 25:02d}T{number % 24:02d}:00:00Z"
        by = {"id": number % PEOPLE, "email": f"simulated{number % PEOPLE}@example.org"}
        task |= {"id": number}
        task["annotations"] = [
            {"id": number, "completed_by": by, "result": [part], "lead_time": 3.0,
             "created_at": moment, "updated_at": moment}
        ]  # fmt: skip
    back.write_text(json.dumps(told))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    asked = parser.parse_args()
    servers = {"sqlite": "", "postgresql": os.environ.get("BURNISH_POSTGRES", "")}
    found: list[list[str]] = []
    for database in asked.databases:
        if database == "postgresql" and not servers[database]:
            continue
        with (
            TemporaryDirectory() as folder,
            places(Path(folder) / "home", server=servers[database]) as place,
        ):
            found += measure(place, asked.rows, Path(folder))
    print("\n" + table(HEADERS, found))


if __name__ == "__main__":
    main()
