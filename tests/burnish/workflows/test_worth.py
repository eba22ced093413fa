"""What labeling brings for what it costs: finds and hours are those that were planted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from burnish.errors import DataError
from burnish.records import Verdict
from burnish.review.worth import Work
from burnish.workflows.home import Home, prepare_home
from burnish.workflows.showing_worth import print_worth, worth_lines
from burnish.workflows.worth import found_an_hour, worth_of


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = prepare_home(tmp_path)
    yield made
    made.versions.engine.dispose()


def verdict(name: str, to: str | None, *, old: str | None = "8", **how: Any) -> Verdict:
    facts = {"iteration": 1, "reason": "audit", "settles": True, "seconds": 36.0}
    facts |= how.pop("evidence", {})
    decision = "drop" if to is None else "keep" if to == old else "change"
    return Verdict(
        name, decision, old, to, author=how.pop("author", "ada"), reason="audit",
        evidence={key: value for key, value in facts.items() if value is not None}, **how,
    )  # fmt: skip


def of(home: Home) -> Any:
    return worth_of(home.versions, home.ledger, "digits")


def test_finds_are_rows_whose_label_was_wrong_and_hours_those_of_every_answer(home):
    home.ledger.append(
        "digits",
        [
            verdict("a", "3", evidence={"settles": False}),
            verdict("a", "3", author="bob"),  # two answers, one find
            verdict("b", None),
            verdict("c", "8"),
            verdict("d", "3", old=None),  # had no label that could be wrong
            verdict("e", "3", evidence={"reason": "gold"}),
        ],
    )
    people = of(home).people
    assert (people.rows, people.found) == (5, 2)
    assert people.hours == pytest.approx(6 * 36 / 3600)
    assert people.an_hour.value == pytest.approx(2 / people.hours)


def test_a_known_answer_that_restates_a_label_is_nobodys_work(home):
    home.ledger.append("digits", [verdict("a", "3", author="gold", role="gold")])
    assert of(home).people == Work()


def test_what_was_taken_back_is_no_find(home):
    home.ledger.append("digits", [verdict("a", "3")])
    home.ledger.undo("digits", 1, author="ada")
    assert of(home).people.found == 0


def test_rows_that_were_not_timed_do_not_make_an_hour_richer(home):
    home.ledger.append("digits", [verdict("a", "3"), verdict("b", "8")])
    before = of(home).people.an_hour
    home.ledger.append("digits", [verdict(f"u{n}", "3", evidence={"seconds": None}) for n in "xyz"])
    after = of(home).people
    assert (after.found, after.timed_found, after.timed_rows) == (4, 1, 2)
    assert after.an_hour == before


def test_programs_that_play_people_stand_apart(home):
    home.ledger.append(
        "digits", [verdict("a", "3"), verdict("b", "3", role="simulated", author="bot")]
    )
    found = of(home)
    assert (found.people.found, found.simulated.found) == (1, 1)
    assert (found.people.rows, found.simulated.rows) == (1, 1)


def test_batches_stand_apart_and_add_up(home):
    home.ledger.append("digits", [verdict("a", "3"), verdict("b", "8")])
    home.ledger.append("digits", [verdict("c", "3", evidence={"iteration": 2})])
    found = of(home)
    assert [(one.iteration, one.people.rows) for one in found.batches] == [(1, 2), (2, 1)]
    assert sum(one.people.found for one in found.batches) == found.people.found == 2


def test_the_interval_of_a_rate_holds_the_truth_as_often_as_it_says():
    draws = np.random.default_rng(3).poisson(6.0 * 2.5, size=2_000)
    held = [one.low <= 6.0 <= one.high for one in (found_an_hour(int(n), 2.5) for n in draws)]
    assert 0.95 <= np.mean(held) <= 0.985


def test_no_find_still_bounds_the_rate_and_no_time_is_refused():
    assert found_an_hour(0, 2.0).low == 0.0 < found_an_hour(0, 2.0).high < 2.0
    with pytest.raises(DataError, match="0 hours"):
        found_an_hour(3, 0)


def test_where_nothing_was_done_it_says_so_and_foretells_nothing(home):
    found = of(home)
    assert (found.ahead, found.gains, found.next_gain) == (None, (), "")
    text = " ".join(worth_lines(found))
    assert "decided nothing yet" in text
    assert "nothing can be foretold" in text


def test_the_command_prints_the_same_figures_for_programs(home, capsys):
    home.ledger.append("digits", [verdict("a", "3"), verdict("b", "8")])
    print_worth(home, "digits", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["people"]["found"], told["people"]["rows"]) == (1, 2)
    assert told["batches"][0]["iteration"] == 1
    print_worth(home, "digits", as_json=False)
    assert "People found 1 wrong labels in 2 rows." in capsys.readouterr().out
