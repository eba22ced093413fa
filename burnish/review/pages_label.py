"""The labeling page: the next item, an answer to it, taking it back, and its pictures.

What belongs here: these routes, for forms and for `static/label.js` alike. What does not: what a
card shows (`burnish.review.showing`), whose item it is and whether an answer is taken
(`burnish.review.desk`), or reviewing answers (`burnish.review.pages_review`).

A change asked for with `Accept: application/json` is told as JSON, else the next page follows, so
that everything here works without script.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Depends, Form, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, RedirectResponse, Response

from burnish.errors import DataError, ReviewError
from burnish.records import Decision
from burnish.review.access import Annotator, Desked, Visitor, signed_in
from burnish.review.api_models import LARGEST
from burnish.review.context import DeskContext
from burnish.review.guide_context import view_now
from burnish.review.images import LARGEST_SIDE, picture_of
from burnish.review.items import is_held_out
from burnish.review.label_context import Card, CardPart, LabelPage, Past, PastPart
from burnish.review.pages_home import policy_words
from burnish.review.problems import not_found, wants_json
from burnish.review.records import Answered, Lease, Person, Progress, Said
from burnish.review.rendering import render
from burnish.review.showing import card_of, choices_of, course_of, names_of, past_of
from burnish.review.sight import state_seen
from burnish.review.states import refusal

router = APIRouter(include_in_schema=False)

LATEST = 6
LONGEST_SECONDS, LONGEST_COMMENT, MOST_TOKENS = 600.0, 2000, 50
SMALL_SIDE = 112
MESSAGES = {
    "saved": "saved",
    "undone": "taken back",
    "flagged": "flagged as unclear",
    "unflagged": "flag taken back",
}
PLACE = "/d/{dataset}/label"

Tokens = Annotated[list[str], Form(max_length=MOST_TOKENS)]
Example = Annotated[str, Query(max_length=2000)]
Column = Annotated[str, Query(max_length=500)]
NONE: list[str] = []


class AnswerForm(BaseModel):
    """An answer as it comes from a form: the class that was pressed, or another decision.

    `guide` is the version of the labeling guide that was on the screen.
    """

    token: str = Field(max_length=100)
    label: str = Field("", max_length=1000)
    decision: Literal["", "unsure", "drop"] = ""
    comment: str = Field("", max_length=LONGEST_COMMENT)
    seconds: str = Field("", max_length=20)
    guide: int | None = Field(None, ge=1, le=LARGEST)

    def meant(self) -> Decision:
        """What was pressed; whether a label is kept or changed, the desk works out."""
        if bool(self.label) == bool(self.decision):
            raise ReviewError(
                "the answer names " + ("both a class and a decision" if self.label else "nothing"),
                expected="a class, or one of: unsure, drop",
            )
        return self.decision or "change"


class UndoForm(BaseModel):
    """Which answer is taken back (none: the newest), and the leases on the screen."""

    seq: int | None = None
    token: list[str] = Field(default_factory=list[str], max_length=MOST_TOKENS)


@router.get(PLACE)
def label_page(
    request: Request, dataset: str, visitor: Annotator, context: Desked, done: str = ""
) -> Response:
    """The next item of this person, its classes, and what they said last."""
    progress: Progress = context.desk.progress(dataset)
    lease = context.desk.take(dataset, visitor.person)
    waiting = context.desk.inbox(dataset, visitor.person) if visitor.may("reviewer") else []
    choices = choices_of(progress.batch.classes)
    page = LabelPage(
        dataset=dataset,
        card=_card(context, lease, visitor.person) if lease else None,
        choices=choices,
        many=any(not choice.key for choice in choices),
        names=names_of(progress.batch.classes),
        past=_past(context, dataset, visitor.person),
        course=course_of(progress, visitor.person),
        busy=0 if lease else context.desk.before_others(dataset, visitor.person),
        waiting=len(waiting),
        may_review=visitor.may("reviewer"),
        policy=policy_words(progress),
        message=MESSAGES.get(done, ""),
        guide=view_now(context.desk.guide(dataset), progress.batch.classes),
    )
    return render(request, "label.html", page)


@router.post(PLACE + "/next")
def following(
    request: Request, dataset: str, visitor: Annotator, context: Desked, token: Tokens = NONE
) -> Response:
    """The item after those that are held: its card, and the token of its lease."""
    lease = context.desk.take(dataset, visitor.person, beside=token)
    return JSONResponse(_next(request, context, lease, visitor.person))


@router.post(PLACE + "/answer")
def answer(
    request: Request,
    dataset: str,
    visitor: Annotator,
    context: Desked,
    form: Annotated[AnswerForm, Form()],
) -> Response:
    """Take an answer under its lease; the same one sent again is acknowledged again."""
    said = Said(
        decision=form.meant(),
        label=_unfolded(form.label) or None,
        comment=_unfolded(form.comment),
        seconds=_seconds(form.seconds),
    )
    answered: Answered = context.desk.answer(
        dataset, visitor.person, form.token, said, guide=form.guide
    )
    if not _by_script(request):
        return _to_page(dataset, "saved")
    told = _after(request, context, dataset, visitor)
    return JSONResponse({**told, "seq": answered.event.seq, "known": answered.known})


@router.post(PLACE + "/undo")
def undo(
    request: Request,
    dataset: str,
    visitor: Annotator,
    context: Desked,
    form: Annotated[UndoForm, Form()],
) -> Response:
    """Take back one's newest answer, or that of a number, and bring its item back if it is free."""
    undone: Answered = context.desk.undo(dataset, visitor.person, seq=form.seq)
    if not _by_script(request):
        return _to_page(dataset, "undone")
    lease = context.desk.take(dataset, visitor.person, beside=form.token)
    told = _after(request, context, dataset, visitor)
    message = f"Taken back: {undone.item.example_id}."
    following = _next(request, context, lease, visitor.person)
    return JSONResponse({**told, **following, "message": message})


@router.post(PLACE + "/renew")
def renew(dataset: str, visitor: Annotator, context: Desked, token: Tokens = NONE) -> Response:
    """Let the leases of what is on a screen last; what has gone to others is told of in words."""
    renewed: dict[str, Any] = {}
    gone: dict[str, str] = {}
    for one in token:
        try:
            lease = context.desk.renew(dataset, visitor.person, one)
        except ReviewError as error:
            gone[one] = f"This item is no longer yours: {error.found}."
        else:
            renewed[one] = {"until": lease.expires_at.isoformat(), "lasts": _lasts(lease)}
    now = context.desk.guide(dataset)
    version = now.version if now else None
    return JSONResponse({"renewed": renewed, "gone": gone, "guide": version})


@router.post(PLACE + "/give-back")
def give_back(
    dataset: str,
    visitor: Annotator,
    context: Desked,
    token: Tokens = NONE,
    until: Tokens = NONE,
) -> Response:
    """End the leases of a page that was left, but not one that has been prolonged since `until`.

    A page says goodbye after the one that follows it has loaded, which may show the same item.
    """
    for one, last in zip(token, until, strict=False):
        try:
            known = datetime.fromisoformat(last)
        except ValueError:
            continue
        context.desk.give_back(dataset, visitor.person, one, until=known)
    return Response(status_code=204)


@router.get(PLACE + "/session")
def session(dataset: str, visitor: Annotator) -> Response:
    """What forms of this session must hold, for a page that was open when it began anew."""
    return JSONResponse({"dataset": dataset, "csrf": visitor.csrf})


@router.get("/images/{dataset}", dependencies=[Depends(signed_in())])
async def image(
    dataset: str, context: Desked, example: Example, column: Column, small: bool = False
) -> Response:
    """The picture in a column of an example, drawn anew."""
    # Few at once, and waiting for their turn in no thread: others ask for pages meanwhile.
    draw = partial(_drawn, context, dataset, example, column, small=small)
    return await to_thread.run_sync(draw, limiter=context.drawing)


def _drawn(
    context: DeskContext, dataset: str, example: str, column: str, *, small: bool
) -> Response:
    row = context.examples.row(dataset, example)
    if row is None:
        raise not_found(f"{dataset} has no example {example!r}")
    side = SMALL_SIDE if small else LARGEST_SIDE
    try:
        picture = picture_of(row, column, context.desk.spec(dataset), side=side)
    except DataError as error:
        raise not_found(error.found, hint=error.hint) from error
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(picture.content, media_type=picture.media_type, headers=headers)


def _by_script(request: Request) -> bool:
    return wants_json(request.url.path, request.headers.get("accept", ""))


def _to_page(dataset: str, done: str) -> Response:
    return RedirectResponse(f"/d/{quote(dataset, safe='')}/label?done={done}", 303)


def _card(context: DeskContext, lease: Lease, person: Person) -> Card:
    shown = _is_shown(context, lease, person)
    card = card_of(lease, context.examples, shown=shown, now=datetime.now(UTC))
    flag = context.desk.flag_of(lease.item.dataset, person, lease.item.example_id)
    return replace(card, flagged=flag.labels) if flag else card


def _lasts(lease: Lease) -> int:
    return max(0, int((lease.expires_at - datetime.now(UTC)).total_seconds()))


def _next(
    request: Request, context: DeskContext, lease: Lease | None, person: Person
) -> dict[str, str | None]:
    if lease is None:
        return {"card": None, "token": None}
    part = CardPart(_card(context, lease, person))
    return {"card": _text(render(request, "label_card.html", part)), "token": lease.token}


def _after(
    request: Request, context: DeskContext, dataset: str, visitor: Visitor
) -> dict[str, Any]:
    course = course_of(context.desk.progress(dataset), visitor.person)
    now = context.desk.guide(dataset)
    part = PastPart(dataset, _past(context, dataset, visitor.person))
    past = _text(render(request, "label_past.html", part))
    return {
        "done": course.done,
        "total": course.total,
        "word": course.word,
        "mine": course.mine,
        "past": past,
        "guide": now.version if now else None,
    }


def _text(response: Response) -> str:
    return bytes(response.body).decode("utf-8")


def _past(context: DeskContext, dataset: str, person: Person) -> tuple[Past, ...]:
    """The latest answers that stand, newest first."""
    policy = context.desk.batch(dataset).policy
    return tuple(
        past_of(
            one.event,
            one.item,
            context.examples,
            state=state_seen(one.standing, policy, person),
            open_to_undo=not refusal(one.standing, "undo", person, undoes=one.event),
        )
        for one in context.desk.latest_of(dataset, person.name, limit=LATEST)
    )


def _is_shown(context: DeskContext, lease: Lease, person: Person) -> bool:
    """Whether label and model's opinion are shown beforehand: by the draw, or seen already.

    Who takes an answer back, or has it sent back, has been shown both: hiding them again would
    only pretend that the next answer is blind.
    """
    if lease.shown or not lease.item.last_seq or is_held_out(lease.item):
        return lease.shown
    done = context.desk.events(lease.item.dataset, lease.item.example_id)
    return any(event.action == "answer" and event.actor.name == person.name for event in done)


def _unfolded(text: str) -> str:
    """A text as it was before a form was sent, which writes each end of a line in two signs."""
    return text.replace("\r\n", "\n")


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return min(seconds, LONGEST_SECONDS) if seconds >= 0 else None
