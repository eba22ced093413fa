"""How much label noise is left, estimated from the random control arms of all iterations.

What belongs here: estimation from people's verdicts alone. What does not: counting these verdicts
(`burnish.workflows.control_arms`), noise as the models see it (`burnish.labels.noise`), and
counting against a known truth (`burnish.workflows.simulate`).

Rows that an audit picks are wrong far more often than others, so they say nothing of the rest.
The control arm of a batch is drawn uniformly from all rows still open, so it does. Let E rows be
wrong at the start. When batch t was drawn, N_t rows were open and F_t wrong ones had been found
already; of c_t control rows x_t were wrong. Then N_t x_t / c_t + F_t estimates E without bias
(Horvitz & Thompson 1952), whatever the audit picked. All arms are pooled, with weights c_t / N_t,
which no outcome influences; what has been changed since is subtracted.

Without gold items "wrong" is what reviewers change or drop: their own mistakes are in the estimate,
on both sides, and `basis` says so. The interval inverts the exact test: the control rows found
wrong are a sum of hypergeometric counts whose parameter is E. All E that a two-sided mid-P test
does not reject make up the interval (Clopper & Pearson 1934; mid-P: Lancaster 1961, Berry &
Armitage 1995), but none below what was found.

With gold items the reviewers' sensitivity s and specificity t are measured. Then the same is asked
of what is true: of D decided rows of which x were changed, about (x - (1 - t) D) / (s + t - 1)
were wrong, whichever rows they were; some of them were missed, and some right ones broken, and
these are errors left as much as those among the open rows. The interval comes of draws of s, t and
the control rows (`burnish.labels.rate`), and of how many rows reviewers may have got wrong by
chance. `docs/methods/noise-estimate.md` has the coverage of both, simulated.

Rows left undecided or `unsure` are left out, as if they had not been drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.labels import ReviewerCounts
from burnish.labels.rate import checked_counts, measured, no_better
from burnish.workflows.control_arms import ControlArm
from burnish.workflows.reviewer_errors import errors_left


@dataclass(frozen=True)
class NoiseEstimate:
    """Share of current training labels that are wrong, with its interval.

    Where it is not `corrected` by gold items, it is the share that reviewers would change: see the
    module, and `basis`.
    `n` control rows stand behind it. With none, value is NaN, low 0, high 1.
    """

    value: float
    low: float
    high: float
    n: int
    basis: str
    corrected: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON; the value is None where nothing is known."""
        value = None if isnan(self.value) else self.value
        return {"value": value, "low": self.low, "high": self.high, "n": self.n} | {
            "basis": self.basis,
            "corrected": self.corrected,
        }


def estimate_noise(
    observations: Sequence[ControlArm],
    *,
    changed: int | None = None,
    rows: int | None = None,
    reviewers: ReviewerCounts | tuple[int, int, int, int] | None = None,
    confidence: float = 0.95,
) -> NoiseEstimate:
    """Noise left in the training labels after the batches so far.

    `observations` are the arms in the order of their batches. `changed` counts the training rows
    changed or dropped by now (default: at the end of the last batch), `rows` the training rows
    that share the remaining errors (default: the open rows of the first batch). With `reviewers`,
    their counts on gold items, the estimate is of labels that are truly wrong; the arms must then
    count decided rows too. Raises `DataError` for counts that contradict each other.

    >>> first = ControlArm(1000, drawn=40, wrong=8, changed_before=0, changed_after=50)
    >>> found = estimate_noise([first])
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.15, 0.05, 0.291)
    """
    for arm in observations:
        _check_arm(arm)
    if not 0.0 < confidence < 1.0:
        raise DataError(f"confidence is {confidence}", expected="a number inside (0, 1)")
    if not observations:
        return NoiseEstimate(nan, 0.0, 1.0, 0, "no control row has been decided yet")
    found = observations[-1].changed_after if changed is None else changed
    total = observations[0].pool_size if rows is None else rows
    if found < 0 or total < 1:
        raise DataError(f"{found} changed of {total} rows", expected="counts of training rows")
    if reviewers is not None:
        counts = checked_counts(reviewers)
        return _corrected(observations, counts, found, total, confidence)
    # The sum over arms of c/N (E - F) is what x is expected to be: solved for E, with x as seen.
    weight = np.array([arm.drawn / arm.pool_size for arm in observations])
    wrong = np.array([arm.wrong for arm in observations])
    before = np.array([arm.changed_before for arm in observations])
    errors = float((wrong + weight * before).sum() / weight.sum())
    fewest, most = _limits(observations, found, 1.0 - confidence)
    low, high = (min(1.0, (limit - found) / total) for limit in (fewest, most))
    drawn = sum(arm.drawn for arm in observations)
    return NoiseEstimate(
        value=min(high, max(low, (errors - found) / total)),
        low=low,
        high=high,
        n=drawn,
        basis=f"{_said(observations)}; what reviewers would change: their own errors are not known",
    )


def _corrected(
    arms: Sequence[ControlArm], counts: ReviewerCounts, changed: int, rows: int, confidence: float
) -> NoiseEstimate:
    drawn = sum(arm.drawn for arm in arms)
    left = errors_left(arms, counts, changed=changed, rows=rows, confidence=confidence)
    if left is None:
        return NoiseEstimate(nan, 0.0, 1.0, drawn, f"{_said(arms)}; {no_better(counts)}")
    value, low, high = (errors / rows for errors in left)
    return NoiseEstimate(value, low, high, drawn, f"{_said(arms)}; {measured(counts)}", True)


def _said(arms: Sequence[ControlArm]) -> str:
    drawn, wrong = sum(arm.drawn for arm in arms), sum(arm.wrong for arm in arms)
    return f"control rows: {drawn}, of {len(arms)} batches; wrong: {wrong}"


def _limits(arms: Sequence[ControlArm], found: int, alpha: float) -> tuple[int, int]:
    """Fewest and most errors at the start that the two-sided mid-P test does not reject."""
    seen = sum(arm.wrong for arm in arms)
    least = found
    most = max(least, min(arm.pool_size + arm.changed_before for arm in arms))

    def too_few(errors: int) -> bool:
        chances = _count_chances(arms, errors)
        return chances[seen:].sum() - chances[seen] / 2 <= alpha / 2

    def not_too_many(errors: int) -> bool:
        chances = _count_chances(arms, errors)
        return chances[: seen + 1].sum() - chances[seen] / 2 > alpha / 2

    low = _first_false(too_few, least, most)
    return low, max(low, _first_false(not_too_many, least, most + 1) - 1)


def _first_false(holds: Any, low: int, high: int) -> int:
    """The first number in [low, high] for which a falling condition fails; `high` if none."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            low = middle + 1
        else:
            high = middle
    return low


def _count_chances(arms: Sequence[ControlArm], errors: int) -> NDArray[np.float64]:
    """Probability of 0, 1, 2, ... wrong control rows in all, if `errors` rows were wrong."""
    chances = np.ones(1)
    for arm in arms:
        left = min(max(errors - arm.changed_before, 0), arm.pool_size)
        chances = np.convolve(chances, _hypergeometric(arm.pool_size, left, arm.drawn))
    return chances


def _hypergeometric(pool: int, wrong: int, drawn: int) -> NDArray[np.float64]:
    """Probability of 0 to `drawn` wrong rows; scipy.stats says the same, ten times slower."""
    from scipy.special import gammaln

    seen = np.arange(drawn + 1)
    logs = gammaln(wrong + 1.0) - gammaln(seen + 1.0) - gammaln(wrong - seen + 1.0)
    rest, others = pool - wrong, drawn - seen
    logs += gammaln(rest + 1.0) - gammaln(others + 1.0) - gammaln(rest - others + 1.0)
    chances = np.exp(logs - logs.max())
    return chances / chances.sum()


def _check_arm(arm: ControlArm) -> None:
    counts = 0 <= arm.wrong <= arm.drawn <= arm.pool_size and arm.drawn > 0
    if not counts or not 0 <= arm.changed_before <= arm.changed_after:
        raise DataError(
            f"an arm that cannot be: {arm}",
            expected="0 <= wrong <= drawn <= pool_size, drawn > 0, changed_before <= changed_after",
        )
