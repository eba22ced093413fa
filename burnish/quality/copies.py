"""Findings on copies: equal rows, nearly equal rows, and rows or groups on both sides of a split.

What belongs here: what copies mean for a table, in words. What does not: when rows are equal
(`burnish.quality.duplicates`) or near (`burnish.quality.near_rows`), or copies whose labels differ
(`burnish.quality.clashes`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.quality.chance import by_chance
from burnish.quality.checked import Check, Checked
from burnish.quality.column import Column
from burnish.quality.columns import identifier
from burnish.quality.duplicates import duplicate_groups
from burnish.quality.findings import QualityFinding, Severity
from burnish.quality.near_chance import near_by_chance
from burnish.quality.near_rows import search
from burnish.quality.splits import Parts, parts_of
from burnish.quality.wording import count_of, listed, share_of, shown
from burnish.spec import FeatureKind

MOST_ROWS = 100_000
"""With more rows, each is not held against all others: that takes time with the square of them."""
MANY = 0.01
"""From this share of a held-out part on, copies of training rows make its figures wrong."""
_LARGEST = 1e150
_NOTHING = (
    "Nothing, unless rows were copied: columns hold few values, and rows to come will be as near."
)
_KINDS: dict[str, FeatureKind] = {
    "number": "numeric",
    "category": "categorical",
    "text": "text",
    "time": "datetime",
}


def exact_duplicates(checked: Checked) -> Iterator[QualityFinding]:
    """Rows that are equal to an earlier one in every feature and the label.

    A warning; a note where most rows are such, or no more than chance gives
    (`burnish.quality.chance`): columns then hold too few values to tell rows apart.

    >>> table = pa.table({"x": [1, 2, 1], "y": ["a", "b", "a"]})
    >>> found, = exact_duplicates(Checked.of(table, target="y"))
    >>> found.rows, found.severity
    ((2,), 'warning')
    """
    group = _equal(checked)
    if group is None:
        return
    rows = _later(group)
    if not rows.size:
        return
    few = rows.size > checked.rows / 2 or _by_chance(checked)
    groups = np.unique(group[rows]).size
    yield QualityFinding(
        kind="exact_duplicates",
        severity="note" if few else "warning",
        columns=(),
        rows=tuple(rows.tolist()),
        sentence=f"{count_of(rows.size)} ({share_of(rows.size, checked.rows)}) "
        f"{'repeats' if rows.size == 1 else 'repeat'} an earlier row in every column"
        + (" that does not only name it." if _naming(checked) else "."),
        evidence=f"{count_of(groups, 'group')} of rows with equal cells; "
        + _compared(checked)
        + (": columns of few values repeat by themselves" if few else ""),
        to_do="Keep copies in one fold; drop them where one thing was recorded twice.",
        details={"groups": groups},
    )


def crossing_duplicates(checked: Checked) -> Iterator[QualityFinding]:
    """Held-out rows that are equal to a training row in every feature and the label.

    A model answers them by heart, so that it seems better than it is. An error where they are 1 %
    or more of a held-out part, else a warning. A note where no more rows are equal than chance
    gives: then new rows will be equal to training rows as often.

    >>> table = pa.table({"x": [1, 2, 1], "y": ["a", "b", "a"], "part": ["train", "train", "test"]})
    >>> found, = crossing_duplicates(Checked.of(table, target="y", split="part"))
    >>> found.rows, found.severity
    ((2,), 'error')
    """
    parts, group = parts_of(checked), _equal(checked)
    if parts is None or group is None:
        return
    rows, said, severity = _crossing(group, parts)
    if not rows.size:
        return
    inputs = _equal(checked, labels=False)
    alike = 0 if inputs is None else _crossing(inputs, parts)[0].size - rows.size
    chance = _by_chance(checked)
    training = int(np.count_nonzero(np.isin(group, group[rows]) & parts.training))
    yield QualityFinding(
        kind="crossing_duplicates",
        severity="note" if chance else severity,
        columns=_named(checked.split),
        rows=tuple(rows.tolist()),
        sentence=f"{said} are equal to training rows, as many as chance gives."
        if chance
        else f"{said} are copies of training rows: a model can know their answers by heart.",
        evidence=f"equal to {count_of(training, 'training row')}; {_compared(checked)}"
        + (f"; {alike} more have the features of one, with another label" if alike else ""),
        to_do="Nothing, unless rows were copied: columns hold few values, and rows to come will be "
        "equal to training rows as often."
        if chance
        else "Keep them where they are held out, and drop their like from training "
        f"({count_of(training)}); or leave them out when models are judged.",
        details={"training_rows": training, "same_features": alike + int(rows.size)},
    )


def near_duplicates(checked: Checked) -> Iterator[QualityFinding]:
    """Rows that are copies of an earlier one but for small changes, and those held out.

    Two findings: all of them, a warning from 2 rows in a thousand on, else a note; and those that
    are held out while a near copy is trained on, a warning. About one row in a thousand may be
    among them by chance; where most are (`burnish.quality.near_chance`), both are notes. Above
    100,000 rows a note says that they were not looked for.
    """
    if not _features(checked) or checked.rows < 2:
        return
    if checked.rows > MOST_ROWS:
        yield _not_looked_for(checked)
        return
    table, kinds = _ready(checked)
    exact = _codes(duplicate_groups(table, list(kinds)))
    compared = search(table, kinds)
    near = _codes(compared.names)
    first = np.sort(np.unique(exact, return_index=True)[1])  # of equal rows, one speaks for all
    rows = first[_later(near[first])]
    if not rows.size or rows.size > checked.rows / 2:
        return
    chance = near_by_chance(compared)
    yield QualityFinding(
        kind="near_duplicates",
        severity="warning" if rows.size > 0.002 * checked.rows and not chance else "note",
        columns=(),
        rows=tuple(rows.tolist()),
        sentence=f"{count_of(rows.size)} ({share_of(rows.size, checked.rows)}) nearly "
        f"{'repeats' if rows.size == 1 else 'repeat'} an earlier row"
        + (", as many as chance gives." if chance else "."),
        evidence="categories are equal, texts share 80 % of their pieces, numbers are nearer "
        "than chance puts all but one row in a thousand"
        + ("; rows that are no copies have equal categories as often" if chance else ""),
        to_do=_NOTHING if chance else "Look at a few; keep near copies in one fold.",
        details={"groups": int(np.unique(near[rows]).size), "crossing": False},
    )
    yield from _crossing_near(checked, exact, near, chance=chance)


def _crossing_near(
    checked: Checked, exact: NDArray[np.int64], near: NDArray[np.int64], *, chance: bool
) -> Iterator[QualityFinding]:
    parts = parts_of(checked)
    if parts is None:
        return
    known = np.isin(exact, exact[parts.training])
    only = Parts(parts.training, {name: mask & ~known for name, mask in parts.held_out.items()})
    rows, said, _ = _crossing(near, only, of=parts)
    if rows.size:
        yield QualityFinding(
            kind="near_duplicates",
            severity="note" if chance else "warning",
            columns=_named(checked.split),
            rows=tuple(rows.tolist()),
            sentence=f"{said} are near training rows, as many as chance gives."
            if chance
            else f"{said} are near copies of training rows, so they are easier than new ones.",
            evidence="nearly equal, and not equal, to a row of the training part",
            to_do=_NOTHING
            if chance
            else "Put near copies into one part, or leave them out when models are judged.",
            details={"crossing": True},
        )


def crossing_groups(checked: Checked) -> Iterator[QualityFinding]:
    """Held-out rows of a group that has training rows too: an error.

    >>> table = pa.table({"x": [1, 2, 3], "who": ["a", "b", "a"],
    ...     "part": ["train", "train", "test"]})
    >>> found, = crossing_groups(Checked.of(table, split="part", group="who"))
    >>> found.rows
    (2,)
    """
    parts = parts_of(checked)
    if parts is None or checked.group is None:
        return
    codes = checked.column(checked.group).codes
    rows, said, _ = _crossing(codes, parts)
    if not rows.size:
        return
    names = sorted({checked.column(checked.group).values[code] for code in codes[rows].tolist()})
    yield QualityFinding(
        kind="crossing_groups",
        severity="error",
        columns=(checked.group, *_named(checked.split)),
        rows=tuple(rows.tolist()),
        sentence=f"{said} belong to a group of which other rows are trained on.",
        evidence=f"{count_of(len(names), 'group')} in both: {listed([shown(n) for n in names])}",
        to_do="Split by group: put all rows of a group into one part.",
        details={"groups": len(names)},
    )


def _crossing(
    group: NDArray[np.int64], parts: Parts, *, of: Parts | None = None
) -> tuple[NDArray[np.intp], str, Severity]:
    """Held-out rows of a group with training rows, how many of which part, and how bad that is."""
    shared = np.isin(group, group[parts.training & (group >= 0)])
    crossing = {name: mask & shared for name, mask in parts.held_out.items()}
    whole = (of or parts).held_out
    found = {name: mask for name, mask in crossing.items() if mask.any()}
    sizes = {name: (int(mask.sum()), int(whole[name].sum())) for name, mask in found.items()}
    said = [f"{count_of(n)} of {shown(name)} ({share_of(n, m)})" for name, (n, m) in sizes.items()]
    bad = any(n >= MANY * m for n, m in sizes.values())
    none = np.zeros(group.size, dtype=bool)
    rows = np.flatnonzero(np.any([none, *found.values()], axis=0))
    return rows, listed(said), "error" if bad else "warning"


def _equal(checked: Checked, *, labels: bool = True) -> NDArray[np.int64] | None:
    """Number (n,) of the group of rows equal in every feature, and the label; None without them."""
    features = _features(checked)
    names = [*features, *(_named(checked.target) if labels else ())]
    if not features or checked.rows < 2:
        return None
    return _codes(duplicate_groups(checked.table, names))


def _features(checked: Checked) -> list[str]:
    """The features that say something of a row, rather than name it."""
    naming = _naming(checked)
    return [name for name in checked.names if name not in naming]


def _naming(checked: Checked) -> list[str]:
    return [name for finding in identifier(checked) for name in finding.columns]


def _by_chance(checked: Checked) -> bool:
    return by_chance(checked, [*_features(checked), *_named(checked.target)])


def _codes(groups: pa.Array) -> NDArray[np.int64]:
    return groups.dictionary_encode().indices.to_numpy().astype(np.int64)


def _later(group: NDArray[np.int64]) -> NDArray[np.intp]:
    """All rows but the first of each group."""
    later = np.ones(group.size, dtype=bool)
    later[np.unique(group, return_index=True)[1]] = False
    return np.flatnonzero(later)


def _ready(checked: Checked) -> tuple[pa.Table, dict[str, FeatureKind]]:
    """The features as they are compared: numbers that are finite, or none."""
    kinds: dict[str, FeatureKind] = {}
    cells: dict[str, Any] = {}
    for column in map(checked.column, _features(checked)):
        kinds[column.name] = checked.kinds.get(column.name) or _KINDS.get(column.nature, "sensor")
        if column.nature == "number":
            kinds[column.name] = "numeric"
        cells[column.name] = _numbers(column) if column.nature == "number" else column.cells
    return pa.table(cells), kinds


def _numbers(column: Column) -> NDArray[np.float64]:
    return np.clip(column.numbers, -_LARGEST, _LARGEST)


def _not_looked_for(checked: Checked) -> QualityFinding:
    return QualityFinding(
        kind="near_duplicates",
        severity="note",
        columns=checked.names,
        rows=(),
        sentence="Near copies were not looked for.",
        evidence=f"{count_of(checked.rows)}, more than {MOST_ROWS:,}",
        to_do="Check a part of the rows, where copies are suspected.",
    )


def _compared(checked: Checked) -> str:
    label = f", and the label {shown(checked.target)}" if checked.target else ""
    aside = listed([shown(name) for name in _naming(checked)])
    return f"compared: {count_of(len(_features(checked)), 'feature')}{label}" + (
        f"; left out, since it names rows: {aside}" if aside else ""
    )


def _named(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)


EXACT_DUPLICATES = Check(
    "exact_duplicates", "rows that repeat an earlier one in every column", exact_duplicates
)
CROSSING_DUPLICATES = Check(
    "crossing_duplicates", "held-out rows that are copies of training rows", crossing_duplicates
)
NEAR_DUPLICATES = Check(
    "near_duplicates", "rows that are copies of another but for small changes", near_duplicates
)
CROSSING_GROUPS = Check(
    "crossing_groups", "groups with rows both trained on and held out", crossing_groups
)
