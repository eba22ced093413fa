"""Gaps that go with the label, or with another column.

What belongs here: whether it is chance which cells are missing. What does not: the gaps of one
column (`burnish.quality.missing`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.quality.checked import Check, Checked
from burnish.quality.column import Column
from burnish.quality.findings import QualityFinding
from burnish.quality.wording import listed, shown

FEWEST = 10
"""Cells missing, and cells there, from which on a column is judged."""
LABEL_EFFECT, COLUMN_EFFECT = 0.1, 0.3
"""Smallest correlation (of gap and label, of gap and column) that is told."""
_MOST_ROWS = 20_000
_CHANCE = 1e-4  # chance of a false alarm in one table


class Tie(NamedTuple):
    """How much the gaps of a column go with another column: a correlation, and in words."""

    other: str
    effect: float
    words: str


def gaps_with_label(checked: Checked) -> Iterator[QualityFinding]:
    """Columns whose gaps go with the label: a warning, since a model will read the gap.

    By Cramer's V of gap and class of .1 or more (for a quantity the correlation of gap and rank),
    that chance would bring about in one of 10,000 tables.

    >>> import pyarrow as pa
    >>> table = pa.table({"dose": [None, 1.0] * 50, "label": ["ill", "well"] * 50})
    >>> [one.evidence for one in gaps_with_label(Checked.of(table, target="label"))]
    ["correlation 1.00: missing in 100 % of 'ill' and in 0 % of 'well'"]
    """
    gaps = _gaps(checked)
    if checked.target is None or not gaps:
        return
    place = _sample(checked)
    label = checked.column(checked.target)
    for name, gap in gaps.items():
        tie = _tie(gap[place], label, checked.classes, place, len(gaps))
        if tie is not None and tie.effect >= LABEL_EFFECT:
            yield QualityFinding(
                kind="missing_with_label",
                severity="warning",
                columns=(name,),
                rows=tuple(np.flatnonzero(gap).tolist()),
                sentence=f"Whether column {shown(name)} is missing goes with the label.",
                evidence=f"correlation {tie.effect:.2f}: {tie.words}",
                to_do="Ask whether it is missing before or because of the label; if because of "
                "it, leave the column out, for in production it will not tell.",
                details={"effect": tie.effect},
            )


def gaps_with_columns(checked: Checked) -> Iterator[QualityFinding]:
    """Columns whose gaps go with another column, or with its gaps: a note.

    By a correlation of .3 or more, that chance would bring about in one of 10,000 tables; of
    several columns the strongest.

    >>> import pyarrow as pa
    >>> table = pa.table({"firm": [None, "a"] * 50, "job": ["?", "cook"] * 50})
    >>> [one.sentence for one in gaps_with_columns(Checked.of(table))][0]
    "Columns 'firm' and 'job' are missing in the same rows."
    """
    gaps = _gaps(checked)
    place = _sample(checked)
    told: set[str] = set()
    for name, gap in gaps.items():
        together = [other for other in gaps if _same(gap, gaps[other])]
        if len(together) > 1 and name not in told:
            told.update(together)
            yield _together(gap, together)
        elif name not in told:
            tests = len(gaps) * len(checked.names)
            ties = [
                _tie(gap[place], other, other.classes, place, tests)
                for other in checked.features
                if other.name != name
            ]
            best = max((tie for tie in ties if tie), key=lambda tie: tie.effect, default=None)
            if best is not None and best.effect >= COLUMN_EFFECT:
                yield _with_column(name, gap, best)


def _together(gap: NDArray[np.bool_], names: list[str]) -> QualityFinding:
    return QualityFinding(
        kind="missing_with_column",
        severity="note",
        columns=tuple(names),
        rows=tuple(np.flatnonzero(gap).tolist()),
        sentence=f"Columns {listed([shown(name) for name in names])} are missing in the same rows.",
        evidence="of the rows where either is missing, 90 % or more lack both",
        to_do="Look for one cause, and fill or drop them together.",
    )


def _with_column(name: str, gap: NDArray[np.bool_], tie: Tie) -> QualityFinding:
    return QualityFinding(
        kind="missing_with_column",
        severity="note",
        columns=(name, tie.other),
        rows=tuple(np.flatnonzero(gap).tolist()),
        sentence=f"Whether column {shown(name)} is missing goes with column {shown(tie.other)}.",
        evidence=f"correlation {tie.effect:.2f}: {tie.words}",
        to_do=f"Fill the gaps with regard to {shown(tie.other)}, or mark them in a column.",
        details={"effect": tie.effect},
    )


def _gaps(checked: Checked) -> dict[str, NDArray[np.bool_]]:
    gaps = {column.name: column.absent for column in checked.features}
    return {
        name: gap
        for name, gap in gaps.items()
        if FEWEST <= np.count_nonzero(gap) <= gap.size - FEWEST
    }


def _same(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    return bool(np.count_nonzero(one & other) >= 0.9 * np.count_nonzero(one | other))


def _sample(checked: Checked) -> NDArray[np.int64]:
    if checked.rows <= _MOST_ROWS:
        return np.arange(checked.rows)
    rng = np.random.default_rng(checked.random_state)
    return np.sort(rng.choice(checked.rows, _MOST_ROWS, replace=False))


def _tie(
    gap: NDArray[np.bool_],
    other: Column,
    classes: tuple[NDArray[np.int64], list[str]] | None,
    place: NDArray[np.int64],
    tests: int,
) -> Tie | None:
    from scipy.stats import chi2

    if classes is not None:
        square, effect, freedom, words = _with_classes(gap, classes[0][place], classes[1])
    elif other.nature == "number":
        square, effect, freedom, words = _with_numbers(gap, other.numbers[place])
    else:
        return None
    if freedom < 1 or chi2.sf(square, freedom) > _CHANCE / tests:
        return None
    return Tie(other.name, effect, words)


def _with_classes(
    gap: NDArray[np.bool_], codes: NDArray[np.int64], names: list[str]
) -> tuple[float, float, int, str]:
    known = codes >= 0
    sizes = np.bincount(codes[known], minlength=len(names))
    missing = np.bincount(codes[known], weights=gap[known], minlength=len(names))
    # Chi-square holds where some five of each are expected.
    kept = np.flatnonzero(sizes * min(gap.mean(), 1 - gap.mean()) >= 5)
    n, m = sizes[kept].astype(float), missing[kept]
    share = m.sum() / n.sum() if kept.size > 1 else 0.0
    if not 0 < share < 1:
        return 0.0, 0.0, 0, ""
    square = float(np.sum((m - n * share) ** 2 / (n * share * (1 - share))))
    most, least = int(np.argmax(m / n)), int(np.argmin(m / n))
    words = (
        f"missing in {100 * m[most] / n[most]:.0f} % of {shown(names[kept[most]])} and in "
        f"{100 * m[least] / n[least]:.0f} % of {shown(names[kept[least]])}"
    )
    return square, float(np.sqrt(square / n.sum())), kept.size - 1, words


def _with_numbers(
    gap: NDArray[np.bool_], numbers: NDArray[np.float64]
) -> tuple[float, float, int, str]:
    from scipy.stats import rankdata

    known = ~np.isnan(numbers)
    there, absent = gap[known], numbers[known]
    if (
        min(np.count_nonzero(there), np.count_nonzero(~there)) < FEWEST
        or absent.min() == absent.max()
    ):
        return 0.0, 0.0, 0, ""
    effect = float(abs(np.corrcoef(rankdata(absent), there)[0, 1]))
    words = (
        f"half are below {np.median(absent[there]):.6g} where it is missing, below "
        f"{np.median(absent[~there]):.6g} elsewhere"
    )
    return effect**2 * there.size, effect, 1, words


WITH_LABEL = Check("missing_with_label", "gaps that go with the label", gaps_with_label)
WITH_COLUMN = Check("missing_with_column", "gaps that go with another column", gaps_with_columns)
