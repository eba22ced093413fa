"""Columns that give the target away: a copy, a recoding, or an effect of it.

What belongs here: how well one column alone tells the target out of sample, and the findings.
What does not: rows on both sides of a split (`burnish.quality.copies`), what was known too late
(`burnish.quality.times`), or what models make of all columns together (`burnish.modeling`).

A column that alone makes nearly no mistake is hardly ever a lucky feature: it is mostly written
after the label, or from it (Kaufman et al. 2012, 'Leakage in Data Mining').
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnish.metrics import wilson_interval
from burnish.quality.checked import Check, Checked
from burnish.quality.column import Column
from burnish.quality.findings import QualityFinding, Severity
from burnish.quality.wording import count_of, share_of, shown

MOST_ROWS, FEWEST_ROWS = 20_000, 30
FEWEST_OTHERS = 10
"""So many rows have to be of another class than the most frequent, or there is nothing to tell."""
SURE, LIKELY = 0.97, 0.95
"""Shares of the mistakes of always answering the most frequent class that a column must avoid."""
_SURE_AT_LEAST = 0.9
_BINS = 256


@dataclass(frozen=True)
class Telling:
    """How well a column tells the class of rows that it was not fitted to.

    `skill` is the share of mistakes avoided of those made by always answering the most frequent
    class (1: no mistake, 0: no use), `low` its lower limit (95 %); `n` the rows judged.
    """

    skill: float
    low: float
    accuracy: float
    base: float
    n: int


def target_leaks(checked: Checked) -> Iterator[QualityFinding]:
    """Columns that alone tell the target nearly perfectly, a finding a column.

    For a target of classes, each value of a column (numbers in 256 bins) answers with the class it
    mostly has in one half of the rows, and is judged on the other half. An error where 97 % of the
    mistakes of a constant answer are avoided, a warning from 95 % on, both with at least 90 % by
    the lower limit. For a quantity, an error where a column is the target but for unit and origin.

    >>> import pyarrow as pa
    >>> label = ["ill", "well"] * 100
    >>> table = pa.table({"label": label, "ward": [{"ill": 3, "well": 7}[one] for one in label]})
    >>> found, = target_leaks(Checked.of(table, target="label"))
    >>> found.columns, found.severity
    (('ward',), 'error')
    """
    if checked.target is None:
        return
    if checked.classes is None:
        yield from _rescaled(checked, checked.column(checked.target))
        return
    sample = _sample(checked)
    if sample is None:
        return
    for column in checked.features:
        codes = _codes(column)
        if codes is None:
            continue
        ordered = column.nature in ("number", "time")
        told = telling(codes[sample], checked.classes[0][sample], ordered=ordered)
        severity = _severity(told)
        if told is not None and severity is not None:
            yield _finding(checked, column, told, severity, codes)


def identifier_leak(name: str) -> Check:
    """A check of whether the id of a row, or a part of it, tells its label.

    Its number and what stands around its number are looked at each by itself. Severe as
    `target_leaks` where the id is among the features; a warning where no model is given it: then
    it tells of how rows were collected.
    """

    def find(checked: Checked) -> Iterator[QualityFinding]:
        sample = _sample(checked)
        if sample is None or checked.classes is None:
            return
        for what, codes in _id_parts(checked.column(name)).items():
            ordered = what == "The number"
            told = telling(codes[sample], checked.classes[0][sample], ordered=ordered)
            severity = _severity(told)
            if told is None or severity is None:
                continue
            yield QualityFinding(
                kind="identifier_leak",
                severity=severity if name in checked.names else "warning",
                columns=(name,),
                rows=(),
                sentence=f"{what} in the id {shown(name)} tells the label.",
                evidence=_evidence(told),
                to_do="Never give the id to a model, and ask how rows were collected: sorted or "
                "named by label, other columns may tell it as well.",
                details={"skill": told.skill},
            )

    return Check("identifier_leak", "an id whose number or letters tell the label", find)


def telling(
    codes: NDArray[np.int64], classes: NDArray[np.int64], *, ordered: bool = False
) -> Telling | None:
    """How well codes (n,) tell classes (n,), each half of the rows judged by the other half.

    Rows should stand in random order. A value that the other half lacks is answered by its most
    frequent class; where codes are `ordered`, as that of the next lower one, 0 (missing) apart.
    None where there is too little to tell.

    >>> told = telling(np.arange(100) % 2, np.arange(100) % 2)
    >>> told.skill
    1.0
    """
    n = classes.size
    counts = np.bincount(classes) if n else np.zeros(1, dtype=np.int64)
    if n < FEWEST_ROWS or n - counts.max() < FEWEST_OTHERS:
        return None
    wrong, half = 0, n // 2
    for learn, judge in ((slice(0, half), slice(half, n)), (slice(half, n), slice(0, half))):
        answer = _answers(codes[learn], classes[learn], int(codes.max()) + 1, counts.size)
        if ordered:
            answer = _carried_on(answer, codes[learn])
        wrong += int(np.count_nonzero(answer[codes[judge]] != classes[judge]))
    base = float(n - counts.max()) / n
    limits = wilson_interval(wrong, n)
    return Telling(1 - wrong / n / base, 1 - limits.high / base, 1 - wrong / n, 1 - base, n)


def _answers(
    codes: NDArray[np.int64], classes: NDArray[np.int64], values: int, kinds: int
) -> NDArray[np.int64]:
    """The most frequent class of each value; of a value that does not occur, of all."""
    pair, count = np.unique(codes * kinds + classes, return_counts=True)
    order = np.lexsort((-pair, count))
    answer = np.full(values, int(np.bincount(classes).argmax()), dtype=np.int64)
    answer[pair[order] // kinds] = pair[order] % kinds  # the most frequent comes last
    return answer


def _carried_on(answer: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    seen = np.zeros(answer.size, dtype=bool)
    seen[codes] = True
    known = np.flatnonzero(seen[1:]) + 1
    if not known.size:
        return answer
    places = np.arange(1, answer.size)
    lower = np.maximum(np.searchsorted(known, places, side="right") - 1, 0)
    return np.append(answer[:1], answer[known[lower]])


def _severity(told: Telling | None) -> Severity | None:
    if told is None or told.skill < LIKELY or told.low < _SURE_AT_LEAST:
        return None
    return "error" if told.skill >= SURE else "warning"


def _sample(checked: Checked) -> NDArray[np.intp] | None:
    """Labelled rows in random order, at most 20,000."""
    if checked.classes is None:
        return None
    labelled = np.flatnonzero(checked.classes[0] >= 0)
    order = np.random.default_rng(checked.random_state).permutation(labelled)
    return order[:MOST_ROWS]


def _codes(column: Column) -> NDArray[np.int64] | None:
    """A small number for each cell, missing ones too; None where a column has nothing to say."""
    if column.nature in ("number", "time"):
        numbers = column.numbers if column.nature == "number" else column.days
        known = numbers[np.isfinite(numbers)]
        if not known.size:
            return None
        edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)))
        levels = np.unique(known) if known.size <= MOST_ROWS * 10 else edges
        # Half-way between neighbours, so that a value has a bin of its own where there are few.
        cuts = levels[1:] / 2 + levels[:-1] / 2 if levels.size <= _BINS else edges[1:-1]
        return np.where(np.isfinite(numbers), np.searchsorted(cuts, numbers, side="right") + 1, 0)
    if column.nature in ("category", "text"):
        return column.codes + 1
    return None


def _id_parts(column: Column) -> dict[str, NDArray[np.int64]]:
    import re

    digits = [re.search(r"\d+", value) for value in column.values]
    numbers = np.array([float(one[0]) if one else np.nan for one in digits] + [np.nan])
    letters = [re.sub(r"\d+", "", value) for value in column.values]
    place = {text: at + 1 for at, text in enumerate(dict.fromkeys(letters))}
    around = np.array([*(place[text] for text in letters), 0], dtype=np.int64)
    parts: dict[str, NDArray[np.int64]] = {}
    known = np.unique(numbers[np.isfinite(numbers)])
    if known.size > 1:
        cuts = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)))[1:-1]
        binned = np.where(np.isnan(numbers), 0, np.searchsorted(cuts, numbers, side="right") + 1)
        parts["The number"] = binned[column.codes].astype(np.int64)
    if len(place) > 1:
        parts["The letters"] = around[column.codes]
    return parts


def _finding(
    checked: Checked,
    column: Column,
    told: Telling,
    severity: Severity,
    codes: NDArray[np.int64],
) -> QualityFinding:
    copied = _one_to_one(column, checked)
    said = "is the target in other words" if copied else "alone tells the target"
    return QualityFinding(
        kind="target_leak",
        severity=severity,
        columns=(column.name,),
        rows=(),
        sentence=f"Column {shown(column.name)} {said}.",
        evidence=_evidence(told)
        + ("; each of its values goes with one class, and each class with one" if copied else ""),
        to_do="Ask when it is written: if after the label or from it, leave it out (--exclude).",
        details={"skill": told.skill, "low": told.low, "copy": copied, "rows": int(codes.size)},
    )


def _evidence(told: Telling) -> str:
    return (
        f"right in {share_of(told.accuracy, 1)} of {count_of(told.n)} it was not fitted to, where "
        f"the most frequent class is right in {share_of(told.base, 1)}"
    )


def _one_to_one(column: Column, checked: Checked) -> bool:
    if checked.classes is None or column.nature not in ("number", "category"):
        return False
    known = (column.codes >= 0) & (checked.classes[0] >= 0)
    codes, classes = column.codes[known], checked.classes[0][known]
    pairs = np.unique(codes * (int(classes.max(initial=0)) + 1) + classes).size
    return pairs == np.unique(codes).size == np.unique(classes).size > 1


def _rescaled(checked: Checked, target: Column) -> Iterator[QualityFinding]:
    if target.nature != "number":
        return
    for column in checked.numbers:
        both = np.isfinite(column.numbers) & np.isfinite(target.numbers)
        x, y = column.numbers[both], target.numbers[both]
        if x.size < FEWEST_ROWS or np.unique(x).size < FEWEST_OTHERS:
            continue
        x, y = x / np.abs(x).max(), y / max(float(np.abs(y).max()), 1e-300)
        if np.ptp(x) == 0 or np.ptp(y) == 0:
            continue
        likeness = abs(float(np.corrcoef(x, y)[0, 1]))
        if likeness > 0.9999:
            yield QualityFinding(
                kind="target_leak",
                severity="error",
                columns=(column.name,),
                rows=(),
                sentence=f"Column {shown(column.name)} is the target in another unit.",
                evidence=f"correlation {likeness:.6f} over {count_of(int(x.size))}",
                to_do="Leave it out (--exclude).",
                details={"skill": likeness, "copy": True},
            )


TARGET_LEAK = Check("target_leak", "columns that give the target away", target_leaks)
