"""The life of an item: which state it is in, and what takes it to another. In this place alone.

What belongs here: states, transitions, and who may cause one, as pure functions of an item's
events. What does not: storing events, leases, or the clock (`burnish.review.desk`).

    open ──answer──▶ open             fewer answers than the policy asks for
    open ──answer──▶ settled          enough agree
    open ──answer──▶ submitted        enough agree, and a reviewer has to approve
    open ──answer──▶ disagreed        all have answered, too few agree
    submitted ──approve──▶ settled
    submitted, disagreed ──decide──▶ settled
    submitted, disagreed, settled ──send_back──▶ rework
    rework ──answer──▶ as open        of those who answered before, or of all after release
    rework ──release──▶ open
    any ──undo──▶ as if the answer had not been given
    any but settled ──withdraw──▶ withdrawn
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from burnish.errors import ReviewError
from burnish.review.records import Action, DeskEvent, Person, Policy, Said, State

REVIEWS: frozenset[Action] = frozenset({"approve", "send_back", "decide", "release"})
"""What only a reviewer does."""


@dataclass(frozen=True)
class Standing:
    """Where an item stands after its events.

    `answers` are the answers of this round that were not taken back, oldest first; `said` those of
    all rounds. `wanted` are the people who are asked in a rework (empty: anybody). `decision` is a
    reviewer's own, `approved_by` who approved.
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
    return replace(standing, last_seq=max((event.seq for event in events), default=0))


def refusal(
    standing: Standing, action: Action, actor: Person, *, undoes: DeskEvent | None = None
) -> str:
    """Why `actor` may not do this to an item now; empty where it is allowed."""
    if action in REVIEWS and actor.role == "annotator":
        return f"{actor.name} is an annotator, and this is for reviewers"
    return {
        "answer": _answer_refusal,
        "undo": lambda s, a: _undo_refusal(s, a, undoes),
        "approve": lambda s, a: _review_refusal(s, a, {"submitted"}),
        "decide": lambda s, a: _review_refusal(s, a, {"submitted", "disagreed"}),
        "send_back": lambda s, a: _review_refusal(s, a, {"submitted", "disagreed", "settled"}),
        "release": lambda s, _: "" if s.state == "rework" else f"it is {s.state}, not in rework",
        "withdraw": lambda s, _: "it is settled" if s.state == "settled" else "",
    }[action](standing, actor)


def allowed(standing: Standing, action: Action, actor: Person) -> bool:
    """Whether `refusal` has nothing against it."""
    return not refusal(standing, action, actor)


def places(standing: Standing, policy: Policy) -> int:
    """How many more people are asked in this round; 0 where the item asks nobody."""
    if standing.state not in {"open", "rework"}:
        return 0
    wanted = len(standing.wanted) or policy.answers
    return max(0, wanted - len(standing.answers))


def _answer_refusal(standing: Standing, actor: Person) -> str:
    if standing.state not in {"open", "rework"}:
        return f"the item is {standing.state}, and asks for no answer"
    if actor.name in standing.people:
        return f"{actor.name} has answered it already"
    if standing.wanted and actor.name not in standing.wanted:
        return f"it was sent back to {', '.join(sorted(standing.wanted))}"
    return ""


def _undo_refusal(standing: Standing, actor: Person, undoes: DeskEvent | None) -> str:
    own = [e for e in standing.answers if undoes is not None and e.seq == undoes.seq]
    if not own or own[0].actor.name != actor.name:
        return "only one's own answer of this round is taken back"
    if standing.decision is not None or standing.approved_by:
        return "a reviewer has decided or approved it since"
    return "it was withdrawn" if standing.state == "withdrawn" else ""


def _review_refusal(standing: Standing, actor: Person, states: set[State]) -> str:
    if standing.state not in states:
        return f"the item is {standing.state}"
    # A second opinion is another person's.
    if actor.name in standing.people:
        return f"{actor.name} has answered it, so another reviewer must look"
    return ""


def _after(standing: Standing, event: DeskEvent, policy: Policy) -> Standing:
    match event.action:
        case "answer":
            return _answered(standing, event, policy)
        case "approve":
            return replace(standing, state="settled", approved_by=event.actor.name)
        case "decide":
            return replace(standing, state="settled", decision=event)
        case "send_back":
            return Standing(
                state="rework",
                round=standing.round + 1,
                said=standing.said,
                wanted=standing.people,
                note=event.comment,
            )
        case "release":
            return replace(standing, state="open", wanted=frozenset())
        case "withdraw":
            return replace(standing, state="withdrawn")
        case "undo":
            raise ReviewError("an undo has no effect of its own", expected="its answer left out")


def _answered(standing: Standing, event: DeskEvent, policy: Policy) -> Standing:
    answers = (*standing.answers, event)
    now = replace(standing, answers=answers, said=(*standing.said, event))
    needed = len(standing.wanted) or policy.answers
    if enough_agree([one.said for one in answers if one.said], policy, asked=needed):
        return replace(now, state="submitted" if policy.approval else "settled")
    return replace(now, state="disagreed") if len(answers) >= needed else now


def enough_agree(said: Sequence[Said], policy: Policy, *, asked: int) -> bool:
    """Whether as many mean the same as the policy wants; of fewer people asked, all of them.

    One `unsure` settles an item that one person is asked about; of several it settles none.
    """
    if policy.answers == 1:
        return bool(said)
    counts = Counter(one.meaning for one in said if one.meaning is not None)
    return max(counts.values(), default=0) >= min(policy.agree, asked)
