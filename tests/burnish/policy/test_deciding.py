"""Deciding: hysteresis, cool-down, budget, what is never done, and no flood of alarms."""

from __future__ import annotations

import pytest

from burnish.errors import DataError
from burnish.policy import Facts, Signal, decide
from burnish.spec import Policy, Rule
from tests.burnish.policy.policy_made import Followed, day, loss


def policy_of(*rules, **more):
    return Policy(rules=tuple(rules), **more)


TWICE = Rule(signal="measured_loss", action="watch", over=0.05, clear=0.03, windows=2)


def test_an_alarm_takes_as_many_windows_running_as_the_rule_says_to_rise_and_to_end():
    seen = Followed(policy_of(TWICE))
    values = [0.09, 0.01, 0.09, 0.09, 0.04, 0.06, 0.04, 0.02]
    assert [seen.one(n, loss(value)).alarm for n, value in enumerate(values)] == [
        "none", "none", "none", "raise", "keep", "keep", "keep", "clear",
    ]  # fmt: skip
    assert seen.open() == []


def test_a_loss_that_is_not_shown_to_be_over_raises_nothing():
    seen = Followed(policy_of(Rule(signal="measured_loss", action="watch", over=0.05)))
    assert seen.one(0, loss(0.09, room=0.05)).alarm == "none"
    assert seen.one(1, loss(0.09, room=0.03)).alarm == "raise"


def test_a_loss_that_is_shown_but_small_raises_nothing_where_the_rule_asks_for_more():
    rule = Rule(signal="measured_loss", action="retrain", least=0.05)
    seen = Followed(policy_of(rule))
    small = seen.one(0, loss(0.04, room=0.03))
    assert (small.alarm, small.action) == ("none", "ignore")
    assert small.reason.endswith("less than the 0.05 that the rule asks for")
    assert seen.one(1, loss(0.06, room=0.08)).alarm == "none"
    large = seen.one(2, loss(0.06, room=0.05))
    assert (large.alarm, large.action) == ("raise", "retrain")
    # It stays while a loss is shown, and acts no more on one that is small.
    kept = seen.one(30, loss(0.04, room=0.03))
    assert (kept.alarm, kept.action) == ("keep", "watch")
    assert seen.one(31, loss(0.02)).alarm == "clear"


def test_between_clear_and_over_an_alarm_stays():
    rule = Rule(signal="measured_loss", action="watch", over=0.05, clear=0.02)
    seen = Followed(policy_of(rule))
    values = [0.09, 0.06, 0.05, 0.03]
    assert [seen.one(n, loss(value)).alarm for n, value in enumerate(values)] == [
        "raise", "keep", "keep", "clear",
    ]  # fmt: skip


def test_a_window_that_is_missing_neither_raises_nor_clears():
    seen = Followed(policy_of(TWICE))
    seen.look(0, loss(0.09))
    seen.look(1)  # nothing could be measured
    assert seen.one(5, loss(0.09)).alarm == "raise"
    seen.look(6, loss(0.01))
    seen.look(7)
    assert seen.open() == [1]
    assert seen.one(8, loss(0.01)).alarm == "clear"


def test_signals_of_one_cause_are_one_alarm_led_by_the_gravest():
    seen = Followed(Policy())
    drifts = [loss(0.3, key=f"x{n}", name="column_drift") for n in range(5)]
    made = seen.look(0, *drifts, loss(0.2, name="estimated_loss"), loss(0.2))
    assert [one.alarm for one in made] == ["join"] * 5 + ["raise", "raise"]
    assert {one.number for one in made[:6]} == {2}
    assert made[6].number == 1, "what labels say is an alarm of its own"
    later = seen.one(1, loss(0.3, key="x9", name="column_drift"))
    assert (later.alarm, later.number) == ("join", 2)


def test_drift_that_grows_is_one_alarm_and_one_audit_whatever_sees_it_next():
    seen = Followed(Policy())
    column = loss(0.3, key="size", name="column_drift")
    rows, estimate = loss(0.8, name="row_drift"), loss(0.2, name="estimated_loss")
    windows = [[column], [column, rows], [column, rows, estimate], [column, rows, estimate]]
    made = [seen.look(at, *signals) for at, signals in enumerate(windows)]
    assert [one[-1].alarm for one in made] == ["raise", "join", "join", "keep"]
    assert {one.number for window in made for one in window} == {1}
    asked = [one for window in made for one in window if one.action == "label"]
    assert [one.signal.name for one in asked] == ["row_drift"]
    assert "for this cause 1 periods ago" in made[2][-1].held_back
    assert seen.one(4, loss(0.2)).number == 2, "what labels say is an alarm of its own"


def test_after_the_alarm_of_a_cause_is_over_the_next_one_is_new():
    seen = Followed(Policy())
    seen.look(0, loss(0.3, key="size", name="column_drift"))
    seen.look(1, loss(0.0, key="size", name="column_drift"))
    later = seen.one(2, loss(0.8, name="row_drift"))
    assert (later.alarm, later.number) == ("raise", 2)


def test_an_alarm_ends_when_none_of_its_signals_stands():
    seen = Followed(Policy())
    a, b = (loss(0.3, key=key, name="column_drift") for key in "ab")
    calm = [loss(0.0, key=key, name="column_drift") for key in "ab"]
    seen.look(0, a, b)
    assert [one.alarm for one in seen.look(1, calm[0], b)] == ["clear", "keep"]
    assert seen.open() == [1]
    seen.look(2, *calm)
    assert seen.open() == []


def test_a_cooled_down_action_is_taken_again_and_not_before():
    rule = Rule(signal="estimated_loss", action="label", over=0.05, rows=10, cooldown=3)
    seen = Followed(policy_of(rule))
    actions = [seen.one(n, loss(0.2, name="estimated_loss")).action for n in range(5)]
    assert actions == ["label", "watch", "watch", "label", "watch"]


def test_one_request_a_window_and_the_others_say_who_asked():
    seen = Followed(Policy())
    made = seen.look(0, loss(0.9, name="row_drift"), loss(0.2, name="estimated_loss"))
    assert [one.action for one in made] == ["watch", "label"]
    assert "estimated loss" in made[0].held_back


def test_the_budget_of_labels_is_spent_and_comes_back():
    rule = Rule(signal="estimated_loss", action="label", over=0.05, rows=100, cooldown=0)
    seen = Followed(policy_of(rule, label_budget=250, label_budget_periods=4))
    made = [seen.one(n, loss(0.2, name="estimated_loss")) for n in range(5)]
    assert [one.rows for one in made] == [100, 100, 50, 0, 100]
    assert "budget" in made[3].held_back


@pytest.mark.parametrize(("labels", "action"), [(49, "watch"), (50, "retrain")])
def test_a_model_is_never_retrained_on_too_few_labels(labels, action):
    made = Followed(Policy()).one(0, loss(0.2), facts=Facts(new_labels=labels))
    assert made.action == action
    assert bool(made.held_back) == (action == "watch")


def test_a_model_is_retrained_at_most_once_a_period():
    rule = Rule(signal="measured_loss", action="retrain", over=0.05, cooldown=0)
    seen = Followed(policy_of(rule, retrain_every=5))
    actions = [seen.one(n, loss(0.2)).action for n in range(7)]
    assert [n for n, one in enumerate(actions) if one == "retrain"] == [0, 5]


BACK = Rule(signal="measured_loss", action="roll_back", over=0.05)
KNOWN = {"champion": 4, "champion_before": 2, "champion_period": day(0), "paired_rows": 200}


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        (Facts(**KNOWN, worse_by=0.06, worse_low=0.02), "roll_back"),
        (Facts(**KNOWN, worse_by=0.06, worse_low=-0.01), "watch"),
        (Facts(**KNOWN), "watch"),
        (Facts(**{**KNOWN, "champion_before": None}, worse_low=0.02), "watch"),
        (Facts(**{**KNOWN, "champion_period": day(9)}, worse_low=0.02), "watch"),
    ],
)
def test_a_model_is_rolled_back_only_where_labels_show_it_to_be_worse(facts, action):
    made = Followed(policy_of(BACK)).one(3, loss(0.2), facts=facts)
    assert made.action == action
    assert bool(made.held_back) == (action == "watch")


def test_what_is_estimated_rolls_nothing_back():
    rule = Rule(signal="estimated_loss", action="roll_back", over=0.05)
    facts = Facts(**KNOWN, worse_by=0.06, worse_low=0.02)
    made = Followed(policy_of(rule)).one(3, loss(0.2, name="estimated_loss"), facts=facts)
    assert "labels" in made.held_back


def test_a_model_that_is_rolled_back_is_not_retrained_in_the_same_window():
    rules = (BACK, Rule(signal="label_drift", action="retrain", over=0.05))
    facts = Facts(**KNOWN, worse_by=0.06, worse_low=0.02, new_labels=500)
    seen = Followed(policy_of(*rules))
    made = seen.look(3, loss(0.2, name="label_drift"), loss(0.2), facts=facts)
    assert [one.action for one in made] == ["watch", "roll_back"]


def overrule(seen, number, at):
    seen.take(("overruled", day(at), number, {"who": "Ada"}))
    seen.take(("closed", day(at), number, {"why": "known", "by": "Ada"}))


def test_an_overruled_alarm_is_quiet_until_it_gets_worse():
    seen = Followed(Policy())
    seen.look(0, loss(0.10))
    overrule(seen, 1, 0)
    assert seen.one(1, loss(0.11)).alarm == "none"
    assert seen.one(2, loss(0.13)).alarm == "raise"


def test_an_overruled_alarm_that_was_over_meanwhile_rises_as_any_other():
    seen = Followed(Policy())
    seen.look(0, loss(0.10))
    overrule(seen, 1, 0)
    assert [seen.one(n, loss(v)).alarm for n, v in ((1, 0.01), (2, 0.10))] == ["none", "raise"]


def test_an_alarm_that_a_person_closed_has_to_be_shown_anew():
    seen = Followed(policy_of(TWICE))
    seen.look(0, loss(0.09))
    seen.look(1, loss(0.09))
    seen.take(("closed", day(1), 1, {"why": "mended", "by": "Ada"}))
    assert [seen.one(n, loss(0.09)).alarm for n in (2, 3)] == ["none", "raise"]


def test_what_a_person_closed_is_not_raised_by_the_window_it_was_closed_over():
    seen = Followed(Policy())
    seen.look(3, loss(0.09))
    seen.take(("closed", day(3), 1, {"why": "mended", "by": "Ada"}))
    again = seen.one(3, loss(0.12))
    assert again.alarm == "none"
    assert "in a later window" in again.reason
    assert seen.one(4, loss(0.12)).alarm == "raise"


def test_windows_of_the_model_before_do_not_count_against_the_new_one():
    seen = Followed(policy_of(TWICE))
    seen.look(0, loss(0.09), facts=Facts(champion=1, new_labels=1000))
    assert seen.one(1, loss(0.09), facts=Facts(champion=2, new_labels=1000)).alarm == "none"
    assert seen.one(2, loss(0.09), facts=Facts(champion=2, new_labels=1000)).alarm == "raise"


def test_an_alarm_that_is_overruled_after_a_rebase_stays_quiet():
    seen = Followed(Policy())
    late = loss(1.0, key="2026-02-27", name="late_data", room=0.0)
    seen.look(0, late)
    seen.take(("rebased", day(0), None, {"window_start": day(0), "window_end": day(0)}))
    overrule(seen, 1, 0)
    assert [seen.one(n, late).alarm for n in (1, 2)] == ["none", "none"]


def test_an_older_window_changes_nothing_but_labels_that_come_late_count():
    seen = Followed(Policy())
    seen.look(8, loss(0.3, key="x", name="column_drift"))
    older = seen.one(4, loss(0.0, key="x", name="column_drift"))
    assert older.alarm == "keep"
    assert "older" in older.reason
    assert seen.one(5, loss(0.2)).alarm == "raise"


def test_a_window_that_came_again_is_counted_once():
    seen = Followed(policy_of(TWICE))
    seen.look(0, loss(0.09))
    assert seen.one(0, loss(0.09)).alarm == "none"


def test_what_the_policy_ignores_is_recorded_all_the_same():
    made = Followed(policy_of(Rule(signal="measured_loss", action="ignore"))).one(0, loss(0.5))
    assert (made.action, made.alarm) == ("ignore", "none")


def test_what_cannot_be_decided_on_is_refused():
    with pytest.raises(DataError, match="two signals"):
        decide(Policy(), [loss(0.1), loss(0.2)], period=day(0))
    bad = Signal("measured_loss", "", float("nan"), 0, 0, 9, "labels")
    with pytest.raises(DataError, match="finite"):
        decide(Policy(), [bad], period=day(0))
    with pytest.raises(DataError, match="no date"):
        decide(Policy(), [], period="last week")
