"""Tables with a planted truth, for tests of whole workflows.

What belongs here: small generators whose answer is known. What does not: data that ships with
the project (`burnish.datasets.digits`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError

WEAK_SITE = "east"
SITES = ("north", "south", WEAK_SITE)
FEATURES = 5


class Planted(NamedTuple):
    """Examples as given, and the truth behind their labels (example_id, label)."""

    examples: pa.Table
    truth: pa.Table


def make_classification_table(
    n: int, *, n_classes: int = 3, noise: float = 0.1, seed: int = 0
) -> Planted:
    """A table of `n` rows with numbers, categories, wrong labels and a weak slice.

    Columns: example_id, label ("class-0"...), x0 to x4 (float64), tone (follows the class in two
    rows of three), site (north, south, east: a third each), split (train, validation, test: 60,
    20, 20 %). Rows of site east are four times as blurred as the others. Exactly
    round(noise * n) labels are wrong; a wrong label names the class nearest to the row.
    Raises `DataError` for impossible numbers.

    >>> examples, truth = make_classification_table(50, noise=0.2, seed=1)
    >>> examples.num_rows, examples.column_names[-3:]
    (50, ['tone', 'site', 'split'])
    """
    if n < 1 or n_classes < 2 or not 0.0 <= noise < 1.0:
        raise DataError(
            f"n = {n}, n_classes = {n_classes}, noise = {noise}",
            expected="n >= 1, n_classes >= 2, 0 <= noise < 1",
        )
    rng = np.random.default_rng(seed)
    truth = rng.permutation(n) % n_classes
    site = rng.permutation(n) % len(SITES)
    centres = rng.normal(0.0, 2.0, size=(n_classes, FEATURES))
    spread = np.where(site == SITES.index(WEAK_SITE), 2.0, 0.5)[:, None]
    X = centres[truth] + spread * rng.normal(size=(n, FEATURES))
    tone = np.where(rng.random(n) < 2 / 3, truth, rng.integers(n_classes, size=n))
    given = _with_errors(X, truth, centres, round(noise * n), rng)
    ids = [f"row-{number:06d}" for number in range(n)]
    columns: dict[str, Any] = {"example_id": ids, "label": _named("class", given)}
    columns |= {f"x{place}": X[:, place] for place in range(FEATURES)}
    columns |= {
        "tone": _named("tone", tone),
        "site": [SITES[place] for place in site.tolist()],
        "split": _splits(n, rng),
    }
    return Planted(
        pa.table(columns), pa.table({"example_id": ids, "label": _named("class", truth)})
    )


def _with_errors(
    X: NDArray[np.float64],
    truth: NDArray[np.int64],
    centres: NDArray[np.float64],
    wrong: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    distance = np.linalg.norm(X[:, None, :] - centres[None, :, :], axis=2)
    distance[np.arange(truth.size), truth] = np.inf
    given = truth.copy()
    rows = rng.permutation(truth.size)[:wrong]
    given[rows] = distance[rows].argmin(axis=1)
    return given


def _splits(n: int, rng: np.random.Generator) -> list[str]:
    fifth = n // 5
    words = ["validation"] * fifth + ["test"] * fifth + ["train"] * (n - 2 * fifth)
    return [words[place] for place in rng.permutation(n).tolist()]


def _named(stem: str, codes: NDArray[np.int64]) -> list[str]:
    return [f"{stem}-{code}" for code in codes.tolist()]
