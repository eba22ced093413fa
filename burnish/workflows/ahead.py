"""What past reviews tell of the next: how long one takes, and how many errors they will find.

What belongs here: reading both off the ledger, for the rows that are still open. What does not: the
forecast itself (`burnish.acquisition`), the queue (`burnish.workflows.queue`), or how many errors
are left in all (`burnish.workflows.noise`).
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.acquisition import Forecast, PastBatch, forecast
from burnish.records import FINAL_DECISIONS, LabelEvent, LabelVersion
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.gold import GOLD, is_restated
from burnish.workflows.taken_back import not_taken_back, settles

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

# Of timed verdicts so many tell what a review takes, if there are enough.
_LATELY, _ENOUGH = 200, 20


def look_ahead(versions: Versions, ledger: LabelLedger, dataset: str) -> Forecast | None:
    """What the next reviews are to find by the newest audit and all verdicts; None without one."""
    audit = versions.read_last_good(dataset, "label_audit")
    if audit is None:
        return None
    return foretell(audit, ledger.fold(dataset), ledger.events(dataset))


def foretell(audit: pa.Table, labels: LabelVersion, events: Iterable[LabelEvent]) -> Forecast:
    """What the next reviews of the rows of `audit` that `labels` leaves open are to find.

    `events` are the verdicts by which past batches are judged.
    """
    closed = finally_decided(labels)["example_id"].combine_chunks()
    is_open = audit.filter(pc.invert(pc.is_in(audit["example_id"], closed)))
    return forecast(suspects(is_open), history=past_batches(events))


def seconds_of_a_review(events: Iterable[LabelEvent]) -> float | None:
    """The median time of people's last verdicts that were timed; None where they are too few.

    It is what one answer takes, where several people answer a row. A verdict is timed where its
    evidence has `seconds`, a number from 0.1 to a day's worth.
    """
    told = [
        event.verdict.evidence.get("seconds")
        for event in events
        if event.verdict.role not in {"simulated", GOLD}
    ]
    # Anybody's program may have written it.
    timed = [float(one) for one in told if isinstance(one, int | float) and 0.1 <= one <= 86_400]
    return median(timed[-_LATELY:]) if len(timed) >= _ENOUGH else None


def past_batches(events: Iterable[LabelEvent]) -> list[PastBatch]:
    """The suspects of each batch so far, oldest first, and which of them people found wrong.

    The last word on each row counts, but for those that were taken back: of several answers to an
    item, the one that settled it.
    """
    last = {
        event.verdict.example_id: event.verdict
        for event in not_taken_back(events)
        if event.verdict.reason == "audit"
        and settles(event.verdict)
        and not is_restated(event.verdict)
    }
    chances: dict[int, list[float]] = {}
    wrong: dict[int, list[bool]] = {}
    for verdict in last.values():
        batch, chance = (verdict.evidence.get(k) for k in ("iteration", "error_probability"))
        if batch is not None and chance is not None and verdict.decision != "unsure":
            chances.setdefault(batch, []).append(float(chance))
            wrong.setdefault(batch, []).append(verdict.decision != "keep")
    return [PastBatch(chances[batch], wrong[batch]) for batch in sorted(chances)]


def suspects(rows: pa.Table) -> pa.Table:
    """The training rows that have a label."""
    return rows.filter(pc.and_(pc.equal(rows["split"], "train"), pc.is_valid(rows["label"])))


def finally_decided(labels: LabelVersion) -> pa.Table:
    """The standing decisions after which a row is not asked about again."""
    return labels.decisions.filter(
        pc.is_in(labels.decisions["decision"], pa.array(sorted(FINAL_DECISIONS), pa.string()))
    )
