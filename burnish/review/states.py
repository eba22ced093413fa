"""The life of an item: which state it is in, and what takes it to another. In this place alone.

What belongs here: states, transitions, and who may cause one, as pure functions of an item's
events; `docs/review-states.md` draws them. What does not: storing events (`burnish.review.events`),
leases (`burnish.review.leases`), or the clock.

    open ──answer──▶ open             fewer answers than the policy asks for
    open ──answer──▶ settled          enough agree
    open ──answer──▶ submitted        enough agree, and a reviewer has to approve
    open ──answer──▶ disagreed        all have answered, too few agree
    settled, submitted ──answer brought from another tool──▶ disagreed    it means something else
    submitted ──approve──▶ settled
    submitted, disagreed ──decide──▶ settled
    submitted, disagreed, settled ──send_back──▶ rework
    rework ──answer──▶ as open        of those who answered before, or of all after release
    rework ──release──▶ open
    any but withdrawn ──undo──▶ as if the answer had not been given
    any but settled ──withdraw──▶ withdrawn
    withdrawn ──restore──▶ as if it had not been withdrawn
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from burnish.errors import ReviewError
from burnish.review.records import Action, DeskEvent, Person, Policy, Said, State

REVIEWS: frozenset[Action] = frozenset({"approve", "send_back", "decide", "release"})
"""What only a reviewer does."""

HOUSEKEEPING: frozenset[Action] = frozenset({"withdraw", "restore"})
"""What only the desk itself does."""

DESK = Person("(desk)", "admin")
"""Who acts where no person does: rows that left the queue, decisions made outside."""


@dataclass(frozen=True)
class Standing:
    """Where an item stands after its events.

    `answers` are the answers of this round that were not taken back, oldest first; `said` those of
    all rounds. `wanted` are the people who are asked in a rework (empty: anybody). `decision` is a
    reviewer's own, `approved_by` who approved. `before` is what a withdrawn item was. `again` are
    the answers of those who had answered before, whether or not they took that back: they have been
    shown the label since.
    """

    state: State = "open"
    round: int = 1
    answers: tuple[DeskEvent, ...] = ()
    said: tuple[DeskEvent, ...] = ()
    wanted: frozenset[str] = frozenset()
    note: str = ""
    decision: DeskEvent | None = None
    approved_by: str = ""
    last_seq: int = 0
    before: State = "open"
    again: frozenset[int] = frozenset()

    @property
    def people(self) -> frozenset[str]:
        """Who has answered in this round."""
        return frozenset(event.actor.name for event in self.answers)


def stand(events: Sequence[DeskEvent], policy: Policy) -> Standing:
    """Where an item stands; `events` are its own, in order, each allowed when it was taken.

    >>> stand([], Policy()).state
    'open'
    """
    undone = {event.undoes for event in events if event.action == "undo"}
    standing = Standing()
    for event in events:
        if event.seq not in undone and event.action != "undo":
            standing = _after(standing, event, policy)
    last_seq = max((event.seq for event in events), default=0)
    return replace(standing, last_seq=last_seq, again=_again(events))


def _again(events: Sequence[DeskEvent]) -> frozenset[int]:
    answers = [event for event in events if event.action == "answer"]
    first = {event.actor.name: event.seq for event in reversed(answers)}
    return frozenset(one.seq for one in answers if one.seq != first[one.actor.name])


def refusal(
    standing: Standing, action: Action, actor: Person, *, undoes: DeskEvent | None = None
) -> str:
    """Why this cannot be done to an item now, or not by `actor`; empty where it is allowed."""
    return forbidden(standing, action, actor, undoes=undoes) or _untimely(standing, action, undoes)


def forbidden(
    standing: Standing, action: Action, actor: Person, *, undoes: DeskEvent | None = None
) -> str:
    """Why it is not for `actor` to do, though others may; empty where it is."""
    if action in HOUSEKEEPING:
        return "" if actor == DESK else "only the desk itself does that"
    if action in REVIEWS and actor.role == "annotator":
        return f"{actor.name} is an annotator, and this is for reviewers"
    if action == "answer":
        return _not_asked(standing, actor)
    if action == "undo" and undoes is not None and undoes.actor.name != actor.name:
        return f"it is {undoes.actor.name} who said it, and only one's own answer is taken back"
    # A second opinion is another person's.
    if action in {"approve", "decide", "send_back"} and actor.name in standing.people:
        return f"{actor.name} has answered it, so another reviewer must look"
    return ""


def allowed(standing: Standing, action: Action, actor: Person) -> bool:
    """Whether `refusal` has nothing against it."""
    return not refusal(standing, action, actor)


def takes_late(standing: Standing, policy: Policy, actor: Person) -> bool:
    """Whether an answer that was given in another tool is heard after the item was answered.

    There two people may have had it where the policy asks for one. What both say is kept, and where
    they differ the item is settled no more. A reviewer's word is the last.
    """
    return (
        policy.answers == 1
        and standing.state in {"settled", "submitted", "disagreed"}
        and actor.name not in standing.people
        and standing.decision is None
        and not standing.approved_by
    )


def places(standing: Standing, policy: Policy) -> int:
    """How many more people may have the item before them at once; 0 where it asks nobody.

    No more than could settle it by agreeing with each other and with most of those who answered:
    so nobody's answer comes when it is settled already. Of 2-of-3 the third is asked when the
    first two disagree.

    >>> places(Standing(), Policy(answers=3, agree=2))
    2
    """
    if standing.state not in {"open", "rework"}:
        return 0
    asked = len(standing.wanted) or policy.answers
    left = asked - len(standing.answers)
    missing = min(policy.agree, asked) - _most(standing)
    return max(0, min(left, missing if policy.answers > 1 else left))


def enough_agree(said: Sequence[Said], policy: Policy, *, asked: int) -> bool:
    """Whether as many mean the same as the policy wants; of fewer people asked, all of them.

    One `unsure` settles an item that one person is asked about; of several it settles none. Where
    one is asked and a second has answered elsewhere, both have to mean the same.
    """
    if policy.answers == 1:
        return len({one.meaning for one in said}) == 1
    return _agreeing(said) >= min(policy.agree, asked)


def _agreeing(said: Sequence[Said]) -> int:
    counts = Counter(one.meaning for one in said if one.meaning is not None)
    return max(counts.values(), default=0)


def _most(standing: Standing) -> int:
    return _agreeing([one.said for one in standing.answers if one.said])


def _untimely(standing: Standing, action: Action, undoes: DeskEvent | None) -> str:
    """Why nobody may do this to the item as it stands."""
    if action == "undo":
        return _undo_untimely(standing, undoes)
    if standing.state in _TAKES[action]:
        return ""
    wanted = " or ".join(sorted(_TAKES[action]))
    return f"the item is {standing.state}, and that is for one that is {wanted}"


def _not_asked(standing: Standing, actor: Person) -> str:
    if actor.name in standing.people:
        return f"{actor.name} has answered it already"
    if standing.wanted and actor.name not in standing.wanted:
        return f"it was sent back to {', '.join(sorted(standing.wanted))}"
    return ""


def _undo_untimely(standing: Standing, undoes: DeskEvent | None) -> str:
    if standing.state == "withdrawn":
        return "it was withdrawn"
    if undoes is None or undoes.seq not in {event.seq for event in standing.answers}:
        return "it is no answer of this round that stands"
    if standing.decision is not None or standing.approved_by:
        return "a reviewer has decided or approved it since"
    return ""


_TAKES: dict[Action, frozenset[State]] = {
    "answer": frozenset({"open", "rework"}),
    "approve": frozenset({"submitted"}),
    "decide": frozenset({"submitted", "disagreed"}),
    "send_back": frozenset({"submitted", "disagreed", "settled"}),
    "release": frozenset({"rework"}),
    "withdraw": frozenset({"open", "rework", "disagreed", "submitted"}),
    "restore": frozenset({"withdrawn"}),
}


def _after(standing: Standing, event: DeskEvent, policy: Policy) -> Standing:
    try:
        effect = _EFFECTS[event.action]
    except KeyError:
        raise ReviewError(
            f"{event.action} has no effect of its own", expected="its answer left out"
        ) from None
    return effect(standing, replace(event, round=standing.round), policy)


def _answered(standing: Standing, event: DeskEvent, policy: Policy) -> Standing:
    answers = (*standing.answers, event)
    now = replace(standing, answers=answers, said=(*standing.said, event))
    needed = len(standing.wanted) or policy.answers
    if enough_agree([one.said for one in answers if one.said], policy, asked=needed):
        return replace(now, state="submitted" if policy.approval else "settled")
    return replace(now, state="disagreed") if len(answers) >= needed else now


def _approved(standing: Standing, event: DeskEvent, _: Policy) -> Standing:
    return replace(standing, state="settled", approved_by=event.actor.name)


def _decided(standing: Standing, event: DeskEvent, _: Policy) -> Standing:
    return replace(standing, state="settled", decision=event)


def _sent_back(standing: Standing, event: DeskEvent, _: Policy) -> Standing:
    return Standing(
        state="rework",
        round=standing.round + 1,
        said=standing.said,
        wanted=standing.people,
        note=event.comment,
    )


def _released(standing: Standing, event: DeskEvent, _: Policy) -> Standing:  # noqa: ARG001
    return replace(standing, state="open", wanted=frozenset())


def _withdrawn(standing: Standing, event: DeskEvent, _: Policy) -> Standing:  # noqa: ARG001
    return replace(standing, state="withdrawn", before=standing.state)


def _restored(standing: Standing, event: DeskEvent, _: Policy) -> Standing:  # noqa: ARG001
    return replace(standing, state=standing.before)


_EFFECTS: dict[Action, Callable[[Standing, DeskEvent, Policy], Standing]] = {
    "answer": _answered,
    "approve": _approved,
    "decide": _decided,
    "send_back": _sent_back,
    "release": _released,
    "withdraw": _withdrawn,
    "restore": _restored,
}
