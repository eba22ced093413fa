"""The checks of the promotion gate, each a pure function of what two models said.

What belongs here: overall, slices, calibration, support, gold; and how the error rate is shared
between them. What does not: the decision (`burnish.workflows.promote`), or where its tables come
from (`burnish.workflows.promote_inputs`).

Every check but that of support looks at one tail of an interval: a model is turned down for what
is *shown* to be worse. Where k checks can be made, each may be wrong at most (1 - confidence) / k
of the time, so the gate as a whole at most 1 - confidence (Bonferroni). That of the slices keeps
its share over all slices at once.

Where the spec declares a group, rows of one group count together: two weeks of 300 rows each are
two witnesses, not 600. The limits are then Student's over groups (`burnish.slices.compare`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.metrics import Interval, exact_interval, paired_difference
from burnish.metrics.grouped import Groups
from burnish.metrics.limits import mean_limits
from burnish.slices import Partition, SliceMask, compare, everything
from burnish.slices.partitions import grouped_rows
from burnish.spec import PromotionPolicy
from burnish.workflows.gold import GoldReviews
from burnish.workflows.promote_pairs import Pair

MOST_NAMED = 3


@dataclass(frozen=True)
class Check:
    """One check of the gate: whether it passed, what was found, the limit it is held to, and why.

    `found` is the difference, the count or the share that was seen, `low` and `high` its limits;
    None where there was nothing to look at.
    """

    name: str
    passed: bool
    found: float | None
    limit: float | None
    reason: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class SliceCheck:
    """The check of the slices, and by name which were shown to be better, worse, or are small."""

    check: Check
    better: tuple[str, ...]
    worse: tuple[str, ...]
    small: int


def share_level(confidence: float, checks: int) -> float:
    """The two-sided confidence of each of `checks` checks that look at one tail.

    >>> share_level(0.95, 4)
    0.975
    """
    # One check at a confidence of a half asks for no certainty at all, and an interval for some.
    return max(1e-9, 1 - 2 * (1 - confidence) / max(1, checks))


def any_large_enough(slices: Sequence[SliceMask | Partition], policy: PromotionPolicy) -> bool:
    """Whether the gate looks at any slice: those that are smaller could not show anything."""
    return any((grouped_rows(one)[1].count() >= policy.min_support).any() for one in slices)


def check_support(rows: int, policy: PromotionPolicy, *, which: str = "") -> Check:
    """Whether there are rows enough to show anything; `which` they are is added to the reason.

    Too few stop a model that has to be shown to be better. One that must not be shown to be worse
    they let pass, and it is said: a data set that is small would never get a second model.
    """
    few = rows < policy.min_support
    passed = not few or policy.require == "not_worse"
    reason = f"{rows} common validation rows{_aside(which)}"
    if few:
        end = "a loss could hardly be shown" if passed else "nothing can be shown to be better"
        reason = f"only {reason}, of {policy.min_support} asked for: {end}"
    return Check("support", passed, float(rows), float(policy.min_support), reason)


def check_overall(pair: Pair, policy: PromotionPolicy, *, level: float, which: str = "") -> Check:
    """Accuracy of the challenger less that of the champion: Tango's paired interval.

    Of rows in groups, Student's over groups.
    """
    found = _overall(pair, level)
    better = policy.require == "better"
    limit = 0.0 if better else -policy.max_overall_loss
    passed = found.low > limit if better else not found.high < limit
    word = "worse" if found.high < 0 else "better" if found.low > 0 else "not shown to be worse"
    if better and not passed and word != "worse":
        word = "not shown to be better"
    rows = f"{pair.rows} common validation rows{_together(pair)}{_aside(which)}"
    reason = (
        f"{word}: accuracy {points(found.value)} points on {rows} "
        f"({_percent(level)} interval {points(found.low)} to {points(found.high)})"
    )
    return Check("overall", passed, found.value, limit, reason, found.low, found.high)


def check_slices(
    pair: Pair, slices: Sequence[SliceMask | Partition], policy: PromotionPolicy, *, level: float
) -> SliceCheck:
    """Accuracy in every slice that is large enough, with limits that hold for all of them."""
    found = _compared(pair, slices, level, min_support=policy.min_support)
    large = [row for row in found if row["large"]]
    small = len(found) - len(large)
    rows = sorted(large, key=lambda row: row["high_all"])
    lost = [row for row in rows if row["high_all"] < -policy.max_slice_loss]
    worst = min(rows, key=lambda row: row["difference"])
    told = lost[0] if lost else worst
    check = Check(
        "slices",
        not lost,
        told["difference"],
        -policy.max_slice_loss,
        _slices_in_words(lost, len(rows), small, policy, level=level),
        told["low_all"],
        told["high_all"],
    )
    return SliceCheck(
        check,
        better=tuple(row["slice"] for row in rows if row["low_all"] > 0),
        worse=tuple(row["slice"] for row in rows if row["high_all"] < 0),
        small=small,
    )


def check_calibration(pair: Pair, policy: PromotionPolicy, *, level: float) -> Check:
    """The Brier score of the challenger less that of the champion, row by row; less is better.

    Student's interval of the mean difference, its statistic transformed for skewness
    (`burnish.metrics.limits.mean_limits`).
    """
    if pair.probs_before is None or pair.probs_after is None:
        raise DataError("predictions without probabilities", expected="a column p:<class> each")
    before, after = _brier(pair, pair.probs_before), _brier(pair, pair.probs_after)
    if pair.groups is None:
        alone = Groups(np.zeros(pair.rows, np.int64), 1)
        limits = mean_limits(after - before, alone, confidence=level)
        value, low, high = float(limits.value[0]), float(limits.low[0]), float(limits.high[0])
    else:
        whole = _grouped(pair, before, after, [everything(pair.rows)], level)[0]
        value, low, high = whole["difference"], whole["low"], whole["high"]
    passed = not low > policy.max_calibration_loss
    word = "worse" if low > 0 else "better" if high < 0 else "not shown to be worse"
    reason = (
        f"probabilities {word}: Brier score {value:+.4f} "
        f"({_percent(level)} interval {low:+.4f} to {high:+.4f}; less is better)"
    )
    return Check("calibration", passed, value, policy.max_calibration_loss, reason, low, high)


def check_gold(gold: GoldReviews, policy: PromotionPolicy, *, level: float) -> Check:
    """How often the reviewers of this batch were right on rows with a known answer.

    By exact limits (Clopper and Pearson 1934): a batch has few such rows, and Wilson's would take
    one wrong answer of one for proof. It stops a batch whose reviewers are shown to be right less
    often than the policy asks.
    """
    found = exact_interval(gold.correct, gold.answered, confidence=level)
    passed = not found.high < policy.min_gold_accuracy
    word = "no less often than" if passed else "shown to be right less often than"
    reason = (
        f"reviewers of this batch were right on {gold.correct} of {gold.answered} rows with a "
        f"known answer ({_percent(level)} interval {100 * found.low:.0f} to "
        f"{100 * found.high:.0f} %): {word} {100 * policy.min_gold_accuracy:.0f} %"
        + (", as far as they show" if passed else "")
    )
    return Check(
        "gold", passed, found.value, policy.min_gold_accuracy, reason, found.low, found.high
    )


def points(share: float) -> str:
    """A difference of shares in points, with its sign.

    >>> points(-0.0213)
    '-2.1'
    """
    return f"{100 * share + 0.0:+.1f}"


def _brier(pair: Pair, probs: NDArray[np.float64]) -> NDArray[np.float64]:
    truth = pair.labels[:, None] == np.asarray(pair.classes)[None, :]
    return ((probs - truth) ** 2).sum(axis=1)


def _slices_in_words(
    lost: Sequence[dict[str, object]],
    looked_at: int,
    small: int,
    policy: PromotionPolicy,
    *,
    level: float,
) -> str:
    aside = f"; {small} smaller than {policy.min_support} rows left aside" if small else ""
    if not lost:
        allowed = policy.max_slice_loss
        more = f" by more than {100 * allowed:g} points" if allowed else ""
        return f"none of {looked_at} slices is shown to be worse{more}{aside}"
    named = ", ".join(
        f"{row['slice']} ({points(float(str(row['difference'])))} points on {row['support']} rows)"
        for row in lost[:MOST_NAMED]
    )
    more = f" and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
    return (
        f"worse in {named}{more}, of {looked_at} slices at once with "
        f"{_percent(level)} confidence{aside}"
    )


def _together(pair: Pair) -> str:
    if pair.groups is None:
        return ""
    count = int(pair.groups.max()) + 1
    return f" of {count} groups" if count > 1 else " of one group"


def _overall(pair: Pair, level: float) -> Interval:
    right_before, right_after = pair.before == pair.labels, pair.after == pair.labels
    if pair.groups is None:
        return paired_difference(right_after, right_before, confidence=level)
    (whole,) = _compared(pair, [everything(pair.rows)], level, min_support=1)
    return Interval(whole["difference"], whole["low"], whole["high"])


def _compared(
    pair: Pair, slices: Sequence[SliceMask | Partition], level: float, *, min_support: int
) -> list[dict[str, Any]]:
    """The change of accuracy by slice; `large` says whether a slice has rows enough."""
    if pair.groups is None:
        found = compare(
            pair.labels, pair.before, pair.after, slices, confidence=level, min_support=min_support
        )
        return [row | {"large": row["finding"] != "too few"} for row in found.rows()]
    wrong = [np.asarray(one != pair.labels, float) for one in (pair.before, pair.after)]
    rows = _grouped(pair, wrong[0], wrong[1], slices, level)
    # Of errors less is better: the change of accuracy is the other way round.
    turned = {"difference": "difference", "low": "high", "high": "low"}
    turned |= {"low_all": "high_all", "high_all": "low_all"}
    return [
        row
        | {name: min(1.0, max(-1.0, -row[other])) for name, other in turned.items()}
        | {"large": row["support"] >= min_support}
        for row in rows
    ]


def _grouped(
    pair: Pair,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    slices: Sequence[SliceMask | Partition],
    level: float,
) -> list[dict[str, Any]]:
    """The change of a mean of the rows, by slice; one group shows nothing, so any change may be."""
    found = compare(
        np.zeros(pair.rows),
        before,
        after,
        slices,
        metrics=("mae",),
        task="regression",
        confidence=level,
        min_support=2,
        groups=pair.groups,
    )
    limits = {"low": -2.0, "high": 2.0, "low_all": -2.0, "high_all": 2.0, "difference": 0.0}
    return [
        row | {name: most for name, most in limits.items() if row[name] is None}
        for row in found.rows()
    ]


def _aside(which: str) -> str:
    return f", {which}" if which else ""


def _percent(level: float) -> str:
    return f"{100 * level:.4g} %"
