"""The loop as people meet it: sheets handed out, odd answers, messages, a killed process."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from burnish.errors import DataError
from burnish.workflows.exchange import import_file
from burnish.workflows.home import open_home
from pipelines import runner
from pipelines.instance import PROCESS_TAG, open_instance, prepare

PROJECT = Path(runner.__file__).resolve().parent.parent


class Desk:
    """The planted project with people who answer through sheets."""

    def __init__(self, planted) -> None:
        self.planted = planted

    def loop(self, *more: str):
        arguments = ["loop", "--dataset", "flowers", "--home", str(self.planted.home),
                     "--iterations", "1", *more]  # fmt: skip
        return CliRunner().invoke(runner.main, arguments, catch_exceptions=False)

    @property
    def sheets(self) -> list[Path]:
        return sorted((self.planted.home / "queues").glob("*.csv"))

    def answer(self, sheet: Path, **cells: str) -> None:
        rows = list(csv.DictReader(sheet.open()))
        self.write(sheet, [row | cells for row in rows])

    @staticmethod
    def write(sheet: Path, rows: list[dict[str, str]]) -> None:
        with sheet.open("w", newline="") as out:
            writer = csv.DictWriter(out, rows[0])
            writer.writeheader()
            writer.writerows(rows)

    def take(self, sheet: Path):
        return import_file(open_home(self.planted.home), "flowers", sheet, author="Ada")


@pytest.fixture
def desk(planted, monkeypatch) -> Desk:
    monkeypatch.setenv("BURNISH_CATALOG", str(planted.catalog))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Desk(planted)


def test_a_batch_of_confirmations_alone_is_summed_up_too(desk):
    desk.loop()
    desk.answer(desk.sheets[0], decision="keep")
    assert desk.take(desk.sheets[0]).taken == 12
    done = desk.loop()
    assert done.exit_code == 0, done.output
    assert (desk.planted.home / "loop.html").exists()
    assert (desk.planted.home / "reports" / "flowers" / "loop.html").exists()


def test_rows_added_to_a_batch_get_a_sheet_of_their_own(desk):
    assert "5 rows wait" in desk.loop("--budget", "5").output
    first = desk.sheets[0]
    before = first.read_bytes()
    topped_up = desk.loop().output
    assert "12 rows wait" in topped_up
    assert len(desk.sheets) == 2
    assert first.read_bytes() == before
    second = next(sheet for sheet in desk.sheets if sheet != first)
    assert second.name in topped_up.replace("\n", "")
    # Asked again, people are shown the sheet they have, and no third one is made.
    assert second.name in desk.loop().output.replace("\n", "")
    assert len(desk.sheets) == 2


def test_a_smaller_budget_does_not_take_back_what_people_were_given(desk):
    desk.loop()
    smaller = desk.loop("--budget", "4")
    assert smaller.exit_code == 0, smaller.output
    assert "12 rows wait" in smaller.output


def test_answers_to_rows_that_left_the_source_are_passed_over_and_counted(desk):
    desk.loop()
    sheet = desk.sheets[0]
    gone = {row["example_id"] for row in list(csv.DictReader(sheet.open()))[:2]}
    lines = desk.planted.lines()
    desk.planted.rewrite([line for line in lines if line.split(",")[0] not in gone])
    assert desk.loop().exit_code == 0
    desk.answer(sheet, decision="unsure")
    taken = desk.take(sheet)
    assert (taken.taken, taken.gone) == (10, 2)
    assert "2 rows have left the source" in str(taken)


def test_two_answers_of_one_person_to_one_row_are_refused(desk):
    desk.loop()
    sheet = desk.sheets[0]
    first = next(csv.DictReader(sheet.open()))
    desk.write(sheet, [first | {"label": "iris"}, first | {"label": "rose"}])
    with pytest.raises(DataError, match=r"line 3: Ada says something else .* in line 2"):
        desk.take(sheet)
    assert open_home(desk.planted.home).ledger.head("flowers").event_id == 0


def test_a_sheet_saved_with_semicolons_is_read(desk):
    desk.loop()
    sheet = desk.sheets[0]
    desk.answer(sheet, decision="unsure")
    sheet.write_text(sheet.read_text().replace(",", ";"))
    assert desk.take(sheet).taken == 12


def test_a_stop_says_on_the_screen_what_failed(desk):
    lines = desk.planted.lines()
    desk.planted.rewrite([*lines, lines[5]])
    stopped = desk.loop()
    assert stopped.exit_code == 1
    assert "RAW-ID-UNIQUE: example_id:" in stopped.output
    assert lines[5].split(",")[0] in stopped.output


def test_a_cell_that_is_no_number_is_named_with_column_and_row(desk):
    lines = desk.planted.lines()
    lines[3] = ",".join(["f0002", "abc", *lines[3].split(",")[2:]])
    desk.planted.rewrite(lines)
    stopped = desk.loop()
    assert "'abc'" in stopped.output
    assert "petal" in stopped.output


def test_brackets_in_a_message_are_text(desk):
    spec = desk.planted.catalog / "flowers.yaml"
    spec.write_text(spec.read_text().replace("petal: numeric", '"petal [/m]": numeric'))
    assert "petal [/m]" in desk.loop().output


def test_a_misspelt_class_that_people_mended_is_no_class_any_more(desk):
    spec = desk.planted.catalog / "flowers.yaml"
    spec.write_text(spec.read_text().replace("classes: [iris, rose, tulip]\n", ""))
    desk.loop()
    queue = {row["example_id"] for row in csv.DictReader(desk.sheets[0].open())}
    lines = desk.planted.lines()
    at = next(n for n, line in enumerate(lines) if line.split(",")[0] in queue)
    lines[at] = lines[at].rsplit(",", 1)[0] + ",irs"
    desk.planted.rewrite(lines)
    home = desk.planted.home
    fresh = Desk(type(desk.planted)(desk.planted.catalog, desk.planted.csv, home / "again"))
    assert fresh.loop("--budget", "200").exit_code == 0
    [sheet] = fresh.sheets
    rows = list(csv.DictReader(sheet.open()))
    misspelt = lines[at].split(",")[0]
    assert misspelt in {row["example_id"] for row in rows}
    mended, rest = {"label": "iris"}, {"decision": "unsure"}
    fresh.write(sheet, [row | (mended if row["example_id"] == misspelt else rest) for row in rows])
    fresh.take(sheet)
    done = fresh.loop("--budget", "200")
    assert done.exit_code == 0, done.output


OPEN = """
import sys
from pathlib import Path
from pipelines.instance import open_instance
open_instance(Path(sys.argv[1])).get_runs()
print("open")
"""


def test_processes_that_meet_at_a_new_home_leave_it_whole(tmp_path):
    command = [sys.executable, "-c", OPEN, str(tmp_path / "home")]
    together = [
        subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    assert [process.communicate()[0] for process in together] == [b"open\n"] * 4
    assert open_instance(tmp_path / "home").get_runs() == []


def test_a_run_whose_process_was_killed_holds_no_place(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()

    def started(pid: int) -> str:
        tags = {PROCESS_TAG: f"{socket.gethostname()}:{pid}"}
        run = dg.DagsterRun(job_name="j", tags=tags, status=dg.DagsterRunStatus.STARTED)
        return instance.add_run(run).run_id

    with open_instance(tmp_path) as instance:
        dead, alive = started(child.pid), started(os.getpid())
    prepare(tmp_path)
    with open_instance(tmp_path) as instance:
        assert instance.get_run_by_id(dead).status == dg.DagsterRunStatus.FAILURE
        assert instance.get_run_by_id(alive).status == dg.DagsterRunStatus.STARTED
