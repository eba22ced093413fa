"""What labeling brings for what it costs, read off a home: the work, the finds, what is ahead.

What belongs here: counting errors found and hours of work off the ledger, and gathering what the
forecast and the returns say already. What does not: the forecast (`burnish.workflows.ahead`), the
return on labeling (`burnish.workflows.returns`), the record (`burnish.review.worth`), or its page.

A rate is of rows whose every answer was timed: a row whose second answer came in a sheet would seem
cheap. Its interval takes the finds for events that come by chance at an even rate (Garwood 1936):
exact for few finds, none included, and a little too wide where most rows are wrong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from burnish.errors import DataError
from burnish.metrics import Interval
from burnish.records import LabelEvent, Verdict
from burnish.review.worth import Ahead, BatchWork, ModelGain, Work, Worth
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.ahead import look_ahead
from burnish.workflows.gold import GOLD, is_restated
from burnish.workflows.returns import read_returns
from burnish.workflows.returns_ahead import forecast_return, gains_as_they_came
from burnish.workflows.returns_batches import reason_of, standing_events
from burnish.workflows.taken_back import settles

ENOUGH = 20
"""Timed rows of people from which the hours of the next ones are foretold."""


@dataclass(frozen=True)
class _Row:
    """The answers to one row of a batch that stand."""

    iteration: int
    answers: tuple[Verdict, ...]

    @property
    def simulated(self) -> bool:
        return any(one.role == "simulated" for one in self.answers)

    @property
    def seconds(self) -> list[float | None]:
        return [_seconds_of(one) for one in self.answers]

    @property
    def found(self) -> bool:
        last = [one for one in self.answers if settles(one)][-1:]
        return any(_is_find(one) for one in last)


def worth_of(versions: Versions, ledger: LabelLedger, dataset: str) -> Worth:
    """What the batches of a dataset cost and brought, and what is to be expected.

    Only verdicts that stand count, and only those that name their batch, as all do that the desk or
    the loop asked for.
    """
    rows = _rows(standing_events(ledger.events(dataset)))
    numbers = sorted({row.iteration for row in rows})
    people = [row for row in rows if not row.simulated]
    returns = read_returns(versions, dataset)
    foretold = forecast_return(gains_as_they_came(returns)) if returns else None
    return Worth(
        dataset=dataset,
        people=work_of(people),
        simulated=work_of([row for row in rows if row.simulated]),
        batches=tuple(_batch(number, rows) for number in numbers),
        ahead=_ahead(versions, ledger, dataset, people),
        gains=tuple(
            ModelGain(
                iteration=row["iteration"],
                reviews=row["reviews"],
                changed=row["changed"],
                gain=row["gain"],
                low=row["low_all"],
                high=row["high_all"],
                finding=row["finding"],
            )
            for row in (returns.rows("as it came") if returns else ())
            if row["gain"] is not None
        ),
        next_gain=foretold.text if foretold else "",
    )


def work_of(rows: Sequence[_Row]) -> Work:
    """What the answers to some rows came to."""
    times = [(row, row.seconds) for row in rows]
    timed = [(row, one) for row, one in times if all(second is not None for second in one)]
    hours = sum(second or 0.0 for _, one in timed for second in one) / 3600
    found = sum(row.found for row, _ in timed)
    return Work(
        rows=len(rows),
        found=sum(row.found for row in rows),
        hours=sum(second or 0.0 for _, one in times for second in one) / 3600,
        timed_rows=len(timed),
        timed_found=found,
        an_hour=found_an_hour(found, hours) if hours else None,
    )


def found_an_hour(found: int, hours: float, *, confidence: float = 0.95) -> Interval:
    """Errors found in an hour, with Garwood's exact interval of a Poisson count (Garwood 1936).

    Raises `DataError` where no time was spent, or fewer than no errors were found.

    >>> one = found_an_hour(30, 2.0)
    >>> one.value, round(one.low, 1), round(one.high, 1)
    (15.0, 10.1, 21.4)
    >>> round(found_an_hour(0, 1.0).high, 2)
    3.69
    """
    if found < 0 or not hours > 0:
        raise DataError(f"{found} errors in {hours} hours", expected="0 or more, in some time")
    from scipy.special import gammaincinv

    tail = (1 - confidence) / 2
    low = float(gammaincinv(found, tail)) if found else 0.0
    high = float(gammaincinv(found + 1, 1 - tail))
    return Interval(found / hours, low / hours, high / hours)


def _rows(standing: Iterable[LabelEvent]) -> list[_Row]:
    said: dict[tuple[int, str], list[Verdict]] = defaultdict(list)
    for event in standing:
        verdict, number = event.verdict, event.verdict.evidence.get("iteration")
        if isinstance(number, int) and not is_restated(verdict):
            said[number, verdict.example_id].append(verdict)
    return [_Row(number, tuple(answers)) for (number, _), answers in said.items()]


def _batch(number: int, rows: Sequence[_Row]) -> BatchWork:
    own = [row for row in rows if row.iteration == number]
    people = work_of([row for row in own if not row.simulated])
    return BatchWork(number, people, work_of([row for row in own if row.simulated]))


def _is_find(verdict: Verdict) -> bool:
    """Whether a label was found wrong: not where there was none, or the answer was known."""
    if verdict.from_label is None or reason_of(verdict) == GOLD:
        return False
    return verdict.decision == "drop" or (
        verdict.decision == "change" and verdict.to_label != verdict.from_label
    )


def _seconds_of(verdict: Verdict) -> float | None:
    """How long an answer took, a program's too; None where it was not timed."""
    told = verdict.evidence.get("seconds")
    if isinstance(told, bool) or not isinstance(told, int | float):
        return None
    return float(told) if 0.1 <= told <= 86_400 else None


def _ahead(
    versions: Versions, ledger: LabelLedger, dataset: str, people: Sequence[_Row]
) -> Ahead | None:
    found = look_ahead(versions, ledger, dataset)
    if found is None:
        return None
    timed = [sum(filter(None, row.seconds)) for row in people if None not in row.seconds]
    hours = found.reviews * sum(timed) / len(timed) / 3600 if len(timed) >= ENOUGH else None
    return Ahead(
        found.reviews,
        found.expected,
        found.low,
        found.high,
        found.confidence,
        found.checked,
        hours,
    )
