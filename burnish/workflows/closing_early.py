"""Closing an iteration while people still have rows of its batch before them, because of an alarm.

What belongs here: the note that lets it, and saying so. What does not: when a policy asks for it
(`burnish.policy`), whether a batch is decided (`burnish.workflows.batch`), or the run
(`pipelines.jobs`).

An iteration usually waits for people: the queue is the pause. A model that is losing accuracy every
day cannot wait for a batch that nobody is at. So an alarm may close the iteration with what was
decided by then. The note stands on the open iteration before anything is trained, so that whoever
asks later knows why rows were left undecided, and how many.
"""

from __future__ import annotations

from typing import Any

from burnish.errors import IterationError
from burnish.records import Iteration
from burnish.versions import Versions

NOTE = "closes_early"
UNDECIDED = "undecided_rows"


def close_early(
    versions: Versions, iteration: Iteration, *, alarm: int | None, why: str
) -> Iteration:
    """Note on an open iteration that it closes without waiting for people; once, the first counts.

    `alarm` is the number of the alarm it is for, None where a person asked by hand. Raises
    `IterationError` without a reason, and for an iteration that is closed.
    """
    if not why.strip():
        raise IterationError(f"{iteration} would close early without a reason", expected="why")
    now = versions.iteration(iteration.dataset, iteration.number)
    if now.is_open and NOTE in now.summary:
        return now
    noted = {"alarm": alarm, "why": " ".join(why.split())}
    return versions.note(iteration.dataset, iteration.number, **{NOTE: noted})


def closes_early(iteration: Iteration) -> bool:
    """Whether an iteration does not wait for people."""
    return NOTE in iteration.summary


def early_in_words(iteration: Iteration) -> str:
    """Why an iteration closed early, and what was left undecided; empty where it did not.

    >>> from datetime import UTC, datetime
    >>> from burnish.records import Watermark
    >>> summary = {"closes_early": {"alarm": 3, "why": "accuracy fell by 9 points"},
    ...            "undecided_rows": 41}
    >>> early_in_words(Iteration("digits", 4, Watermark(0, ""), datetime(2026, 1, 1, tzinfo=UTC),
    ...                          summary=summary))
    'Closed early for alarm 3: accuracy fell by 9 points. 41 rows of its batch were not decided.'
    """
    noted: dict[str, Any] | None = iteration.summary.get(NOTE)
    if not noted:
        return ""
    left = int(iteration.summary.get(UNDECIDED) or 0)
    rows = "row of its batch was" if left == 1 else "rows of its batch were"
    whom = "" if noted.get("alarm") is None else f" for alarm {noted['alarm']}"
    told = f" {left} {rows} not decided." if left else " All of its batch was decided by then."
    return f"Closed early{whom}: {str(noted['why']).rstrip('.')}.{told}"
