"""The page for the person who pays says what is known, and says where nothing can be said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from burnish.metrics import Interval
from burnish.review.worth import Ahead, BatchWork, ModelGain, Work, Worth
from tests.burnish.review.doors import signed_in
from tests.burnish.review.planted_desk import plant

NOTHING = Worth("pets", Work(), Work())
WORK = Work(240, 60, 2.0, 200, 50, Interval(25.0, 18.6, 33.0))
EARLIER = Work(300, 90, 2.4, 300, 90, Interval(37.5, 30.2, 46.1))
MUCH = Worth(
    "pets",
    people=WORK,
    simulated=Work(80, 11),
    batches=(BatchWork(1, EARLIER, Work(80, 11)), BatchWork(2, WORK, Work())),
    ahead=Ahead(100, 31.4, 22, 41, 0.9, checked=True, hours=0.8),
    gains=(ModelGain(1, 300, 85, 0.021, 0.004, 0.038, "better"),),
    next_gain="The next batch is expected to bring +1.2 points.",
)


@dataclass
class ToldTeam:
    """A `burnish.review.ports.Team` that knows what it was told."""

    told: Worth

    def figures(self, dataset: str, *, open_gold: bool = True) -> Any:
        raise NotImplementedError

    def worth(self, dataset: str) -> Worth:
        assert dataset == "pets"
        return self.told


def planted_app(folder: Path, told: Worth) -> Any:
    app = plant(folder).app
    app.state.desk = replace(app.state.desk, team=ToldTeam(told))
    return app


def page_of(folder: Path, told: Worth, name: str = "rex", query: str = "") -> Any:
    app = planted_app(folder, told)
    return signed_in(app, name).get(f"/d/pets/worth{query}")


def words(page: Any) -> str:
    import re

    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_found_hours_and_what_is_ahead_are_on_the_page(tmp_path):
    text = words(page_of(tmp_path, MUCH))
    assert "60 wrong labels in 240 rows" in text
    assert "25.0 errors found in an hour of a reviewer, between 18.6 and 33.0" in text
    assert "40 of the 240 rows were not" in text
    assert "31 errors are expected in them, between 22 and 41 in 90 of 100 cases" in text
    assert "right on 2.1 more of 100 rows it never saw" in text
    assert "80 rows that programs decided" in text
    assert "expected to bring +1.2 points" in text


def test_a_short_time_is_told_in_minutes_and_a_fast_rate_without_decimals(tmp_path):
    rate = Interval(14571.43, 8488.41, 23330.26)
    brief = replace(MUCH.people, hours=0.2, an_hour=rate)
    text = words(page_of(tmp_path, replace(MUCH, people=brief)))
    assert "14,571 errors found in an hour of a reviewer, between 8,488 and 23,330" in text
    assert "Timed at the desk: 12 minutes" in text
    assert "They take about 48 minutes, at the pace so far" in text


def test_it_says_where_nothing_can_be_said_yet(tmp_path):
    text = words(page_of(tmp_path, NOTHING))
    for told in ("decided nothing yet", "No answer of a person was timed", "No audit was made yet",
                 "It was not measured yet"):  # fmt: skip
        assert told in text


def test_the_cost_follows_from_the_rate_in_the_address(tmp_path):
    text = words(page_of(tmp_path, MUCH, query="?rate=30&currency=EUR"))
    assert "Spent so far 60.00 EUR" in text
    assert "An error that was found 1.20 EUR" in text
    assert "The next 100 rows 24.00 EUR" in text


def test_without_a_find_no_cost_of_one_is_made_up(tmp_path):
    none = replace(WORK, found=0, timed_found=0, an_hour=Interval(0.0, 0.0, 1.8))
    text = words(page_of(tmp_path, replace(MUCH, people=none), query="?rate=30"))
    assert "none was found in timed rows" in text


@pytest.mark.parametrize("query", ["?rate=-1", "?rate=nan", "?rate=1e9", "?currency=abcdefghij"])
def test_rates_that_are_none_are_refused(tmp_path, query):
    assert page_of(tmp_path, MUCH, query=query).status_code == 422


def test_a_currency_is_shown_as_text(tmp_path):
    page = page_of(tmp_path, MUCH, query="?rate=1&currency=<b>")
    assert "<b>" not in page.text
    assert "&lt;b&gt;" in page.text


def test_the_drawing_needs_no_inline_style(tmp_path):
    page = page_of(tmp_path, MUCH)
    assert "<svg" in page.text
    assert "style=" not in page.text


def test_annotators_are_not_let_in(tmp_path):
    assert page_of(tmp_path, MUCH, name="ann").status_code == 403
