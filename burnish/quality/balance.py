"""Classes: how many rows each has, and whether training has seen it.

What belongs here: counts of the labels. What does not: whether a label is right
(`burnish.labels`), or spelt twice (`burnish.quality.spelling`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from burnish.quality.checked import Check, Checked
from burnish.quality.findings import QualityFinding
from burnish.quality.splits import parts_of
from burnish.quality.wording import count_of, listed, share_of, shown

TIMES = 10
"""How much oftener than the rarest the commonest class may be, before it is told."""
MANY = 0.01
"""From this share of a held-out part on, classes that training lacks make its figures wrong."""
FEWEST = 10
"""Rows that a class should have, for folds and for judging on it."""


def imbalance(checked: Checked) -> Iterator[QualityFinding]:
    """Labels of one class alone (an error), or classes of very different sizes (a note).

    >>> import pyarrow as pa
    >>> table = pa.table({"label": ["no"] * 99 + ["yes"] * 1})
    >>> [one.evidence for one in imbalance(Checked.of(table, target="label"))]
    ["'no' 99 rows, 99 times as often as 'yes'"]
    """
    if checked.classes is None or checked.target is None:
        return
    sizes, names = _sizes(checked)
    if sizes.size == 1 and sizes[0] > 1:
        yield QualityFinding(
            kind="imbalance",
            severity="error",
            columns=(checked.target,),
            rows=(),
            sentence=f"All labels are {shown(names[0])}: there is nothing to learn.",
            evidence=f"1 class in {count_of(int(sizes[0]))}",
            to_do="Check how the labels were made, or which rows were taken.",
        )
    elif sizes.size > 1 and sizes[0] > TIMES * sizes[-1]:
        times = sizes[0] / sizes[-1]
        yield QualityFinding(
            kind="imbalance",
            severity="note",
            columns=(checked.target,),
            rows=(),
            sentence=f"Class {shown(names[0])} has {share_of(int(sizes[0]), int(sizes.sum()))} of "
            f"the rows, class {shown(names[-1])} {share_of(int(sizes[-1]), int(sizes.sum()))}.",
            evidence=f"{shown(names[0])} {count_of(int(sizes[0]))}, {times:.0f} times as often as "
            f"{shown(names[-1])}",
            to_do="Judge by class rather than by accuracy; weigh the classes, or collect more.",
            details={"times": float(times)},
        )


def rare_classes(checked: Checked) -> Iterator[QualityFinding]:
    """Classes of fewer than 10 rows; a warning, their rows with it.

    >>> import pyarrow as pa
    >>> table = pa.table({"label": ["a"] * 50 + ["b"] * 50 + ["c"] * 2})
    >>> [one.rows for one in rare_classes(Checked.of(table, target="label"))]
    [(100, 101)]
    """
    if checked.classes is None or checked.target is None:
        return
    codes, names = checked.classes
    sizes = np.bincount(codes[codes >= 0], minlength=len(names))
    rare = np.flatnonzero((sizes > 0) & (sizes < FEWEST))
    if rare.size and checked.rows >= 2 * FEWEST:
        rare = rare[np.argsort(sizes[rare], kind="stable")]
        rows = np.flatnonzero(np.isin(codes, rare))
        told = [f"{shown(names[one])} ({sizes[one]})" for one in rare]
        yield QualityFinding(
            kind="rare_class",
            severity="warning",
            columns=(checked.target,),
            rows=tuple(rows.tolist()),
            sentence=f"{_classes(rare.size)} fewer than {FEWEST} rows: {listed(told)}.",
            evidence=f"{count_of(rows.size)} of {checked.rows:,}",
            to_do="Collect more of them, join them with another class, or leave them out: they "
            "are in some folds and not in others, and no figure on them is worth much.",
        )


def _classes(number: int) -> str:
    return f"{count_of(number, 'class')} {'has' if number == 1 else 'have'}"


def unseen_classes(checked: Checked) -> Iterator[QualityFinding]:
    """Classes that are in another split and not in training.

    An error where they are 1 % or more of a held-out part: no model of this training can be right
    there, and its figures say so. Else a warning. A part that has nothing but such classes was
    made of them on purpose, to see what a model does with what it was never taught: a warning too.

    >>> import pyarrow as pa
    >>> rows = {"label": ["a", "b", "b", "c"], "split": ["train", "train", "test", "test"]}
    >>> checked = Checked.of(pa.table(rows), target="label", split="split")
    >>> [(one.rows, one.severity) for one in unseen_classes(checked)]
    [((3,), 'error')]
    """
    parts = parts_of(checked)
    if checked.classes is None or checked.target is None or parts is None or not parts.told:
        return
    codes, names = checked.classes
    known = np.unique(codes[parts.training])
    masks = {
        part: mask & (codes >= 0) & ~np.isin(codes, known) for part, mask in parts.held_out.items()
    }
    found = {part: mask for part, mask in masks.items() if mask.any()}
    if not found:
        return
    rows = np.flatnonzero(np.any(list(found.values()), axis=0))
    of = {part: (int(mask.sum()), int(parts.held_out[part].sum())) for part, mask in found.items()}
    bad = any(MANY * whole <= count < whole for count, whole in of.values())
    told = [f"{shown(name)} {share_of(*counts)}" for name, counts in of.items()]
    unseen = np.unique(codes[rows])
    yield QualityFinding(
        kind="unseen_class",
        severity="error" if bad else "warning",
        columns=(checked.target, *(() if checked.split is None else (checked.split,))),
        rows=tuple(rows.tolist()),
        sentence=f"No row of the training split is {listed([shown(names[one]) for one in unseen])}"
        f", but {count_of(rows.size)} elsewhere.",
        evidence=f"{count_of(unseen.size, 'class')} not among {count_of(int(parts.training.sum()))}"
        f" of training; of the rows of each part: {listed(told)}",
        to_do="Split anew so that each class is in training, or judge without these rows; a part "
        "of unknown classes alone is judged by itself.",
    )


def _sizes(checked: Checked) -> tuple[np.ndarray, list[str]]:
    """Sizes and names of the classes that have rows, the commonest first."""
    assert checked.classes is not None
    codes, names = checked.classes
    sizes = np.bincount(codes[codes >= 0], minlength=len(names))
    order = [place for place in np.argsort(-sizes, kind="stable") if sizes[place]]
    return sizes[order], [names[place] for place in order]


IMBALANCE = Check("imbalance", "classes of very different sizes", imbalance)
RARE = Check("rare_class", "classes of too few rows", rare_classes)
UNSEEN = Check("unseen_class", "classes that training has not seen", unseen_classes)
