"""Rows as features that tell two sets of rows apart: numbers, codes of categories, profiles.

What belongs here: the matrix of the domain classifier, and what its columns are called. What does
not: the classifier (`burnish.drift.domain`), or the features a model is trained on
(`burnish.modeling`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as _compute
from numpy.typing import NDArray

from burnish.drift.cells import Kind, categories, numbers
from burnish.drift.profiles import array_profile, text_profile, word_counts

pc: Any = _compute  # its functions are made when it is loaded: a checker sees none

FloatArray = NDArray[np.float64]

MOST_VALUES = 30
MOST_WORDS = 30
GREATEST = 1e30
"""Infinite cells are as great as this: sums of many still have a place in single precision."""


@dataclass(frozen=True)
class Feature:
    """One column of the matrix: `values` over reference and current rows, NaN where missing.

    `names` are those of the codes where it is one of categories; `title` is how it is written.
    """

    column: str
    title: str
    values: FloatArray
    names: tuple[str, ...] = ()


def features_of(before: pa.Table, after: pa.Table, kinds: Mapping[str, Kind]) -> list[Feature]:
    """Features of all columns, over the reference rows and then the current ones.

    >>> one = pa.table({"x": [1.0, None], "c": ["a", "b"]})
    >>> [f.values.tolist() for f in features_of(one, one, {"x": "numeric", "c": "categorical"})]
    [[1.0, nan, 1.0, nan], [0.0, 1.0, 0.0, 1.0]]
    """
    found: list[Feature] = []
    for name, kind in kinds.items():
        found.extend(_features(name, kind, before[name], after[name]))
    return found


def _features(
    name: str, kind: Kind, before: pa.ChunkedArray, after: pa.ChunkedArray
) -> list[Feature]:
    if kind in ("numeric", "datetime"):
        values = np.concatenate([numbers(before).values, numbers(after).values])
        return [Feature(name, name, np.clip(values, -GREATEST, GREATEST))]
    if kind in ("categorical", "boolean"):
        return [_coded(name, before, after)]
    if kind == "text":
        return [*_profiled(name, text_profile, before, after), *_words(name, before, after)]
    return _profiled(name, array_profile, before, after)


def _coded(name: str, before: pa.ChunkedArray, after: pa.ChunkedArray) -> Feature:
    both = categories(before, after)
    counts = sum(both.counts())
    order = np.argsort(-np.asarray(counts), kind="stable")
    place = np.full(len(both.names) + 1, np.nan)
    place[order] = np.minimum(np.arange(order.size), MOST_VALUES)
    names = tuple(both.names[at] for at in order[:MOST_VALUES])
    # The code -1 of a missing cell falls on the last place, which is NaN.
    values = place[np.concatenate([both.before, both.after])]
    return Feature(name, name, values, (*names, "any other value") if names else ("",))


def _profiled(
    name: str,
    profile: Callable[[pa.ChunkedArray], dict[str, FloatArray]],
    before: pa.ChunkedArray,
    after: pa.ChunkedArray,
) -> list[Feature]:
    sides = [profile(side) for side in (before, after)]
    return [
        Feature(name, f"{part} of {name}", np.concatenate([side[part] for side in sides]))
        for part in sides[0]
    ]


def _words(name: str, before: pa.ChunkedArray, after: pa.ChunkedArray) -> list[Feature]:
    found: list[Feature] = []
    texts = pc.utf8_lower(
        pa.chunked_array(
            [chunk.cast(pa.large_string()) for side in (before, after) for chunk in side.chunks],
            type=pa.large_string(),
        )
    )
    split = [set((cell or "").split()) for cell in texts.to_pylist()]
    for word, _, _ in word_counts(before, after)[:MOST_WORDS]:
        values = np.array([float(word in one) for one in split])
        found.append(Feature(name, f"word {word!r} in {name}", values, ("no", "yes")))
    return found
