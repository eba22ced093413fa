"""Errors left in labels that were reviewed by people who err: the arithmetic of the correction.

What belongs here: from control arms and counts on gold items to truly wrong labels, by draws. What
does not: what the loop shows of it (`burnish.workflows.noise`), counting
(`burnish.workflows.control_arms`), or a sample outside of a loop (`burnish.labels.rate`, which
has the source of the method).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.labels import ReviewerCounts
from burnish.labels.rate import DRAWS, effective_size, mid_p_draws, rate_of, reviewer_draws
from burnish.workflows.control_arms import ControlArm

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class _Reviewers:
    """Sensitivity, specificity, and the share of found errors that were mended, draw by draw."""

    found: FloatArray
    kept: FloatArray
    mended: FloatArray

    @property
    def gain(self) -> FloatArray:
        return self.found + self.kept - 1.0


def errors_left(
    arms: Sequence[ControlArm],
    counts: ReviewerCounts,
    *,
    changed: int,
    rows: int,
    confidence: float = 0.95,
) -> tuple[float, float, float] | None:
    """How many of `rows` training labels are truly wrong by now: estimate, low and high.

    `changed` of them stand changed or dropped. None where reviewers were no better than chance on
    gold items. Raises `DataError` where an arm has more rows changed than decided.

    >>> arm = ControlArm(1000, 100, 25, 0, 160, decided_before=0, decided_after=300)
    >>> found = errors_left([arm], ReviewerCounts(45, 50, 45, 50), changed=160, rows=1000)
    >>> [round(errors / 1000, 2) for errors in found]
    [0.06, 0.0, 0.18]
    """
    for arm in arms:
        _check_decided(arm)
    mended = counts.wrong_found if counts.wrong_mended is None else counts.wrong_mended
    s = rate_of(counts.wrong_found, counts.wrong_shown)
    t = rate_of(counts.right_kept, counts.right_shown)
    if s + t <= 1.0:
        return None
    # The seed is fixed: the same verdicts make the same estimate.
    rng = np.random.default_rng(0)
    found, kept = reviewer_draws(counts, rng)
    shares = np.ones(DRAWS)
    if counts.wrong_mended is not None:
        shares = mid_p_draws(mended, counts.wrong_found, rng)
    past = _Past(_Reviewers(found, kept, shares), rng)
    draws = _errors_left(arms, past, _drawn_share(arms, counts, rng), changed, rows)
    plain = _Reviewers(*(np.array([x]) for x in (s, t, rate_of(mended, counts.wrong_found))))
    seen = np.array([sum(arm.wrong for arm in arms) / sum(arm.drawn for arm in arms)])
    value = float(_errors_left(arms, _Past(plain, None), seen, changed, rows)[0])
    tail = (1.0 - confidence) / 2
    low, high = (float(limit) for limit in np.quantile(draws, [tail, 1.0 - tail]))
    return min(high, max(low, value)), low, high


def _drawn_share(
    arms: Sequence[ControlArm], counts: ReviewerCounts, rng: np.random.Generator
) -> FloatArray:
    """Draws of the share of control rows that reviewers call wrong."""
    drawn, wrong = sum(arm.drawn for arm in arms), sum(arm.wrong for arm in arms)
    inclusion = sum(arm.drawn**2 / arm.pool_size for arm in arms) / drawn
    # Half an error is added, so that reviewers without one are not taken for perfect.
    s = rate_of(counts.wrong_found + 0.5, counts.wrong_shown + 1)
    t = rate_of(counts.right_kept + 0.5, counts.right_shown + 1)
    size = effective_size(drawn, wrong, inclusion, s, t)
    return mid_p_draws(wrong / drawn * size, size, rng)


def _errors_left(
    arms: Sequence[ControlArm], past: _Past, share: FloatArray, changed: int, rows: int
) -> FloatArray:
    """Wrong labels left, for each draw of reviewers and of the share of control rows."""
    by = past.by
    weight = np.array([arm.drawn / arm.pool_size for arm in arms])
    drawn = sum(arm.drawn for arm in arms)
    before = [
        arm.gold_before + past.wrong(arm.changed_before - arm.gold_before, arm.decided_before)
        for arm in arms
    ]
    behind = sum(w * errors for w, errors in zip(weight, before, strict=True))
    # sum of c_t ((E - W_t) / N_t (s + t - 1) + 1 - t) = control rows called wrong, solved for E.
    started = ((share - (1.0 - by.kept)) * drawn / past.gain + behind) / weight.sum()
    last = arms[-1]
    called = max(0, changed - last.gold_after)
    decided = max(called, last.decided_after)
    wrong = past.wrong(called, decided)
    broken = past.broken(wrong, decided)
    # Wrong at the start, less what was mended, and what was broken. Parts below zero are no more
    # than chance, and are made good in the other parts: only the sum is held inside its range.
    left = started - last.gold_after - (called - broken) * by.mended + broken
    return np.clip(np.where(by.gain > 0, left, past.coin * rows), 0, rows)


class _Past:
    """How many of the rows decided so far were truly wrong.

    Reviewers err by chance: in each draw their errors deviate from what is expected by one normal
    deviate a kind, shared by all counts, because later counts contain the earlier ones.
    """

    def __init__(self, by: _Reviewers, rng: np.random.Generator | None) -> None:
        self.by, size = by, by.found.size
        # No better than chance: such a draw says nothing, and counts as none or all wrong.
        self.gain = np.where(by.gain > 0, by.gain, 1.0)
        self.missing = np.zeros(size) if rng is None else rng.standard_normal(size)
        self.breaking = np.zeros(size) if rng is None else rng.standard_normal(size)
        self.coin = np.zeros(size) if rng is None else rng.integers(0, 2, size)

    def wrong(self, called: int, decided: int) -> FloatArray:
        expected = self._solved(called, decided, 0.0)
        missed = self.missing * np.sqrt(
            np.clip(expected, 0, decided) * self.by.found * (1.0 - self.by.found)
        )
        return self._solved(called, decided, missed + self._by_chance(expected, decided))

    def broken(self, wrong: FloatArray, decided: int) -> FloatArray:
        return (1.0 - self.by.kept) * (decided - wrong) + self._by_chance(wrong, decided)

    def _solved(self, called: int, decided: int, chance: FloatArray | float) -> FloatArray:
        expected = called - (1.0 - self.by.kept) * decided
        return (expected - chance) / self.gain

    def _by_chance(self, wrong: FloatArray, decided: int) -> FloatArray:
        right = decided - np.clip(wrong, 0, decided)
        return self.breaking * np.sqrt(right * self.by.kept * (1.0 - self.by.kept))


def _check_decided(arm: ControlArm) -> None:
    before = arm.changed_before - arm.gold_before <= arm.decided_before
    after = arm.changed_after - arm.gold_after <= arm.decided_after
    if not (before and after):
        raise DataError(
            f"more rows changed than decided: {arm}",
            expected="decided_before and decided_after, which a correction for reviewers needs",
        )
