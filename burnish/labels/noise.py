"""How noisy the labels are as a whole: the calibrated confident joint, and how sure it is.

What belongs here: the noise matrix and the noise rate, with their intervals. What does not: which
single label is wrong (`burnish.labels.errors`), or the rate that people's decisions show
(`burnish.workflows.noise`).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.labels.passes import Seen, confident_counts, look
from burnish.typing import PredProbs

Codes = NDArray[np.intp]
FloatArray = NDArray[np.float64]

# Keeps a row whose probability equals the mean of its class up to rounding.
_SLACK = 1e-9


@dataclass(frozen=True)
class NoiseEstimate:
    """What confident learning says of the labels as a whole, from probabilities alone.

    `matrix[i, j]` = P(given = j | true = i), rows sum to 1; `rate` = P(given is not true), between
    `low` and `high`; `matrix_low` and `matrix_high` are the limits of each cell. The intervals are
    those of sampling alone: what another draw of as many rows, judged by models as good, would
    show. They say nothing of models that are wrong: where these tell the classes apart, the rate
    can be off by half; where classes overlap, hard rows count as wrong, and it is far too high.
    """

    matrix: FloatArray
    rate: float
    low: float
    high: float
    matrix_low: FloatArray
    matrix_high: FloatArray

    def to_table(self) -> pa.Table:
        """One row a cell: `true` and `given` as codes, `probability`, `low`, `high`."""
        true, given = np.indices(self.matrix.shape)
        return pa.table(
            {
                "true": true.ravel(),
                "given": given.ravel(),
                "probability": self.matrix.ravel(),
                "low": self.matrix_low.ravel(),
                "high": self.matrix_high.ravel(),
            }
        )


def estimate_noise(
    codes: Codes, pred_probs: PredProbs, *, confidence: float = 0.95
) -> NoiseEstimate:
    """Noise matrix (K, K) and noise rate by confident learning (Northcutt, Jiang & Chuang 2021).

    `codes` (n,) are positions of the given labels, `pred_probs` (n, K) out-of-sample. A row counts
    towards true class i where i is the most probable of the classes that reach their own threshold
    (the mean probability of a class over the rows that carry its label). Other than in the paper,
    a row whose given class is the more probable one is not counted against it: with rare classes
    of low threshold that would find half of all labels wrong. Counts are scaled so that each given
    class keeps its number of rows. A class that nobody carries gets the identity.

    The limits are Wilson's (1927). A cell has the rows that were counted towards its true class;
    the rate is a mean over given classes, and has as many rows as give its variance. Raises
    `DataError` on a row that is no distribution, or a `confidence` that is not inside (0, 1).

    >>> import numpy as np
    >>> probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.95, 0.05]])
    >>> noise = estimate_noise(np.array([0, 0, 1, 1, 1]), probs)
    >>> round(noise.rate, 3), round(noise.low, 2), round(noise.high, 2)
    (0.2, 0.04, 0.62)
    """
    return noise_of_seen(codes, pred_probs, look(codes, pred_probs), confidence=confidence)


def noise_of_seen(
    codes: Codes, pred_probs: PredProbs, seen: Seen, *, confidence: float = 0.95
) -> NoiseEstimate:
    """As `estimate_noise`, where the rows have been looked at already."""
    if not 0.0 < confidence < 1.0:
        raise DataError(f"confidence is {confidence}", expected="a number inside (0, 1), say 0.95")
    n, K = pred_probs.shape
    given = np.bincount(codes, minlength=K)
    # Out of reach for a class without rows: nothing is known of how sure the model is of it.
    thresholds = np.divide(seen.totals, given, out=np.full(K, np.inf), where=given > 0)
    counts = confident_counts(codes, pred_probs, seen, thresholds - _SLACK)
    # The diagonal holds at least one row, so that a class never found confidently keeps its rows.
    np.fill_diagonal(counts, np.maximum(counts.diagonal(), 1.0))
    joint = counts / counts.sum(axis=1, keepdims=True) * given[:, None] / n
    true = joint.sum(axis=0)
    matrix = np.divide(joint, true, out=np.eye(K), where=true > 0).T
    rate = float(max(0.0, 1.0 - joint.trace()))
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    low, high = _wilson(np.float64(rate), _rows_behind(rate, counts, given), z)
    cells = _wilson(matrix, counts.sum(axis=0)[:, None], z)
    return NoiseEstimate(matrix, rate, float(low), float(high), *cells)


def _rows_behind(rate: float, counts: FloatArray, given: NDArray[np.intp]) -> float:
    """How many rows of a simple sample would leave the rate as uncertain as it is.

    Each given class has the variance of a share of its counted rows, and the classes' shares of
    the whole vary as well.
    """
    counted = counts.sum(axis=1)
    wrong = 1.0 - counts.diagonal() / counted
    share = given / given.sum()
    variance = float(
        (share**2 * wrong * (1 - wrong) / counted).sum()
        + (share * (wrong - rate) ** 2).sum() / given.sum()
    )
    return rate * (1 - rate) / variance if variance > 0 else float(counted[given > 0].sum())


def _wilson(share: Any, rows: Any, z: float) -> tuple[FloatArray, FloatArray]:
    """Wilson's limits of shares, for numbers of rows that need not be whole."""
    denominator = 1 + z * z / rows
    centre = (share + z * z / (2 * rows)) / denominator
    half = z / denominator * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    # Rounding must not push a limit past the share itself.
    return (
        np.clip(centre - half, 0.0, share),
        np.clip(centre + half, share, 1.0),
    )
