"""Promote: whether a new model takes the place of the one that serves.

What belongs here: the policy in words, the decision and its reasons. What does not: the checks
(`burnish.workflows.promote_checks`), where their tables come from
(`burnish.workflows.promote_inputs`), training (`burnish.workflows.train`), nor moving any alias
(the tracker does that).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import pyarrow as pa

from burnish.slices import Partition, SliceMask, by_class, each_once, resolve_partitions
from burnish.spec import PromotionPolicy, Slice
from burnish.workflows.gold import GoldReviews
from burnish.workflows.promote_checks import (
    Check,
    SliceCheck,
    any_large_enough,
    check_calibration,
    check_gold,
    check_overall,
    check_slices,
    check_support,
    share_level,
)
from burnish.workflows.promote_pairs import Pair, by_group
from burnish.workflows.promote_recent import LEAST, Recent, judged_pair


@dataclass(frozen=True)
class Promotion:
    """Whether the challenger was promoted, by which rule, and why.

    `difference` is the challenger's accuracy minus the incumbent's on `rows` common validation
    rows, `low` and `high` its paired interval at `level`; None where there was nothing to compare.
    Of all validation rows, `since` came after the incumbent was trained: its kept model predicted
    them for this decision. `which` says which rows were looked at, where they are not all because
    of `promotion.recent`, or are although it is set. `checks` are all that were made,
    `slices_better` and `slices_worse` the slices of which that is shown, `against` the iteration
    whose model it was held against (None: the baseline, or none).
    """

    promoted: bool
    rule: str
    reason: str
    difference: float | None
    low: float | None
    high: float | None
    rows: int
    level: float = 0.95
    confidence: float = 0.95
    checks: tuple[Check, ...] = ()
    slices_better: tuple[str, ...] = ()
    slices_worse: tuple[str, ...] = ()
    against: int | None = None
    since: int = 0
    which: str = ""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Promotion:
        """The decision that an iteration's summary holds, also of an older Burnish.

        >>> old = {"promoted": True, "rule": "r", "reason": "why", "difference": None,
        ...        "low": None, "high": None, "rows": 0}
        >>> Promotion.from_record(old).checks
        ()
        """
        known = {one.name for one in fields(cls)}
        told = {name: value for name, value in record.items() if name in known}
        told["checks"] = tuple(Check(**one) for one in told.get("checks", ()))
        for name in ("slices_better", "slices_worse"):
            told[name] = tuple(told.get(name, ()))
        return cls(**told)

    def to_table(self) -> pa.Table:
        """A row a check: check, passed, found, low, high, limit, check_reason."""
        names = ("name", "passed", "found", "low", "high", "limit", "reason")
        kinds = (pa.string(), pa.bool_(), *[pa.float64()] * 4, pa.string())
        columns = {
            {"name": "check", "reason": "check_reason"}.get(name, name): pa.array(
                [getattr(one, name) for one in self.checks], kind
            )
            for name, kind in zip(names, kinds, strict=True)
        }
        return pa.table(columns)


def rule_in_words(policy: PromotionPolicy) -> str:
    """The policy in words.

    >>> from textwrap import fill
    >>> print(fill(rule_in_words(PromotionPolicy()), 96))
    promoted unless shown to be worse on common validation rows, held against their current labels:
    in accuracy overall, in accuracy in a slice of 20 rows or more, in Brier score by more than
    0.01. Turned down too if the batch's reviewers are shown to be right on less than 80 % of rows
    with a known answer. All checks together turn down an equally good model at most 5 % of the
    time.
    """
    overall = f" by more than {100 * policy.max_overall_loss:g} points"
    in_slice = f" by more than {100 * policy.max_slice_loss:g} points"
    loss = overall if policy.max_overall_loss else ""
    better = policy.require == "better"
    lately = (
        f" met in the last {policy.recent} periods of production (on all, where these are fewer "
        f"than {LEAST})"
        if policy.recent is not None
        else ""
    )
    start = (
        f"promoted only if shown to be better in accuracy overall on common validation rows{lately}"
        ", held against their current labels, and not shown to be worse:"
        if better
        else f"promoted unless shown to be worse on common validation rows{lately}, held against "
        f"their current labels: in accuracy overall{loss},"
    )
    error = 100 * (1 - policy.confidence)
    gold = f"{100 * policy.min_gold_accuracy:.0f} %"
    rate = (
        f"A model that is no better passes at most {error:.3g} % of the time."
        if better
        else f"All checks together turn down an equally good model at most {error:.3g} % of the "
        "time."
    )
    return (
        f"{start} in accuracy in a slice of {policy.min_support} rows or more"
        f"{in_slice if policy.max_slice_loss else ''}, in Brier score by more than "
        f"{policy.max_calibration_loss:g}. Turned down too if the batch's reviewers are "
        f"shown to be right on less than {gold} of rows with a known answer. {rate}"
    )


def decide_promotion(
    challenger: pa.Table,
    incumbent: pa.Table | None,
    *,
    policy: PromotionPolicy | None = None,
    examples: pa.Table | None = None,
    slices: Sequence[Slice] = (),
    gold: GoldReviews | None = None,
    against: int | None = None,
    since: int = 0,
    recent: Recent | None = None,
    group: str | None = None,
) -> Promotion:
    """Holds the challenger's predictions against the incumbent's, by the policy of the spec.

    Both are tables of predictions (example_id, split, label, predicted, perhaps `p:<class>`). They
    are compared on the validation rows of the challenger that the incumbent predicted too, each
    held against the challenger's labels: those are current, and the incumbent's may be from before
    they were mended. An incumbent's row that has since left the validation split counts for
    nothing. `examples` are the curated rows, which the declared `slices` speak of; a slice for
    each class is looked at beside them. `gold` is what this batch's reviewers said of rows with a
    known answer; `against` the iteration of the incumbent, `since` how many of its validation rows
    came after it was trained; `recent` the rows that alone are looked at, where there are enough;
    `group` the column of `examples` by which rows stand or fall together, as the spec's.

    >>> rows = {"example_id": ["1", "2"], "split": ["validation"] * 2, "label": ["a", "b"]}
    >>> found = decide_promotion(pa.table({**rows, "predicted": ["a", "b"]}), None)
    >>> found.promoted, found.reason
    (True, 'the first model: there is none to compare with')
    """
    policy = policy or PromotionPolicy()
    if incumbent is None:
        checks = (
            []
            if gold is None or not gold.answered
            else [check_gold(gold, policy, level=share_level(policy.confidence, 1))]
        )
        return _nothing_to_compare("the first model: there is none to compare with", policy, checks)
    pair, which = judged_pair(incumbent, challenger, recent)
    if group is not None and examples is not None:
        pair = by_group(pair, examples, group)
    masks = _slices_of(pair, examples, slices)
    decided = decide_on_pair(pair, masks, policy, gold=gold, against=against, which=which)
    return replace(decided, since=since)


def decide_on_pair(
    pair: Pair,
    slices: Sequence[SliceMask | Partition],
    policy: PromotionPolicy,
    *,
    gold: GoldReviews | None = None,
    against: int | None = None,
    which: str = "",
) -> Promotion:
    """The decision on rows that were joined already; `slices` are cut of them, each once."""
    asked = gold if gold is not None and gold.answered else None
    large = any_large_enough(slices, policy)
    made = (bool(pair.rows), large, pair.rows > 1 and bool(pair.classes), asked is not None)
    level = share_level(policy.confidence, sum(made))
    checks = [check_support(pair.rows, policy, which=which)]
    by_slice: SliceCheck | None = None
    if made[0]:
        checks.append(check_overall(pair, policy, level=level, which=which))
    if made[1]:
        by_slice = check_slices(pair, slices, policy, level=level)
        checks.append(by_slice.check)
    if made[2]:
        checks.append(check_calibration(pair, policy, level=level))
    if asked is not None:
        checks.append(check_gold(asked, policy, level=level))
    overall = next((one for one in checks if one.name == "overall"), None)
    if overall is None:
        return _nothing_to_compare(
            "no validation row in common: nothing shows that it is worse", policy, checks
        )
    return Promotion(
        promoted=all(one.passed for one in checks),
        rule=rule_in_words(policy),
        reason=_reason(checks, overall),
        difference=overall.found,
        low=overall.low,
        high=overall.high,
        rows=pair.rows,
        level=level,
        confidence=policy.confidence,
        checks=tuple(checks),
        slices_better=by_slice.better if by_slice else (),
        slices_worse=by_slice.worse if by_slice else (),
        against=against,
        which=which,
    )


def _slices_of(
    pair: Pair, examples: pa.Table | None, slices: Sequence[Slice]
) -> list[SliceMask | Partition]:
    """Declared slices and one for each class, over the rows of the pair."""
    if not pair.rows:
        return []
    parts: list[SliceMask | Partition] = []
    if examples is not None and slices:
        place = {name: row for row, name in enumerate(examples["example_id"].to_pylist())}
        rows = examples.take(pa.array([place[name] for name in pair.example_ids], pa.int64()))
        parts += resolve_partitions(rows, slices)
    (once,) = each_once([*parts, by_class(pair.labels)])
    return once


def _nothing_to_compare(reason: str, policy: PromotionPolicy, checks: Sequence[Check]) -> Promotion:
    failed = [one.reason for one in checks if not one.passed]
    return Promotion(
        promoted=not failed,
        rule=rule_in_words(policy),
        reason="; ".join([*failed, *([] if failed else [reason])]),
        difference=None,
        low=None,
        high=None,
        rows=0,
        confidence=policy.confidence,
        checks=tuple(checks),
    )


def _reason(checks: Sequence[Check], overall: Check) -> str:
    failed = [one.reason for one in checks if not one.passed]
    return "; ".join(failed) if failed else overall.reason
