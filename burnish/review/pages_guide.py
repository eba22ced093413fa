"""The labeling guide's page, and what the labeling page asks of it: the text, and flags.

What belongs here: the routes `/d/{dataset}/guide`, `/label/guide` and `/label/flag`. What does not:
versions and flags themselves (`burnish.review.guiding`), or what is shown of them
(`burnish.review.guide_context`).

Everybody reads the guide and its versions. Annotators see their own flags and answers alone; what
others flag is counted for reviewers, and of an item that they may answer themselves it is not told.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, RedirectResponse

from burnish.errors import ItemNotFound, SpecError
from burnish.review.access import Annotator, Desked, Visitor
from burnish.review.api_answers import Dataset
from burnish.review.api_models import LARGEST, Comment, ExampleId, Name
from burnish.review.context import DeskContext
from burnish.review.flags import Flag, FlagCounts, counted
from burnish.review.guide_context import (
    Changes,
    GuidePage,
    GuidePart,
    changes_of,
    rows_of,
    view_now,
    view_of,
)
from burnish.review.guides import Guide, GuideNow
from burnish.review.problems import not_found, wants_json
from burnish.review.records import Person
from burnish.review.rendering import render
from burnish.review.sight import sees_flags

LISTED = 50
MOST_CLASSES = 20
Version = Annotated[int | None, Query(ge=1, le=LARGEST)]

router = APIRouter(include_in_schema=False)


class FlagForm(BaseModel):
    """Which classes are unclear on which item; none takes the flag back."""

    example_id: ExampleId
    unclear: list[Name] = Field(default=[], max_length=MOST_CLASSES)
    comment: Comment = ""
    guide: int | None = Field(default=None, ge=1, le=LARGEST)


@router.get("/d/{dataset}/guide")
def guide_page(
    request: Request,
    dataset: Dataset,
    *,
    visitor: Annotator,
    context: Desked,
    version: Version = None,
    before: Version = None,
) -> Response:
    """The guide as it is or was, and what changed in `version` since `before`."""
    now, classes = _now_and_classes(context, dataset)
    kept = context.desk.guide_versions(dataset)
    shown = _shown(kept, version) if version is not None else (now.guide if now else None)
    if shown is None and version is not None:
        raise not_found(f"the guide of {dataset} has no version {version}")
    view = view_of(shown, classes) if shown else None
    if shown is not None and version is None:
        view = view_now(now, classes)
    reviews = visitor.may("reviewer")
    answers = context.desk.answers_under(dataset, person=None if reviews else visitor.person.name)
    counts, listed, held_back = flags_seen(context, dataset, visitor)
    page = GuidePage(
        dataset=dataset,
        guide=view,
        now=now.version if now else None,
        named=now is not None,
        problem=now.problem if now and reviews else "",
        versions=rows_of(kept, answers),
        others=answers.get(None, 0),
        all_answers=reviews,
        changes=_changes(kept, shown, before),
        mine=tuple(context.desk.flags(dataset, person=visitor.person.name)),
        counts=counts,
        flags=listed,
        held_back=held_back,
    )
    return render(request, "guide.html", page)


@router.get("/d/{dataset}/label/guide")
def guide_now(request: Request, dataset: Dataset, visitor: Annotator, context: Desked) -> Response:
    """The guide as it is, for a labeling page that was open when a new version came."""
    del visitor
    now, classes = _now_and_classes(context, dataset)
    view = view_now(now, classes)
    if view is None:
        return JSONResponse({"guide": None, "panel": ""})
    panel = bytes(render(request, "label_guide.html", GuidePart(view)).body).decode("utf-8")
    return JSONResponse({"guide": view.version, "panel": panel})


@router.post("/d/{dataset}/label/flag")
def flag(
    request: Request,
    dataset: Dataset,
    form: Annotated[FlagForm, Form()],
    visitor: Annotator,
    context: Desked,
) -> Response:
    """Flag classes that are unclear on an item, which waits for its answer all the same."""
    done = context.desk.flag(
        dataset,
        visitor.person,
        form.example_id,
        form.unclear,
        comment=form.comment.replace("\r\n", "\n"),
        guide=form.guide,
    )
    if not wants_json(request.url.path, request.headers.get("accept", "")):
        word = "flagged" if done.flag.labels else "unflagged"
        return RedirectResponse(f"/d/{quote(dataset, safe='')}/label?done={word}", 303)
    return JSONResponse({"flagged": list(done.flag.labels), "known": done.known})


def _now_and_classes(context: DeskContext, dataset: str) -> tuple[GuideNow | None, tuple[str, ...]]:
    """The guide as it is, and the classes; of a dataset without an open batch those of its spec."""
    try:
        now = context.desk.guide(dataset)
        classes = context.desk.spec(dataset).classes
    except SpecError as error:
        raise not_found(f"there is no dataset {dataset!r} here") from error
    try:
        return now, context.desk.batch(dataset).classes
    except ItemNotFound:
        return now, classes


def _shown(kept: list[Guide], version: int) -> Guide | None:
    return next((one for one in kept if one.version == version), None)


def _changes(kept: list[Guide], after: Guide | None, before: int | None) -> Changes | None:
    old = _shown(kept, before) if before is not None else None
    if after is None or old is None:
        return None
    return changes_of(old, after)


def flags_seen(
    context: DeskContext, dataset: str, visitor: Visitor
) -> tuple[FlagCounts | None, tuple[Flag, ...], int]:
    """What reviewers are told of flags: counts, the newest, and how many of those are left out."""
    if not visitor.may("reviewer"):
        return None, (), 0
    found: list[Flag] = context.desk.flags(dataset)
    newest = found[:LISTED]
    seen = tuple(one for one in newest if _may_see(context, visitor.person, one))
    return counted(found), seen, len(newest) - len(seen)


def _may_see(context: DeskContext, person: Person, flag: Flag) -> bool:
    """Whether a reviewer may know what somebody found unclear of an item: as with answers."""
    if flag.person == person.name:
        return True
    try:
        if context.desk.batch(flag.dataset).iteration != flag.iteration:
            return True
        return sees_flags(context.desk.standing(flag.dataset, flag.example_id), person)
    except ItemNotFound:
        return True
