"""What anchoring does: whether people judge otherwise who were shown a label before they answered.

What belongs here: comparing answers to gold items, shown against hidden. What does not: how often
each person is right (`burnish.workflows.gold`), or drawing what is shown to whom
(`burnish.review`, by `review.shown_share` of the spec).

People agree with what they are shown, so the desk hides the label as it stands and the model's
opinion until a person has answered. For a share of rows, drawn by a hash of row and person, it
shows them: then shown and hidden answers differ in nothing else, and gold items tell what it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from burnish.metrics import Interval, newcombe_difference, wilson_interval
from burnish.records import LabelEvent, Verdict
from burnish.workflows.gold import own_answers

Measure = Literal["wrong labels found", "right labels kept"]
EVERYBODY = "everybody"
ENOUGH = 10
"""Answers of each kind, shown and hidden, below which the difference is called not known."""

ANCHORING_SCHEMA = pa.schema(
    [("author", pa.string()), ("measure", pa.string()), ("known", pa.bool_())]
    + [(f"{arm}_{count}", pa.int64()) for arm in ("shown", "hidden") for count in ("hits", "n")]
    + [
        (f"{name}{end}", pa.float64())
        for name in ("shown", "hidden", "difference")
        for end in ("", "_low", "_high")
    ]
)


@dataclass(frozen=True)
class Effect:
    """Of one author, or of everybody: hits and answers where label and opinion were shown, hidden.

    A hit is a wrong label of which the person said so, or a right one that was kept, as `measure`
    says.
    """

    author: str
    measure: Measure
    shown: tuple[int, int]
    hidden: tuple[int, int]

    @property
    def known(self) -> bool:
        """Whether there are enough answers of both kinds to speak of a difference."""
        return min(self.shown[1], self.hidden[1]) >= ENOUGH

    @property
    def difference(self) -> Interval:
        """Share of hits where shown minus share where hidden, with Newcombe's 95 % interval."""
        return newcombe_difference(*self.shown, *self.hidden)

    def __str__(self) -> str:
        counts = f"{_words(self.shown)} shown, {_words(self.hidden)} hidden"
        if not self.known:
            return (
                f"{self.measure}: {counts}; what showing does is not known "
                f"(it takes {ENOUGH} answers of each)"
            )
        found = self.difference
        return (
            f"{self.measure}: {counts}; showing makes {100 * found.value:+.0f} points "
            f"({100 * found.low:+.0f} to {100 * found.high:+.0f})"
        )


def anchoring(events: Iterable[LabelEvent], gold: Mapping[str, str]) -> list[Effect]:
    """Answers to gold items that were given with label and opinion shown, against hidden.

    Two effects for each author who has answered, then two of everybody: simulated people are among
    these only where there are no others. Each person's first answer to a row counts, in the first
    round and by their own judgement, also where it was taken back: whoever answers again has seen
    the label, and would not have if the first answer had been another. A row of which the ledger
    does not know the first answer (it was taken back before the item was settled) is left out, and
    so are `unsure`, rows without a label, and answers that do not say what was shown, such as those
    of a sheet. Several people's answers to one row are taken for independent. `gold` gives the
    known label by example_id.
    """
    first: dict[tuple[str, str], Verdict] = {}
    for verdict in own_answers(events, gold, also_taken_back=True):
        if isinstance(verdict.evidence.get("shown"), bool):
            first.setdefault((verdict.author, verdict.example_id), verdict)
    first = {key: verdict for key, verdict in first.items() if _counts(verdict)}
    by: dict[str, list[Verdict]] = {}
    for (author, _), verdict in sorted(first.items()):
        by.setdefault(author, []).append(verdict)
    people = [one for one in first.values() if one.role != "simulated"] or list(first.values())
    return [
        effect
        for author, verdicts in [*by.items(), (EVERYBODY, people)]
        for effect in _effects(author, verdicts, gold)
    ]


def anchoring_table(effects: Sequence[Effect]) -> pa.Table:
    """Effects as a table of `ANCHORING_SCHEMA`; shares of no answers are null.

    >>> row = anchoring_table([Effect("Ada", "right labels kept", (9, 10), (8, 10))]).to_pylist()[0]
    >>> row["shown"], row["hidden"], round(row["difference_low"], 2), row["known"]
    (0.9, 0.8, -0.24, True)
    """
    return pa.Table.from_pylist([_row(effect) for effect in effects], schema=ANCHORING_SCHEMA)


def _counts(verdict: Verdict) -> bool:
    evidence = verdict.evidence
    return (
        evidence.get("round", 1) == 1
        and not evidence.get("again")
        and not evidence.get("decides")
        and verdict.decision != "unsure"
        and verdict.from_label is not None
    )


def _effects(author: str, verdicts: Sequence[Verdict], gold: Mapping[str, str]) -> list[Effect]:
    wrong = [one for one in verdicts if one.from_label != gold[one.example_id]]
    right = [one for one in verdicts if one.from_label == gold[one.example_id]]
    found = [(one.evidence["shown"], one.decision != "keep") for one in wrong]
    kept = [(one.evidence["shown"], one.decision == "keep") for one in right]
    return [
        Effect(author, "wrong labels found", *_arms(found)),
        Effect(author, "right labels kept", *_arms(kept)),
    ]


def _arms(outcomes: Sequence[tuple[bool, bool]]) -> tuple[tuple[int, int], tuple[int, int]]:
    shown = [hit for was_shown, hit in outcomes if was_shown]
    hidden = [hit for was_shown, hit in outcomes if not was_shown]
    return (sum(shown), len(shown)), (sum(hidden), len(hidden))


def _row(effect: Effect) -> dict[str, Any]:
    arms = {"shown": effect.shown, "hidden": effect.hidden}
    intervals = {name: wilson_interval(*counts) for name, counts in arms.items()}
    intervals["difference"] = effect.difference
    row: dict[str, Any] = {"author": effect.author, "measure": effect.measure}
    row["known"] = effect.known
    for name, (hits, n) in arms.items():
        row |= {f"{name}_hits": hits, f"{name}_n": n}
    for name, found in intervals.items():
        # NaN, of no answers, is null in a table.
        value = found.value if found.value == found.value else None
        row |= {name: value, f"{name}_low": found.low, f"{name}_high": found.high}
    return row


def _words(counts: tuple[int, int]) -> str:
    hits, n = counts
    if not n:
        return "none of 0"
    found = wilson_interval(hits, n)
    return (
        f"{hits} of {n} ({100 * found.value:.0f} %, {100 * found.low:.0f}-{100 * found.high:.0f})"
    )
