"""Noise from control arms: unbiased whatever the audit picks, with intervals that hold."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.records import LabelEvent, Verdict
from burnish.workflows.noise import (
    ControlArm,
    _hypergeometric,
    changed_labels,
    control_arms,
    estimate_noise,
)
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
    assert estimate_noise(arms).basis == "control rows: 50, of 1 batches; wrong: 10"


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
        ControlArm(pool_size=100, drawn=2, wrong=1, changed_before=0, changed_after=3),
        ControlArm(pool_size=96, drawn=2, wrong=1, changed_before=3, changed_after=5),
    ]


def test_undecided_and_unsure_control_rows_are_left_out_until_decided():
    queues = [queue(1, 100, a="control", b="control", c="control"), queue(2, 99, b="audit")]
    ledger = events(("a", "keep", "8", "8"), ("b", "unsure", "8", None))
    assert control_arms(queues[:1], ledger) == [ControlArm(100, 1, 0, 0, 0)]
    # Decided in the second batch, where the audit picked it: it is no random draw there.
    ledger += [LabelEvent(3, "toy", Verdict("b", "change", "8", "3", "kim"), NOW, "")]
    assert control_arms(queues, ledger) == [ControlArm(100, 1, 0, 0, 0)]


def test_a_correction_that_was_taken_back_does_not_count():
    ledger = events(("a", "change", "8", "3"), ("b", "keep", "8", "8"), ("a", "change", "3", "8"))
    arms = control_arms([queue(1, 100, a="control", b="control")], ledger)
    assert arms == [ControlArm(100, 2, 0, 0, 0)]


def test_changes_made_before_the_first_batch_are_known_to_it():
    ledger = events(("x", "change", "8", "3"), ("a", "change", "8", "3"))
    assert control_arms([queue(1, 100, a="control")], ledger) == [ControlArm(100, 1, 1, 1, 2)]


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
