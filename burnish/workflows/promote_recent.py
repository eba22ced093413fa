"""Which validation rows are of today: those met in the last periods of production.

What belongs here: reading them off the labels that came in, and the rows of a pair they leave.
What does not: the decision (`burnish.workflows.promote`), or what the champion says of rows that
came since (`burnish.workflows.promote_incumbent`).

After drift the validation rows of before outnumber those of today for a long time, and a model that
is better today and worse at what does not come back is turned down. Whether it comes back is for
people to say: `promotion.recent` of the spec. Too few rows of today show nothing, and then all are
looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from burnish.policy.periods import moved
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.production_stages import LABELS
from burnish.workflows.promote_pairs import Pair, pair_rows

LEAST = 100
"""Rows met lately, below which all validation rows are looked at."""


@dataclass(frozen=True)
class Recent:
    """Rows with a label, met in the last `periods` periods, of which `since` is the first."""

    example_ids: frozenset[str]
    periods: int
    since: str


def recently_met(spec: DatasetSpec, versions: Versions) -> Recent | None:
    """The rows that `promotion.recent` speaks of; None where it is not set or no label came in.

    The periods are counted back from the newest one of which a label came in.
    """
    wanted, production = spec.promotion.recent, spec.production
    if wanted is None or production is None:
        return None
    came = versions.read_last_good(spec.name, LABELS)
    if came is None or not came.num_rows:
        return None
    rows = came.select(["example_id", "period", "label"]).to_pylist()
    known = [(row["example_id"], row["period"]) for row in rows if row["label"] is not None]
    if not known:
        return None
    since = moved(max(period for _, period in known), 1 - wanted, production.period)
    return Recent(frozenset(name for name, period in known if period >= since), wanted, since)


def judged_pair(
    incumbent: pa.Table, challenger: pa.Table, recent: Recent | None
) -> tuple[Pair, str]:
    """The validation rows that the gate looks at, and which these are in words.

    The words are empty where nothing was said of recent rows.
    """
    if recent is not None:
        names = recent.example_ids
        pair = pair_rows(incumbent, challenger, split="validation", only=names)
        if pair.rows >= LEAST:
            return pair, f"met since {recent.since}"
        few = f"all looked at, as {pair.rows} of {LEAST} asked for were met since {recent.since}"
        return pair_rows(incumbent, challenger, split="validation"), few
    return pair_rows(incumbent, challenger, split="validation"), ""
