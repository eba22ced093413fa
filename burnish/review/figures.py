"""How good each of a team's answers are: the records that the desk's pages show.

What belongs here: plain immutable data, and who may see which of it. What does not: computing it
from the desk's events and the ledger (`burnish.workflows.people_figures`), or its page
(`burnish.review.pages_figures`).
"""

from __future__ import annotations

from dataclasses import dataclass

from burnish.metrics import Interval


@dataclass(frozen=True)
class PersonFigures:
    """One person's answers at the desk.

    `answers` that stand; `accuracy` on rows with a known answer, with an interval; `seconds` is the
    median of an answer; `rework` the share of their answers that were sent back or overruled.
    What rests on few rows is shown as such (`few`).
    """

    name: str
    simulated: bool
    answers: int
    gold: int
    accuracy: Interval | None
    seconds: float | None
    rework: Interval | None


@dataclass(frozen=True)
class Figures:
    """All of a team, and how far they agree."""

    dataset: str
    people: tuple[PersonFigures, ...]
    alpha: float | None
    several: int
