"""Scores of single labels behind one door: our own, and any function of the same shape.

What belongs here: the registry of scorers, and the door that checks what goes in and what comes
out. What does not: the whole audit with its calibration and noise (`burnish.labels.errors`).

A scorer is a function of codes (n,) and probabilities (n, K) that gives each row an *error score*
in [0, 1], high where the label looks wrong. Each passes the suite in `tests/conformance`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.labels.checks import check_probabilities, code_labels
from burnish.labels.errors import SMOOTHING, error_probability
from burnish.labels.passes import look
from burnish.typing import Labels, PredProbs

FloatArray = NDArray[np.float64]
Codes = NDArray[np.intp]
Scorer: TypeAlias = Callable[[Codes, PredProbs], FloatArray]
"""Error score of each row in [0, 1], shape (n,), from codes (n,) and probabilities (n, K)."""


def score_labels(
    labels: Labels,
    pred_probs: ArrayLike,
    *,
    scorer: str | Scorer = "error_probability",
    classes: Sequence[Any] | None = None,
) -> FloatArray:
    """Error score of each label, shape (n,) in [0, 1], high where the label looks wrong.

    `scorer` is a name in `SCORERS`, or a function of your own. `pred_probs` (n, K) are out of
    sample, columns in the order of `classes` (default: the sorted labels). Raises `DataError` on
    an unknown label or scorer, a wrong shape, a row that is no distribution (named), or a scorer
    whose answer is not n finite numbers in [0, 1].

    >>> probs = [[0.9, 0.1], [0.2, 0.8], [0.95, 0.05]]
    >>> score_labels(["cat", "dog", "dog"], probs, scorer="self_confidence").round(2).tolist()
    [0.1, 0.2, 0.95]
    """
    score = _scorer(scorer) if isinstance(scorer, str) else scorer
    codes, names = code_labels(labels, classes)
    probs = check_probabilities(pred_probs, codes.size, len(names))
    return _checked(score(codes, probs), codes.size)


def _scorer(name: str) -> Scorer:
    if name not in SCORERS:
        raise DataError(f"there is no scorer {name!r}", expected="one of: " + ", ".join(SCORERS))
    return SCORERS[name]


def _checked(scores: Any, n: int) -> FloatArray:
    try:
        found = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"the scorer gave no numbers ({error})", expected=f"({n},): a score a row"
        ) from error
    if found.shape != (n,):
        raise DataError(f"the scorer gave shape {found.shape}", expected=f"({n},): a score a row")
    fine = (found >= 0) & (found <= 1)
    if not fine.all():
        row = int(np.argmin(fine))
        raise DataError(
            f"the scorer gave {found[row]:.6g} in row {row}",
            expected="an error score in [0, 1], high where the label looks wrong",
        )
    return found


def low_self_confidence(codes: Codes, pred_probs: PredProbs) -> FloatArray:
    """1 - p, with p the probability of the given class (Kuan & Mueller 2022)."""
    return np.clip(1.0 - look(codes, pred_probs).given, 0.0, 1.0)


def low_margin(codes: Codes, pred_probs: PredProbs) -> FloatArray:
    """(1 - p + q) / 2, with q the highest probability of another class: 1 where it is sure."""
    seen = look(codes, pred_probs)
    return np.clip((1.0 - seen.given + seen.other) / 2, 0.0, 1.0)


def smoothed_log_odds(codes: Codes, pred_probs: PredProbs) -> FloatArray:
    """(q + 0.01) / (p + q + 0.02): the logistic of ln((q + 0.01) / (p + 0.01))."""
    seen = look(codes, pred_probs)
    high = seen.other + SMOOTHING
    return high / (seen.given + SMOOTHING + high)


def by_suspicion(codes: Codes, pred_probs: PredProbs) -> FloatArray:
    """The logistic of the score that ranks rows: r / (1 + r), r = sqrt(q + 0.01) / (p + 0.01)."""
    seen = look(codes, pred_probs)
    high = np.sqrt(seen.other + SMOOTHING)
    return high / (seen.given + SMOOTHING + high)


SCORERS: Mapping[str, Scorer] = MappingProxyType(
    {
        "self_confidence": low_self_confidence,
        "margin": low_margin,
        "log_odds": smoothed_log_odds,
        "suspicion": by_suspicion,
        "error_probability": error_probability,
    }
)
"""Scorers by the name of the signal they read; every one is high where the label looks wrong."""
