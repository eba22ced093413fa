"""How much label noise is left, estimated from the random control arms of all iterations.

What belongs here: estimation from people's verdicts alone. What does not: noise as the models see
it (`burnish.labels.noise`), and counting against a known truth (`burnish.workflows.simulate`).

Rows that an audit picks are wrong far more often than others, so they say nothing of the rest.
The control arm of a batch is drawn uniformly from all rows still open, so it does. Let E rows be
wrong at the start. When batch t was drawn, N_t rows were open and F_t wrong ones had been found
already; of c_t control rows x_t were wrong. Then N_t x_t / c_t + F_t estimates E without bias
(Horvitz & Thompson 1952), whatever the audit picked. All arms are pooled, with weights c_t / N_t,
which no outcome influences; what has been changed since is subtracted.

The interval inverts the exact test: the control rows found wrong are a sum of hypergeometric
counts whose parameter is E. All E that a two-sided mid-P test does not reject make up the interval
(Clopper & Pearson 1934; mid-P: Lancaster 1961, Berry & Armitage 1995), but none below what was
found. Simulated with 1 to 10 batches of 3 to 30 control rows it held the truth in 95 % of cases or
more; with few control rows it is honestly wide.

"Wrong" is what reviewers change or drop: their own mistakes are in the estimate, on both sides.
Where reviewers err more often than labels are wrong, the interval does not hold the true share:
of simulated reviewers right on 95 % and 15 batches with 20 control rows each, it almost never did
once noise was near .05. `docs/methods/noise-estimate.md` has the table.

Rows left undecided or `unsure` are left out, as if they had not been drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.errors import DataError
from burnish.records import FINAL_DECISIONS, LabelEvent

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute


@dataclass(frozen=True)
class ControlArm:
    """What one control arm showed.

    pool_size: open training rows when it was drawn; drawn: control rows decided on; wrong: those
    of them that reviewers changed or dropped; changed_before, changed_after: training rows changed
    or dropped so far in all, before this batch and at its end.
    """

    pool_size: int
    drawn: int
    wrong: int
    changed_before: int
    changed_after: int


@dataclass(frozen=True)
class NoiseEstimate:
    """Share of current training labels that reviewers would change, with its interval.

    It is the share of wrong labels only as far as reviewers are right: see the module. `n` control
    rows stand behind it, `basis` says which. With none, value is NaN, low 0, high 1.
    """

    value: float
    low: float
    high: float
    n: int
    basis: str

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON; the value is None where nothing is known."""
        value = None if isnan(self.value) else self.value
        return {"value": value, "low": self.low, "high": self.high, "n": self.n} | {
            "basis": self.basis
        }


@dataclass(frozen=True)
class _Course:
    """What became of one example: its first final decision, and the one that stands."""

    event_id: int
    wrong: bool


def estimate_noise(
    observations: Sequence[ControlArm],
    *,
    changed: int | None = None,
    rows: int | None = None,
    confidence: float = 0.95,
) -> NoiseEstimate:
    """Noise left in the training labels after the batches so far.

    `observations` are the arms in the order of their batches. `changed` counts the training rows
    changed or dropped by now (default: at the end of the last batch), `rows` the training rows
    that share the remaining errors (default: the open rows of the first batch). Raises
    `DataError` for counts that contradict each other.

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
        basis=f"control rows: {drawn}, of {len(observations)} batches; wrong: {int(wrong.sum())}",
    )


def changed_labels(events: Iterable[LabelEvent]) -> int:
    """How many labels that were given stand changed or dropped, by all events of a data set."""
    return sum(course.wrong for course in _courses(events).values())


def control_arms(
    queues: Sequence[pa.Table], labels_events: Iterable[LabelEvent]
) -> list[ControlArm]:
    """The control arm of each queue, from the events of the ledger.

    `queues` are relabel queues, one an iteration, in order; `labels_events` all events of the data
    set. Whether a row was wrong is what its standing decision says: a correction that was taken
    back does not count. Arms without a decided control row are left out.
    """
    courses = _courses(labels_events)
    owner = {name: at for at, queue in enumerate(queues) for name in _ids(queue)}
    starts: dict[int, int] = {}
    for name, course in courses.items():
        if name in owner:
            at = owner[name]
            starts[at] = min(course.event_id, starts.get(at, course.event_id))
    changes = sorted(course.event_id for course in courses.values() if course.wrong)
    arms: list[ControlArm] = []
    for at, queue in enumerate(queues):
        control = queue.filter(pc.equal(queue["reason"], "control"))
        own = [courses[name] for name in _ids(control) if name in courses and owner[name] == at]
        if not own:
            continue
        end = min((start for later, start in starts.items() if later > at), default=None)
        arms.append(
            ControlArm(
                pool_size=int(control["pool_size"][0].as_py()),
                drawn=len(own),
                wrong=sum(course.wrong for course in own),
                changed_before=sum(event_id < starts[at] for event_id in changes),
                changed_after=sum(end is None or event_id < end for event_id in changes),
            )
        )
    return arms


def _courses(events: Iterable[LabelEvent]) -> dict[str, _Course]:
    """The course of each example that had a label and stands finally decided."""
    first: dict[str, LabelEvent] = {}
    last: dict[str, LabelEvent] = {}
    for event in sorted(events, key=lambda event: event.event_id):
        name = event.verdict.example_id
        if event.verdict.decision in FINAL_DECISIONS:
            first.setdefault(name, event)
        last[name] = event
    courses: dict[str, _Course] = {}
    for name, event in first.items():
        before, standing = event.verdict.from_label, last[name].verdict
        if before is None or standing.decision not in FINAL_DECISIONS:
            continue
        dropped = standing.decision == "drop"
        courses[name] = _Course(event.event_id, dropped or standing.to_label != before)
    return courses


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


def _ids(queue: pa.Table) -> list[str]:
    return queue["example_id"].to_pylist()


def _check_arm(arm: ControlArm) -> None:
    counts = 0 <= arm.wrong <= arm.drawn <= arm.pool_size and arm.drawn > 0
    if not counts or not 0 <= arm.changed_before <= arm.changed_after:
        raise DataError(
            f"an arm that cannot be: {arm}",
            expected="0 <= wrong <= drawn <= pool_size, drawn > 0, changed_before <= changed_after",
        )
