"""Control arms and gold items, counted from the queues and the ledger.

What belongs here: reading off events what people made of rows drawn at random, and of rows whose
answer is known. What does not: any estimate from these counts (`burnish.workflows.noise`,
`burnish.labels.rate`), or which rows are drawn (`burnish.acquisition`).

A verdict on a gold item has the reason `gold`. Where it is not the known answer, an event by the
author `gold` restates that, so that the label which stands is right.

Where several people answered an item, what counts is what came of it: noise is put into the labels,
and taken out of them, by the process as a whole. How well each person judges is counted elsewhere
(`burnish.workflows.gold`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.labels import ReviewerCounts
from burnish.records import FINAL_DECISIONS, LabelEvent, Verdict
from burnish.workflows.taken_back import not_taken_back, settles

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

GOLD = "gold"


@dataclass(frozen=True)
class ControlArm:
    """What one control arm showed.

    pool_size: open training rows when it was drawn; drawn: control rows decided on; wrong: those
    of them that reviewers changed or dropped; changed_before, changed_after: training rows changed
    or dropped so far in all, before this batch and at its end; decided_before, decided_after: rows
    that had a label and were decided so far, gold items left out; gold_before, gold_after: gold
    items among the rows changed so far.
    """

    pool_size: int
    drawn: int
    wrong: int
    changed_before: int
    changed_after: int
    decided_before: int = 0
    decided_after: int = 0
    gold_before: int = 0
    gold_after: int = 0


@dataclass(frozen=True)
class _Course:
    """What became of one example: its first final decision, and the one that stands."""

    event_id: int
    wrong: bool
    gold: bool


def changed_labels(events: Iterable[LabelEvent]) -> int:
    """How many labels that were given stand changed or dropped, by all events of a data set."""
    return sum(course.wrong for course in _courses(not_taken_back(events)).values())


def control_arms(
    queues: Sequence[pa.Table], labels_events: Iterable[LabelEvent]
) -> list[ControlArm]:
    """The control arm of each queue, from the events of the ledger.

    `queues` are relabel queues, one an iteration, in order; `labels_events` all events of the data
    set. Whether a row was wrong is what its standing decision says: a correction that was taken
    back does not count, nor does a known answer restated on a row that is no gold item. Arms
    without a decided control row are left out.
    """
    # A known answer restated behind a reviewer's own is not what a reviewer found. But of a gold
    # item it says whether the label was wrong, which is what `gold_before` and `gold_after` count.
    courses = _courses(
        one
        for one in not_taken_back(labels_events)
        if one.verdict.role != GOLD or one.verdict.reason == GOLD
    )
    owner = {name: at for at, queue in enumerate(queues) for name in _ids(queue)}
    starts: dict[int, int] = {}
    for name, course in courses.items():
        if name in owner:
            at = owner[name]
            starts[at] = min(course.event_id, starts.get(at, course.event_id))
    drawn: dict[int, list[_Course]] = {}
    pool: dict[int, int] = {}
    for at, queue in enumerate(queues):
        control = queue.filter(pc.equal(queue["reason"], "control"))
        own = [courses[name] for name in _ids(control) if name in courses and owner[name] == at]
        if own:
            drawn[at], pool[at] = own, int(control["pool_size"][0].as_py())
    arms: list[ControlArm] = []
    for at, own in drawn.items():
        end = min((starts[later] for later in drawn if later > at), default=None)
        before = [one for one in courses.values() if one.event_id < starts[at]]
        after = [one for one in courses.values() if end is None or one.event_id < end]
        arms.append(
            ControlArm(
                pool_size=pool[at],
                drawn=len(own),
                wrong=sum(course.wrong for course in own),
                changed_before=sum(one.wrong for one in before),
                changed_after=sum(one.wrong for one in after),
                decided_before=sum(not one.gold for one in before),
                decided_after=sum(not one.gold for one in after),
                gold_before=sum(one.wrong and one.gold for one in before),
                gold_after=sum(one.wrong and one.gold for one in after),
            )
        )
    return arms


def gold_counts(events: Iterable[LabelEvent], answers: Mapping[str, str]) -> ReviewerCounts | None:
    """What reviewers made of gold items, from events and the known label of each item.

    Only final verdicts of reason `gold` on a row with a label count, each as it was first given and
    not taken back; those of the author or role `gold` restate what is known. Of several answers to
    an item the one that settled it counts. None where there is none.
    """
    seen: set[tuple[str, str]] = set()
    wrong: list[Verdict] = []
    right: list[Verdict] = []
    for event in not_taken_back(events):
        verdict = event.verdict
        key = (verdict.example_id, verdict.author)
        if not _is_gold(verdict, answers) or key in seen:
            continue
        seen.add(key)
        shown_right = verdict.from_label == answers[verdict.example_id]
        (right if shown_right else wrong).append(verdict)
    if not wrong and not right:
        return None
    return ReviewerCounts(
        wrong_found=sum(not _kept(one) for one in wrong),
        wrong_shown=len(wrong),
        right_kept=sum(_kept(one) for one in right),
        right_shown=len(right),
        wrong_mended=sum(
            one.decision == "drop" or one.to_label == answers[one.example_id] for one in wrong
        ),
    )


def _is_gold(verdict: Verdict, answers: Mapping[str, str]) -> bool:
    return (
        verdict.reason == GOLD
        and settles(verdict)
        and GOLD not in (verdict.author, verdict.role)
        and verdict.example_id in answers
        and verdict.from_label is not None
        and verdict.decision in FINAL_DECISIONS
    )


def _kept(verdict: Verdict) -> bool:
    return verdict.decision != "drop" and verdict.to_label == verdict.from_label


def _courses(events: Iterable[LabelEvent]) -> dict[str, _Course]:
    """The course of each example that had a label and stands finally decided."""
    first: dict[str, LabelEvent] = {}
    last: dict[str, LabelEvent] = {}
    for event in sorted(events, key=lambda event: event.event_id):
        name = event.verdict.example_id
        if event.verdict.decision in FINAL_DECISIONS:
            first.setdefault(name, event)
        last[name] = event
    courses: dict[str, _Course] = {}
    for name, event in first.items():
        before, standing = event.verdict.from_label, last[name].verdict
        if before is None or standing.decision not in FINAL_DECISIONS:
            continue
        wrong = standing.decision == "drop" or standing.to_label != before
        courses[name] = _Course(event.event_id, wrong, event.verdict.reason == GOLD)
    return courses


def _ids(queue: pa.Table) -> list[str]:
    return queue["example_id"].to_pylist()
