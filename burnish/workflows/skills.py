"""How often each person was right on each pair of classes, counted for dealing by skill.

What belongs here: counting answers of which the right one is known. What does not: what is made of
the counts (`burnish.review.skill`), who is dealt what (`burnish.review.assigning`), or the figures
that people are shown (`burnish.workflows.people_figures`).

The right answer is known of gold items, and of items on which a reviewer decided after people had
answered. The latter are those that people disagreed about: on them everybody is right less often,
which counts for comparing people on a pair, and not as a measure of anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from burnish.records import LabelEvent, Verdict
from burnish.review.skill import NOTHING, Pair, Tallies, Tally, pair_of
from burnish.workflows.gold import is_restated
from burnish.workflows.taken_back import is_undo, not_taken_back


def tallies(events: Iterable[LabelEvent], gold: Mapping[str, str]) -> Tallies:
    """Right answers and all, by person and pair of classes.

    `events` are those of a dataset, `gold` the known label by example_id. A person's first answer
    to an example counts: whoever answered before has been shown the label. `unsure` is no answer;
    a drop is one, and wrong unless a reviewer dropped the row as well.
    """
    said = [
        event.verdict
        for event in not_taken_back(sorted(events, key=lambda event: event.event_id))
        if not is_restated(event.verdict) and not is_undo(event.verdict)
    ]
    right = _decided(said) | {name: ("", label) for name, label in gold.items()}
    found: dict[str, dict[Pair, Tally]] = {}
    for verdict in said:
        known = right.get(verdict.example_id)
        if known is None or not _counts(verdict, known[0]):
            continue
        pair = pair_of(verdict.from_label, verdict.evidence.get("suggested_label"))
        own = found.setdefault(verdict.author, {})
        is_right = verdict.to_label == known[1]
        own[pair] = own.get(pair, NOTHING) + Tally(int(is_right), 1)
    return found


def _decided(said: Iterable[Verdict]) -> dict[str, tuple[str, str | None]]:
    """What a reviewer decided of an example, and who: the last word on each."""
    return {
        one.example_id: (one.author, one.to_label)
        for one in said
        if one.evidence.get("decides") and one.decision != "unsure"
    }


def _counts(verdict: Verdict, decided_by: str) -> bool:
    """Whether it is a first answer, and not the decision that others are measured by."""
    own = verdict.evidence.get("decides") or verdict.evidence.get("again")
    return not own and verdict.decision != "unsure" and verdict.author != decided_by
