"""What the ledger hears of an item: the verdicts when it is settled, and their taking back.

What belongs here: pure functions from an item and its standing to verdicts. What does not: when an
item is settled (`burnish.review.states`), and appending it (`burnish.review.acting`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from burnish.database import utc_text
from burnish.records import Decision, LabelEvent, Verdict
from burnish.review.items import is_held_out
from burnish.review.records import DeskEvent, Item, Person
from burnish.review.states import Standing

GOLD = "gold"
"""Author and role of a verdict that restates a known answer (as in `burnish.workflows.gold`)."""

EVIDENCE = ("reason", "suggested_label", "error_probability", "inclusion_probability")
"""What was known of an item when it was asked about, as a verdict keeps it."""


def verdicts(
    item: Item, standing: Standing, *, known: str | None = None, after: int = 0
) -> list[Verdict]:
    """What is appended when an item is settled: all answers that stand, then the decision.

    Oldest first, so that the last one is what counts. `known` is the known answer of a gold item:
    behind each verdict that says something else, an event restates it. `after` is the number of
    the ledger's newest event.
    """
    said = [*standing.said, *([standing.decision] if standing.decision else [])]
    ready: list[Verdict] = []
    for event in said:
        last = event is said[-1]
        approved = standing.approved_by if last else ""
        verdict = verdict_of(
            item, event, settles=last, approved_by=approved, again=event.seq in standing.again
        )
        ready.append(verdict)
        if known is not None and verdict.to_label != known:
            ready.append(_restated(verdict, known, supersedes=after + len(ready)))
    return ready


def verdict_of(
    item: Item, event: DeskEvent, *, settles: bool, approved_by: str = "", again: bool = False
) -> Verdict:
    """An answer or a decision as the ledger holds it; `again`: its author had answered before."""
    said = event.said
    assert said is not None
    label = item.facts.get("label")
    kept = said.decision in {"keep", "change"}
    decision: Decision = said.decision
    if kept:
        decision = "keep" if said.label == label else "change"
    return Verdict(
        example_id=item.example_id,
        decision=decision,
        from_label=label,
        to_label=said.label if kept else None,
        author=event.actor.name,
        role=role_of(event.actor),
        reason=str(item.facts.get("reason") or ""),
        comment=said.comment,
        evidence=_evidence(item, event, settles=settles, approved_by=approved_by, again=again),
    )


def still_said(events: Sequence[LabelEvent], ids: Iterable[int]) -> list[LabelEvent]:
    """The verdicts among `ids` that no later event took back, newest first.

    `events` are all of one example, oldest first.
    """
    undone = undone_by(events)
    wanted = set(ids) - undone
    return [
        event
        for event in reversed(events)
        if event.event_id in wanted and "undoes" not in event.verdict.evidence
    ]


def undone_by(events: Sequence[LabelEvent]) -> set[int]:
    """The events that a later one took back; an undo that was undone itself took nothing back."""
    undone: set[int] = set()
    for event in reversed(events):
        number = event.verdict.evidence.get("undoes")
        if isinstance(number, int) and event.event_id not in undone:
            undone.add(number)
    return undone


def undos(
    events: Sequence[LabelEvent], ids: Sequence[int], *, actor: Person, reason: str
) -> list[Verdict]:
    """What takes the events `ids` of one example back, newest first.

    What stood before the first of them stands again; where nothing did, the example is open
    (`unsure`). `events` are all of the example, oldest first.
    """
    back = still_said(events, ids)
    if not back:
        return []
    earlier = [event.verdict for event in events if event.event_id < back[-1].event_id]
    before = earlier[-1] if earlier else None
    return [
        Verdict(
            example_id=event.verdict.example_id,
            decision=before.decision if before else "unsure",
            from_label=before.from_label if before else event.verdict.from_label,
            to_label=before.to_label if before else None,
            author=actor.name,
            role=role_of(actor),
            reason=reason,
            evidence={"undoes": event.event_id},
            supersedes=event.event_id,
        )
        for event in back
    ]


def role_of(person: Person) -> str:
    """The role as the ledger has it: a simulated person is marked as such."""
    return "simulated" if person.simulated else person.role


def _evidence(
    item: Item, event: DeskEvent, *, settles: bool, approved_by: str, again: bool
) -> dict[str, Any]:
    facts: Mapping[str, Any] = item.facts
    known = {name: facts[name] for name in EVIDENCE if facts.get(name) is not None}
    said = event.said
    origin = event.origin
    told: dict[str, Any] = {
        "iteration": item.iteration,
        **known,
        "shown": bool(said and said.shown),
        "answered_at": utc_text((origin and origin.answered_at) or event.at),
        "round": event.round,
        "settles": settles,
    }
    if is_held_out(item):
        told["blind"] = True
    if said is not None and said.seconds is not None:
        told["seconds"] = said.seconds
    if event.guide is not None:
        told["guide"] = event.guide
    if event.action == "decide":
        # Whoever decides has seen the answers: no judgement of their own, as an answer is.
        told["decides"] = True
    if origin is not None:
        told |= {"tool": origin.tool, "task": origin.task, "annotation": origin.annotation}
    if again:
        # What was shown is no draw any more: who takes an answer back has seen the label.
        told["again"] = True
    if approved_by:
        told["approved_by"] = approved_by
    return told


def _restated(verdict: Verdict, known: str, *, supersedes: int) -> Verdict:
    return replace(
        verdict,
        decision="keep" if verdict.from_label == known else "change",
        to_label=known,
        author=GOLD,
        role=GOLD,
        comment="the known answer",
        supersedes=supersedes,
    )
