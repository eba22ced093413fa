"""Held-out rows in the queue: asked for or drawn at random, and judged blind.

What belongs here: which validation and test rows come into a batch, and how. What does not: the
rest of the batch (`burnish.acquisition`), nor what a person may see of an item (`burnish.review`).

Validation and test labels are the ruler that models are held against. If rows of them were looked
at because a model disagrees, its errors would be mended into truth, and its accuracy would rise by
that alone. So they are never audited. They come into the queue by a label request, or drawn at
random, and without their label, a suggestion or a probability: what is not in the queue nobody can
be shown, at the desk, on a sheet or by the API. The verdict says so (`blind` in its evidence).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from math import floor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from burnish.acquisition.reasons import why_requested
from burnish.errors import DataError
from burnish.records import HELD_OUT, LabelRequest, LabelVersion
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.ahead import finally_decided

SPLITS = ("validation", "test")
OPINIONS = frozenset(
    {
        *("suggested", "suggested_label", "error_probability", "self_confidence", "margin"),
        *("predicted", "confidence"),
    }
)
"""Columns of a file that tell what a model thinks of a row; so do those called `p:<class>`."""


def held_out_ids(versions: Versions, dataset: str) -> frozenset[str]:
    """The validation and test rows of a dataset, by example_id."""
    rows = versions.read_last_good(dataset, "validated_examples", columns=["example_id", "split"])
    if rows is None:
        return frozenset()
    apart = rows.filter(pc.field("split").isin(list(SPLITS)))
    return frozenset(apart["example_id"].to_pylist())


def request_at_random(
    ledger: LabelLedger,
    examples: pa.Table,
    *,
    dataset: str,
    split: str,
    rows: int,
    asked_by: str,
    random_state: int,
) -> LabelRequest:
    """Ask for `rows` rows of a held-out split, drawn uniformly among those not decided yet.

    `examples` has example_id and split. So the share of wrong labels of the split can be told from
    what people change, whatever any model thinks. Raises `DataError` for a split that is not held
    out, and where none of its rows is left.
    """
    if split not in SPLITS:
        raise DataError(f"split {split!r}", expected="validation or test")
    closed = set(finally_decided(ledger.fold(dataset))["example_id"].to_pylist())
    own = examples.filter(pc.field("split") == split)["example_id"].to_pylist()
    left = sorted(name for name in own if name not in closed)
    if not left:
        raise DataError(f"no {split} row of {dataset} is left to decide", expected="one or more")
    drawn = np.random.default_rng(random_state).permutation(len(left))[:rows]
    chosen = tuple(left[at] for at in drawn.tolist())
    reason = f"{len(chosen)} of {len(left)} {split} rows, drawn at random"
    return ledger.request(dataset, LabelRequest(chosen, asked_by, reason))


def asked_held_out(
    requests: Sequence[LabelRequest],
    held_out: Collection[str],
    labels: LabelVersion,
    *,
    taken: Iterable[str],
    room: int,
    share: float,
) -> list[tuple[str, str]]:
    """Held-out rows that requests name, and why each: at most `share` of `room`, one room left.

    In the order of the requests; rows that were finally decided, or are in the batch, are not
    asked about again.
    """
    closed = {*finally_decided(labels)["example_id"].to_pylist(), *taken}
    asked = {
        name: why_requested(request)
        for request in reversed(requests)
        for name in reversed(request.example_ids)
        if name in held_out and name not in closed
    }
    most = min(room - 1, max(1, floor(share * room))) if share > 0 else 0
    return list(reversed(asked.items()))[: max(0, most)]


def with_held_out(
    batch: pa.Table, rows: Sequence[tuple[str, str]], *, pool: int, random_state: int
) -> pa.Table:
    """A batch with held-out rows among the others, at random places, each in its neighbour's group.

    Their place tells nothing of them. `pool` is how many held-out rows there are.
    """
    if not rows:
        return batch
    rng = np.random.default_rng([random_state, len(rows)])
    lines = batch.sort_by("position").to_pylist()
    for name, why in rows:
        at = int(rng.integers(len(lines) + 1))
        beside = lines[min(at, len(lines) - 1)]["review_group"] if lines else 1
        line = dict.fromkeys(batch.schema.names) | {
            "example_id": name,
            "reason": HELD_OUT,
            "why": why,
            "pool_size": pool,
            "review_group": beside,
        }
        lines.insert(at, line)
    placed = [line | {"position": at} for at, line in enumerate(lines, start=1)]
    return pa.Table.from_pylist(placed, schema=batch.schema)


def tells_opinion(columns: Iterable[str]) -> str:
    """The first of a file's columns that tells what a model thinks of its rows; empty for none.

    >>> tells_opinion(["example_id", "label", "p:cat"]), tells_opinion(["example_id", "label"])
    ('p:cat', '')

    A spreadsheet's spelling of a name is the name:

    >>> tells_opinion(["example_id", "Suggested Label"])
    'Suggested Label'
    """
    return next((name for name in columns if _is_opinion(name)), "")


def _is_opinion(column: str) -> bool:
    plain = "_".join(column.casefold().replace("-", " ").split())
    return plain in OPINIONS or plain.startswith("p:")
