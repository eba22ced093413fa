"""The bundled "parcels": a synthetic table with slices of several hundred rows.

What belongs here: making the tables. What does not: the doors to the result
(`burnish.datasets.bundled` without truth, `burnish.datasets.truth` with it), or reviewers who err
(`burnish.workflows.simulate`).

Nothing of it is real. It is for what digits are too few for: whether harm done to one slice is
seen, and how often something is called harm that is none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.datasets.made import Made
from burnish.errors import DataError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CLASSES = ("belt", "freight", "hand")
SHARES = (0.4, 0.3, 0.3)
DEPOTS = ("basel", "lyon", "milan", "porto", "ulm")
CARRIERS = ("bike", "truck", "van")
FEW_ROWS, MOST_ROWS, MOST_NOISE = 500, 100_000, 0.6

# The middle of each class, in spreads of a column: weight, length, girth, value, distance, hour.
_CENTRES = np.array(
    [
        [-0.8, -0.7, -0.6, 0.0, 0.0, 0.1],
        [1.5, 1.1, 1.3, -0.2, 0.5, 0.0],
        [-0.1, 0.6, -0.4, 1.4, -0.3, -0.1],
    ]
)
_SPREAD = 0.85
# Depots differ in what they handle: a row's place among the columns is moved by its depot.
_DEPOT_SHIFT = 0.35
# How a column of unit spread becomes one of its own scale: offset and factor of its logarithm.
_SCALES = (
    ("weight_kg", 0.9, 0.7),
    ("length_cm", 3.6, 0.35),
    ("girth_cm", 4.3, 0.35),
    ("value_eur", 3.7, 0.9),
    ("distance_km", 5.5, 0.8),
)


def make_parcels(*, rows: int = 4000, noise: float = 0.1, seed: int = 0) -> Made:
    """Make the set; `burnish.datasets.load_bundled` describes tables and options."""
    _check(rows, noise, seed)
    rng = np.random.default_rng(seed)
    bounds = np.cumsum(np.rint(np.array(SHARES) * rows).astype(int))[:-1]
    truth = np.searchsorted(bounds, rng.permutation(rows), side="right")
    depot = rng.permutation(rows) % len(DEPOTS)
    shifts = rng.normal(0.0, _DEPOT_SHIFT, size=(len(DEPOTS), _CENTRES.shape[1]))
    points = _CENTRES[truth] + shifts[depot]
    points += rng.normal(0.0, _SPREAD, size=points.shape)
    carrier = np.where(rng.random(rows) < 0.5, truth, rng.integers(0, len(CARRIERS), rows))
    split = _split(rows, rng)
    given = _given(truth, split == "train", noise, rng)
    ids = [f"parcel-{number:05d}" for number in range(rows)]
    columns: dict[str, Any] = {"example_id": ids, "label": _named(CLASSES, given)}
    columns |= {
        name: np.exp(offset + factor * points[:, place]).round(2)
        for place, (name, offset, factor) in enumerate(_SCALES)
    }
    columns["hour"] = np.clip(13 + 3.5 * points[:, -1], 0, 23.99).round(2)
    columns |= {
        "carrier": _named(CARRIERS, carrier),
        "depot": _named(DEPOTS, depot),
        "split": split.tolist(),
    }
    return Made(
        examples=pa.table(columns),
        annotations=None,
        unlabeled=None,
        truth=pa.table({"example_id": ids, "label": _named(CLASSES, truth)}),
    )


def _given(
    truth: IntArray, training: NDArray[np.bool_], noise: float, rng: np.random.Generator
) -> IntArray:
    """Labels as collected: exactly the share `noise` of training rows is wrong, any other way."""
    rows = rng.permutation(np.flatnonzero(training))
    wrong = rows[: round(noise * rows.size)]
    given = truth.copy()
    given[wrong] = (truth[wrong] + rng.integers(1, len(CLASSES), wrong.size)) % len(CLASSES)
    return given


def _split(rows: int, rng: np.random.Generator) -> NDArray[np.str_]:
    words = np.full(rows, "train", dtype="<U10")
    drawn = rng.permutation(rows)
    words[drawn[: rows // 5]] = "validation"
    words[drawn[rows // 5 : 2 * (rows // 5)]] = "test"
    return words


def _named(names: tuple[str, ...], codes: IntArray) -> list[str]:
    return [names[code] for code in codes.tolist()]


def _check(rows: object, noise: object, seed: object) -> None:
    if not isinstance(rows, int) or isinstance(rows, bool) or not FEW_ROWS <= rows <= MOST_ROWS:
        raise DataError(f"rows is {rows!r}", expected=f"a whole number, {FEW_ROWS} to {MOST_ROWS}")
    if (
        isinstance(noise, bool)
        or not isinstance(noise, float | int)
        or not 0 <= noise <= MOST_NOISE
    ):
        raise DataError(f"noise is {noise!r}", expected=f"a share from 0 to {MOST_NOISE}")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise DataError(f"seed is {seed!r}", expected="a whole number, 0 or more")
