"""The queue page: why each row of a batch is there, whose it is, and how far the batch is.

What belongs here: the routes under `/d/{dataset}/queue`, and what their templates are given. What
does not: filters and counts (`burnish.review.listing`), or the file's cells
(`burnish.review.exporting`).

Reviewers see the batch. Annotators see how far they are, and what they answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic import BaseModel, Field

from burnish.review.access import Annotator, Desked, Reviewer, Visitor, signed_in
from burnish.review.api_answers import Dataset
from burnish.review.api_models import MOST_IDS, ExampleId, Name
from burnish.review.api_reviews import queue_of, require_person
from burnish.review.asked import LARGEST, Asked
from burnish.review.context import DeskContext
from burnish.review.exporting import csv_lines
from burnish.review.label_context import Course
from burnish.review.listing import NOBODY, Count, Listing
from burnish.review.records import DeskEvent, OpenBatch, Progress, State
from burnish.review.rendering import render, shown_by
from burnish.review.showing import course_of
from burnish.review.sight import Seen, state_seen
from burnish.review.timeline import says
from burnish.spec import Priority

STATE_WORDS: Mapping[str, str] = {
    "open": "waits for answers",
    "rework": "sent back",
    "disagreed": "disagreed about",
    "submitted": "waits for approval",
    "settled": "settled",
    "withdrawn": "off the desk",
    "answered": "answered",
}
MOST_ANSWERS = 100

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Choice:
    """A value of a filter: its words, how many rows it leaves, where it leads, whether it is on."""

    words: str
    count: int
    address: str
    chosen: bool


@dataclass(frozen=True)
class Facet:
    """A filter with its values; `all_address` takes it off."""

    name: str
    choices: tuple[Choice, ...]
    all_address: str

    @property
    def chosen(self) -> bool:
        return any(choice.chosen for choice in self.choices)


@shown_by("queue.html")
@dataclass(frozen=True)
class QueuePage:
    """The whole batch, for reviewers.

    dataset, progress: the batch and how far it is. listing: the rows of this page. asked: what the
    address asks for, `query` the same as text. facets: the filters. people: who can be asked.
    words: of each state. before, after: addresses of the neighbouring pages, empty at the ends.
    now: what is due before it is overdue. done: what was done a moment ago,
    if anything. problem: none, for what cannot be done is told on a page of its own.
    """

    dataset: str
    progress: Progress
    listing: Listing
    asked: Asked
    query: str
    facets: tuple[Facet, ...]
    people: tuple[str, ...]
    words: Mapping[str, str]
    before: str
    after: str
    now: datetime
    done: str = ""
    problem: None = None


@dataclass(frozen=True)
class Answer:
    """An answer of one's own: what was said, and where the item stands as far as one is told."""

    event: DeskEvent
    said: str
    stands: str


@shown_by("queue_mine.html")
@dataclass(frozen=True)
class MyQueuePage:
    """An annotator's own part of the batch.

    dataset, batch: whose. course: how far it is, as far as one is told; its `mine` are the answers
    of one's own that stand. answers: the newest of them.
    """

    dataset: str
    batch: OpenBatch
    course: Course
    answers: tuple[Answer, ...]


class Looked(Asked):
    """What the address of the page asks for, and of how many rows something was just changed."""

    done: int | None = Field(default=None, ge=0, le=LARGEST)

    def query(self, **other: object) -> str:
        """As that of what is asked for: what was done is told once."""
        return super().query(**({"done": None} | other))


class PriorityForm(BaseModel):
    """How urgent rows are, and which; `back` is the page that it was said on."""

    priority: Priority
    back: Literal["queue", "promises"] = "queue"
    which: Literal["chosen", "all"] = "chosen"
    example_id: list[ExampleId] = Field(default=[], max_length=MOST_IDS)


class AssignForm(BaseModel):
    """Who is to be asked first, a `person` or those of a deal, and about which rows."""

    assignee: Name = ""
    how: Literal["person", "round_robin", "skill"] = "person"
    which: Literal["chosen", "all"] = "chosen"
    example_id: list[ExampleId] = Field(default=[], max_length=MOST_IDS)


@router.get("/d/{dataset}/queue")
def queue(
    request: Request,
    dataset: Dataset,
    asked: Annotated[Looked, Query()],
    visitor: Annotator,
    context: Desked,
) -> Response:
    """The batch for reviewers, one's own part of it for annotators."""
    if visitor.may("reviewer"):
        return render(request, "queue.html", _page(context, dataset, asked))
    return render(request, "queue_mine.html", _mine(context, dataset, visitor))


@router.get("/d/{dataset}/queue.csv", dependencies=[Depends(signed_in("reviewer"))])
def export(dataset: Dataset, asked: Annotated[Asked, Query()], context: Desked) -> Response:
    """All rows that the filters leave, as a file."""
    rows = queue_of(context, dataset).rows(asked.filters(), sort=asked.sort)
    return StreamingResponse(
        csv_lines(rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{dataset}-queue.csv"'},
    )


@router.post("/d/{dataset}/queue/assign")
def assign(
    dataset: Dataset,
    asked: Annotated[Asked, Query()],
    form: Annotated[AssignForm, Form()],
    visitor: Reviewer,
    context: Desked,
) -> Response:
    """Have a person asked first about the rows that were chosen, or all that the filters leave.

    Or deal them out to those at work, in turn or by skill.
    """
    require_person(context, form.assignee)
    chosen = _chosen(context, dataset, asked, form)
    count = 0
    if chosen and form.how != "person":
        count = context.desk.deal(dataset, visitor.person, chosen, form.how)
    elif chosen:
        count = context.desk.assign(dataset, visitor.person, chosen, form.assignee)
    return _back(dataset, asked, done=str(count))


@router.post("/d/{dataset}/queue/priority")
def set_priority(
    dataset: Dataset,
    asked: Annotated[Asked, Query()],
    form: Annotated[PriorityForm, Form()],
    visitor: Reviewer,
    context: Desked,
) -> Response:
    """Say how urgent the rows are that were chosen, or all that the filters leave."""
    chosen = _chosen(context, dataset, asked, form)
    count = 0
    if chosen:
        count = context.desk.set_priority(dataset, visitor.person, chosen, form.priority)
    if form.back == "promises":
        return RedirectResponse(f"/d/{dataset}/promises", 303)
    return _back(dataset, asked, done=str(count))


@router.post("/d/{dataset}/queue/owner")
def own(
    dataset: Dataset,
    asked: Annotated[Asked, Query()],
    visitor: Reviewer,
    context: Desked,
    owner: Annotated[Name, Form()] = "",
) -> Response:
    """Name who looks after the batch."""
    require_person(context, owner)
    context.desk.set_owner(dataset, visitor.person, owner)
    return _back(dataset, asked)


def _chosen(
    context: DeskContext, dataset: str, asked: Asked, form: AssignForm | PriorityForm
) -> list[str]:
    """The rows that a form speaks of: those that were chosen, or all that the filters leave."""
    if form.which != "all":
        return form.example_id
    return [row.example_id for row in queue_of(context, dataset).rows(asked.filters())]


def _back(dataset: str, asked: Asked, **told: str) -> Response:
    return RedirectResponse(f"/d/{dataset}/queue{asked.query(offset=asked.offset, **told)}", 303)


def _told(done: int | None) -> str:
    if done is None:
        return ""
    if done == 0:
        return "Nothing was done: no row was chosen, or it can be done for none of them."
    return f"Done for {done:,} row{'' if done == 1 else 's'}."


def _page(context: DeskContext, dataset: str, asked: Looked) -> QueuePage:
    queue = queue_of(context, dataset)
    listing = queue.page(asked.filters(), sort=asked.sort, offset=asked.offset, limit=asked.limit)
    start, end = max(0, asked.offset - asked.limit), asked.offset + asked.limit
    place = f"/d/{dataset}/queue"
    return QueuePage(
        dataset=dataset,
        progress=context.desk.progress(dataset),
        listing=listing,
        asked=asked,
        query=asked.query(offset=asked.offset),
        facets=_facets(asked, listing),
        people=tuple(sorted(one.name for one in context.accounts.people() if one.active)),
        words=STATE_WORDS,
        before=f"{place}{asked.query(offset=start)}" if asked.offset else "",
        after=f"{place}{asked.query(offset=end)}" if end < listing.total else "",
        now=context.desk.clock(),
        done=_told(asked.done),
    )


def _facets(asked: Asked, listing: Listing) -> tuple[Facet, ...]:
    counts = listing.counts
    pairs = tuple(
        Choice(
            f"{one.value} → {one.second}",
            one.count,
            asked.query(label=one.value, suggested=one.second),
            (asked.label, asked.suggested) == (one.value, one.second),
        )
        for one in counts.pairs
    )
    states = tuple(
        Choice(
            STATE_WORDS.get(one.value, one.value),
            one.count,
            asked.query(state=_toggled(asked.state, one.value)),
            one.value in asked.state,
        )
        for one in counts.states
    )
    found = (
        Facet("State", states, asked.query(state=())),
        _facet(asked, "Why it is here", "reason", asked.reason, counts.reasons),
        Facet("Label → suggestion", pairs, asked.query(label="", suggested="")),
        _facet(asked, "Slice", "slice", asked.cut, counts.slices),
        _facet(asked, "Asked first", "assignee", asked.assignee, counts.assignees),
    )
    return tuple(facet for facet in found if facet.choices)


def _facet(asked: Asked, name: str, key: str, chosen: str, counts: tuple[Count, ...]) -> Facet:
    choices = tuple(
        Choice(one.value, one.count, asked.query(**{key: one.value}), one.value == chosen)
        for one in counts
    )
    # Who is asked for counts only where anybody is.
    alone = key == "assignee" and {one.value for one in counts} <= {NOBODY}
    return Facet(name, () if alone else choices, asked.query(**{key: ""}))


def _toggled(states: list[State], state: str) -> list[str]:
    return [one for one in states if one != state] if state in states else [*states, state]


def _mine(context: DeskContext, dataset: str, visitor: Visitor) -> MyQueuePage:
    progress: Progress = context.desk.progress(dataset)
    person, policy = visitor.person, progress.batch.policy
    events = context.desk.answered_by(dataset, person.name, limit=MOST_ANSWERS)
    standings = [context.desk.standing(dataset, event.example_id) for event in events]
    answers = tuple(
        Answer(event, says(event.said, told=False), _stands(state_seen(standing, policy, person)))
        for event, standing in zip(events, standings, strict=True)
        if event.said is not None
    )
    return MyQueuePage(dataset, progress.batch, course_of(progress, person), answers)


def _stands(state: Seen) -> str:
    """Where an item stands, in words for whoever answered it."""
    return STATE_WORDS[state if state in {"settled", "rework", "withdrawn"} else "answered"]
