"""What each person said of each item, brought to one form: from the desk, and from files.

What belongs here: which answers count for what: all that stand, the first of a person to a row, and
those that were given blind. What does not: any figure (`burnish.workflows.people_figures`), or
which verdict decides (`burnish.workflows.taken_back`).

An answer at the desk that was taken back does not count, nor one whose settlement somebody took
back from outside (`burnish undo-batch`). One that was sent back still counts as answered: that it
was is what its figures tell. Files hold what came of a row, seen beside others or not, so their
verdicts count as answers and on known answers, and never for agreement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from burnish.records import LabelEvent, Verdict
from burnish.review.courses import Course
from burnish.review.figures import DROPPED
from burnish.review.records import DeskEvent, Said
from burnish.workflows.gold import GOLD, is_restated
from burnish.workflows.taken_back import is_undo, not_taken_back


@dataclass(frozen=True)
class GivenAnswer:
    """What one person said of one item, and what became of it.

    `label` is the label that they named, `DROPPED`, or None for unsure. `first` says that it is the
    person's first that stands on this row in any batch. `blind` that nothing led it: the first ever
    to the item, in its first round, label and opinion hidden. `sent_back` by a reviewer; `decided`
    is what a reviewer decided in its round (None: nobody did, or they were unsure), `disputed`
    whether people differed in that round.
    """

    person: str
    simulated: bool
    iteration: int
    example_id: str
    label: str | None
    seconds: float | None = None
    first: bool = True
    blind: bool = False
    sent_back: bool = False
    decided: str | None = None
    disputed: bool = False
    imported: bool = False

    @property
    def overruled(self) -> bool:
        """Whether a reviewer decided otherwise; whoever was unsure was not overruled."""
        return None not in (self.label, self.decided) and self.label != self.decided


def given_answers(
    courses: Iterable[Course], events: Sequence[LabelEvent], *, open_since: tuple[int, int] = (0, 0)
) -> list[GivenAnswer]:
    """All answers that stand, those of the desk in the order of its items, then those of files.

    `events` are all of the dataset's ledger. `open_since` is the open batch's iteration and the
    number of the ledger's event before it: a verdict of a file that names no batch, and is younger,
    is taken for one of that batch. `burnish.review.courses.read_courses` reads the courses.
    """
    found = list(courses)
    ours = {number for one in found for event in one.events for number in event.ledger_events}
    gone = _taken_back_outside(events, ours)
    said = [answer for course in found for answer in _of_course(course, gone=gone)]
    return _firsts([*said, *_of_files(events, ours, open_since)])


def _of_course(course: Course, *, gone: AbstractSet[int]) -> list[GivenAnswer]:
    until = _gone_until(course, gone)
    decision, sent_back, first = course.decision, course.sent_back, course.first
    meanings: dict[int, set[str | None]] = {}
    for one in course.answers:
        meanings.setdefault(one.round, set()).add(_meant(one.said))
    return [
        GivenAnswer(
            person=one.actor.name,
            simulated=one.actor.simulated,
            iteration=course.iteration,
            example_id=course.example_id,
            label=_meant(one.said),
            seconds=one.said.seconds if one.said else None,
            blind=_is_blind(one, first),
            sent_back=one.round in sent_back,
            decided=_meant(decision.said) if decision and decision.round == one.round else None,
            disputed=len(meanings[one.round]) > 1,
        )
        for one in course.answers
        if one.seq > until
    ]


def _is_blind(answer: DeskEvent, first: AbstractSet[int]) -> bool:
    shown = bool(answer.said and answer.said.shown)
    return answer.round == 1 and answer.seq in first and not shown


def _meant(said: Said | None) -> str | None:
    if said is None or said.meaning is None:
        return None
    return DROPPED if said.decision == "drop" else said.label


def _taken_back_outside(events: Sequence[LabelEvent], ours: AbstractSet[int]) -> set[int]:
    """The ledger's events that somebody took back who was not at the desk, and which stay so."""
    undone: set[int] = set()
    for event in not_taken_back(events):
        number = event.verdict.evidence.get("undoes")
        if isinstance(number, int) and event.event_id not in ours:
            undone.add(number)
    return undone


def _gone_until(course: Course, gone: AbstractSet[int]) -> int:
    """The last event whose settlement was taken back; what people answered since is another's."""
    taken = (one.seq for one in course.events if gone & {*one.ledger_events})
    return max(taken, default=0)


def _of_files(
    events: Sequence[LabelEvent], ours: AbstractSet[int], open_since: tuple[int, int]
) -> list[GivenAnswer]:
    """People's verdicts that did not come from the desk, the last of each on a row and batch."""
    last: dict[tuple[str, str, int], GivenAnswer] = {}
    for event in not_taken_back(events):
        verdict = event.verdict
        if event.event_id in ours or is_restated(verdict) or is_undo(verdict):
            continue
        if not verdict.author or verdict.author == GOLD or verdict.evidence.get("decides"):
            continue
        iteration = _iteration(event, open_since)
        last[verdict.author, verdict.example_id, iteration] = GivenAnswer(
            person=verdict.author,
            simulated=verdict.role == "simulated",
            iteration=iteration,
            example_id=verdict.example_id,
            label=_named(verdict),
            seconds=_seconds(verdict.evidence),
            imported=True,
        )
    return list(last.values())


def _iteration(event: LabelEvent, open_since: tuple[int, int]) -> int:
    named = event.verdict.evidence.get("iteration")
    if isinstance(named, int):
        return named
    iteration, watermark = open_since
    return iteration if event.event_id > watermark else 0


def _named(verdict: Verdict) -> str | None:
    if verdict.decision == "drop":
        return DROPPED
    return verdict.to_label if verdict.decision in {"keep", "change"} else None


def _seconds(evidence: Mapping[str, object]) -> float | None:
    found = evidence.get("seconds")
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _firsts(answers: Iterable[GivenAnswer]) -> list[GivenAnswer]:
    """Mark each person's first answer to a row, by batch and then in the order given."""
    known: set[tuple[str, str]] = set()
    ready: list[GivenAnswer] = []
    for one in sorted(answers, key=lambda one: one.iteration):
        key = one.person, one.example_id
        ready.append(replace(one, first=False) if key in known else one)
        known.add(key)
    return ready
