"""Batches of fixes as the ledger has them, and the labels with and without one.

What belongs here: which events are of which batch, what they cost, and the decisions that stand
when some events are left out. What does not: training on these labels
(`burnish.workflows.returns_fits`), or which event takes another back
(`burnish.workflows.taken_back`).

A batch is what people decided of training rows in one iteration. Verdicts that were taken back are
of no batch, and neither are those on rows of validation and test: leaving a batch out never
touches the rows that everything is measured on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from burnish.records import LabelEvent, LabelVersion, Verdict, Watermark
from burnish.workflows.gold import is_restated
from burnish.workflows.taken_back import is_undo, not_taken_back, settles

Timed = Literal["timed at the desk", "partly timed", "as the spec says"]

_DECISIONS = pa.schema(
    [
        ("example_id", pa.string()),
        ("decision", pa.string()),
        ("label", pa.string()),
        ("event_id", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Effort:
    """What some reviews cost: rows decided, hours at it, and how the hours are known."""

    reviews: int
    hours: float
    timed: Timed


@dataclass(frozen=True)
class Batch:
    """The standing events of one iteration on training rows, oldest first."""

    iteration: int
    events: tuple[LabelEvent, ...]

    @property
    def last(self) -> int:
        """The number of its newest event."""
        return self.events[-1].event_id

    def of_reason(self, reason: str | None) -> set[int]:
        """The numbers of its events, or of those that were asked for one reason."""
        return {
            event.event_id for event in self.events if reason in {None, reason_of(event.verdict)}
        }


def reason_of(verdict: Verdict) -> str:
    """Why the row was in the batch: the reason of the queue, else that of the verdict.

    >>> reason_of(Verdict("a", "keep", "8", "8", author="Ada", reason="audit"))
    'audit'
    """
    told = verdict.evidence.get("reason")
    return told if isinstance(told, str) and told else verdict.reason or "no reason given"


def standing_events(events: Iterable[LabelEvent]) -> list[LabelEvent]:
    """The events that say something and were not taken back, in their order."""
    return [event for event in not_taken_back(events) if not is_undo(event.verdict)]


def batches_of(
    standing: Iterable[LabelEvent], training: Collection[str], iterations: Collection[int]
) -> list[Batch]:
    """The batch of each of `iterations`, oldest first; those without a verdict are left out.

    `standing` are events of `standing_events`, `training` the ids of rows that are trained on.
    """
    own: dict[int, list[LabelEvent]] = {}
    for event in standing:
        number = event.verdict.evidence.get("iteration")
        if (
            isinstance(number, int)
            and number in iterations
            and event.verdict.example_id in training
        ):
            own.setdefault(number, []).append(event)
    return [Batch(number, tuple(own[number])) for number in sorted(own)]


def decided_by(
    dataset: str, standing: Iterable[LabelEvent], counts: Callable[[LabelEvent], bool]
) -> LabelVersion:
    """The decisions that stand where only the events count that `counts` says: the last of each.

    It is the ledger's fold with some events left out, so no watermark names it.
    """
    last = {event.verdict.example_id: event for event in standing if counts(event)}
    rows = [
        {
            "example_id": name,
            "decision": event.verdict.decision,
            "label": event.verdict.to_label
            if event.verdict.decision in {"keep", "change"}
            else None,
            "event_id": event.event_id,
        }
        for name, event in last.items()
    ]
    decisions = pa.Table.from_pylist(rows, schema=_DECISIONS)
    return LabelVersion(dataset, Watermark(0, ""), decisions, "")


def effort(events: Sequence[LabelEvent], *, seconds_per_review: float) -> Effort:
    """Rows that were decided and the hours of all who answered.

    An answer's evidence has `seconds` where it was given at the desk by a person. Other answers
    are taken to last `seconds_per_review`.
    """
    answers = [event.verdict for event in events if not is_restated(event.verdict)]
    times = [seconds_of(verdict) for verdict in answers]
    known = [one for one in times if one is not None]
    total = sum(known) + seconds_per_review * (len(times) - len(known))
    reviews = len({verdict.example_id for verdict in answers if settles(verdict)})
    return Effort(reviews, total / 3600, _how_timed(len(known), len(times)))


def seconds_of(verdict: Verdict) -> float | None:
    """How long the answer took; None where nobody timed it, or nobody gave it."""
    told = verdict.evidence.get("seconds")
    if verdict.role == "simulated" or isinstance(told, bool):
        return None
    return float(told) if isinstance(told, int | float) and 0.1 <= told <= 86_400 else None


def reasons_in(batches: Iterable[Batch]) -> Mapping[str, int]:
    """How many rows were decided for each reason, the most frequent first."""
    rows = {
        (batch.iteration, event.verdict.example_id): reason_of(event.verdict)
        for batch in batches
        for event in batch.events
        if not is_restated(event.verdict)
    }
    return dict(Counter(rows.values()).most_common())


def _how_timed(known: int, answers: int) -> Timed:
    if known == 0:
        return "as the spec says"
    return "timed at the desk" if known == answers else "partly timed"
