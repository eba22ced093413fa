"""What people said of rows of production they were asked about, and how many rows each stands for.

What belongs here: verdicts on rows that were chosen with known chances, weighed to stand for the
window they were chosen from. What does not: choosing (`burnish.drift.choose_rows`), asking
(`burnish.workflows.production_asking`), or labels that came in by themselves
(`burnish.workflows.production_labels`).

People are asked about rows that a model is likely to be wrong on. What they say of those is of
those alone: a window would look far worse than it is. So each row is kept with what it was chosen
by, and how many rows it stands for; one that was picked stands for itself, one drawn at random for
its part of the rest (Horvitz and Thompson 1952).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.versions import Versions
from burnish.workflows.production_stages import ASKED

REASON, CONTROL, WEIGHT = "asked_reason", "asked_control", "asked_weight"
"""Columns of rows asked about: what they were chosen for, and by which chance."""


@dataclass(frozen=True)
class Chance:
    """How a row came to be asked about: drawn at random or picked, and the rows it stands for."""

    control: bool
    weight: float


@dataclass(frozen=True)
class Answers:
    """Of each of n rows: by which choice it was asked about, and what people said.

    `draw` (n,) numbers the choices, oldest first, -1 for rows that none took; `control` (n,) and
    `weight` (n,) are those of `Chance`; `labels` (n,) what people decided, None where they did not.
    """

    draw: NDArray[np.int64]
    control: NDArray[np.bool_]
    weight: NDArray[np.float64]
    labels: tuple[str | None, ...]

    @classmethod
    def none(cls, rows: int) -> Answers:
        """Of rows that nobody was asked about."""
        return cls(np.full(rows, -1), np.zeros(rows, dtype=bool), np.zeros(rows), (None,) * rows)

    def only(self, kept: NDArray[np.bool_]) -> Answers:
        """Those of the rows for which `kept` (n,) is True."""
        labels = tuple(np.asarray(self.labels, dtype=object)[kept].tolist())
        return Answers(self.draw[kept], self.control[kept], self.weight[kept], labels)


@dataclass(frozen=True)
class Weighed:
    """Labels (n,) that a window is measured by, None where there is none.

    `weights` (n,) are how many rows each stands for and `control` (n,) which were drawn at random;
    both None where the labels came in by themselves, and nobody knows the chance of each.
    """

    labels: tuple[str | None, ...]
    weights: NDArray[np.float64] | None = None
    control: NDArray[np.bool_] | None = None


def read_answers(versions: Versions, dataset: str, example_ids: Sequence[str]) -> Answers:
    """What people were asked and said by now of rows, in the order of `example_ids` (n,)."""
    said = _decided(versions, dataset)
    found = Answers.none(len(example_ids))
    if said.num_rows == 0:
        return found
    place = {name: row for row, name in enumerate(example_ids)}
    labels: list[str | None] = [None] * len(example_ids)
    numbers: dict[str, int] = {}
    for row in said.to_pylist():
        number = numbers.setdefault(row[REASON], len(numbers))
        at = place.get(row["example_id"])
        if at is not None:
            found.draw[at], found.control[at], found.weight[at] = number, row[CONTROL], row[WEIGHT]
            labels[at] = row["label"]
    return replace(found, labels=tuple(labels))


def answers_told(versions: Versions, dataset: str) -> list[tuple[str, str]]:
    """The period of each row chosen with a known chance, and in a line what people said of it."""
    return [
        (row["period"], f"{row['example_id']} asked={row['label']}")
        for row in _decided(versions, dataset).to_pylist()
        if row["label"] is not None
    ]


def _decided(versions: Versions, dataset: str) -> pa.Table:
    """Rows chosen with a known chance, oldest first, with the label that people decided on."""
    asked = versions.read_last_good(dataset, ASKED)
    if asked is None or WEIGHT not in asked.column_names:
        return pa.table({"example_id": pa.array([], pa.string())})
    asked = asked.filter(pc.field(WEIGHT).is_valid())
    said = versions.ledger.fold(dataset).decisions.filter(
        pc.field("decision").cast(pa.string()).isin(["keep", "change"])
    )
    known = dict(zip(said["example_id"].to_pylist(), said["label"].to_pylist(), strict=True))
    labels = [known.get(name) for name in asked["example_id"].to_pylist()]
    names = ["example_id", "period", REASON, CONTROL, WEIGHT]
    return asked.select(names).append_column("label", pa.array(labels, pa.string()))


def weigh(labels: Sequence[str | None], answers: Answers, *, classes: Sequence[str]) -> Weighed:
    """The labels that a window is measured by: those that came in by themselves, or answers.

    Labels (n,) that came in by themselves win where there are as many of them as the answers are
    worth, by their weights (Kish 1965); rows that were chosen then count only where theirs came in
    too. Where there are fewer, each of them stands for itself and answers for the rest; on a row
    that has both, the label that came in holds. Answers to a choice are weighed only once a row
    that was drawn at random has one: picked rows alone say nothing of others.

    >>> answers = Answers(np.array([0, 0, -1]), np.array([False, True, False]),
    ...                   np.array([1.0, 2.0, 0.0]), ("a", "b", None))
    >>> weigh([None] * 3, answers, classes=["a", "b"]).weights.tolist()
    [1.0, 2.0, 0.0]
    """
    came = np.array([one is not None for one in labels], dtype=bool)
    chosen = answers.draw >= 0
    own = came & ~chosen
    both = tuple(
        one if one is not None else (said if said in classes else None)
        for one, said in zip(labels, answers.labels, strict=True)
    )
    known = np.array([one is not None for one in both], dtype=bool)
    weights = _stand_for(answers, known & chosen)
    if weights is None:
        # Labels of chosen rows alone are answers, by whichever way they came.
        return Weighed(tuple(labels) if own.any() else (None,) * len(labels))
    if int(own.sum()) >= weights.sum() ** 2 / (weights**2).sum():
        return Weighed(tuple(labels))
    weights[own] = 1.0
    told = tuple(one if weight > 0 else None for one, weight in zip(both, weights, strict=True))
    return Weighed(told, weights, answers.control & (weights > 0))


def _stand_for(answers: Answers, known: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """How many rows each answered one (`known`) stands for; None where no choice is answered.

    Each choice, with what was known before it, tells of the whole window: a later one took rows
    from what earlier ones had left. Their mean is taken, each by its share of rows drawn at random.
    A row without an answer is stood for by those of its choice, picked or drawn as it was.
    """
    numbers = np.unique(answers.draw[answers.draw >= 0])
    drawn = {one: int((known & answers.control & (answers.draw == one)).sum()) for one in numbers}
    total = sum(drawn.values())
    if total == 0:
        return None
    weights = np.zeros(known.size)
    for one in numbers:
        share = drawn[one] / total
        later = sum(count for other, count in drawn.items() if other > one) / total
        for control in (False, True):
            part = (answers.draw == one) & (answers.control == control)
            told = part & known
            if told.any():
                missed = part.sum() / told.sum()
                weights[told] = missed * (share * answers.weight[told] + later)
    return weights
