"""The page of people's figures: everybody's for reviewers, one's own for annotators.

What belongs here: the route `/d/{dataset}/people`, and what its templates are given. What does not:
computing a figure (`burnish.workflows.people_figures`), who may see which
(`burnish.review.figures`), or people's accounts (`burnish.review.pages_people`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from burnish.metrics import Interval
from burnish.review.access import Annotator, Desked
from burnish.review.api_answers import Dataset
from burnish.review.api_figures import seen_by
from burnish.review.figures import (
    Doubt,
    Figures,
    PersonFigures,
    Share,
)
from burnish.review.rendering import render, shown_by

router = APIRouter(include_in_schema=False)

Sort = Literal["name", "answers", "accuracy", "seconds", "rework"]
SORTS: dict[Sort, str] = {
    "name": "Name",
    "answers": "Most answers",
    "accuracy": "Most often right",
    "seconds": "Quickest",
    "rework": "Least reworked",
}
SLOWEST = 60.0
"""Seconds that fill the bar of a median; a longer one is drawn as this."""


@dataclass(frozen=True)
class Shown:
    """A figure as it is shown: `words`, the `limits` in words, `counts`, and a bar from 0 to 100.

    `few` is greyed. Where nothing is known `words` are empty.
    """

    words: str = ""
    limits: str = ""
    counts: str = ""
    low: float = 0.0
    value: float = 0.0
    high: float = 0.0
    few: bool = True


@dataclass(frozen=True)
class ClassRow:
    """A class: how often it was recognised, and what it was called instead."""

    label: str
    right: Shown
    instead: str
    times: int


@dataclass(frozen=True)
class PersonRow:
    """One person: their figures as they are shown."""

    figures: PersonFigures
    accuracy: Shown
    adjudicated: Shown
    rework: Shown
    seconds: Shown
    classes: tuple[ClassRow, ...]


@dataclass(frozen=True)
class PairRow:
    """Two people, how often they said the same, and their kappa."""

    a: str
    b: str
    equal: Shown
    kappa: Shown


@shown_by("figures.html")
@dataclass(frozen=True)
class FiguresPage:
    """A team's figures, for reviewers.

    dataset: whose. people: in the order of `sort`, whose choices are `sorts`. alpha: how far all
    agree, of `several` items. pairs: of people. doubts: labels that were agreed on, the least
    probable first.
    """

    dataset: str
    people: tuple[PersonRow, ...]
    sort: Sort
    sorts: dict[Sort, str]
    alpha: Shown
    several: int
    pairs: tuple[PairRow, ...]
    doubts: tuple[Doubt, ...]


@shown_by("figures_mine.html")
@dataclass(frozen=True)
class MyFiguresPage:
    """An annotator's own figures.

    dataset: whose. mine: their row, None where they have answered nothing yet.
    """

    dataset: str
    mine: PersonRow | None


@router.get("/d/{dataset}/people")
def people(
    request: Request,
    dataset: Dataset,
    visitor: Annotator,
    context: Desked,
    sort: Annotated[Sort, Query()] = "name",
) -> Response:
    """Everybody's figures for reviewers, one's own for annotators."""
    found = seen_by(context, dataset, visitor.person)
    if visitor.may("reviewer"):
        return render(request, "figures.html", _page(found, sort))
    mine = found.person(visitor.person.name)
    return render(
        request, "figures_mine.html", MyFiguresPage(dataset, None if mine is None else _row(mine))
    )


def in_order(people: tuple[PersonFigures, ...], sort: Sort) -> list[PersonFigures]:
    """People as `sort` has it; whose figure rests on few rows come last, by name.

    >>> quick = PersonFigures("bob", False, 90, 0, None, 2.0, None, timed=90)
    >>> hasty = PersonFigures("cid", False, 3, 0, None, 1.0, None, timed=3)
    >>> slow = PersonFigures("ada", False, 90, 0, None, 9.0, None, timed=90)
    >>> [one.name for one in in_order((slow, quick, hasty), "seconds")]
    ['bob', 'ada', 'cid']
    """
    ranks: dict[Sort, Callable[[PersonFigures], tuple[float | None, int]]] = {
        "name": lambda _: (None, 0),
        "answers": lambda one: (-one.answers, one.answers),
        "accuracy": lambda one: (one.accuracy and -one.accuracy.value, one.gold),
        "seconds": lambda one: (one.seconds, one.timed),
        "rework": lambda one: (one.rework and one.rework.value, one.answers - one.imported),
    }

    def key(one: PersonFigures) -> tuple[bool, float, str]:
        rank, n = ranks[sort](one)
        few = rank is None or (Share(0, n).few and sort != "answers")
        return few, 0.0 if few or rank is None else rank, one.name.casefold()

    return sorted(people, key=key)


def percent(found: Interval | None, n: int, *, hits: int | None = None) -> Shown:
    """A share as it is shown.

    >>> found = percent(Share(23, 25).interval, 25, hits=23)
    >>> found.words, found.limits, found.counts, found.few
    ('92 %', '75 to 98 %', '23 of 25', False)
    """
    if found is None or isnan(found.value) or n == 0:
        return Shown()
    low, value, high = (100 * part for part in (found.low, found.value, found.high))
    counts = f"{n:,}" if hits is None else f"{hits:,} of {n:,}"
    return Shown(
        f"{value:.0f} %", f"{low:.0f} to {high:.0f} %", counts, low, value, high, Share(0, n).few
    )


def _coefficient(found: Interval | None, n: int) -> Shown:
    if found is None:
        return Shown(few=Share(0, n).few)
    # The bar shows 0 to 1; agreement below chance is drawn at its left end.
    low, value, high = (100 * min(1, max(0, part)) for part in (found.low, found.value, found.high))
    said = [f"{round(part, 2) + 0.0:.2f}" for part in (found.value, found.low, found.high)]
    return Shown(said[0], f"{said[1]} to {said[2]}", f"{n:,}", low, value, high, Share(0, n).few)


def _seconds(one: PersonFigures) -> Shown:
    found = one.seconds_interval
    if found is None:
        return Shown()
    known = isfinite(found.low)
    low, high = (found.low, found.high) if known else (found.value, found.value)
    start, middle, end = (100 * min(1.0, part / SLOWEST) for part in (low, found.value, high))
    limits = f"{low:.1f} to {high:.1f} s" if known else ""
    few = Share(0, one.timed).few
    return Shown(f"{found.value:.1f} s", limits, f"{one.timed:,} timed", start, middle, end, few)


def _row(one: PersonFigures) -> PersonRow:
    own = one.answers - one.imported
    classes = tuple(
        ClassRow(
            each.label,
            percent(each.right.interval, each.right.n, hits=each.right.hits),
            each.instead,
            each.times,
        )
        for each in one.by_class
    )
    adjudicated = one.adjudicated
    return PersonRow(
        figures=one,
        accuracy=percent(one.accuracy, one.gold, hits=one.right),
        adjudicated=percent(adjudicated.interval, adjudicated.n, hits=adjudicated.hits),
        rework=percent(one.rework, own, hits=one.reworked),
        seconds=_seconds(one),
        classes=classes,
    )


def _page(found: Figures, sort: Sort) -> FiguresPage:
    return FiguresPage(
        dataset=found.dataset,
        people=tuple(_row(one) for one in in_order(found.people, sort)),
        sort=sort,
        sorts=SORTS,
        alpha=_coefficient(found.alpha_interval, found.several),
        several=found.several,
        pairs=tuple(
            PairRow(
                pair.a,
                pair.b,
                percent(pair.equal.interval, pair.equal.n, hits=pair.equal.hits),
                _coefficient(pair.kappa, pair.equal.n),
            )
            for pair in found.pairs
        ),
        doubts=found.doubts,
    )
