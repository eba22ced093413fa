"""Production that drifts in a way that is known: ten kinds, for tests and benchmarks.

What belongs here: a tabular task, and windows of it in which one thing moved. What does not: a
model of the task, or finding what moved (`burnish.drift`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError

FloatArray = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

CLASSES = ("no", "yes")
NUMBERS = 5
SITES = ("east", "north", "south", "west")
TONES = ("high", "low", "middle")
NEW_TONE = "shrill"
# What a tone adds to the log-odds of "yes" before they are blurred.
_TONE_EFFECT = np.array([0.8, -0.8, 0.0, 0.0])
_SITE_SHARES = (0.25, 0.35, 0.35, 0.05)
_HARD_SITE = SITES.index("west")
_MISSING = 0.03


@dataclass(frozen=True)
class DriftWindow:
    """Rows as production meets them, and the truth behind them.

    `rows` has the columns x0 to x4, tone and site; `labels` (n,) are the true ones; `chance` (n,)
    is that of "yes" for what the row was when its label came about; `moved` (n,) marks the rows
    that would not be there, or would not be as they are, without drift; where shares of classes
    moved, all rows of the class that gained.
    """

    rows: pa.Table
    labels: NDArray[np.str_]
    chance: FloatArray
    moved: Mask


@dataclass(frozen=True)
class PlantedDrift:
    """Rows to train on, a reference of the same kind, windows, and what moved in them.

    `columns` are those whose distribution moved, by the names of the table, "(label)" for shares of
    classes; `parts` name where errors were added, a value ("site=east") or a third of a number
    ("x2 high"), nothing where nowhere in particular; `clean` is the number of first windows without
    drift; `a_year_before` holds, for seasonal drift, the same windows one year earlier.
    """

    kind: str
    training: DriftWindow
    reference: DriftWindow
    windows: tuple[DriftWindow, ...]
    a_year_before: tuple[DriftWindow, ...]
    columns: tuple[str, ...]
    parts: tuple[str, ...]
    clean: int


@dataclass(frozen=True)
class _Rows:
    """The task in numbers: x (n, 5), codes of tone and site, and what happens to the labels.

    `labelled` are "yes" and its chance, where rows were drawn by their labels.
    """

    x: FloatArray
    tone: NDArray[np.int64]
    site: NDArray[np.int64]
    moved: Mask
    hidden: Mask
    flipped: Mask
    labelled: tuple[Mask, FloatArray] | None = None


def plant_drift(
    kind: str, *, reference: int = 2000, window: int = 1500, windows: int = 4, seed: int = 0
) -> PlantedDrift:
    """A task of two classes with `windows` windows of `window` rows, drifting as `kind` says.

    The label follows x0, x1 and tone; x2 blurs it, the more the higher it is; site "west", one row
    in twenty, is blurred most; x3 and x4 do nothing. One value of x0 in thirty-three is missing.
    Each kind moves 40 % of the rows of all windows but the first, where nothing else is said:
    "mean" (x2 is two higher), "scale" (x0 at 0.3 of its spread), "category mix" (rows of site
    west), "missing" (x0 is lost), "new category" (a tone never met, whose labels are a coin's),
    "label shift" ("yes" in 80 % of all rows), "concept" (where x3 is over 0.25, labels turn
    around), "one slice" (all of site east has x2 two higher), "slow" (x2 of all rows moves, to 1.2
    higher in the last window), "seasonal" (x2 goes up and down by 1.2 through a year of `windows`
    windows, the first of which is of midwinter; the reference has all of the year).
    Raises `DataError` for another kind, or fewer than 2 windows or 100 rows.

    >>> planted = plant_drift("one slice", seed=1)
    >>> planted.columns, planted.parts, len(planted.windows)
    (('x2',), ('site=east', 'x2 high'), 4)
    """
    if kind not in KINDS:
        raise DataError(f"no drift is called {kind!r}", expected=f"one of: {', '.join(KINDS)}")
    if windows < 2 or min(reference, window) < 100:
        raise DataError(
            f"{windows} windows of {window} rows, {reference} in the reference",
            expected="2 windows or more, 100 rows or more",
        )
    rng = np.random.default_rng(seed)
    rule, columns, parts = KINDS[kind]

    def met(rows: int, at: int) -> DriftWindow:
        return _window(rule(_drawn(rows, rng), at / (windows - 1), rng), rng)

    def whole_year(rows: int) -> DriftWindow:
        if kind != "seasonal":
            return _window(_drawn(rows, rng), rng)
        season = rng.integers(0, windows, rows) / (windows - 1)
        found = _drawn(rows, rng)
        return _window(replace(found, x=_plus(found.x, 2, _season(season))), rng)

    a_year = windows if kind == "seasonal" else 0
    return PlantedDrift(
        kind=kind,
        training=whole_year(reference),
        reference=whole_year(reference),
        windows=tuple(met(window, at) for at in range(windows)),
        a_year_before=tuple(met(window, at) for at in range(a_year)),
        columns=columns,
        parts=parts,
        clean=0 if kind == "seasonal" else 1,
    )


def _drawn(n: int, rng: np.random.Generator) -> _Rows:
    nothing = np.zeros(n, dtype=bool)
    return _Rows(
        rng.normal(size=(n, NUMBERS)),
        rng.integers(0, len(TONES), n),
        rng.choice(len(SITES), n, p=_SITE_SHARES),
        nothing,
        rng.random(n) < _MISSING,
        nothing,
    )


def _chance(rows: _Rows) -> FloatArray:
    score = 1.6 * rows.x[:, 0] + 0.8 * rows.x[:, 1] + _TONE_EFFECT[rows.tone]
    blur = 0.4 + np.exp(0.8 * rows.x[:, 2])
    blur = np.where(rows.site == _HARD_SITE, 4.0 * blur, blur)
    chance = 1.0 / (1.0 + np.exp(-2.0 * score / blur))
    chance = np.where(rows.tone == len(TONES), 0.5, chance)
    return np.where(rows.flipped, 1.0 - chance, chance)


def _window(rows: _Rows, rng: np.random.Generator) -> DriftWindow:
    if rows.labelled is None:
        chance = _chance(rows)
        yes = rng.random(chance.size) < chance
    else:
        yes, chance = rows.labelled
    x = rows.x.copy()
    x[rows.hidden, 0] = np.nan
    columns: dict[str, Any] = {
        f"x{place}": pa.array(x[:, place], from_pandas=True) for place in range(NUMBERS)
    }
    columns["tone"] = np.array([*TONES, NEW_TONE])[rows.tone]
    columns["site"] = np.array(SITES)[rows.site]
    return DriftWindow(pa.table(columns), np.array(CLASSES)[yes.astype(int)], chance, rows.moved)


Rule = Callable[[_Rows, float, np.random.Generator], _Rows]


def _plus(x: FloatArray, place: int, by: FloatArray | float) -> FloatArray:
    found = x.copy()
    found[:, place] += by
    return found


def _batch(rows: _Rows, at: float, rng: np.random.Generator) -> Mask:
    """A batch of 40 % of the rows; none in the first window."""
    return (rng.random(rows.tone.size) < 0.4) & (at > 0)


def _mean(rows: _Rows, at: float, rng: np.random.Generator) -> _Rows:
    moved = _batch(rows, at, rng)
    return replace(rows, x=_plus(rows.x, 2, 2.0 * moved), moved=moved)


def _scale(rows: _Rows, at: float, rng: np.random.Generator) -> _Rows:
    moved = _batch(rows, at, rng)
    return replace(rows, x=_plus(rows.x, 0, -0.7 * rows.x[:, 0] * moved), moved=moved)


def _category_mix(rows: _Rows, at: float, rng: np.random.Generator) -> _Rows:
    moved = _batch(rows, at, rng)
    return replace(rows, site=np.where(moved, _HARD_SITE, rows.site), moved=moved)


def _missing(rows: _Rows, at: float, rng: np.random.Generator) -> _Rows:
    moved = _batch(rows, at, rng)
    return replace(rows, hidden=rows.hidden | moved, moved=moved)


def _new_category(rows: _Rows, at: float, rng: np.random.Generator) -> _Rows:
    moved = _batch(rows, at, rng)
    return replace(rows, tone=np.where(moved, len(TONES), rows.tone), moved=moved)


def _label_shift(rows: _Rows, at: float, rng: np.random.Generator) -> _Rows:
    """Rows drawn again, those likely to be "yes" more often, until four in five are."""
    if at == 0:
        return rows
    many, share = _drawn(10 * rows.tone.size, rng), 0.8
    chance = _chance(many)
    yes = rng.random(chance.size) < chance
    n, wanted = rows.tone.size, round(share * rows.tone.size)
    taken = np.concatenate([np.flatnonzero(yes)[:wanted], np.flatnonzero(~yes)[: n - wanted]])
    kept = rng.permutation(taken)
    ahead = chance * share / chance.mean()
    now = ahead / (ahead + (1 - chance) * (1 - share) / (1 - chance.mean()))
    return _Rows(
        many.x[kept],
        many.tone[kept],
        many.site[kept],
        yes[kept],
        many.hidden[kept],
        many.flipped[kept],
        (yes[kept], now[kept]),
    )


def _concept(rows: _Rows, at: float, rng: np.random.Generator) -> _Rows:
    del rng
    moved = (rows.x[:, 3] > 0.25) & (at > 0)
    return replace(rows, flipped=moved, moved=moved)


def _one_slice(rows: _Rows, at: float, rng: np.random.Generator) -> _Rows:
    del rng
    moved = (rows.site == SITES.index("east")) & (at > 0)
    return replace(rows, x=_plus(rows.x, 2, 2.0 * moved), moved=moved)


def _slow(rows: _Rows, at: float, rng: np.random.Generator) -> _Rows:
    del rng
    return replace(rows, x=_plus(rows.x, 2, 1.2 * at), moved=np.full(rows.tone.size, at > 0))


def _seasonal(rows: _Rows, at: float, rng: np.random.Generator) -> _Rows:
    del rng
    by = float(_season(at))
    return replace(rows, x=_plus(rows.x, 2, by), moved=np.full(rows.tone.size, by > 0))


def _season(at: float | FloatArray) -> FloatArray:
    return -1.2 * np.cos(2 * np.pi * np.asarray(at))


KINDS: dict[str, tuple[Rule, tuple[str, ...], tuple[str, ...]]] = {
    "mean": (_mean, ("x2",), ("x2 high",)),
    "scale": (_scale, ("x0",), ("x0 middle",)),
    "category mix": (_category_mix, ("site",), ("site=west",)),
    "missing": (_missing, ("x0",), ("x0 missing",)),
    "new category": (_new_category, ("tone",), (f"tone={NEW_TONE}",)),
    "label shift": (_label_shift, ("x0", "x1", "tone", "(label)"), ()),
    "concept": (_concept, (), ("x3 high",)),
    "one slice": (_one_slice, ("x2",), ("site=east", "x2 high")),
    "slow": (_slow, ("x2",), ("x2 high",)),
    "seasonal": (_seasonal, ("x2",), ("x2 high",)),
}
