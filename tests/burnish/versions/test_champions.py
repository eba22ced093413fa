"""Which model serves is on record: promotions, rollbacks, and who was first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from burnish.database import open_database
from burnish.errors import ChampionMoved
from burnish.ledger import SqlLedger
from burnish.records import ChampionEvent
from burnish.store import DeltaStore
from burnish.versions import Versions
from burnish.versions.champions import GATE, serving

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.fixture
def versions(database, tmp_path):
    engine = open_database(database)
    return Versions(engine, DeltaStore(tmp_path / "tables", engine), SqlLedger(engine))


def turn(versions, *, promoted, **more):
    iteration = versions.join("digits", opens=True)
    return versions.close("digits", iteration.number, promoted=promoted, **more)


def test_a_promotion_is_recorded_with_the_closing_and_once(versions):
    turn(versions, promoted=True, why="the first model")
    versions.close("digits", 1, promoted=True)
    turn(versions, promoted=False)
    [event] = versions.champion_events("digits")
    assert (event.iteration, event.what, event.who) == (1, "promoted", GATE)
    assert event.why == "the first model"
    assert versions.champion("digits").number == 1


def test_a_rollback_is_the_champion_until_the_next_promotion(versions):
    for _ in range(3):
        turn(versions, promoted=True)
    seq = versions.champion_seq("digits")
    versions.roll_back("digits", 2, who="Ada", why="a slice got worse", expected=seq)
    assert versions.champion("digits").number == 2
    turn(versions, promoted=False)
    assert versions.champion("digits").number == 2
    turn(versions, promoted=True)
    assert versions.champion("digits").number == 5
    told = [(one.iteration, one.what, one.who) for one in versions.champion_events("digits")]
    assert told[3] == (2, "rolled back", "Ada")


def test_what_was_decided_against_another_champion_is_refused(versions):
    turn(versions, promoted=True)
    turn(versions, promoted=True)
    seen = versions.champion_seq("digits")
    iteration = versions.join("digits", opens=True)
    versions.roll_back("digits", 1, who="Ada", why="worse", expected=seen)
    with pytest.raises(ChampionMoved, match="digits@iter1 became champion meanwhile"):
        versions.close("digits", iteration.number, promoted=True, expected=seen)
    assert versions.iteration("digits", iteration.number).is_open
    with pytest.raises(ChampionMoved):
        versions.roll_back("digits", 1, who="Bob", why="worse", expected=seen)
    assert len(versions.champion_events("digits")) == 3


def test_of_many_who_roll_back_at_once_one_does(versions):
    for _ in range(2):
        turn(versions, promoted=True)
    seen = versions.champion_seq("digits")

    def try_it(name):
        try:
            versions.roll_back("digits", 1, who=name, why="worse", expected=seen)
        except ChampionMoved:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(try_it, "abcdef"))
    assert sum(done) == 1
    assert versions.champion_seq("digits") == 3


def test_an_older_home_has_its_newest_promoted_iteration(versions):
    """Its iterations were promoted before there was a table of champions."""
    turn(versions, promoted=False)
    for number in (2, 3):
        iteration = versions.join("digits", opens=True)
        assert iteration.number == number
        versions.close("digits", number, promoted=False)
        with versions.engine.begin() as connection:
            change = "UPDATE iterations SET promoted = :yes WHERE number = :number"
            connection.execute(sa.text(change), {"number": number, "yes": True})
    assert versions.champion("digits").number == 3
    assert versions.champion_seq("digits") == 0
    versions.roll_back("digits", 2, who="Ada", why="worse", expected=0)
    assert versions.champion("digits").number == 2
    assert [one.seq for one in versions.champion_events("digits")] == [0, 0, 1]


def test_a_dataset_without_promotion_has_no_champion(versions):
    turn(versions, promoted=False)
    assert versions.champion("digits") is None
    assert versions.champion_events("digits") == []


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_rolling_back_again_and_again_goes_ever_further_back(promotions):
    """Promotions and steps back in any order: nothing that was left behind comes up again."""
    events, number = [], 0
    for promoted in promotions:
        stack = serving(events)
        if promoted or len(stack) < 2:
            number += 1
            events.append(ChampionEvent("d", 1, number, "promoted", "", "", NOW))
        else:
            events.append(ChampionEvent("d", 1, stack[-2], "rolled back", "", "", NOW))
        assert serving(events) == sorted(set(serving(events)))
        assert serving(events)[-1] == events[-1].iteration
