"""Composing a batch: random control, known answers, requests, suspicious labels, unlabeled rows.

What belongs here: how many rows of each kind, and which. What does not: what a review is worth and
chance (`burnish.acquisition.order`), the walk down the pool (`burnish.acquisition.picking`), the
order in which people see the rows (`burnish.acquisition.grouping`), wording
(`burnish.acquisition.reasons`), and which rows are still open (`burnish.workflows.queue`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.acquisition.grouping import arrange
from burnish.acquisition.order import batch_value, seeded_keys, unlabeled_priority
from burnish.acquisition.picking import Pick, Picks
from burnish.acquisition.pools import Pool, make_pools, require_columns
from burnish.acquisition.reasons import CONTROL, GOLD, why_audit, why_requested, why_unlabeled
from burnish.errors import DataError
from burnish.records import LabelRequest

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

BATCH_SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("position", pa.int64()),
        ("reason", pa.string()),
        ("why", pa.string()),
        ("label", pa.string()),
        ("suggested_label", pa.string()),
        ("error_probability", pa.float64()),
        ("inclusion_probability", pa.float64()),
        ("pool_size", pa.int64()),
        ("review_group", pa.int64()),
    ]
)
NEEDED = ("example_id", "label", "suggested_label", "error_probability")
NEEDED_UNLABELED = ("example_id", "suggested_label", "model_disagreement")
USUAL_SECONDS = 30.0


def compose_batch(
    candidates: pa.Table,
    *,
    budget: int | None = None,
    minutes: float | None = None,
    seconds_per_review: float = USUAL_SECONDS,
    control_share: float,
    gold: pa.Table | None = None,
    gold_share: float = 0.05,
    requested: Sequence[LabelRequest] = (),
    requested_share: float = 0.5,
    unlabeled: pa.Table | None = None,
    unlabeled_share: float = 0.0,
    slice_weight: Mapping[str, float] | None = None,
    random_state: int,
) -> pa.Table:
    """Rows for people to look at within a budget, as a table of `BATCH_SCHEMA`.

    The budget is a number of rows, `budget`, or a time, `minutes`; then a row takes its `cost` in
    seconds, or `seconds_per_review` where it has none. `candidates` are the eligible training rows:
    example_id, label, suggested_label, error_probability; self_confidence, margin, copy_group,
    cluster, leverage and cost are used where present. `unlabeled` needs example_id,
    suggested_label and model_disagreement, and may have the others. `slice_weight` multiplies the
    value of a row by example_id. A review is worth P(wrong) x slice weight x leverage / cost,
    spread over suggested classes (`burnish.acquisition.order.batch_value`).

    The control arm comes first: c rows drawn uniformly from all N candidates, the suspicious
    ones among them, so that what people find there estimates noise without bias. Its rows carry
    inclusion_probability c/N; nothing else was drawn from the whole, so it is null elsewhere. Then,
    while the budget lasts: `gold_share` of it of random candidates whose answer is known (the
    example_id of `gold`), by which reviewers are measured, half of them with a wrong label as far
    as there are such and `gold` tells their label; rows asked for, at most
    `requested_share`, dealt in turn to those who ask; `unlabeled_share` of unlabeled rows; and the
    labels whose review is worth most. Ids that are not eligible are passed over. Of one copy_group
    one row is picked, and its copies only if nothing else is left; the k-th row of one `cluster`
    counts for its value over k.

    `position` is a random order of random groups, `review_group` (see
    `burnish.acquisition.grouping`): it does not tell why a row is there. `pool_size` is the number
    of rows the row's kind was picked from. Ties fall by a seeded hash of the id; the order of the
    input rows has no influence.

    Raises `DataError` for a missing column, a repeated id, or a number out of its range.

    >>> rows = pa.table({"example_id": ["a", "b", "c"], "label": ["8", "8", "3"],
    ...     "suggested_label": ["3", "8", "3"], "error_probability": [0.9, 0.1, 0.2]})
    >>> batch = compose_batch(rows, budget=2, control_share=0.1, random_state=0)
    >>> sorted(batch["reason"].to_pylist())
    ['audit', 'control']
    """
    shares = {
        "control_share": control_share,
        "gold_share": gold_share,
        "requested_share": requested_share,
        "unlabeled_share": unlabeled_share,
    }
    usual = _usual_charge(budget, minutes, seconds_per_review, shares)
    bare = _none_like() if unlabeled is None else unlabeled
    require_columns(candidates, NEEDED, "audit")
    require_columns(bare, NEEDED_UNLABELED, "unlabeled")
    values = (
        batch_value(candidates, slice_weight, usual_cost=seconds_per_review),
        unlabeled_priority(bare, usual_cost=seconds_per_review),
    )
    labeled, extra = pools = make_pools(
        (candidates, bare), values, usual=usual, random_state=random_state
    )
    rows = len(labeled) + len(extra)
    picks = Picks(float(min(budget, rows)) if budget is not None else 60.0 * (minutes or 0.0))
    known = _known(labeled, gold)
    size = _rows_in(picks.capacity, pools)
    drawn = _draw_control(picks, labeled, control_rows(size, control_share, len(labeled)))
    _draw_gold(picks, labeled, known, control_rows(size, gold_share, len(known)))
    _take_requested(picks, pools, requested, most=_part(picks, requested_share, usual))
    labeled.barred[known] = True
    _fill(picks, labeled, extra, _part(picks, unlabeled_share, usual))
    _draw_gold(picks, labeled, known, len(known))
    return _table(picks.rows, pools, drawn, len(known), random_state)


def control_rows(size: int, share: float, pool: int) -> int:
    """How many rows of a batch are drawn at random: the share, rounded, and at least one.

    None where the share is 0 or the pool is empty.

    >>> control_rows(60, 0.1, 1000), control_rows(3, 0.1, 1000), control_rows(60, 0.0, 1000)
    (6, 1, 0)
    """
    if share == 0 or size == 0:
        return 0
    return min(pool, max(1, _rounded(share * size)))


def _fill(picks: Picks, labeled: Pool, extra: Pool, share: float) -> None:
    """Suspicious labels, and the share of unlabeled rows; one kind where the other runs out."""
    reserved = min(share, float(extra.charge.sum()), picks.room)
    picks.fill(labeled, "audit", most=picks.room - reserved)
    picks.fill(extra, "unlabeled", most=reserved)
    for copies in (False, True):
        picks.fill(labeled, "audit", most=picks.room, copies=copies)
        picks.fill(extra, "unlabeled", most=picks.room, copies=copies)


def _draw_control(picks: Picks, pool: Pool, count: int) -> int:
    """Draw `count` rows uniformly; fewer where the dearest so many would not fit.

    How many are drawn depends on no draw: else a row's chance would hang on its cost.
    """
    if count == 0:
        return 0
    dearest = np.sort(pool.charge)[::-1][:count].cumsum()
    count = int((dearest <= picks.capacity).sum())
    for place in pool.random_order("control")[:count].tolist():
        picks.add(pool, place, "control", CONTROL)
    return count


def _draw_gold(picks: Picks, pool: Pool, known: NDArray[np.intp], count: int) -> None:
    for place in known.tolist():
        if count > 0 and picks.fits(pool, place):
            picks.add(pool, place, "gold", GOLD)
            count -= 1


def _known(pool: Pool, gold: pa.Table | None) -> NDArray[np.intp]:
    """Places of the candidates whose answer is known, in a random order.

    Where the answers are told, one whose label is wrong and one whose label is right take turns: a
    reviewer is measured on both, and wrong labels are the rarer.
    """
    if gold is None:
        return np.empty(0, dtype=np.intp)
    require_columns(gold, ("example_id",), "gold")
    names = gold["example_id"].cast(pa.string()).combine_chunks()
    at = pc.index_in(pool.ids, value_set=names)
    known = np.flatnonzero(pc.is_valid(at).to_numpy(zero_copy_only=False))
    keys = seeded_keys(pool.names(known), salt="gold", random_state=pool.random_state)
    known = known[np.argsort(keys, kind="stable")]
    if "label" not in gold.column_names:
        return known
    places = pa.array(known, pa.int64())
    answers = gold["label"].cast(pa.string()).combine_chunks().take(at.take(places))
    given = pool.rows["label"].cast(pa.string()).combine_chunks().take(places)
    right = pc.fill_null(pc.equal(answers, given), False).to_numpy(zero_copy_only=False)
    turn = np.empty(known.size)
    for kind in (True, False):
        turn[right == kind] = np.arange((right == kind).sum()) + 0.5 * kind
    return known[np.argsort(turn, kind="stable")]


def _take_requested(
    picks: Picks, pools: Sequence[Pool], requested: Sequence[LabelRequest], *, most: float
) -> None:
    """Rows asked for, one for each who asks in turn, while they and the batch have room."""
    until = picks.used + min(most, picks.room)
    for pool, place, why in _dealt(pools, requested):
        if float(pool.charge[place]) <= until - picks.used and picks.fits(pool, place):
            picks.add(pool, place, "requested", why)


def _dealt(
    pools: Sequence[Pool], requested: Sequence[LabelRequest]
) -> Iterator[tuple[Pool, int, str]]:
    """Eligible rows asked for: one of each requester, then the next of each, and so on."""
    hands: dict[str, deque[tuple[Pool, int, str]]] = {}
    for request in requested:
        why = why_requested(request)
        names = list(dict.fromkeys(request.example_ids))
        found = [(pool, pool.places_of(names)) for pool in pools]
        hands.setdefault(request.asked_by, deque()).extend(
            (pool, place, why)
            for at in range(len(names))
            for pool, places in found
            if (place := places[at]) is not None and not pool.taken[place]
        )
    while hands:
        for name in list(hands):
            if hands[name]:
                yield hands[name].popleft()
            else:
                del hands[name]


def _table(
    picks: Sequence[Pick], pools: Sequence[Pool], drawn: int, known: int, random_state: int
) -> pa.Table:
    """The picks as rows of a batch, in the order in which people see them."""
    picks = [pick for pool in pools for pick in picks if pick.pool is pool]
    found = list(chain.from_iterable(_rows_of(pool, picks) for pool in pools))
    order, groups = arrange(
        [row["example_id"] for row in found],
        [row.get("label") for row in found],
        [row["suggested_label"] for row in found],
        random_state=random_state,
    )
    lines: list[dict[str, Any]] = []
    for position, (at, group) in enumerate(zip(order, groups, strict=True), start=1):
        row, pick = found[at], picks[at]
        chance = drawn / len(pick.pool) if pick.reason == "control" else None
        lines.append(
            {name: row.get(name) for name in BATCH_SCHEMA.names}
            | {"position": position, "review_group": group}
            | {"reason": pick.reason, "why": pick.why or _wording(pick, row)}
            | {"inclusion_probability": chance}
            | {"pool_size": known if pick.reason == "gold" else len(pick.pool)}
        )
    return pa.Table.from_pylist(lines, schema=BATCH_SCHEMA)


def _rows_of(pool: Pool, picks: Sequence[Pick]) -> list[dict[str, Any]]:
    places = [pick.place for pick in picks if pick.pool is pool]
    return pool.rows.take(pa.array(places, pa.int64())).to_pylist()


def _wording(pick: Pick, row: Mapping[str, Any]) -> str:
    return why_audit(row) if pick.reason == "audit" else why_unlabeled(row)


def _rows_in(capacity: float, pools: Sequence[Pool]) -> int:
    """About how many rows there is room for."""
    charges = np.concatenate([pool.charge for pool in pools])
    return min(charges.size, int(capacity / charges.mean())) if charges.size else 0


def _part(picks: Picks, share: float, usual: float | None) -> float:
    """A share of the budget: whole rows where that counts rows."""
    return float(_rounded(share * picks.capacity)) if usual is None else share * picks.capacity


def _rounded(number: float) -> int:
    return math.floor(number + 0.5)


def _none_like() -> pa.Table:
    columns = {name: pa.array([], pa.string()) for name in ("example_id", "suggested_label")}
    return pa.table(columns | {"model_disagreement": pa.array([], pa.float64())})


def _usual_charge(
    budget: int | None, minutes: float | None, seconds: float, shares: Mapping[str, float]
) -> float | None:
    """What a row takes of the budget, in seconds; None where the budget counts rows."""
    if (budget is None) == (minutes is None):
        raise DataError("a budget in rows and in minutes" if budget is not None else "no budget",
                        expected="either `budget`, in rows, or `minutes`")  # fmt: skip
    if budget is not None and budget < 1:
        raise DataError(f"the budget is {budget}", expected="one row or more")
    for name, number in (("minutes", minutes), ("seconds_per_review", seconds)):
        if number is not None and not 0.0 < number < math.inf:
            raise DataError(f"{name} is {number}", expected="a time above 0")
    for name, share in shares.items():
        if not 0.0 <= share <= 1.0:
            raise DataError(f"{name} is {share}", expected="a number from 0 to 1")
    return None if minutes is None else seconds
