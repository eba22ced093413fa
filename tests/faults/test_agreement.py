"""The checker of killed homes sees what it is there to see, and nothing where nothing is wrong."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from burnish.records import Verdict
from burnish.workflows.home import open_home
from pipelines import runner
from tests.faults.agreement import disagreements
from tests.faults.tracked import client_of


@pytest.fixture(scope="module")
def turned(tmp_path_factory, write_project):
    """A home with two iterations that nobody disturbed."""
    planted = write_project(tmp_path_factory.mktemp("turned"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BURNISH_CATALOG", str(planted.catalog))
        environment.delenv("MLFLOW_TRACKING_URI", raising=False)
        arguments = ["loop", "--dataset", "flowers", "--home", str(planted.home),
                     "--iterations", "2", "--reviewer", "simulated"]  # fmt: skip
        done = CliRunner().invoke(runner.main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return planted.home


@pytest.fixture
def home(turned, tmp_path):
    """A copy of it, to plant a fault in."""
    return Path(shutil.copytree(turned, tmp_path / "home"))


def test_a_home_that_nobody_disturbed_agrees(home):
    assert disagreements(home) == []


def change(database: str, statement: str, *append_only: str) -> Callable[[Path], None]:
    """A change behind the back of all, where a table refuses changes too."""

    def plant(home: Path) -> None:
        with closing(sqlite3.connect(home / database)) as opened:
            for table in append_only:
                for what in ("update", "delete", "replace"):
                    opened.execute(f"DROP TRIGGER IF EXISTS {table}_no_{what}")
            opened.execute(statement)
            opened.commit()

    return plant


def double_a_run(home: Path) -> None:
    client = client_of(home)
    experiment = client.get_experiment_by_name("flowers").experiment_id
    [run] = client.search_runs([experiment], "tags.iteration = '1'")
    names = ("dataset", "iteration", "home", "content_digest")
    again = client.create_run(experiment, tags={name: run.data.tags[name] for name in names})
    client.set_terminated(again.info.run_id)


def leave_a_run_incomplete(home: Path) -> None:
    client = client_of(home)
    experiment = client.get_experiment_by_name("flowers").experiment_id
    [run] = client.search_runs([experiment], "tags.iteration = '2'")
    client.delete_tag(run.info.run_id, "content_digest")


def move_the_champion_back(home: Path) -> None:
    client_of(home).set_registered_model_alias("flowers", "challenger", "1")


def double_a_slice(home: Path) -> None:
    client = client_of(home)
    experiment = client.get_experiment_by_name("flowers by slice").experiment_id
    client.create_run(experiment, tags={"slice": "colour:red", "slice_id": "again"})


def decide_a_row_late(home: Path) -> None:
    opened = open_home(home)
    [verdict] = [event.verdict for event in opened.ledger.events("flowers", until=1)]
    opened.ledger.append(
        "flowers", [Verdict(verdict.example_id, "unsure", verdict.to_label, None, author="Ada")]
    )


def cut_a_page(home: Path) -> None:
    page = home / "loop.html"
    page.write_text(page.read_text()[:2000])


PLANTED = {
    "a doubled run": (double_a_run, "tracking: 2 runs of iteration 1"),
    "an incomplete run": (leave_a_run_incomplete, "not complete"),
    "an alias that stayed behind": (move_the_champion_back, "alias challenger"),
    "a doubled slice": (double_a_slice, "runs of the slices"),
    "another run than is recorded": (
        change("burnish.db", "UPDATE iterations SET mlflow_run_id = 'x' WHERE number = 1"),
        "recorded as the run x",
    ),
    "an iteration that is gone": (
        change("burnish.db", "DELETE FROM iterations WHERE number = 1"),
        "iterations: numbered [2]",
    ),
    "an iteration closed before all was noted": (
        change("burnish.db", "UPDATE iterations SET summary = json_remove(summary, '$.noise')"),
        "closed without noise",
    ),
    "a gate that did not pass": (
        change("burnish.db", "UPDATE gate_verdicts SET passed = 0 WHERE seq = 2", "gate_verdicts"),
        "without a passed verdict",
    ),
    "a verdict on other bytes": (
        change(
            "burnish.db",
            "UPDATE gate_verdicts SET data_digest = 'f00' WHERE seq = 3",
            "gate_verdicts",
        ),
        "was published by a verdict on",
    ),
    "a stage that passed its gate by": (
        change("burnish.db", "UPDATE publications SET gated = 0 WHERE stage = 'trained_model'",
               "publications"),
        "past its gate",
    ),
    "other rows than were numbered": (
        change("burnish.db", "UPDATE dataset_versions SET digest = 'f00' WHERE number = 1",
               "dataset_versions"),
        "dataset versions: flowers@1 is recorded as f00",
    ),
    "a verdict after the batch": (decide_a_row_late, "nobody's iteration"),
    "a version that nobody acknowledged": (
        change("burnish.db", "DELETE FROM store_commits WHERE table_name = 'flowers/slice_report'",
               "store_commits"),
        "store: slice_report@1",
    ),
    "a run that goes on for ever": (
        change("dagster/history/runs.db", "UPDATE runs SET status = 'STARTED' WHERE id = 1"),
        "is left STARTED",
    ),
    "half a page": (cut_a_page, "cut short"),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_what_does_not_agree_is_said(home, fault):
    plant, words = PLANTED[fault]
    plant(home)
    assert [one for one in disagreements(home) if words in one]
