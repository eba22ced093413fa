"""What programs send to the desk and get from it, field by field; the OpenAPI schema is made of it.

What belongs here: pydantic models, and how the desk's records become them. What does not: routes
(`burnish.review.api_answers`, `burnish.review.api_reviews`), or what a person may see
(`burnish.review.sight`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from burnish.records import Decision
from burnish.review.listing import Listed
from burnish.review.records import (
    Action,
    Answered,
    DeskEvent,
    Item,
    Lease,
    Person,
    Progress,
    Role,
    Said,
    State,
)
from burnish.review.sight import Opinion, Seen, Stands, progress_seen
from burnish.spec import Priority

LONGEST_COMMENT, LONGEST_NAME, LONGEST_ID, MOST_IDS = 2_000, 200, 600, 1_000
LARGEST = 2**31 - 1
"""The largest number that every database takes for one of ours."""


def storable(text: str) -> str:
    """The text; raises `ValueError` for characters that a database or a ledger cannot hold."""
    if any(c == "\0" or "\x1c" <= c <= "\x1f" or "\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("text without NUL, the characters 1C to 1F and lone surrogates")
    return text


Checked = AfterValidator(storable)
ExampleId = Annotated[
    str,
    Checked,
    Field(min_length=1, max_length=LONGEST_ID, description="The id of an example."),
]
Comment = Annotated[
    str, Checked, Field(max_length=LONGEST_COMMENT, description="For whoever reads it later.")
]
Name = Annotated[str, Checked, Field(max_length=LONGEST_NAME)]
Seq = Annotated[int, Field(ge=0, le=LARGEST)]
Version = Annotated[int, Field(ge=1, le=LARGEST)]


class Sent(BaseModel):
    """Base of what programs send: an unknown field is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Told(BaseModel):
    """Base of what they get."""

    model_config = ConfigDict(frozen=True)


# ---------------------------------------------------------------- sent


class TakeIn(Sent):
    """Asks for the next item."""

    beside: Annotated[list[Annotated[str, Checked, Field(max_length=100)]], Field(max_length=8)] = (
        Field(default=[], description="Tokens of leases that are kept: the item is another one.")
    )


class SaidIn(Sent):
    """What is said of an item: a `label`, or `unsure`, or `drop`. Exactly one of them."""

    label: Name | None = Field(
        default=None, description="The class that the example has; one of the batch's classes."
    )
    decision: Literal["unsure", "drop"] | None = Field(
        default=None,
        description="`unsure` where it cannot be told, `drop` where the example is unfit. "
        "Whether a label keeps or changes the given one follows by itself.",
    )
    comment: Comment = ""
    seconds: float | None = Field(
        default=None,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="How long the person looked, in seconds.",
    )
    guide: Version | None = Field(
        default=None,
        description="The version of the labeling guide that was before whoever says it; null for "
        "none. It must be one that there is.",
    )

    def to_said(self) -> Said:
        """As the desk takes it; raises `ValueError` unless exactly one of the two is given."""
        if (self.label is None) == (self.decision is None):
            raise ValueError("give either a label or a decision")
        decision: Decision = self.decision or "keep"
        return Said(decision, self.label, self.comment, self.seconds)


class UndoIn(Sent):
    """Takes an answer of one's own back."""

    seq: Seq | None = Field(
        default=None, description="The event to take back; left out: the newest that can be."
    )


class ReviewIn(Sent):
    """A reviewer's act on an item as they saw it."""

    example_id: ExampleId
    after: Seq = Field(
        description="`last_seq` of the item as it was seen. If it moved since, nothing happens "
        "and the answer is 409."
    )
    comment: Comment = ""


class ReturnIn(ReviewIn):
    """Sends an item back to those who answered it."""

    comment: Annotated[str, Checked, Field(min_length=1, max_length=LONGEST_COMMENT)] = Field(
        description="What they are to look at again."
    )


class DecideIn(SaidIn):
    """A reviewer's own decision on an item as they saw it."""

    example_id: ExampleId
    after: Seq = Field(description="`last_seq` of the item as it was seen.")


class AssignIn(Sent):
    """Gives items to one person."""

    example_ids: Annotated[list[ExampleId], Field(min_length=1, max_length=MOST_IDS)]
    assignee: Name = Field(description="Who is asked first; empty: nobody in particular.")


class OwnerIn(Sent):
    """Names who looks after a batch."""

    owner: Name


class RequestIn(Sent):
    """Asks for examples to be looked at in a coming batch."""

    example_ids: Annotated[list[ExampleId], Field(min_length=1, max_length=MOST_IDS)]
    reason: Annotated[str, Checked, Field(min_length=1, max_length=LONGEST_COMMENT)] = Field(
        description="Why; people who are asked read it."
    )


# ---------------------------------------------------------------- told


class PersonOut(Told):
    """Who acts."""

    name: str
    role: Role
    simulated: bool = Field(description="No human, but a program that plays one.")

    @classmethod
    def of(cls, person: Person) -> PersonOut:
        return cls(name=person.name, role=person.role, simulated=person.simulated)


class ProgressOut(Told):
    """The open batch of a dataset, and how far it is."""

    dataset: str
    iteration: int
    policy: Literal["single", "double_blind", "n_of_m"]
    answers: int = Field(description="How many people answer an item.")
    agree: int = Field(description="How many of them must agree.")
    approval: bool = Field(description="Whether a reviewer approves before it is settled.")
    classes: list[str]
    owner: str
    total: int
    settled: int = Field(
        description="To an annotator where several people answer: only what a reviewer settled, "
        "so that nobody learns from a count whether others agreed."
    )
    states: dict[State, int]
    leased: int = Field(description="Items that are before somebody now.")
    by_person: dict[str, int] = Field(
        description="Answers that stand, by person; an annotator gets their own alone."
    )

    @classmethod
    def of(cls, progress: Progress, person: Person) -> ProgressOut:
        batch, mine = progress.batch, person.role == "annotator"
        progress = progress_seen(progress, person)
        return cls(
            dataset=batch.dataset,
            iteration=batch.iteration,
            policy=batch.policy.name,
            answers=batch.policy.answers,
            agree=batch.policy.agree,
            approval=batch.policy.approval,
            classes=list(batch.classes),
            owner=batch.owner,
            total=progress.total,
            settled=progress.settled,
            states=dict(progress.states),
            leased=progress.leased,
            by_person={n: c for n, c in progress.by_person.items() if not mine or n == person.name},
        )


class LeaseOut(Told):
    """An item that is before one person: answer it by its `token` before `expires_at`."""

    token: str
    dataset: str
    iteration: int
    example_id: str
    round: int = Field(description="1, and one more each time it was sent back.")
    note: str = Field(description="What a reviewer wrote who sent it back.")
    classes: list[str]
    features: dict[str, Any] = Field(
        description="The example's features by name; null where it has none. Never the label."
    )
    taken_at: datetime
    expires_at: datetime
    shown: bool = Field(
        description="Whether label and model's opinion are shown beforehand: rare, and drawn."
    )
    opinion: OpinionOut | None = Field(description="Null unless `shown`.")
    guide: int | None = Field(description="The version of the labeling guide now; null for none.")


class OpinionOut(Told):
    """The label as given, and what the model thinks."""

    label: str | None
    suggested_label: str | None
    error_probability: float | None
    reason: str = Field(
        description="`random check` for random rows that are not settled; empty, as `why` is, "
        "where it is not told yet: to annotators before the batch is closed."
    )
    why: str

    @classmethod
    def of(cls, opinion: Opinion) -> OpinionOut:
        return cls(
            label=opinion.label,
            suggested_label=opinion.suggested,
            error_probability=finite(opinion.error_probability),
            reason=opinion.reason,
            why=opinion.why,
        )


class EventOut(Told):
    """One thing that was done to an item."""

    seq: int
    example_id: str
    action: Action
    actor: PersonOut
    at: datetime
    decision: Decision | None = Field(
        description="Null where nothing was said, and where it would tell the label as given "
        "to whoever may still be asked."
    )
    label: str | None
    comment: str
    seconds: float | None
    undoes: int | None = Field(description="The event that it takes back.")
    guide: int | None = Field(description="The version of the labeling guide it was said under.")

    @classmethod
    def of(cls, event: DeskEvent, *, told: bool = True) -> EventOut:
        """The event; unless `told`, without what follows from the label as given."""
        said = event.said
        return cls(
            seq=event.seq,
            example_id=event.example_id,
            action=event.action,
            actor=PersonOut.of(event.actor),
            at=event.at,
            decision=said.decision if said and (told or said.label is None) else None,
            label=said.label if said else None,
            comment=event.comment or (said.comment if said else ""),
            seconds=finite(said.seconds) if said else None,
            undoes=event.undoes,
            guide=event.guide,
        )


class ItemOut(Told):
    """Where an item stands."""

    example_id: str
    position: int
    state: Seen = Field(
        description="To an annotator where several people answer: `answered` once they have, until "
        "a reviewer settled it or the batch is closed."
    )
    round: int
    answers: int = Field(
        description="Answers of this round that stand; to an annotator where several people "
        "answer only their own."
    )
    last_seq: int = Field(description="Its newest event; a reviewer's act names it as `after`.")
    assignee: str
    note: str
    updated_at: datetime

    @classmethod
    def of(cls, item: Item, stands: Stands | None = None) -> ItemOut:
        """An item, and where it stands as far as may be told: `stands`, else all."""
        told: Item | Stands = stands or item
        return cls(
            example_id=item.example_id,
            position=item.position,
            state=told.state,
            round=item.round,
            answers=told.answers,
            last_seq=told.last_seq,
            assignee=item.assignee,
            note=item.note,
            updated_at=told.updated_at,
        )


class ItemSeenOut(ItemOut):
    """An item with what this person may see of it."""

    opinion: OpinionOut | None = Field(description="Null for whoever may still be asked.")
    events: list[EventOut] = Field(
        description="Oldest first; only one's own for whoever may still be asked."
    )


class ListedOut(Told):
    """A row of the queue. What may not be told yet is null."""

    example_id: str
    position: int
    state: State
    round: int
    answers: int
    last_seq: int
    assignee: str
    note: str
    reason: str
    why: str
    label: str | None
    suggested_label: str | None
    error_probability: float | None
    waiting_seconds: float
    priority: Priority
    due_at: datetime | None = Field(description="By when it was promised; null: by no time.")

    @classmethod
    def of(cls, row: Listed) -> ListedOut:
        own = {
            name: getattr(row, name)
            for name in cls.model_fields
            if name not in {"suggested_label", "error_probability", "waiting_seconds"}
        }
        return cls(
            **own,
            suggested_label=row.suggested,
            error_probability=finite(row.error_probability),
            waiting_seconds=row.waiting.total_seconds(),
        )


class ItemsOut(Told):
    """A page of the queue."""

    items: list[ListedOut]
    total: int
    offset: int


class EventsOut(Told):
    """Events, in the order that the route says."""

    events: list[EventOut]


class AnsweredOut(Told):
    """What came of an act: once it is here, it is stored for good."""

    event: EventOut
    item: ItemOut
    known: bool = Field(description="The very same had been taken before: nothing was added.")
    ledger_events: list[int] = Field(
        description="The ledger's events that settled the item; told to reviewers alone."
    )

    @classmethod
    def of(cls, answered: Answered, stands: Stands | None = None) -> AnsweredOut:
        """What came of it; with `stands` as an annotator may know it."""
        return cls(
            event=EventOut.of(answered.event),
            item=ItemOut.of(answered.item, stands),
            known=answered.known,
            ledger_events=[] if stands else list(answered.ledger_events),
        )


class AssignedOut(Told):
    """How many items were given to somebody else than before."""

    assigned: int


class RequestOut(Told):
    """A request as the ledger holds it."""

    request_id: int
    example_ids: list[str]
    reason: str
    asked_by: str


def lease_out(
    lease: Lease,
    features: Mapping[str, Any],
    opinion: Opinion | None,
    *,
    classes: tuple[str, ...],
    guide: int | None = None,
) -> LeaseOut:
    """A lease as its holder sees it; `opinion` only where it is shown beforehand."""
    item = lease.item
    return LeaseOut(
        token=lease.token,
        dataset=item.dataset,
        iteration=item.iteration,
        example_id=item.example_id,
        round=item.round,
        note=item.note,
        classes=list(classes),
        features={name: as_json(cell) for name, cell in features.items()},
        taken_at=lease.taken_at,
        expires_at=lease.expires_at,
        shown=lease.shown,
        opinion=None if opinion is None else OpinionOut.of(opinion),
        guide=guide,
    )


def finite(number: float | None) -> float | None:
    """The number; None for what JSON has no word for."""
    return number if number is not None and math.isfinite(number) else None


def as_json(cell: Any) -> Any:
    """A cell as JSON can hold it; bytes of a picture are not sent, only how many they are.

    >>> as_json([1, float("nan")]), as_json(b"abc")
    ([1, None], '3 bytes')
    """
    if isinstance(cell, float):
        return finite(cell)
    if isinstance(cell, bytes):
        return f"{len(cell)} bytes"
    if isinstance(cell, Mapping):
        return {str(name): as_json(part) for name, part in cell.items()}
    parts = cell.tolist() if hasattr(cell, "tolist") else cell
    if isinstance(parts, list | tuple):
        return [as_json(part) for part in parts]
    return _plain(parts)


def _plain(cell: Any) -> Any:
    if isinstance(cell, date):
        return cell.isoformat()
    return cell if cell is None or isinstance(cell, bool | int | float | str) else str(cell)
