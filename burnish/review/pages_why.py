"""Why the label of an example is doubted, for who judges answers, once nobody can be led by it.

What belongs here: the route `/d/{dataset}/why` and what its template is given. What does not: who
may see it when (`burnish.review.sight.sees_why`), finding it out (`burnish.workflows.explain`), or
the history that it is linked from (`burnish.review.pages_history`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from burnish.errors import ItemNotFound, NotAllowed
from burnish.report.explained import Explanation, NearRow, Signal
from burnish.report.explanation_page import in_order, what_if_words
from burnish.review.access import Desked, Reviewer
from burnish.review.api_answers import Dataset
from burnish.review.api_models import ExampleId
from burnish.review.api_reviews import open_batch
from burnish.review.context import DeskContext
from burnish.review.rendering import render, shown_by
from burnish.review.sight import sees_why
from burnish.review.states import Standing

router = APIRouter(include_in_schema=False)


@shown_by("why.html")
@dataclass(frozen=True)
class WhyPage:
    """Why the label of one example is doubted.

    dataset: whose. found: the explanation. signals: those against the label first. words: which
    labels of near rows would account for the doubt. groups: titles, and the near rows under each.
    """

    dataset: str
    found: Explanation
    signals: tuple[Signal, ...]
    words: str
    groups: tuple[tuple[str, tuple[NearRow, ...]], ...]


@router.get("/d/{dataset}/why")
def why(
    request: Request,
    dataset: Dataset,
    *,
    visitor: Reviewer,
    context: Desked,
    id: Annotated[ExampleId, Query()],  # noqa: A002 - its name in the address
) -> Response:
    """What speaks against the label of an example and what for it."""
    if not sees_why(standing_in_batch(context, dataset, id), visitor.person):
        raise NotAllowed(
            f"why {id[:80]!r} is doubted is not shown yet",
            expected="an example that is settled, or in no open batch",
            hint="it is shown when no answer to it can be given or taken back any more",
        )
    found = context.examples.explain(dataset, id)
    return render(request, "why.html", _page(dataset, found))


def standing_in_batch(context: DeskContext, dataset: str, example_id: str) -> Standing | None:
    """Where an example stands in the open batch; None where it is in none."""
    batch = open_batch(context, dataset)
    try:
        item = context.desk.item(dataset, example_id)
    except ItemNotFound:
        return None
    if batch is None or item.iteration != batch.iteration:
        return None
    return context.desk.standing(dataset, example_id)


def _page(dataset: str, found: Explanation) -> WhyPage:
    groups = (
        (f"Most like it, labelled '{found.suggested}' as the models would have it", "suggested"),
        (f"Most like it, labelled '{found.label}' as it was", "label"),
    )
    rows = {"suggested": found.like_suggested, "label": found.like_label}
    return WhyPage(
        dataset=dataset,
        found=found,
        signals=in_order(found),
        words=what_if_words(found.what_if, label=found.label, suggested=found.suggested),
        groups=tuple((title, rows[which]) for title, which in groups if rows[which]),
    )
