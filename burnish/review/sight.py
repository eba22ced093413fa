"""What a person may see of an item before all have answered, and of an example's history.

What belongs here: the rules of blindness, as functions of a standing and a person. What does not:
which rows a list may tell of (`burnish.review.listing`), or who may act (`burnish.review.states`).

Whoever is still asked must not be led: not by the label as given, not by the model, and not by
what others said. An annotator sees label and model once they have answered in this round. What
others said, and whether they said the same, is told once no answer can be taken back any more:
when a reviewer has approved or decided the item, or its batch is closed. Before that an answer
could be given again, knowing better. So where several are asked, an item that one has answered
reads `answered`, and how far the batch is counts what is settled for good.

Reviewers judge answers, so they may see them; that they did is their trade. But who may still
answer an item, or has answered it, is one of those who answer, whatever their role.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from burnish.review.items import HIDDEN_REASONS, RANDOM_CHECK
from burnish.review.listing import is_secret
from burnish.review.records import DeskEvent, Item, Person, Policy, Progress, State
from burnish.review.states import Standing, allowed

NOT_YET = (
    "You may still be asked about this example, so its label, the model's opinion and what others "
    "said are not shown yet."
)
NOT_OTHERS = "What others said is shown when it can no longer be taken back."

Seen = Literal["open", "rework", "disagreed", "submitted", "settled", "withdrawn", "answered"]
"""A state as it is told: `answered` to annotators who may not know what came of their answer."""


@dataclass(frozen=True)
class Opinion:
    """The label as given and what the model thinks of it; None where there is none."""

    label: str | None = None
    suggested: str | None = None
    error_probability: float | None = None
    reason: str = ""
    why: str = ""


@dataclass(frozen=True)
class Sight:
    """What one person may see of one item."""

    label: bool
    others: bool

    @property
    def everything(self) -> bool:
        return self.label and self.others


@dataclass(frozen=True)
class Stands:
    """Where an item stands, as far as one person may know."""

    state: Seen
    answers: int
    last_seq: int
    updated_at: datetime


def is_final(standing: Standing) -> bool:
    """Whether a reviewer has settled the item, so that no answer to it is taken back."""
    by_reviewer = standing.decision is not None or bool(standing.approved_by)
    return standing.state == "settled" and by_reviewer


def is_blind(policy: Policy, person: Person) -> bool:
    """Whether a person may not know yet if others agree with them."""
    return person.role == "annotator" and policy.answers > 1


def sight_of(
    standing: Standing | None, policy: Policy, person: Person, *, held_out: bool = False
) -> Sight:
    """What `person` may see of an item; None: the example is in no open batch.

    Of a `held_out` one nobody who may answer it, or has, sees the label before the batch is closed
    or a reviewer has settled it: an answer that is taken back must be as blind as the first.

    >>> ada = Person("ada", "annotator")
    >>> sight_of(Standing(), Policy(), ada), sight_of(None, Policy(), ada)
    (Sight(label=False, others=False), Sight(label=True, others=True))
    """
    if standing is None or is_final(standing):
        return Sight(label=True, others=True)
    if person.role != "annotator":
        apart = not _answers(standing, person)
        return Sight(label=apart or not held_out, others=policy.answers == 1 or apart)
    done = standing.state == "settled"
    others = done and policy.answers == 1
    label = (done or person.name in standing.people) and not held_out
    return Sight(label=label, others=others)


def sees_why(standing: Standing | None, person: Person) -> bool:
    """Whether a person may be told why the label of an item is doubted; None: in no open batch.

    It names label, suggestion and near rows, so nobody sees it who may yet give an answer, or take
    one back; and annotators never, who may be asked about its like.

    >>> rob = Person("rob", "reviewer")
    >>> sees_why(None, rob), sees_why(Standing(), rob), sees_why(None, Person("ada", "annotator"))
    (True, False, False)
    """
    if person.role == "annotator":
        return False
    if standing is None or is_final(standing):
        return True
    return standing.state == "settled" and not _answers(standing, person)


def sees_flags(standing: Standing, person: Person) -> bool:
    """Whether a person may know what others found unclear of an item of the open batch.

    It would tell whoever may answer it between which classes others waver.

    >>> sees_flags(Standing(), Person("rob", "reviewer"))
    False
    """
    if person.role == "annotator":
        return False
    return is_final(standing) or not _answers(standing, person)


def state_seen(standing: Standing, policy: Policy, person: Person) -> Seen:
    """The state of an item as it is told to a person.

    >>> state_seen(Standing("disagreed"), Policy(2, 2), Person("ada", "annotator"))
    'answered'
    """
    if not is_blind(policy, person) or is_final(standing) or standing.state == "withdrawn":
        return standing.state
    asks = standing.state in {"open", "rework"} and person.name not in standing.people
    return standing.state if asks else "answered"


def stands_for(item: Item, standing: Standing, policy: Policy, person: Person) -> Stands:
    """Where an item stands as it is told to a person: of several answers nobody counts others'."""
    if not is_blind(policy, person) or is_final(standing):
        return Stands(standing.state, item.answers, item.last_seq, item.updated_at)
    own = next((one for one in standing.answers if one.actor.name == person.name), None)
    state = state_seen(standing, policy, person)
    if own is None:
        return Stands(state, 0, 0, item.updated_at)
    return Stands(state, 1, own.seq, own.at)


def progress_seen(progress: Progress, person: Person) -> Progress:
    """How far a batch is as it is told to a person: what may still be taken back counts as open."""
    if not is_blind(progress.batch.policy, person):
        return progress
    told: dict[State, int] = {"open": progress.total - progress.final, "settled": progress.final}
    told["withdrawn"] = progress.states.get("withdrawn", 0)
    return replace(progress, states={state: count for state, count in told.items() if count})


def keeps_secret(item: Item, standing: Standing, person: Person) -> bool:
    """Whether a person may not know yet that the item is there for a check.

    Annotators may not while its batch is open, unless a reviewer has settled it: an answer to a
    known one would be taken back and given again.
    """
    reason = str(item.facts.get("reason") or "")
    if person.role != "annotator" or is_final(standing):
        return is_secret(reason, item.state)
    return reason in HIDDEN_REASONS


def visible_events(events: Sequence[DeskEvent], sight: Sight, person: Person) -> list[DeskEvent]:
    """The events that a person may see: their own, and what reviewers wrote who sent it back."""
    if sight.others:
        return list(events)
    return [e for e in events if e.actor.name == person.name or e.action == "send_back"]


def hides_why(standing: Standing, person: Person) -> bool:
    """Whether a person may not know yet why any item of the open batch is there.

    Of all items alike: were it kept from annotators of checks alone, what is not told would be one,
    and its answer be taken back and given again.

    >>> [hides_why(Standing(), Person("ada", role)) for role in ("annotator", "reviewer")]
    [True, False]
    """
    return person.role == "annotator" and not is_final(standing)


def opinion_of(item: Item, *, secret: bool | None = None, why: bool = True) -> Opinion:
    """The label as given and the model's opinion, from the row of the queue.

    Why a random row is there stays untold until it is settled, or where it is `secret`. Without
    `why` it is not told of any row, nor how probable an error is, which checks have not.
    """
    if not why:
        label, suggested = item.facts.get("label"), item.facts.get("suggested_label")
        return Opinion(label, suggested, error_probability=None, reason="", why="")
    facts: Mapping[str, Any] = item.facts
    reason = str(facts.get("reason") or "")
    secret = is_secret(reason, item.state) if secret is None else secret
    return Opinion(
        label=facts.get("label"),
        suggested=facts.get("suggested_label"),
        error_probability=None if secret else facts.get("error_probability"),
        reason=RANDOM_CHECK if secret else reason,
        why="" if secret else str(facts.get("why") or ""),
    )


def _answers(standing: Standing, person: Person) -> bool:
    """Whether a person is one of those who answer the item, now or later."""
    return person.name in standing.people or allowed(standing, "answer", person)
