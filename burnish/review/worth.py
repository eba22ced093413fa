"""What labeling brings for what it costs: the record that the page for the payer shows.

What belongs here: plain immutable data. What does not: computing it (`burnish.workflows.worth`), or
its page (`burnish.review.pages_worth`).
"""

from __future__ import annotations

from dataclasses import dataclass

from burnish.metrics import Interval


@dataclass(frozen=True)
class Work:
    """What some answers came to.

    `rows` were decided, `found` of them had a wrong label: another was given, or the row dropped.
    Rows with a known answer are work, and find nothing. `hours` are those of all answers that were
    timed at the desk. Of the rows whose every answer was timed there are `timed_rows` and
    `timed_found`, and `an_hour` are the errors found in an hour of them, with an interval (None
    where nothing was timed).
    """

    rows: int = 0
    found: int = 0
    hours: float = 0.0
    timed_rows: int = 0
    timed_found: int = 0
    an_hour: Interval | None = None


@dataclass(frozen=True)
class BatchWork:
    """The work on one batch, by people and by programs that play people."""

    iteration: int
    people: Work
    simulated: Work


@dataclass(frozen=True)
class Ahead:
    """What the next reviews are expected to find, the limits of that, and the hours they take.

    `checked`: past batches have told how far the models' probabilities can be believed. `hours` is
    None where too few answers of people were timed.
    """

    reviews: int
    expected: float
    low: int
    high: int
    confidence: float
    checked: bool
    hours: float | None


@dataclass(frozen=True)
class ModelGain:
    """What a batch bought the model: the share of held-out rows it is right on, with minus without.

    `low` and `high` hold for all batches at once, as the `finding` does: better, worse, not shown,
    or too few.
    """

    iteration: int
    reviews: int
    changed: int
    gain: float
    low: float
    high: float
    finding: str

    @property
    def words(self) -> str:
        """What it bought, for somebody who pays for it.

        >>> ModelGain(3, 120, 30, 0.012, 0.003, 0.021, "better").words
        'right on 1.2 more of 100 rows it never saw (between 0.3 and 2.1 more)'
        >>> ModelGain(3, 120, 30, 0.004, -0.003, 0.011, "not shown").words
        'no difference is shown: between 0.3 fewer and 1.1 more of 100 rows right'
        >>> ModelGain(3, 120, 0, 0.0, 0.0, 0.0, "not shown").words
        'no label the model learns from was changed, so nothing can differ'
        """
        if not self.changed:
            return "no label the model learns from was changed, so nothing can differ"
        if self.finding == "too few":
            return "nothing can be said: too few rows are held out"
        low, high = _more(self.low), _more(self.high)
        if self.finding not in {"better", "worse"}:
            return f"no difference is shown: between {low} and {high} of 100 rows right"
        side = "more" if self.finding == "better" else "fewer"
        bounds = sorted((abs(100 * self.low), abs(100 * self.high)))
        return (
            f"right on {abs(100 * self.gain):.1f} {side} of 100 rows it never saw "
            f"(between {bounds[0]:.1f} and {bounds[1]:.1f} {side})"
        )


@dataclass(frozen=True)
class Worth:
    """What the batches of a dataset cost and brought, and what is to be expected.

    `decided`, `found` and `hours` are those of people, of all `batches` together (`people`);
    programs that play people stand apart (`simulated`). `ahead` is None where no audit was made,
    `gains` are empty where the return was never measured, `next_gain` is what the next batch may
    bring the model, in words (empty: not known).
    """

    dataset: str
    people: Work
    simulated: Work
    batches: tuple[BatchWork, ...] = ()
    ahead: Ahead | None = None
    gains: tuple[ModelGain, ...] = ()
    next_gain: str = ""

    @property
    def decided(self) -> int:
        return self.people.rows

    @property
    def found(self) -> int:
        return self.people.found

    @property
    def hours(self) -> float:
        return self.people.hours


def _more(share: float) -> str:
    return f"{abs(100 * share):.1f} {'fewer' if share < 0 else 'more'}"


def time_spent(hours: float) -> str:
    """Hours in words; less than two are told in minutes.

    >>> time_spent(0.001), time_spent(0.5), time_spent(1.0), time_spent(1234.56)
    ('less than a minute', '30 minutes', '60 minutes', '1,234.6 hours')
    """
    if hours >= 2:
        return f"{hours:,.1f} hours"
    minutes = round(60 * hours)
    if minutes < 1:
        return "less than a minute" if hours > 0 else "no time"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def told_rate(rate: float) -> str:
    """Errors an hour, with no more digits than anybody needs.

    >>> told_rate(3.14159), told_rate(14571.4)
    ('3.1', '14,571')
    """
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"
