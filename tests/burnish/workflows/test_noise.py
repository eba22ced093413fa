"""Noise from control arms: unbiased whatever the audit picks, with intervals that hold."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.labels import ReviewerCounts
from burnish.records import LabelEvent, Verdict
from burnish.workflows.control_arms import (
    ControlArm,
    changed_labels,
    control_arms,
    gold_counts,
)
from burnish.workflows.noise import _hypergeometric, estimate_noise
from burnish.workflows.queue import QUEUE_SCHEMA

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def review_planted_errors(
    rng: np.random.Generator, *, rows: int, errors: int, batches: int, control: int, budget: int
) -> tuple[list[ControlArm], int]:
    """An error-free reviewer and an audit far better than chance; the arms, and errors left."""
    wrong = np.zeros(rows, dtype=bool)
    wrong[rng.permutation(rows)[:errors]] = True
    suspicion = rng.random(rows) + wrong
    is_open = np.ones(rows, dtype=bool)
    arms: list[ControlArm] = []
    found = 0
    for _ in range(batches):
        candidates = np.flatnonzero(is_open)
        drawn = rng.choice(candidates, control, replace=False)
        rest = np.setdiff1d(candidates, drawn)
        audited = rest[np.argsort(-suspicion[rest])][: budget - control]
        batch = np.concatenate([drawn, audited])
        before, found = found, found + int(wrong[batch].sum())
        arms.append(ControlArm(candidates.size, control, int(wrong[drawn].sum()), before, found))
        is_open[batch] = False
    return arms, errors - found


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
@pytest.mark.parametrize(
    ("rows", "batches", "control", "budget"),
    [(1079, 1, 6, 60), (1079, 4, 6, 60), (300, 3, 3, 30), (1079, 3, 30, 60)],
)
def test_the_interval_holds_the_planted_noise_at_its_level(share, rows, batches, control, budget):
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(200):
        arms, left = review_planted_errors(
            rng, rows=rows, errors=round(share * rows), batches=batches, control=control,
            budget=budget,
        )  # fmt: skip
        estimate = estimate_noise(arms)
        held += estimate.low <= left / rows <= estimate.high
    # Nominal 95 %; measured 95 % or more in each of these settings.
    assert held / 200 >= 0.92


def test_targeted_picks_do_not_bias_the_estimate():
    rng = np.random.default_rng(5)
    gaps = []
    for _ in range(400):
        arms, left = review_planted_errors(
            rng, rows=500, errors=200, batches=2, control=20, budget=50
        )
        gaps.append(estimate_noise(arms).value - left / 500)
    assert abs(np.mean(gaps)) < 4 * np.std(gaps) / np.sqrt(len(gaps))


def test_more_control_rows_narrow_the_interval():
    widths = []
    for drawn in (5, 20, 80, 320):
        estimate = estimate_noise([ControlArm(1000, drawn, drawn // 5, 0, drawn // 5)])
        widths.append(estimate.high - estimate.low)
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 0.4
    assert widths[-1] < 0.1


def test_a_control_arm_that_is_the_whole_pool_leaves_no_doubt():
    estimate = estimate_noise([ControlArm(100, 100, 17, 0, 17)])
    assert (estimate.value, estimate.low, estimate.high) == (0.0, 0.0, 0.0)


def test_nothing_wrong_in_six_rows_is_not_taken_for_no_noise():
    estimate = estimate_noise([ControlArm(1000, 6, 0, 0, 30)])
    assert estimate.value == estimate.low == 0.0
    assert estimate.high > 0.3


def test_without_control_rows_nothing_is_known():
    estimate = estimate_noise([])
    assert np.isnan(estimate.value)
    assert (estimate.low, estimate.high, estimate.n) == (0.0, 1.0, 0)
    assert estimate.to_dict()["value"] is None


def test_changes_by_now_and_the_rows_that_share_the_rest_can_be_given():
    arms = [ControlArm(1000, 50, 10, 0, 40)]
    assert estimate_noise(arms).value == pytest.approx(0.16)
    assert estimate_noise(arms, changed=100).value == pytest.approx(0.1)
    assert estimate_noise(arms, changed=100, rows=500).value == pytest.approx(0.2)
    assert estimate_noise(arms).basis.startswith("control rows: 50, of 1 batches; wrong: 10")
    assert "their own errors are not known" in estimate_noise(arms).basis


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_possible_arms_give_shares_in_order(data):
    arms, pool, before = [], data.draw(st.integers(5, 400)), 0
    for _ in range(data.draw(st.integers(1, 4))):
        drawn = data.draw(st.integers(1, pool))
        wrong = data.draw(st.integers(0, drawn))
        after = before + wrong + data.draw(st.integers(0, 30))
        arms.append(ControlArm(pool, drawn, wrong, before, after))
        before, pool = after, max(1, pool - drawn)
    estimate = estimate_noise(arms)
    assert 0.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0
    assert estimate.n == sum(arm.drawn for arm in arms)


@pytest.mark.parametrize(
    "arm",
    [
        ControlArm(10, 0, 0, 0, 0),
        ControlArm(10, 11, 0, 0, 0),
        ControlArm(10, 5, 6, 0, 6),
        ControlArm(10, 5, -1, 0, 0),
        ControlArm(10, 5, 1, 3, 2),
    ],
)
def test_counts_that_contradict_each_other_are_refused(arm):
    with pytest.raises(DataError, match="an arm that cannot be"):
        estimate_noise([arm])


def test_the_chances_of_a_draw_are_those_of_scipy():
    from scipy.stats import hypergeom

    for pool, wrong, drawn in ((10, 3, 4), (1000, 200, 30), (50, 50, 7), (50, 0, 7), (5, 4, 5)):
        expected = hypergeom.pmf(np.arange(drawn + 1), pool, wrong, drawn)
        np.testing.assert_allclose(_hypergeometric(pool, wrong, drawn), expected, atol=1e-12)


# ---------------------------------------------------------------- reviewers who err


def review_by_people(
    rng: np.random.Generator, *, accuracy: float, noise: float, gold: int
) -> tuple[list[ControlArm], ReviewerCounts, float]:
    """Twelve batches decided by reviewers who err; the arms, their gold counts, and truth."""
    rows = 1000
    wrong = np.zeros(rows, dtype=bool)
    wrong[rng.permutation(rows)[: round(noise * rows)]] = True
    order = np.argsort(-(rng.random(rows) + wrong))
    called = rng.random(rows) < np.where(wrong, accuracy, 1 - accuracy)
    is_open = np.ones(rows, dtype=bool)
    arms: list[ControlArm] = []
    for _ in range(12):
        pool, done = np.flatnonzero(is_open), ~is_open
        drawn = rng.choice(pool, 20, replace=False)
        is_open[drawn] = False
        is_open[order[is_open[order]][:30]] = False
        before = int(called[done].sum())
        arms.append(
            ControlArm(pool.size, 20, int(called[drawn].sum()), before,
                       int(called[~is_open].sum()), int(done.sum()), int((~is_open).sum()))
        )  # fmt: skip
    found, kept = (int(n) for n in rng.binomial(gold // 2, accuracy, size=2))
    left = (wrong & (is_open | ~called)).sum() + (~wrong & ~is_open & called).sum()
    return arms, ReviewerCounts(found, gold // 2, kept, gold // 2), float(left) / rows


@pytest.mark.parametrize(("accuracy", "noise"), [(0.9, 0.05), (0.9, 0.2), (0.95, 0.05)])
def test_gold_items_bring_the_truth_into_an_interval_that_missed_it(accuracy, noise):
    rng = np.random.default_rng(3)
    with_gold = without = 0
    for _ in range(200):
        arms, counts, left = review_by_people(rng, accuracy=accuracy, noise=noise, gold=60)
        corrected, seen = estimate_noise(arms, reviewers=counts), estimate_noise(arms)
        with_gold += corrected.low <= left <= corrected.high
        without += seen.low <= left <= seen.high
    assert with_gold / 200 >= 0.92
    assert without < with_gold


def test_reviewers_without_an_error_on_many_gold_items_change_little():
    arms = [ControlArm(1000, 200, 20, 0, 150, 0, 400)]
    seen = estimate_noise(arms)
    corrected = estimate_noise(arms, reviewers=(5000, 5000, 5000, 5000))
    assert corrected.value == pytest.approx(seen.value, abs=1e-9)
    assert corrected.low == pytest.approx(seen.low, abs=0.012)
    assert corrected.high == pytest.approx(seen.high, abs=0.012)
    assert "found 5000 of 5000 wrong labels" in corrected.basis


def test_fewer_gold_items_leave_more_doubt():
    arms = [ControlArm(1000, 200, 40, 0, 150, 0, 400)]
    widths = []
    for half in (10, 40, 160, 2560):
        found = estimate_noise(arms, reviewers=(half * 9 // 10, half, half * 9 // 10, half))
        widths.append(found.high - found.low)
    assert widths == sorted(widths, reverse=True)


def test_found_errors_that_were_given_another_wrong_label_are_left():
    arms = [ControlArm(1000, 200, 40, 0, 150, 0, 400)]
    all_mended = estimate_noise(arms, reviewers=ReviewerCounts(90, 100, 100, 100))
    half_mended = estimate_noise(arms, reviewers=ReviewerCounts(90, 100, 100, 100, 45))
    assert half_mended.value - all_mended.value == pytest.approx(0.5 * 150 / 1000, abs=1e-9)


def test_reviewers_no_better_than_chance_tell_nothing():
    arms = [ControlArm(1000, 200, 40, 0, 150, 0, 400)]
    estimate = estimate_noise(arms, reviewers=(5, 10, 5, 10))
    assert np.isnan(estimate.value)
    assert (estimate.low, estimate.high) == (0.0, 1.0)
    assert "no better than chance" in estimate.basis


def test_a_reviewer_just_at_chance_once_half_an_error_is_added_leaves_all_to_the_draw():
    # (5 + .5) / 22 and (7 + .5) / 10 add up to 1.
    estimate = estimate_noise([ControlArm(30, 1, 0, 0, 0, 0, 1)], reviewers=(5, 21, 7, 9))
    assert 0.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0


def test_a_correction_asks_for_the_rows_decided():
    with pytest.raises(DataError, match="more rows changed than decided"):
        estimate_noise([ControlArm(1000, 200, 40, 0, 150)], reviewers=(9, 10, 9, 10))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_possible_counts_give_shares_in_order(data):
    arms, pool, changed, decided = [], data.draw(st.integers(30, 400)), 0, 0
    for _ in range(data.draw(st.integers(1, 4))):
        drawn = data.draw(st.integers(1, pool))
        wrong = data.draw(st.integers(0, drawn))
        after = changed + wrong, decided + drawn
        arms.append(ControlArm(pool, drawn, wrong, changed, after[0], decided, after[1]))
        (changed, decided), pool = after, max(1, pool - drawn)
    shown = data.draw(st.tuples(st.integers(0, 30), st.integers(0, 30)))
    found, kept = (data.draw(st.integers(0, most)) for most in shown)
    counts = ReviewerCounts(found, shown[0], kept, shown[1], data.draw(st.integers(0, found)))
    estimate = estimate_noise(arms, reviewers=counts)
    assert 0.0 <= estimate.low <= estimate.high <= 1.0
    assert np.isnan(estimate.value) or estimate.low <= estimate.value <= estimate.high


# ---------------------------------------------------------------- arms from the ledger


def queue(iteration: int, pool_size: int, **reasons: str) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"example_id": name, "iteration": iteration, "position": place, "reason": reason,
             "why": ".", "label": "8", "pool_size": pool_size}
            for place, (name, reason) in enumerate(reasons.items(), start=1)
        ],
        schema=QUEUE_SCHEMA,
    )  # fmt: skip


def events(*lines: tuple[str, str, str | None, str | None]) -> list[LabelEvent]:
    return [
        LabelEvent(number, "toy", Verdict(name, decision, before, after, "kim"), NOW, "")
        for number, (name, decision, before, after) in enumerate(lines, start=1)
    ]


def test_arms_are_counted_from_queues_and_events():
    queues = [
        queue(1, 100, a="control", b="control", c="audit", d="audit"),
        queue(2, 96, e="control", f="control", g="audit", h="unlabeled"),
    ]
    ledger = events(
        ("a", "change", "8", "3"),
        ("b", "keep", "8", "8"),
        ("c", "change", "8", "3"),
        ("d", "drop", "8", None),
        ("e", "drop", "8", None),
        ("f", "keep", "8", "8"),
        ("g", "change", "8", "3"),
        ("h", "change", None, "3"),
    )
    assert control_arms(queues, ledger) == [
        ControlArm(
            pool_size=100,
            drawn=2,
            wrong=1,
            changed_before=0,
            changed_after=3,
            decided_before=0,
            decided_after=4,
        ),
        ControlArm(
            pool_size=96,
            drawn=2,
            wrong=1,
            changed_before=3,
            changed_after=5,
            decided_before=4,
            decided_after=7,
        ),
    ]


def test_undecided_and_unsure_control_rows_are_left_out_until_decided():
    queues = [queue(1, 100, a="control", b="control", c="control"), queue(2, 99, b="audit")]
    ledger = events(("a", "keep", "8", "8"), ("b", "unsure", "8", None))
    assert control_arms(queues[:1], ledger) == [ControlArm(100, 1, 0, 0, 0, 0, 1)]
    # Decided in the second batch, where the audit picked it: it is no random draw there.
    ledger += [LabelEvent(3, "toy", Verdict("b", "change", "8", "3", "kim"), NOW, "")]
    assert control_arms(queues, ledger) == [ControlArm(100, 1, 0, 0, 1, 0, 2)]


def test_a_correction_that_was_taken_back_does_not_count():
    ledger = events(("a", "change", "8", "3"), ("b", "keep", "8", "8"), ("a", "change", "3", "8"))
    arms = control_arms([queue(1, 100, a="control", b="control")], ledger)
    assert arms == [ControlArm(100, 2, 0, 0, 0, 0, 2)]


def test_changes_made_before_the_first_batch_are_known_to_it():
    ledger = events(("x", "change", "8", "3"), ("a", "change", "8", "3"))
    assert control_arms([queue(1, 100, a="control")], ledger) == [
        ControlArm(100, 1, 1, 1, 2, decided_before=1, decided_after=2)
    ]


def test_without_verdicts_there_are_no_arms():
    assert control_arms([queue(1, 100, a="control")], []) == []
    assert control_arms([], []) == []


def test_first_labels_are_no_errors_found_and_drops_are():
    def event(number, name, decision, before, after):
        return LabelEvent(number, "d", Verdict(name, decision, before, after, "ada"), NOW, "")

    events = [
        event(1, "a", "change", "x", "y"),
        event(2, "b", "drop", "x", None),
        event(3, "u", "change", None, "x"),
        event(4, "c", "keep", "x", "x"),
        event(5, "e", "change", "x", "y"),
        event(6, "e", "change", "y", "x"),
    ]
    assert changed_labels(events) == 2


def test_gold_verdicts_measure_the_reviewers():
    def event(number, name, decision, before, after, author="kim", reason="gold"):
        verdict = Verdict(name, decision, before, after, author, reason=reason)
        return LabelEvent(number, "d", verdict, NOW, "")

    answers = {"a": "3", "b": "3", "c": "8", "d": "8", "e": "3", "f": "8"}
    ledger = [
        event(1, "a", "change", "8", "3"),  # wrong, found and mended
        event(2, "b", "change", "8", "5"),  # wrong, found, not mended
        event(3, "b", "change", "5", "3", author="gold"),  # the known answer restated
        event(4, "e", "keep", "8", "8"),  # wrong, missed
        event(5, "c", "keep", "8", "8"),  # right, kept
        event(6, "d", "drop", "8", None),  # right, broken
        event(7, "f", "unsure", "8", None),
        event(8, "x", "change", "8", "3", reason="control"),
    ]
    assert gold_counts(ledger, answers) == ReviewerCounts(2, 3, 1, 2, 1)
    assert gold_counts(ledger, {}) is None


def test_gold_items_are_no_rows_that_reviewers_decided():
    gold = Verdict("g", "change", "8", "3", "kim", reason="gold")
    drawn = Verdict("a", "change", "8", "3", "kim", reason="control")
    ledger = [LabelEvent(1, "toy", gold, NOW, ""), LabelEvent(2, "toy", drawn, NOW, "")]
    (arm,) = control_arms([queue(1, 100, a="control", g="gold")], ledger)
    assert (arm.changed_after, arm.decided_after, arm.gold_after) == (2, 1, 1)


def test_gold_items_are_counted_by_what_is_known_of_them():
    """A reviewer calls one right label wrong and misses one wrong label: one of two was wrong."""

    def said(number, name, word, before, after, author="kim", role="annotator", reason="gold"):
        verdict = Verdict(name, word, before, after, author, role=role, reason=reason)
        return LabelEvent(number, "toy", verdict, NOW, "")

    ledger = [
        said(1, "g", "change", "8", "3"),
        said(2, "g", "keep", "8", "8", "gold", "gold"),
        said(3, "h", "change", "8", "3"),
        said(4, "h", "keep", "8", "8", "gold", "gold"),
        said(5, "i", "keep", "8", "8"),
        said(6, "i", "change", "8", "5", "gold", "gold"),
        said(7, "a", "change", "8", "3", reason="control"),
    ]
    (arm,) = control_arms([queue(1, 100, a="control", g="gold", h="gold", i="gold")], ledger)
    assert (arm.changed_after, arm.decided_after, arm.gold_after) == (2, 1, 1)
    assert changed_labels(ledger) == arm.changed_after
