"""A cron expression is checked as the orchestrator will read it, before it is there."""

import pytest
from dagster._utils.schedules import is_valid_cron_schedule
from hypothesis import given
from hypothesis import strategies as st

from burnish.spec.cron import cron_mistake

RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
NAMES = {3: ("jan", "feb", "mar", "dec"), 4: ("sun", "mon", "wed", "sat")}


def proper_item(place: int) -> st.SearchStrategy[str]:
    low, high = RANGES[place]
    numbers = st.integers(low, high).map(str)
    number = numbers | st.sampled_from(NAMES[place]) if place in NAMES else numbers
    ranges = st.tuples(number, number).map("-".join)
    step = st.integers(1, high).map(lambda n: f"/{n}")
    stepped = st.tuples(st.one_of(st.just("*"), ranges, number), step).map("".join)
    return st.one_of(st.just("*"), number, ranges, stepped)


def field_of(item: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(item, min_size=1, max_size=3).map(",".join)


PROPER = st.tuples(*(field_of(proper_item(place)) for place in range(5))).map(" ".join)
ODD_WORDS = ["*", "mon", "JAN", "l", "?", "1#2", "h", "", "x"]
WORD = st.integers(-1, 70).map(str) | st.sampled_from(ODD_WORDS)
PAIR = st.tuples(WORD, WORD)
ODD_ITEM = st.one_of(WORD, PAIR.map("-".join), PAIR.map("/".join), st.text(max_size=3))
ODD = st.lists(field_of(ODD_ITEM), min_size=4, max_size=6).map(" ".join)
# One field is odd and the others are not, so that it alone decides.
ONE_ODD = st.tuples(st.integers(0, 4), field_of(ODD_ITEM)).map(
    lambda odd: " ".join(odd[1] if place == odd[0] else "*" for place in range(5))
)


@given(st.one_of(ODD, ONE_ODD, PROPER))
def test_what_is_accepted_is_valid_to_the_orchestrator(cron: str) -> None:
    if not cron_mistake(cron):
        assert is_valid_cron_schedule(cron)


@given(PROPER)
def test_what_is_proper_is_accepted_unless_the_day_never_comes(cron: str) -> None:
    mistake = cron_mistake(cron)
    assert not mistake or mistake.startswith("no month")
    if mistake.startswith("no month"):
        assert cron.split()[2] != "*"


@pytest.mark.parametrize(
    ("cron", "mistake"),
    [
        ("0 25 * * *", "the hour '25' is not in 0-23"),
        ("60 2 * * *", "the minute '60' is not in 0-59"),
        ("0 2 0 * *", "the day '0' is not in 1-31"),
        ("0 2 * 13 *", "the month '13' is not in 1-12 or jan-dec"),
        ("0 2 * * 8", "the weekday '8' is not in 0-7 or sun-sat"),
        ("0 2 * * mon-foo", "the weekday 'mon-foo' is not in 0-7 or sun-sat"),
        ("0 2 * mon *", "the month 'mon' is not in"),
        ("*/0 2 * * *", "the step of the minute '*/0'"),
        ("*/90 2 * * *", "the step of the minute '*/90'"),
        ("0 2, * * *", "the hour '' is no number"),
        ("0 2 L * *", "the day 'l' is not in 1-31"),
        ("0 2 * * mon#1", "the weekday 'mon#1' is no number"),
        ("0 2 30 2 *", "no month '2' has a day '30'"),
        ("0 2 31 4,jun *", "no month '4,jun' has a day '31'"),
        ("@daily", "five fields"),
        ("0 0 2 * * *", "five fields"),
        ("", "five fields"),
    ],
)
def test_a_mistake_names_the_field(cron: str, mistake: str) -> None:
    assert mistake in cron_mistake(cron)


@pytest.mark.parametrize(
    "cron",
    [
        *("0 2 * * *", "*/15 0-6,22 1,15 JAN-mar Mon-Fri", "0 2 29 2 *", "0 2 31 * 7"),
        *("5/10 2 * * *", "0 22-3 * * fri-mon", "  0\t2 * * *", "0 2 30 2,3 *"),
    ],
)
def test_a_proper_expression_passes(cron: str) -> None:
    assert cron_mistake(cron) == ""
    assert is_valid_cron_schedule(cron)
