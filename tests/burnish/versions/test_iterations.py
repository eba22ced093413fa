"""The iteration contract: one open at a time, pinned at its opening, closed once."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

import burnish
from burnish.database import open_database
from burnish.errors import IterationError
from burnish.ledger import SqlLedger
from burnish.records import Verdict
from burnish.store import DeltaStore
from burnish.versions import Versions

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
ROOT = Path(burnish.__file__).parents[1]

JOINER = """
import sys
from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.store import DeltaStore
from burnish.versions import Versions
home = sys.argv[1]
print("ready", flush=True)
sys.stdin.readline()
engine = open_database(home + "/burnish.db")
versions = Versions(engine, DeltaStore(home + "/tables"), SqlLedger(engine))
print(versions.join("digits", opens=True).number)
"""


def open_versions(home: Path) -> Versions:
    engine = open_database(home / "burnish.db")
    store = DeltaStore(home / "tables", clock=lambda: NOW)
    return Versions(engine, store, SqlLedger(engine, clock=lambda: NOW), clock=lambda: NOW)


@pytest.fixture
def versions(tmp_path):
    return open_versions(tmp_path)


def test_the_audit_opens_and_the_others_join(versions, tmp_path):
    with pytest.raises(IterationError, match="no open iteration") as caught:
        versions.join("digits", opens=False)
    assert "materialize pred_probs" in str(caught.value)
    opened = versions.join("digits", opens=True)
    assert (str(opened), opened.opened_at, opened.is_open) == ("digits@iter1", NOW, True)
    assert versions.join("digits", opens=False) == opened
    assert versions.join("digits", opens=True) == opened
    assert versions.current("digits") == opened
    assert versions.current("wine") is None
    assert versions.join("wine", opens=True).number == 1


def test_the_watermark_is_pinned_at_opening(versions, tmp_path):
    ledger = SqlLedger(open_database(tmp_path / "burnish.db"))
    ledger.append("digits", [Verdict("a", "drop", None, None, author="ann")])
    head = ledger.head("digits")
    versions.join("digits", opens=True)
    ledger.append("digits", [Verdict("b", "drop", None, None, author="ann")])
    assert versions.join("digits", opens=True).watermark == head
    assert versions.iteration("digits", 1).watermark == head


def test_an_iteration_closes_once(versions):
    versions.join("digits", opens=True)
    closed = versions.close("digits", 1, promoted=True)
    assert (closed.closed_at, closed.promoted, closed.is_open) == (NOW, True, False)
    assert versions.close("digits", 1, promoted=True) == closed
    with pytest.raises(IterationError, match="closed with promoted=True"):
        versions.close("digits", 1, promoted=False)
    with pytest.raises(IterationError, match="no open iteration"):
        versions.join("digits", opens=False)
    with pytest.raises(IterationError, match="no iteration 2"):
        versions.close("digits", 2, promoted=True)
    assert versions.join("digits", opens=True).number == 2
    assert versions.iterations("digits") == [closed, versions.iteration("digits", 2)]


def test_the_champion_is_the_newest_promoted(versions):
    assert versions.champion("digits") is None
    for promoted in (True, True, False):
        opened = versions.join("digits", opens=True)
        versions.close("digits", opened.number, promoted=promoted)
    versions.join("digits", opens=True)
    champion = versions.champion("digits")
    assert champion is not None
    assert champion.number == 2


def test_notes_merge_and_end_with_the_iteration(versions):
    versions.join("digits", opens=True)
    versions.note("digits", 1, queue=30, noise={"rate": 0.1})
    noted = versions.note("digits", 1, noise={"rate": 0.2})
    assert noted.summary == {"queue": 30, "noise": {"rate": 0.2}}
    assert versions.current("digits") == noted
    with pytest.raises(IterationError, match="cannot note rate"):
        versions.note("digits", 1, rate=float("nan"))
    versions.close("digits", 1, promoted=False)
    with pytest.raises(IterationError, match="is closed"):
        versions.note("digits", 1, late=True)
    run = versions.set_run("digits", 1, "abc")
    assert (run.mlflow_run_id, run.promoted) == ("abc", False)
    assert versions.iteration("digits", 1) == run


def test_notes_of_threads_at_once_are_all_kept(versions):
    versions.join("digits", opens=True)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: versions.note("digits", 1, **{f"fact_{n}": n}), range(24)))
    assert versions.iteration("digits", 1).summary == {f"fact_{n}": n for n in range(24)}


def test_threads_that_join_at_once_get_one_iteration(versions):
    with ThreadPoolExecutor(24) as pool:
        joined = list(pool.map(lambda _: versions.join("digits", opens=True), range(48)))
    assert set(map(str, joined)) == {"digits@iter1"}
    assert len(versions.iterations("digits")) == 1


def test_processes_that_join_at_once_get_one_iteration(tmp_path):
    joiners = [
        subprocess.Popen(
            [sys.executable, "-c", JOINER, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    for joiner in joiners:
        assert joiner.stdout is not None
        assert joiner.stdout.readline() == "ready\n"
    for joiner in joiners:
        assert joiner.stdin is not None
        joiner.stdin.write("go\n")
        joiner.stdin.flush()
    assert [joiner.communicate()[0] for joiner in joiners] == ["1\n"] * 8
    assert len(open_versions(tmp_path).iterations("digits")) == 1


def test_the_database_itself_refuses_a_second_open_iteration(versions, tmp_path):
    versions.join("digits", opens=True)
    copy = (
        "INSERT INTO iterations (dataset, number, watermark, watermark_chain, opened_at, summary) "
        "SELECT dataset, 2, watermark, watermark_chain, opened_at, summary FROM iterations"
    )
    engine = open_database(tmp_path / "burnish.db")
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
        connection.execute(sa.text(copy))


def test_rows_read_now_are_for_the_open_iteration_or_the_next(versions):
    assert versions.coming("digits") == 1
    for number in (1, 2):
        versions.join("digits", opens=True)
        assert versions.coming("digits") == number
        versions.close("digits", number, promoted=False)
        assert versions.coming("digits") == number + 1


def test_closed_iterations_without_a_run_are_untracked_oldest_first(versions):
    for number in (1, 2, 3):
        versions.join("digits", opens=True)
        assert [one.number for one in versions.untracked("digits")] == [*range(1, number)]
        versions.close("digits", number, promoted=False)
    versions.set_run("digits", 2, "abc")
    assert [one.number for one in versions.untracked("digits")] == [1, 3]
    assert versions.untracked("wine") == []
