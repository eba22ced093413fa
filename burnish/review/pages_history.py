"""Everything ever said about an example; the versions of a dataset, and what changed between them.

What belongs here: the routes under `/d/{dataset}/examples`, `/versions` and `/diff`, and what their
templates are given. What does not: the joined line of time (`burnish.review.timeline`), who may see
what of it (`burnish.review.sight`), or comparing versions (`burnish.workflows.compare_labels`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from burnish.errors import DataError, ItemNotFound
from burnish.review.access import Annotator, Desked
from burnish.review.api_answers import Dataset
from burnish.review.api_models import LARGEST, LONGEST_ID, Checked, Comment, ExampleId
from burnish.review.api_reviews import ask_again, open_batch, queue_of
from burnish.review.asked import Word
from burnish.review.context import DeskContext
from burnish.review.items import is_held_out
from burnish.review.label_context import Card
from burnish.review.problems import not_found
from burnish.review.records import DeskEvent, Filters, Item, Person, Policy, State
from burnish.review.rendering import render, shown_by
from burnish.review.sight import (
    NOT_OTHERS,
    NOT_YET,
    Opinion,
    Sight,
    hides_why,
    is_blind,
    keeps_secret,
    opinion_of,
    sees_why,
    sight_of,
)
from burnish.review.states import Standing
from burnish.review.timeline import Entry, timeline
from burnish.review.viewing import card_to_see

CHANGES_A_PAGE = 100
NOT_SETTLED: tuple[State, ...] = ("open", "rework", "disagreed", "submitted")
Reason = Annotated[Comment, Field(min_length=1)]

router = APIRouter(include_in_schema=False)


@shown_by("history.html")
@dataclass(frozen=True)
class HistoryPage:
    """The history of one example.

    dataset, example_id: whose. card: the example to look at. item: where it
    stands in the open batch, None where it is in none. opinion: label and model, None where they
    may not be shown. label: as it stands in the record. entries: the line of time. not_yet: what is
    said where something is held back, else empty. asked: whether another look was just asked for.
    may_open: whether the visitor may open it in the review. may_ask_why: whether they may be told
    why its label is doubted.
    """

    dataset: str
    example_id: str
    card: Card
    item: Item | None
    opinion: Opinion | None
    label: str | None
    entries: tuple[Entry, ...]
    not_yet: str
    asked: bool
    may_open: bool
    may_ask_why: bool


@shown_by("versions.html")
@dataclass(frozen=True)
class VersionsPage:
    """The versions of a dataset, newest first, each a mapping as `ports.Examples.versions` says.

    names: their names in order of age, for the form that compares two.
    """

    dataset: str
    versions: tuple[Mapping[str, Any], ...]
    names: tuple[str, ...]


class DiffAsked(BaseModel):
    """Which versions are compared, and which changes are listed."""

    model_config = ConfigDict(frozen=True)

    before: Word
    after: Word
    change: Word = ""
    author: Word = ""
    pair: Word = ""
    text: Word = ""
    offset: int = Field(default=0, ge=0, le=LARGEST)


@shown_by("diff.html")
@dataclass(frozen=True)
class DiffPage:
    """What changed between two versions of a dataset.

    asked: the versions and filters. changes: the rows of this page of
    `total` that the filters leave, of `found` in all. kinds, authors, pairs: how many of each.
    slices, features: changed rows by slice, changed cells by column. hidden: rows held back.
    earlier, later: offsets of the neighbouring pages, None at the ends.
    """

    dataset: str
    asked: DiffAsked
    changes: tuple[Mapping[str, Any], ...]
    total: int
    found: int
    kinds: Mapping[str, int]
    authors: Mapping[str, int]
    pairs: Mapping[str, int]
    slices: Mapping[str, int]
    features: Mapping[str, int]
    hidden: int
    earlier: int | None
    later: int | None


@router.get("/d/{dataset}/examples")
def example_by_query(
    request: Request,
    dataset: Dataset,
    *,
    visitor: Annotator,
    context: Desked,
    id: Annotated[ExampleId, Query()],  # noqa: A002 - its name in the address
    asked: Annotated[bool, Query()] = False,
) -> Response:
    """The history of an example whose id no path can hold."""
    page = _history(context, dataset, id, visitor.person, asked=asked)
    return render(request, "history.html", page)


@router.get("/d/{dataset}/examples/{example_id:path}")
def example(
    request: Request,
    dataset: Dataset,
    example_id: Annotated[str, Checked, Path(max_length=LONGEST_ID)],
    *,
    visitor: Annotator,
    context: Desked,
    asked: Annotated[bool, Query()] = False,
) -> Response:
    """The history of an example, as far as the visitor may see it."""
    page = _history(context, dataset, example_id, visitor.person, asked=asked)
    return render(request, "history.html", page)


@router.post("/d/{dataset}/requests")
def ask_for_another_look(
    dataset: Dataset,
    example_id: Annotated[ExampleId, Form()],
    reason: Annotated[Reason, Form()],
    visitor: Annotator,
    context: Desked,
) -> Response:
    """Ask for the example to be looked at in a coming batch."""
    ask_again(context, dataset, [example_id], visitor.person.name, reason)
    return RedirectResponse(
        f"/d/{dataset}/examples?id={quote(example_id, safe='')}&asked=true", 303
    )


@router.get("/d/{dataset}/versions")
def versions(request: Request, dataset: Dataset, visitor: Annotator, context: Desked) -> Response:
    """All versions of a dataset."""
    del visitor
    made = tuple(context.examples.versions(dataset))
    page = VersionsPage(dataset, made, _names(made))
    return render(request, "versions.html", page)


@router.get("/d/{dataset}/diff")
def diff(
    request: Request,
    dataset: Dataset,
    asked: Annotated[DiffAsked, Query()],
    visitor: Annotator,
    context: Desked,
) -> Response:
    """What changed between two versions, who changed it, when and why."""
    for name in (asked.before, asked.after):
        if name.partition("@")[0] != dataset:
            raise DataError(f"{name!r} is no version of {dataset}", expected=f"{dataset}@NUMBER")
    found = context.examples.diff(asked.before, asked.after)
    changed = {str(row["example_id"]) for row in found["changes"]}
    secret = _unsettled(context, dataset, visitor.person) | (_blind(context, dataset) & changed)
    return render(request, "diff.html", diff_page(dataset, asked, found, secret=secret))


def diff_page(
    dataset: str,
    asked: DiffAsked,
    found: Mapping[str, Any],
    *,
    secret: frozenset[str],
) -> DiffPage:
    """The page of a diff; rows of `secret` examples are neither listed nor counted."""
    rows = [row for row in found["changes"] if row["example_id"] not in secret]
    left = [row for row in rows if _fits(row, asked)]
    end = asked.offset + CHANGES_A_PAGE
    return DiffPage(
        dataset=dataset,
        asked=asked,
        changes=tuple(left[asked.offset : end]),
        total=len(left),
        found=len(rows),
        kinds=_counted(row["change"] for row in rows),
        authors=_counted(row["author"] for row in rows if row["author"]),
        pairs=_counted(pair for row in rows if (pair := _pair(row))),
        slices={} if secret else found["by_slice"],
        features=found["features"],
        hidden=len(found["changes"]) - len(rows),
        earlier=max(0, asked.offset - CHANGES_A_PAGE) if asked.offset else None,
        later=end if end < len(left) else None,
    )


def _names(versions: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Names of versions, the oldest first."""
    return tuple(str(one["version"]) for one in reversed(versions))


def _fits(row: Mapping[str, Any], asked: DiffAsked) -> bool:
    return (
        (not asked.change or row["change"] == asked.change)
        and (not asked.author or row["author"] == asked.author)
        and (not asked.pair or _pair(row) == asked.pair)
        and asked.text.casefold() in str(row["example_id"]).casefold()
    )


def _pair(row: Mapping[str, Any]) -> str:
    return f"{row['before']} > {row['after']}" if row["before"] and row["after"] else ""


def _counted(names: Any) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _history(
    context: DeskContext, dataset: str, example_id: str, person: Person, *, asked: bool
) -> HistoryPage:
    item, standing, events = _at_the_desk(context, dataset, example_id)
    batch = open_batch(context, dataset)
    policy = batch.policy if batch else Policy()
    held_out = item is not None and is_held_out(item)
    sight = sight_of(standing, policy, person, held_out=held_out)
    life = _life(context, dataset, example_id)
    if not life and not events and item is None:
        raise not_found(f"{dataset} has no example {example_id[:80]!r}")
    secret, undecided, why = False, None, True
    reviews = person.role != "annotator"
    if item is not None and standing is not None:
        secret = keeps_secret(item, standing, person)
        why = not hides_why(standing, person)
        undecided = None if why else batch
    entries = timeline(
        events,
        life,
        sight=sight,
        person=person,
        secret_in=batch if secret else None,
        undecided_in=undecided,
        arranged=context.desk.arranged(dataset, example_id) if item and reviews else (),
    )
    return HistoryPage(
        dataset=dataset,
        example_id=example_id,
        card=card_to_see(context.examples, dataset, example_id),
        item=item,
        opinion=opinion_of(item, secret=secret, why=why) if item and sight.label else None,
        label=life.get("label") if sight.label and undecided is None else None,
        entries=tuple(entries),
        not_yet=_not_yet(sight),
        asked=asked,
        may_open=person.role != "annotator" and item is not None,
        may_ask_why=sees_why(standing, person) and _was_audited(life),
    )


def _at_the_desk(
    context: DeskContext, dataset: str, example_id: str
) -> tuple[Item | None, Standing | None, list[DeskEvent]]:
    """The item of the open batch, where it stands, and what was done at the desk in all batches."""
    desk, batch = context.desk, open_batch(context, dataset)
    events: list[DeskEvent] = desk.events(dataset, example_id)
    try:
        item: Item = desk.item(dataset, example_id)
    except ItemNotFound:
        return None, None, events
    if batch is None or item.iteration != batch.iteration:
        return None, None, events
    return item, desk.standing(dataset, example_id), events


def _not_yet(sight: Sight) -> str:
    if sight.everything:
        return ""
    return NOT_OTHERS if sight.label else NOT_YET


def _was_audited(life: Mapping[str, Any]) -> bool:
    return any(moment["what"] == "audited" for moment in life.get("moments", ()))


def _life(context: DeskContext, dataset: str, example_id: str) -> Mapping[str, Any]:
    try:
        return context.examples.life(dataset, example_id)
    except DataError:  # there never was one
        return {}


def _blind(context: DeskContext, dataset: str) -> frozenset[str]:
    """Held-out rows of the open batch: whoever may take an answer back, must give it blind."""
    if open_batch(context, dataset) is None:
        return frozenset()
    return queue_of(context, dataset).held_out()


def _unsettled(context: DeskContext, dataset: str, person: Person) -> frozenset[str]:
    """Examples whose label may not be told to this person yet.

    Where several answer, those that are settled too: else they alone would be listed.
    """
    batch = open_batch(context, dataset)
    if person.role != "annotator" or batch is None:
        return frozenset()
    states = (*NOT_SETTLED, "settled") if is_blind(batch.policy, person) else NOT_SETTLED
    rows = queue_of(context, dataset).rows(Filters(states=states))
    return frozenset(row.example_id for row in rows)
