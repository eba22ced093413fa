"""How good one batch of verdicts is, by its gold items; and when that is an alarm.

What belongs here: counting what reviewers said of the gold items of one iteration, and the rule
that calls a batch bad. What does not: how good a reviewer is over all batches
(`burnish.workflows.gold`), what follows for a model (`burnish.workflows.promote`), or taking a
batch back (`burnish.workflows.undo_batch`).

A batch of 300 rows with a twentieth of gold has 15 of them: enough to tell a reviewer who is right
on 60 % from one who is right on 95 %, and far too few to tell 85 from 95. Limits are shown beside
every share, and the alarm is raised by the limit, never by the share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

from burnish.errors import DataError
from burnish.metrics import Interval, wilson_interval
from burnish.records import Iteration, LabelEvent
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.gold import GoldReviews, count_reviews, known_answers
from burnish.workflows.taken_back import not_taken_back

MIN_ACCURACY = 0.85
"""The least share of gold items that a batch is held to, unless somebody asks for another."""
CONFIDENCE = 0.95
LEAST = 2
"""One wrong answer of one would be below any floor: a slip is no pattern, and raises no alarm."""
FEW = 10
"""With fewer answers, a reviewer's share is shown as uncertain."""

BATCH_GOLD_SCHEMA = pa.schema(
    [
        ("author", pa.string()),
        ("answered", pa.int64()),
        ("correct", pa.int64()),
        ("accuracy", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("uncertain", pa.bool_()),
        ("alarm", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class BatchGold:
    """What the gold items of one batch say: of all reviewers together, and of each.

    `together` is the sum over reviewers: where two answered an item, both answers count.
    """

    iteration: int
    together: GoldReviews
    by_reviewer: Mapping[str, GoldReviews]


@dataclass(frozen=True)
class GoldAlarm:
    """Whether a batch's gold items show that it is bad, how sure that is, and who is named.

    `raised`: the upper limit of the share of gold items that were answered rightly is below
    `min_accuracy`. `reviewers` are those of whom that holds by themselves. `accuracy` has the
    share with its limits; its value is NaN where no gold item was answered.
    """

    raised: bool
    accuracy: Interval
    answered: int
    correct: int
    reviewers: tuple[str, ...]
    min_accuracy: float
    confidence: float
    batch: BatchGold

    def to_table(self) -> pa.Table:
        """A row a reviewer, and one of all of them (author null) first; few answers are marked."""
        people = [(None, self.batch.together), *self.batch.by_reviewer.items()]
        lines = [_line(name, one, self) for name, one in people]
        return pa.Table.from_pylist(lines, BATCH_GOLD_SCHEMA)

    @property
    def reason(self) -> str:
        """The alarm, or why there is none, in a sentence."""
        if self.answered == 0:
            return "no gold item of the batch was answered: nothing is known of how good it is"
        share = (
            f"{self.correct} of {self.answered} gold items of the batch were answered rightly "
            f"({100 * self.confidence:g} % interval {100 * self.accuracy.low:.0f} to "
            f"{100 * self.accuracy.high:.0f} %)"
        )
        floor = f"{100 * self.min_accuracy:g} %"
        if not (self.raised or self.reviewers):
            return f"{share}: not shown to be below {floor}"
        named = f"; below it by themselves: {', '.join(self.reviewers)}" if self.reviewers else ""
        word = "below" if self.raised else "all together not shown to be below"
        return f"{share}: {word} {floor}{named}"


def batch_gold(events: Iterable[LabelEvent], gold: Mapping[str, str], iteration: int) -> BatchGold:
    """What was said of the gold items of one iteration's batch.

    `events` are those of a dataset, `gold` the known label by example_id. Every row of the batch
    whose answer is known counts, for whatever reason it was asked about; what was taken back does
    not, nor a decision by whoever had others' answers before them (`count_reviews`).
    """
    own = [
        one for one in not_taken_back(events) if one.verdict.evidence.get("iteration") == iteration
    ]
    found = count_reviews(own, gold)
    return BatchGold(iteration, _sum(found.values()), found)


def iteration_alarm(
    versions: Versions,
    ledger: LabelLedger,
    iteration: Iteration,
    *,
    min_accuracy: float = MIN_ACCURACY,
    confidence: float = CONFIDENCE,
    until: int | None = None,
) -> GoldAlarm:
    """What the gold items of an iteration's batch say so far, or until then; see `gold_alarm`."""
    answers = known_answers(versions, iteration.dataset)
    events = ledger.events(iteration.dataset, after=iteration.watermark.event_id, until=until)
    batch = batch_gold(events, answers, iteration.number)
    return gold_alarm(batch, min_accuracy=min_accuracy, confidence=confidence)


def gold_alarm(
    batch: BatchGold, *, min_accuracy: float = MIN_ACCURACY, confidence: float = CONFIDENCE
) -> GoldAlarm:
    """Whether the gold items of a batch show that it is bad.

    The upper limit of Wilson's interval (Wilson 1927) of the share answered rightly lies below
    `min_accuracy`; `unsure` is no answer. With one answer or none there is no alarm.

    Raises `DataError` where `min_accuracy` is outside [0, 1] or `confidence` outside (0, 1).

    >>> reviews = GoldReviews(correct=8, answered=15)
    >>> found = gold_alarm(BatchGold(7, reviews, {"Sam": reviews}))
    >>> found.raised, found.reviewers, round(found.accuracy.high, 2)
    (True, ('Sam',), 0.75)
    """
    if not 0.0 <= min_accuracy <= 1.0:
        raise DataError(f"min_accuracy is {min_accuracy}", expected="a share from 0 to 1")
    limits = _limits(batch.together, confidence)
    bad = [
        name
        for name, one in batch.by_reviewer.items()
        if _is_below(one, _limits(one, confidence), min_accuracy)
    ]
    return GoldAlarm(
        raised=_is_below(batch.together, limits, min_accuracy),
        accuracy=limits,
        answered=batch.together.answered,
        correct=batch.together.correct,
        reviewers=tuple(sorted(bad)),
        min_accuracy=min_accuracy,
        confidence=confidence,
        batch=batch,
    )


def _limits(reviews: GoldReviews, confidence: float) -> Interval:
    return wilson_interval(reviews.correct, reviews.answered, confidence=confidence)


def _is_below(reviews: GoldReviews, limits: Interval, min_accuracy: float) -> bool:
    return reviews.answered >= LEAST and limits.high < min_accuracy


def _sum(reviews: Iterable[GoldReviews]) -> GoldReviews:
    found = list(reviews)
    return GoldReviews(
        **{part.name: sum(getattr(one, part.name) for one in found) for part in fields(GoldReviews)}
    )


def _line(author: str | None, reviews: GoldReviews, alarm: GoldAlarm) -> dict[str, Any]:
    limits = _limits(reviews, alarm.confidence)
    return {
        "author": author,
        "answered": reviews.answered,
        "correct": reviews.correct,
        "accuracy": limits.value if reviews.answered else None,
        "low": limits.low,
        "high": limits.high,
        "uncertain": reviews.answered < FEW,
        "alarm": _is_below(reviews, limits, alarm.min_accuracy),
    }
