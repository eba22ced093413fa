"""Whether an estimate without labels is to be trusted, and if not, why.

What belongs here: what can be seen to be wrong. What does not: the estimate
(`burnish.drift.performance`). A change of what labels mean for the same features, concept drift,
leaves no trace in features or probabilities: it is seen here only once labels came in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from burnish.drift.performance_density import DensityRatio
from burnish.drift.performance_parts import Checked, Estimate, RowsOf, Sides
from burnish.metrics.checked import FloatArray

FEWEST_EFFECTIVE = 50.0
MOST_OUTSIDE = 0.05
# How far confidences may be off, after mending, on rows like the current ones.
MOST_OFF = 0.05
BINS = 10
# How far labels may differ from the estimate, beyond chance, before it counts as off.
TOLERANCE = 0.01


@dataclass(frozen=True)
class LabelShift:
    """Shares of classes before and now, if what tells the rows apart is that these moved."""

    before: FloatArray
    now: FloatArray
    accuracy: float


def doubts(
    shift: DensityRatio, rows: RowsOf, found: Estimate, checked: Checked, *, metric: str
) -> list[str]:
    """Why the estimate is not to be trusted, in plain words; nothing where nothing speaks against.

    Support and label shift are told for all rows by `overall_doubts`.
    """
    told: list[str] = []
    worth = shift.effective_rows(rows.before)
    if worth < FEWEST_EFFECTIVE:
        told.append(
            f"only {worth:.0f} reference rows' worth is like these rows "
            f"({FEWEST_EFFECTIVE:.0f} are needed)"
        )
    outside = float(shift.outside[rows.after].mean())
    if outside > MOST_OUTSIDE:
        told.append(f"{outside:.0%} of the rows are unlike any reference row")
    if abs(found.off) - 2 * found.off_error > MOST_OFF:
        told.append(
            f"on reference rows like these, the {metric} that confidences foretell is off by "
            f"{abs(found.off):.2f}"
        )
    low, high = checked.surprise.low, checked.surprise.high
    if low > TOLERANCE or high < -TOLERANCE:
        told.append(
            f"labels of {checked.labels} rows say {checked.measured.value:.3f} "
            f"({checked.measured.low:.3f} to {checked.measured.high:.3f}), "
            f"{abs(checked.surprise.value):.3f} {'above' if low > 0 else 'below'} what was "
            "expected of them: what labels mean may have changed"
        )
    return told


def miscalibration(sides: Sides) -> float:
    """How far mended confidences are off on reference rows, weighted, beyond what chance gives.

    Mean over bins of equal mass of the gap of confidence and accuracy less two standard errors,
    out of sample; 0 where no bin is shown to be off.
    """
    rows = np.arange(sides.truth.size)
    said = sides.before.argmax(axis=1)
    sure, right = sides.mended_before[rows, said], said == sides.truth
    order = np.argsort(sure, kind="stable")
    total = 0.0
    for part in np.array_split(order, BINS):
        weight = sides.weights[part]
        if part.size < 2 or weight.sum() <= 0:
            continue
        off = (right[part] - sure[part]) * weight / weight.sum()
        noise = np.sqrt(((weight / weight.sum()) ** 2 * sure[part] * (1 - sure[part])).sum())
        total += float(weight.sum()) * max(0.0, abs(float(off.sum())) - 2 * float(noise))
    return total / float(sides.weights.sum())


def label_shift(
    plain_before: FloatArray,
    plain_after: FloatArray,
    sides: Sides,
    shift: DensityRatio,
    *,
    explained: float,
) -> LabelShift | None:
    """The shares of classes that would explain what tells current rows apart; None where none do.

    `plain_before` (m, K) and `plain_after` (n, K) are probabilities mended without weights. If
    only the shares of classes moved, they follow by maximum likelihood (Saerens, Latinne and
    Decaestecker 2002), and with them a density ratio; it is suspected where that ratio tells the
    rows apart nearly as well (the share `explained`) as one learnt from features.
    """
    if shift.gain <= 0.0:
        return None
    m, n = len(plain_before), len(plain_after)
    shares = np.bincount(sides.truth, minlength=sides.classes) / m
    now = shares.copy()
    for _ in range(200):
        new = _moved(plain_after, shares, now).mean(axis=0)
        if np.abs(new - now).max() < 1e-7:
            break
        now = new
    factor = now / np.maximum(shares, 1e-9)
    chance = n / (m + n)
    odds = [side @ factor * chance / (1 - chance) for side in (plain_before, plain_after)]
    saved = np.concatenate(
        [
            np.log(1 / (1 + odds[0])) - np.log(1 - chance),
            np.log(odds[1] / (1 + odds[1])) - np.log(chance),
        ]
    )
    if saved.mean() < max(explained * shift.gain, 2 * saved.std() / np.sqrt(m + n)):
        return None
    moved = _moved(plain_after, shares, now)
    right = moved[np.arange(n), sides.after.argmax(axis=1)]
    return LabelShift(shares, now, float(right.mean()))


def _moved(probs: FloatArray, shares: FloatArray, now: FloatArray) -> FloatArray:
    found = probs * (now / np.maximum(shares, 1e-9))
    return found / found.sum(axis=1, keepdims=True)


def overall_doubts(sides: Sides, shares: LabelShift | None, classes: list[str]) -> list[str]:
    """What speaks against the estimate of any part of the rows."""
    told: list[str] = []
    off = miscalibration(sides)
    if off > MOST_OFF:
        told.append(f"confidences are off by {off:.2f} on reference rows, even after mending")
    if shares is not None:
        most = int(np.argmax(np.abs(shares.now - shares.before)))
        told.append(
            f"the share of class {classes[most]!r} seems to have moved from "
            f"{shares.before[most]:.2f} to {shares.now[most]:.2f}; if so, the accuracy is about "
            f"{shares.accuracy:.3f}"
        )
    return told
