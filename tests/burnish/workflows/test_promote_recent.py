"""A gate that looks at what is met today, where the spec says that the past does not come back."""

from __future__ import annotations

from types import SimpleNamespace

import pyarrow as pa
import pytest

from burnish.spec import PromotionPolicy
from burnish.workflows.promote import Promotion, decide_promotion, rule_in_words
from burnish.workflows.promote_recent import LEAST, Recent, recently_met
from tests.burnish.workflows.closed_turns import pets
from tests.burnish.workflows.test_promote import predictions

PRODUCTION = {
    "source": {"path": "arrivals/*.csv"},
    "time": "met",
    "start": "2026-01-05",
    "period": "week",
}
OLD, NEW = 300, 150


def models() -> tuple[pa.Table, pa.Table]:
    """The challenger is right on the new rows, and the incumbent on the old ones."""
    old, new = [True] * OLD + [False] * NEW, [False] * OLD + [True] * NEW
    return predictions(new), predictions(old)


def of_today(count: int = NEW) -> Recent:
    ids = frozenset(f"e{at}" for at in range(OLD, OLD + count))
    return Recent(ids, 12, "2026-03-02")


def labels(*rows: tuple[str, str, str | None]) -> SimpleNamespace:
    table = pa.table(
        {
            "example_id": [row[0] for row in rows],
            "period": [row[1] for row in rows],
            "label": pa.array([row[2] for row in rows], pa.string()),
        }
    )
    return SimpleNamespace(read_last_good=lambda dataset, stage: table)


def test_by_default_the_rows_of_yesterday_outvote_those_of_today():
    found = decide_promotion(*models())
    assert not found.promoted
    assert (found.rows, found.which) == (OLD + NEW, "")


def test_rows_met_lately_alone_decide_where_that_is_asked_for():
    found = decide_promotion(*models(), recent=of_today())
    assert found.promoted
    assert (found.rows, found.difference) == (NEW, 1.0)
    assert "150 common validation rows, met since 2026-03-02 (" in found.reason
    assert Promotion.from_record(vars(found) | {"checks": ()}).which == "met since 2026-03-02"


def test_a_model_that_is_worse_at_what_is_met_today_is_refused_however_good_it_was_before():
    challenger, incumbent = models()
    found = decide_promotion(incumbent, challenger, recent=of_today())
    assert not found.promoted
    assert found.difference == -1.0


def test_too_few_rows_of_today_show_nothing_and_all_are_looked_at_and_it_is_said():
    found = decide_promotion(*models(), recent=of_today(LEAST - 1))
    assert not found.promoted
    assert found.rows == OLD + NEW
    said = f"all looked at, as {LEAST - 1} of {LEAST} asked for were met since 2026-03-02"
    assert said in found.reason
    (support,) = [one for one in found.checks if one.name == "support"]
    assert said in support.reason


def test_the_periods_are_counted_back_from_the_newest_label():
    spec = pets(production=PRODUCTION, promotion={"recent": 2})
    came = labels(
        ("a", "2026-01-05", "cat"),
        ("b", "2026-01-12", "dog"),
        ("c", "2026-01-19", "cat"),
        ("unlabelled", "2026-01-26", None),
        ("also unlabelled", "2026-01-19", None),
    )
    found = recently_met(spec, came)
    assert found == Recent(frozenset({"b", "c"}), 2, "2026-01-12")


def test_where_it_is_not_set_or_no_label_came_there_are_none():
    one = ("a", "2026-01-05", None)
    assert recently_met(pets(production=PRODUCTION), labels(("a", "2026-01-05", "cat"))) is None
    assert recently_met(pets(production=PRODUCTION, promotion={"recent": 2}), labels(one)) is None
    nothing = SimpleNamespace(read_last_good=lambda dataset, stage: None)
    assert recently_met(pets(production=PRODUCTION, promotion={"recent": 2}), nothing) is None


def test_a_spec_without_production_cannot_ask_for_it():
    with pytest.raises(ValueError, match="counts periods of production, and there is none"):
        pets(promotion={"recent": 2})


@pytest.mark.parametrize("require", ["not_worse", "better"])
def test_the_rule_says_which_rows_are_looked_at(require):
    said = rule_in_words(PromotionPolicy(require=require, recent=12))
    assert "met in the last 12 periods of production (on all, where these are fewer than" in said
