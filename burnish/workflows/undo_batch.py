"""Undo a batch: every verdict of it that still stands is taken back, by events of its own.

What belongs here: which verdicts of an iteration's batch stand, and taking those back. What does
not: taking back one event (the ledger's `undo`) or one answer at the desk (`burnish.review`), the
model that was trained on the batch (`burnish rollback`), nor telling that a batch is bad
(`burnish.workflows.batch_quality`).

Nothing is deleted: the ledger says who decided, who took it back, and why. What stood on a row
before the batch stands again; where nothing did, the row is open, and the next queue may ask about
it anew. Left alone are rows that somebody decided later, and gold items: their known answer stands
in any case, and what a reviewer said of them is the evidence of how good the batch was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

import pyarrow as pa

from burnish.errors import LedgerMoved, ReviewError, VersionNotFound
from burnish.records import LabelEvent, Verdict
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.gold import is_restated, known_answers
from burnish.workflows.naming import iteration_of
from burnish.workflows.taken_back import is_undo, not_taken_back

Outcome = Literal["taken back", "known answer", "decided since", "by others"]

UNDONE_SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("outcome", pa.string()),
        ("author", pa.string()),
        ("decision", pa.string()),
        ("label", pa.string()),
        ("event_id", pa.int64()),
        ("stands", pa.string()),
    ]
)
ROLE = "reviewer"
"""Role of whoever takes a batch back."""


@dataclass(frozen=True)
class BatchRow:
    """What became of one row of the batch.

    `said` is the batch's verdict that stood on it, `answers` all of the batch's verdicts below and
    with it, newest first; `before` stood before the batch, None where nothing did.
    """

    said: LabelEvent
    outcome: Outcome
    answers: tuple[LabelEvent, ...]
    before: LabelEvent | None


@dataclass(frozen=True)
class UndoneBatch:
    """What taking a batch back did, a row for each example whose verdict had not been taken back.

    `events` are what was appended: an event for each answer that was taken back.
    """

    name: str
    rows: tuple[BatchRow, ...]
    events: tuple[LabelEvent, ...]

    def count(self, outcome: Outcome) -> int:
        """How many rows came out so."""
        return sum(row.outcome == outcome for row in self.rows)

    def to_table(self) -> pa.Table:
        """A row an example: outcome, who had said what by which event, and what stands now.

        `stands` is the label that a verdict gives the row now; null: the label as collected.
        """
        return pa.Table.from_pylist([_line(row) for row in self.rows], UNDONE_SCHEMA)

    def __str__(self) -> str:
        counts = Counter(row.outcome for row in self.rows)
        told = [f"No verdict of {self.name} was left to take back."]
        if counts["taken back"]:
            back = f"{counts['taken back']} rows of {self.name} have the label they had before it;"
            told = [f"{back} {len(self.events)} events say so in the ledger."]
        if counts["decided since"]:
            told.append(f"{counts['decided since']} rows were decided again since, and stay so.")
        if counts["known answer"]:
            told.append(f"{counts['known answer']} gold items keep their known answer.")
        if counts["by others"]:
            told.append(f"{counts['by others']} rows rest on other people, and stay as they are.")
        return " ".join(told)


def undo_batch(
    versions: Versions,
    ledger: LabelLedger,
    name: str,
    *,
    author: str,
    why: str,
    only_author: str | None = None,
) -> UndoneBatch:
    """Take back every verdict of a batch that still stands; all in one append, or none.

    `name` is an iteration, say `digits@iter7`. With `only_author`, the rows alone whose decision
    rests on that person: they gave it, or an answer that agrees with it. Of such a row every answer
    of the batch is taken back, as several people answer a row together. The iteration may be open:
    its rows are then undecided again, and the review desk hands them out anew; of a closed one
    nothing is reopened at the desk, the next queue asks. Twice is the same as once.

    Raises `VersionNotFound` where `name` is no iteration's, `IterationError` where there is none of
    that number, and `ReviewError` without an author or a reason, or for an `only_author` who
    decided nothing in the batch.
    """
    iteration = iteration_of(versions, name)
    if iteration is None:
        raise VersionNotFound(f"{name!r} is no iteration", expected="a name such as digits@iter7")
    if not author.strip() or not why.strip():
        raise ReviewError(
            f"{name} is to be taken back by {author!r} because {why!r}",
            expected="who takes it back, and why",
        )
    gold = known_answers(versions, iteration.dataset)
    while True:
        head = ledger.head(iteration.dataset)
        events = ledger.events(iteration.dataset, until=head.event_id)
        rows = rows_of_batch(events, iteration.number, gold=gold.keys(), only_author=only_author)
        if only_author is not None and not _decided_any(events, iteration.number, only_author):
            raise ReviewError(
                f"{only_author!r} decided nothing in {name}",
                expected=", ".join(_authors(events, iteration.number)) or "nobody decided anything",
            )
        ready = [
            _taking_back(answer, row.before, iteration.number, author=author, why=why)
            for row in rows
            if row.outcome == "taken back"
            for answer in row.answers
        ]
        try:
            # A verdict in between may be of one of these rows, and would be overruled.
            made = ledger.append(iteration.dataset, ready, expected=head) if ready else []
        except LedgerMoved:
            continue
        return UndoneBatch(str(iteration), tuple(rows), tuple(made))


def rows_of_batch(
    events: Iterable[LabelEvent],
    iteration: int,
    *,
    gold: AbstractSet[str] = frozenset(),
    only_author: str | None = None,
) -> list[BatchRow]:
    """The rows with verdicts of a batch that nobody has taken back, and what undoing it does.

    In the order of the events. `gold` are the examples whose answer is known.
    """
    courses: dict[str, list[LabelEvent]] = {}
    for event in not_taken_back(events):
        if not is_undo(event.verdict):
            courses.setdefault(event.verdict.example_id, []).append(event)
    return [
        _row(course, iteration, gold=gold, only_author=only_author)
        for course in courses.values()
        if any(_is_of(event, iteration) for event in course)
    ]


def _row(
    course: Sequence[LabelEvent],
    iteration: int,
    *,
    gold: AbstractSet[str],
    only_author: str | None,
) -> BatchRow:
    answers = tuple(takewhile(lambda one: _is_of(one, iteration), reversed(course)))
    said = next(one for one in reversed(course) if _is_of(one, iteration))
    before = course[-len(answers) - 1] if answers and len(answers) < len(course) else None
    return BatchRow(said, _outcome(said, answers, gold, only_author), answers, before)


def _outcome(
    said: LabelEvent,
    answers: Sequence[LabelEvent],
    gold: AbstractSet[str],
    only_author: str | None,
) -> Outcome:
    if said.verdict.example_id in gold or is_restated(said.verdict):
        return "known answer"
    if not answers:
        return "decided since"
    agree = {one.verdict.author for one in answers if _says(one) == _says(said)}
    return "taken back" if only_author is None or only_author in agree else "by others"


def _taking_back(
    answer: LabelEvent, before: LabelEvent | None, iteration: int, *, author: str, why: str
) -> Verdict:
    stood = None if before is None else before.verdict
    return Verdict(
        example_id=answer.verdict.example_id,
        decision="unsure" if stood is None else stood.decision,
        from_label=answer.verdict.from_label if stood is None else stood.from_label,
        to_label=None if stood is None else stood.to_label,
        author=author,
        role=ROLE,
        reason="undo",
        comment=why,
        # Not `iteration`: what is taken back is no verdict of the batch.
        evidence={"undoes": answer.event_id, "undone_iteration": iteration},
        supersedes=answer.event_id,
    )


def _line(row: BatchRow) -> Mapping[str, Any]:
    verdict = row.said.verdict
    stands = verdict.to_label if row.outcome != "taken back" else None
    if row.outcome == "taken back" and row.before is not None:
        stands = row.before.verdict.to_label
    return {
        "example_id": verdict.example_id,
        "outcome": row.outcome,
        "author": verdict.author,
        "decision": verdict.decision,
        "label": verdict.to_label,
        "event_id": row.said.event_id,
        "stands": stands,
    }


def _is_of(event: LabelEvent, iteration: int) -> bool:
    return event.verdict.evidence.get("iteration") == iteration


def _says(event: LabelEvent) -> tuple[str, str | None]:
    return event.verdict.decision, event.verdict.to_label


def _authors(events: Iterable[LabelEvent], iteration: int) -> list[str]:
    own = [one.verdict for one in events if _is_of(one, iteration)]
    return sorted({verdict.author for verdict in own if not is_restated(verdict)})


def _decided_any(events: Iterable[LabelEvent], iteration: int, author: str) -> bool:
    return author in _authors(events, iteration)
