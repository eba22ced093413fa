"""The page for the person who pays: what was found in how many hours, and what is to be expected.

What belongs here: the route `/d/{dataset}/worth`, and what its template is given. What does not:
counting (`burnish.workflows.worth`, behind `burnish.review.ports.Team`), or the figures of single
people, which this page does not tell.

What an hour costs is a field of the address. It is kept nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from burnish.errors import ItemNotFound
from burnish.report.plots import IntervalRow, dot_interval_chart
from burnish.report.svg import without_styles
from burnish.review.access import Desked, Reviewer
from burnish.review.api_answers import Dataset
from burnish.review.api_models import Checked
from burnish.review.context import DeskContext
from burnish.review.problems import not_found
from burnish.review.records import Progress
from burnish.review.rendering import render, shown_by
from burnish.review.worth import BatchWork, Worth

router = APIRouter(include_in_schema=False)
DRAWN = 12
"""The last batches that are drawn; the table has them all."""


class Paid(BaseModel):
    """What an hour of a reviewer costs, as the address says it; nothing is kept."""

    model_config = ConfigDict(frozen=True)

    rate: float = Field(default=0, ge=0, le=1_000_000, allow_inf_nan=False)
    currency: Annotated[str, Checked, Field(max_length=8)] = ""


@dataclass(frozen=True)
class Cost:
    """What was spent, what an error that was found cost, and what the next reviews will cost."""

    spent: float
    a_find: float | None
    ahead: float | None


@shown_by("worth.html")
@dataclass(frozen=True)
class WorthPage:
    """What labeling brings for what it costs.

    dataset: whose. progress: of the open batch (None: none is open). worth: what was found and
    spent, and what is ahead. paid: what an hour costs, as asked. cost: what follows (None: no rate
    was given, or nothing was timed). plot: errors found in an hour by batch (None: fewer than two).
    """

    dataset: str
    progress: Progress | None
    worth: Worth
    paid: Paid
    cost: Cost | None
    plot: Markup | None


@router.get("/d/{dataset}/worth")
def worth(
    request: Request,
    dataset: Dataset,
    *,
    visitor: Reviewer,  # noqa: ARG001 - closes the page to annotators
    context: Desked,
    paid: Annotated[Paid, Query()],
) -> Response:
    """What was found in how many hours, what it brought, and what is to be expected."""
    if context.team is None:
        raise not_found("this desk does not tell what labeling brings")
    found = context.team.worth(dataset)
    page = WorthPage(
        dataset=dataset,
        progress=_progress(context, dataset),
        worth=found,
        paid=paid,
        cost=cost_of(found, paid.rate),
        plot=_plot(found.batches),
    )
    return render(request, "worth.html", page)


def cost_of(worth: Worth, rate: float) -> Cost | None:
    """What the timed work cost at `rate` an hour; None without a rate, or where nothing was timed.

    What a find cost is of the rows that were timed, so that untimed finds do not seem for nothing.
    """
    people = worth.people
    if not rate or people.an_hour is None:
        return None
    hours = worth.ahead.hours if worth.ahead else None
    return Cost(
        spent=people.hours * rate,
        a_find=rate / people.an_hour.value if people.timed_found else None,
        ahead=None if hours is None else hours * rate,
    )


def _progress(context: DeskContext, dataset: str) -> Progress | None:
    try:
        return context.desk.progress(dataset)
    except ItemNotFound:
        return None


def _plot(batches: Sequence[BatchWork]) -> Markup | None:
    rows = [
        IntervalRow(f"batch {one.iteration}", rate.value, rate.low, rate.high)
        for one in batches
        if (rate := one.people.an_hour) is not None
    ][-DRAWN:]
    if len(rows) < 2:
        return None
    drawn = dot_interval_chart(
        rows, value_label="errors found in an hour", title="Errors found in an hour, by batch"
    )
    return Markup(without_styles(drawn))  # noqa: S704 - what is drawn escapes its texts
