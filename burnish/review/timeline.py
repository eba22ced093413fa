"""Everything ever said about one example, in one line of time.

What belongs here: joining what was done at the desk with what tables, ledger and models tell
(`burnish blame`), leaving out what this person may not see yet. What does not: gathering either
(`burnish.review.desk`, `burnish.workflows.blame`), the rules of sight (`burnish.review.sight`), or
markup (`templates/history.html`).

An answer at the desk that settled an item stands in the ledger too. It is told once, with the
number of its event there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from burnish.review.arranging import Arrangement
from burnish.review.items import RANDOM_CHECK
from burnish.review.records import DeskEvent, OpenBatch, Person, Said
from burnish.review.sight import Sight, visible_events

LEDGER, DESK = "decided", "review desk"
TELLING = frozenset({"audited", LEDGER, "in version", "trained on", "ingested", "queued"})
"""Moments of a life that name a label, or what the model thinks of it."""

EVIDENCE = {
    "error_probability": "error probability then",
    "suggested_label": "model's suggestion then",
    "seconds": "seconds taken",
    "shown": "label was shown beforehand",
    "round": "round",
    "guide": "version of the guide",
    "approved_by": "approved by",
    "undoes": "takes back event",
    "iteration": "iteration",
}


@dataclass(frozen=True)
class Entry:
    """One line of the history.

    `undone`: it was taken back since. `event` is the ledger's number of it, `facts` are the
    evidence in words.
    """

    at: datetime | None
    kind: str
    text: str
    who: str = ""
    role: str = ""
    comment: str = ""
    where: str = ""
    undone: bool = False
    event: int | None = None
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def simulated(self) -> bool:
        return self.role == "simulated"


def timeline(
    events: Sequence[DeskEvent],
    life: Mapping[str, Any],
    *,
    sight: Sight,
    person: Person,
    secret_in: OpenBatch | None = None,
    undecided_in: OpenBatch | None = None,
    arranged: Sequence[Arrangement] = (),
) -> list[Entry]:
    """The history of an example as `person` may see it, oldest first.

    `events` are its events at the desk, `life` what `burnish blame` tells of it as JSON.
    `secret_in` is the open batch in which nobody may be told yet why the example is there,
    `undecided_in` that of which it is not told what the ledger has heard: that it has would tell
    that others agreed; nor is it told why any of its items is there. Of what was `arranged` its
    priorities are told.
    """
    undone = {event.undoes for event in events if event.undoes is not None}
    moments = [
        m
        for m in life.get("moments", ())
        if _may_see(m, sight, person) and not (m["what"] == LEDGER and _is_of(m, undecided_in))
    ]
    decided = {_answered(m): m["facts"]["event_id"] for m in moments if m["what"] == LEDGER}
    seen = visible_events(events, sight, person)
    once = {_said(event) for event in seen if event.said} & decided.keys()
    back = {_evidence(m).get("undoes") for m in moments if m["what"] == LEDGER}
    undone |= _taken_back_outside(events, moments, decided)
    entries = [_of_event(e, undone, decided.get(_said(e)), told=sight.label) for e in seen]
    entries += [
        _of_moment(moment, secret_in, back, undecided_in=undecided_in)
        for moment in moments
        if _answered(moment) not in once and not _gives_away(moment, secret_in)
    ]
    entries += [_of_priority(one) for one in arranged if one.what == "priority"]
    # Sorting is stable: of one moment, what the desk did stands before what followed from it.
    return sorted(entries, key=lambda entry: entry.at or datetime.min.replace(tzinfo=UTC))


def _taken_back_outside(
    events: Sequence[DeskEvent],
    moments: Sequence[Mapping[str, Any]],
    decided: Mapping[tuple[str, datetime] | None, int],
) -> set[int]:
    """Answers whose verdict was taken back elsewhere: of that, the desk has no event."""
    ours = {number for event in events for number in event.ledger_events}
    back = {
        _evidence(m).get("undoes")
        for m in moments
        if m["what"] == LEDGER and m["facts"]["event_id"] not in ours
    }
    return {e.seq for e in events if e.said is not None and decided.get(_said(e)) in back - {None}}


def says(said: Said, *, told: bool = True) -> str:
    """What somebody said of an item, in words; unless `told`, not how it relates to the label.

    >>> says(Said("change", "dog")), says(Said("change", "dog"), told=False), says(Said("drop"))
    ("said 'dog', which is another label", "said 'dog'", 'said to drop it')
    """
    if said.label is None:
        return "said to drop it" if said.decision == "drop" else "was unsure"
    relation = {"keep": ", which is the label as given", "change": ", which is another label"}
    return f"said {said.label!r}{relation.get(said.decision, '') if told else ''}"


def _of_event(event: DeskEvent, undone: set[int], number: int | None, *, told: bool) -> Entry:
    said, facts = event.said, [("round", str(event.round))]
    if said is not None and said.seconds is not None:
        facts.append(("seconds taken", f"{said.seconds:.1f}"))
    if said is not None and said.shown:
        facts.append(("label was shown beforehand", "yes"))
    if event.guide is not None:
        facts.append(("version of the guide", str(event.guide)))
    origin = event.origin
    if origin is not None:
        numbers = {"task there": origin.task, "annotation there": origin.annotation}
        facts += [(words, number) for words, number in numbers.items() if number]
        if origin.answered_at is not None:
            facts.append(("answered there at", f"{origin.answered_at:%Y-%m-%d %H:%M} UTC"))
    return Entry(
        at=event.at,
        kind=event.action,
        text=_did(event, told=told),
        who=event.actor.name,
        role="simulated" if event.actor.simulated else event.actor.role,
        comment=event.comment or (said.comment if said else ""),
        where=origin.tool if origin is not None else DESK,
        undone=event.seq in undone,
        event=number,
        facts=tuple(facts),
    )


def _of_priority(one: Arrangement) -> Entry:
    text = f"made it {one.after}, which was {one.before}"
    return Entry(one.at, "priority", text, one.actor, "reviewer", where=DESK)


def _did(event: DeskEvent, *, told: bool) -> str:
    if event.said is not None:
        words = says(event.said, told=told)
        return words if event.action == "answer" else f"decided: {words}"
    return {
        "undo": "took the answer back",
        "approve": "approved what the answers agree on",
        "send_back": "sent it back",
        "release": "let anybody answer it",
        "withdraw": "it was taken off the desk",
        "restore": "it came back to the desk",
    }.get(event.action, event.action)


def _of_moment(
    moment: Mapping[str, Any],
    secret_in: OpenBatch | None,
    back: set[Any],
    *,
    undecided_in: OpenBatch | None,
) -> Entry:
    at = moment["at"]
    when = datetime.fromisoformat(at) if isinstance(at, str) else at
    if moment["what"] == LEDGER:
        return _of_verdict(moment, when, secret_in, back)
    text = str(moment["text"])
    if moment["what"] == "queued" and _is_of(moment, undecided_in):
        text = f"asked about at position {moment['facts'].get('position')}"
    elif moment["what"] == "queued" and _is_of(moment, secret_in):
        text = f"asked about at position {moment['facts'].get('position')}, for {RANDOM_CHECK}"
    return Entry(when, str(moment["what"]), text, where=str(moment["where"]))


def _of_verdict(
    moment: Mapping[str, Any], when: datetime | None, secret_in: OpenBatch | None, back: set[Any]
) -> Entry:
    facts, evidence = moment["facts"], _evidence(moment)
    secret = _is_of(moment, secret_in)
    said = Said(facts["decision"], facts["to_label"])
    told = [(words, evidence[name]) for name, words in EVIDENCE.items() if name in evidence]
    if facts.get("reason"):
        told.insert(0, ("reason", RANDOM_CHECK if secret else facts["reason"]))
    return Entry(
        at=when,
        kind=LEDGER,
        text="took an event back" if "undoes" in evidence else says(said),
        who=str(facts["author"]),
        role=str(facts["role"]),
        comment=str(facts["comment"]),
        where=str(moment["where"]),
        undone=facts["event_id"] in back,
        event=facts["event_id"],
        facts=tuple((words, _in_words(fact)) for words, fact in told if fact is not None),
    )


def _may_see(moment: Mapping[str, Any], sight: Sight, person: Person) -> bool:
    if not sight.label and moment["what"] in TELLING:
        return False
    own = moment["facts"].get("author") == person.name
    return sight.others or moment["what"] != LEDGER or own


def _gives_away(moment: Mapping[str, Any], secret_in: OpenBatch | None) -> bool:
    """Whether it is a known answer, said again behind a verdict of the open batch."""
    return _is_of(moment, secret_in) and moment["facts"].get("role") == "gold"


def _is_of(moment: Mapping[str, Any], batch: OpenBatch | None) -> bool:
    """Whether a moment belongs to this batch."""
    if batch is None:
        return False
    if moment["what"] == LEDGER:
        return moment["facts"]["event_id"] > batch.watermark.event_id
    return moment["where"] == f"{batch.dataset}@iter{batch.iteration}"


def _said(event: DeskEvent) -> tuple[str, datetime]:
    """Who said it when, as the ledger tells of it: what a tool sent was said there, and before."""
    there = event.origin.answered_at if event.origin is not None else None
    return event.actor.name, there or event.at


def _answered(moment: Mapping[str, Any]) -> tuple[str, datetime] | None:
    """Who answered when, of a verdict that came from the desk."""
    at = _evidence(moment).get("answered_at")
    return (moment["facts"]["author"], datetime.fromisoformat(at)) if at else None


def _evidence(moment: Mapping[str, Any]) -> Mapping[str, Any]:
    return moment["facts"].get("evidence") or {}


def _in_words(fact: Any) -> str:
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    return f"{fact:.3g}" if isinstance(fact, float) else str(fact)
