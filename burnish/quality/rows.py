"""Rows that are odd as a whole, though each of their cells may be ordinary.

What belongs here: judging a row among all rows, and among those of its class. What does not: odd
numbers of one column (`burnish.quality.univariate`), or the outlier score of the audit
(`burnish.quality.outliers`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.quality.checked import Check, Checked
from burnish.quality.column import Column
from burnish.quality.findings import QualityFinding
from burnish.quality.tails import FEWEST, tails_of
from burnish.quality.wording import count_of, shown

Matrix = NDArray[np.float64]
MOST = 0.01
"""Share of the rows from which on odd ones are a group, not outliers."""
REFERENCE = 500
_NEAREST = 5
_FITTED = 20_000  # rows that suffice to know how columns go together
_MARGIN = 0.1  # distances in normal scores have short tails
_SCALE = (2 / 3,)  # the cube root of a sum of squares is nearly normal
_BLOCK = 4_000
_TREES, _TREE_ROWS = 50, 256
_MOST_CLASSES = 50
_FAR, _TOLD = 4.0, 5.0  # normal scores at which cells are clipped, and told by their column
_MODE = 0.9  # share of one value from which on a column says little of a row
_FLOOR = 0.05  # least share of a column's variance: below it a direction is noise


class Odd(NamedTuple):
    """Odd rows, the oddest first, by how many times they pass the fence, and on what evidence."""

    rows: NDArray[np.int64]
    times: Matrix
    evidence: str

    def finding(
        self, kind: str, columns: tuple[str, ...], sentence: str, to_do: str
    ) -> QualityFinding:
        is_or_are = "is" if self.rows.size == 1 else "are"
        return QualityFinding(
            kind=kind,
            severity="warning",
            columns=columns,
            rows=tuple(self.rows.tolist()),
            sentence=f"{count_of(self.rows.size)} {is_or_are} {sentence}",
            evidence=self.evidence,
            to_do=to_do,
            scores=tuple((1 - 1 / self.times).tolist()),
        )


def odd_rows(checked: Checked) -> Iterator[QualityFinding]:
    """Rows far from all others, all columns taken together; a warning, the oddest first.

    In tables of numbers each column becomes normal scores, what columns have in common is taken
    out, and two distances are looked at: to the middle (Mahalanobis 1936), and to the fifth nearest
    of some hundred rows drawn at random (Sugiyama & Borgwardt 2013, 'Rapid distance-based outlier
    detection via sampling'). Tables with as many categories as numbers go through an isolation
    forest (Liu, Ting & Zhou 2008, 'Isolation forest'). Told are rows beyond the fence that the
    scores of all leave (`burnish.quality.tails`).

    >>> import pyarrow as pa
    >>> height = np.random.default_rng(0).normal(size=300)
    >>> weight = height + 0.1 * np.random.default_rng(1).normal(size=300)
    >>> height[7], weight[7] = 1.5, -1.5
    >>> [one.rows for one in odd_rows(Checked.of(pa.table({"height": height, "weight": weight})))]
    [(7,)]
    """
    numbers, categories = _numbers(checked), _categories(checked)
    if checked.rows < FEWEST or len(numbers) + len(categories) < 2:
        return
    if len(numbers) < 2 or len(categories) >= len(numbers):
        columns = (*numbers, *categories)
        scores = {"an isolation forest": _forest(_both(numbers, categories), checked.random_state)}
        odd = _odd(scores)
    else:
        columns = numbers
        # A cell far off is told by the check of its column: here the whole row has to be odd.
        told = np.flatnonzero(np.any(np.abs(_scores(numbers)) > _TOLD, axis=1))
        odd = _odd(_distances(_clipped(numbers), checked.random_state), leave_out=told)
    if odd is not None:
        yield odd.finding(
            "odd_row",
            tuple(column.name for column in columns),
            "odd, all columns taken together.",
            "Look at these rows: cells swapped, another population, or a rare truth.",
        )


def odd_in_class(checked: Checked) -> Iterator[QualityFinding]:
    """Rows far from those of their class, while they are ordinary among all rows; a warning.

    For classes of 30 rows or more, by the distances of `odd_rows`.

    >>> import pyarrow as pa
    >>> x, y = np.random.default_rng(0).normal(size=(2, 1000))
    >>> label = ["low", "high"] * 500
    >>> x[1::2] += 12
    >>> x[7] -= 12
    >>> table = pa.table({"x": x, "y": y, "label": label})
    >>> [one.rows for one in odd_in_class(Checked.of(table, target="label"))]
    [(7,)]
    """
    numbers = _numbers(checked)
    if checked.classes is None or len(numbers) < 2 or checked.rows < FEWEST:
        return
    codes, names = checked.classes
    places = [place for place in range(len(names)) if np.count_nonzero(codes == place) >= FEWEST]
    if not 1 < len(places) <= _MOST_CLASSES:
        return
    overall = _odd(_distances(_scores(numbers), checked.random_state))
    told = overall.rows if overall is not None else None
    for place in places:
        members = np.flatnonzero(codes == place)
        scores = _distances(_scores(numbers, members), checked.random_state)
        odd = _odd(scores, members, leave_out=told)
        if odd is not None:
            yield odd.finding(
                "odd_in_class",
                (checked.target or "", *(column.name for column in numbers)),
                f"odd for class {shown(names[place])}, though not among all rows.",
                "Look at their labels first, then at their cells.",
            )


def _numbers(checked: Checked) -> list[Column]:
    """Numbers that vary, and do not just count the rows."""
    varied = [column for column in checked.numbers if column.present.size > checked.rows / 2]
    return [
        column
        for column in varied
        if not _counts_rows(column)
        and int(column.level_counts.max()) <= _MODE * column.present.size
    ]


def _counts_rows(column: Column) -> bool:
    levels = column.levels
    return levels.size == len(column.cells) and levels[-1] - levels[0] == levels.size - 1


def _categories(checked: Checked) -> list[Column]:
    few = checked.rows / 5
    return [column for column in checked.categories if 1 < len(column.values) <= max(few, 2)]


def _scores(columns: list[Column], rows: NDArray[np.int64] | None = None) -> Matrix:
    """Normal scores (m, d) of some rows among each other, or of all.

    By the tails of the column, which make a normal of it and leave what lies beyond them far off;
    columns without tails, such as a few codes, by rank.
    """
    out: list[Matrix] = []
    for column in columns:
        numbers = column.numbers if rows is None else column.numbers[rows]
        known = ~np.isnan(numbers)
        ordered = column.present if rows is None else np.sort(numbers[known])
        tails = tails_of(ordered, margin=0.0)
        score = np.full(numbers.size, np.nan)
        if tails is not None:
            score[known] = tails.scores(numbers[known])
        elif ordered.size:
            score[known] = _ranked(ordered, numbers[known])
        out.append(score)
    return _filled(np.column_stack(out))


def _filled(matrix: Matrix) -> Matrix:
    """The matrix with its gaps filled by what the other columns lead to expect of them.

    A gap filled with the middle would look like a broken bond.
    """
    gaps = np.isnan(matrix)
    base = np.where(gaps, 0.0, matrix)
    filled = base.copy()
    for place in np.flatnonzero(gaps.any(axis=0)):
        known = np.flatnonzero(~gaps[:, place])[:_FITTED]
        others = np.delete(base, place, axis=1)
        gram = others[known].T @ others[known] + np.eye(others.shape[1])
        weights = np.linalg.solve(gram, others[known].T @ base[known, place])
        filled[gaps[:, place], place] = others[gaps[:, place]] @ weights
    return filled


def _clipped(columns: list[Column]) -> Matrix:
    return np.clip(_scores(columns), -_FAR, _FAR)


def _ranked(ordered: Matrix, numbers: Matrix) -> Matrix:
    from scipy.special import ndtri

    low = np.searchsorted(ordered, numbers, side="left")
    high = np.searchsorted(ordered, numbers, side="right")
    return ndtri((low + high) / (2 * ordered.size))


def _both(numbers: list[Column], categories: list[Column]) -> Matrix:
    makers = ((_clipped, numbers), (_rarity, categories))
    return np.hstack([make(columns) for make, columns in makers if columns])


def _rarity(columns: list[Column]) -> Matrix:
    """How rare each category is (n, d): minus the logarithm of its share."""
    out = np.zeros((len(columns[0].cells), len(columns)))
    for place, column in enumerate(columns):
        share = np.append(column.counts / max(int(column.counts.sum()), 1), 1.0)
        with np.errstate(divide="ignore"):
            out[:, place] = -np.log(share)[column.codes]
    return out


def _distances(matrix: Matrix, random_state: int) -> dict[str, Matrix]:
    """Distances (n,) of each row to the middle and to other rows, by their name in words."""
    plain = _plain(matrix)
    return {
        "the distance to the middle": np.sqrt(np.einsum("ij,ij->i", plain, plain)),
        "the distance to other rows": _to_others(plain, random_state),
    }


def _plain(matrix: Matrix) -> Matrix:
    """The matrix with what its columns have in common taken out, so that a broken bond shows."""
    centred = matrix - np.median(matrix, axis=0)
    if matrix.shape[0] < 5 * matrix.shape[1]:
        return centred
    values, vectors = np.linalg.eigh(np.cov(np.clip(matrix, -_FAR, _FAR), rowvar=False))
    floor = _FLOOR * max(float(values.mean()), np.finfo(float).tiny)
    return centred @ (vectors / np.sqrt(np.maximum(values, floor)))


def _to_others(matrix: Matrix, random_state: int) -> Matrix:
    """Distance (n,) of each row to the fifth nearest of the reference rows."""
    n = matrix.shape[0]
    rng = np.random.default_rng(random_state)
    chosen = np.sort(rng.choice(n, REFERENCE, replace=False)) if n > REFERENCE else np.arange(n)
    reference = matrix[chosen].astype(np.float32)
    square = np.einsum("ij,ij->i", reference, reference)
    found = np.empty(n)
    for start in range(0, n, _BLOCK):
        rows = matrix[start : start + _BLOCK].astype(np.float32)
        away = square - 2 * rows @ reference.T
        own = np.flatnonzero((chosen >= start) & (chosen < start + rows.shape[0]))
        away[chosen[own] - start, own] = np.inf
        near = np.partition(away, _NEAREST - 1, axis=1)[:, _NEAREST - 1]
        near += np.einsum("ij,ij->i", rows, rows)
        found[start : start + _BLOCK] = np.sqrt(np.maximum(near, 0))
    return found


def _forest(matrix: Matrix, random_state: int) -> Matrix:
    """How soon (n,) random cuts part each row from the others, in [0, 1], high where soon."""
    from sklearn.ensemble import IsolationForest

    size: Any = min(_TREE_ROWS, len(matrix))  # scikit-learn's own hints leave numbers out
    forest = IsolationForest(n_estimators=_TREES, max_samples=size, random_state=random_state).fit(
        matrix
    )
    return -forest.score_samples(matrix)


def _odd(
    scores: dict[str, Matrix],
    members: NDArray[np.int64] | None = None,
    *,
    leave_out: NDArray[np.int64] | None = None,
) -> Odd | None:
    """Rows beyond the fence of any of the scores; None where there is none, or a group of them.

    The scores are of the rows `members`, or of all.
    """
    times = np.zeros(next(iter(scores.values())).size)
    said: list[str] = []
    for means, score in scores.items():
        tails = tails_of(np.sort(score), powers=_SCALE, margin=_MARGIN)
        limit = tails.fences[1] if tails is not None else np.inf
        beyond = np.count_nonzero(score > limit)
        if 0 < beyond <= MOST * max(score.size, 100):
            times = np.maximum(times, score / limit)
            said.append(
                f"by {means}, up to {score.max():.3g} beside {np.median(score):.3g} as usual, "
                f"none expected above {limit:.3g}"
            )
    members = np.arange(times.size) if members is None else members
    places = np.flatnonzero((times > 1) & ~np.isin(members, () if leave_out is None else leave_out))
    order = places[np.argsort(-times[places], kind="stable")]
    return Odd(members[order], times[order], "; ".join(said)) if order.size else None


ODD_ROWS = Check("odd_row", "rows that are odd as a whole", odd_rows)
ODD_IN_CLASS = Check("odd_in_class", "rows that are odd for their class", odd_in_class)
