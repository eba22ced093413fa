"""What the model of an iteration does better or worse than the one it was held against.

What belongs here: which two are held against each other, and the calibration of the new model. What
does not: the paired comparison by slice, which is that of the page of two iterations
(`burnish.workflows.compare_iterations`), the statistics (`burnish.slices.compare`,
`burnish.calibration`), or the decision (`burnish.workflows.promote`).

Decisions look at validation rows; a report shows test rows, which decide nothing, and falls back
on validation where there are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.calibration import calibration_error, fit_recalibration, reliability
from burnish.metrics import wilson_interval
from burnish.records import Iteration
from burnish.report.iteration_facts import Calibrated, Effect, EffectLine
from burnish.report.summary import Measured
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.compare_iterations import AccuracyDifferences, accuracy_differences
from burnish.workflows.evaluate import class_columns
from burnish.workflows.promote_incumbent import held_against as what_it_said

pc: Any = compute

METRIC = "accuracy"
CONFIDENCE = 0.95
FEWEST_TO_RECALIBRATE = 100
BINS = 10


@dataclass(frozen=True)
class Against:
    """The model that an iteration was held against: its predictions, and what it is in words.

    iteration: None for the baseline, the same model trained on the labels as collected.
    """

    words: str
    predictions: pa.Table | None
    iteration: Iteration | None = None


def held_against(versions: Versions, iteration: Iteration) -> Against:
    """The champion of when the iteration closed; the baseline, while there was none."""
    dataset, champion = iteration.dataset, _champion_until(versions, iteration)
    if champion is None:
        baseline = versions.read_last_good(dataset, "baseline")
        words = "the same kind of model trained on the labels as collected"
        return Against(words, baseline)
    predictions = what_it_said(versions, iteration, champion)
    return Against(f"the champion until then ({champion})", predictions, champion)


def _champion_until(versions: Versions, iteration: Iteration) -> Iteration | None:
    noted = iteration.summary["promotion"]
    if "against" in noted:
        number = noted["against"]
        return None if number is None else versions.iteration(iteration.dataset, int(number))
    # As it was recorded before decisions named the model that they were held against.
    known = versions.iterations(iteration.dataset)
    earlier = [one for one in known if one.number < iteration.number and one.promoted]
    return earlier[-1] if earlier else None


def predictions_of(versions: Versions, iteration: Iteration) -> pa.Table:
    """Validation and test rows as the model of the iteration predicted them."""
    version = int(iteration.summary["predictions_version"])
    return versions.let_through(iteration.dataset, "trained_model", version)


def effect_of(
    predictions: pa.Table, against: Against, curated: pa.Table, spec: DatasetSpec
) -> Effect | None:
    """Both models on the rows that both predicted, overall and by slice; None without such rows.

    Labels are those of the new model's predictions, which are current; where people have changed
    some since the other model was measured, all rows are compared on the labels of then as well.
    """
    if against.predictions is None:
        return None
    for split in ("test", "validation"):
        found = accuracy_differences(
            against.predictions,
            predictions,
            curated,
            split=split,
            slices=spec.slices,
            min_support=spec.promotion.min_support,
            confidence=CONFIDENCE,
        )
        if found is not None:
            return _effect(found, split, against)
    return None


def accuracy_of(predictions: pa.Table, split: str = "test") -> Measured | None:
    """The share of right predictions of a split, with Wilson's interval; None without rows."""
    rows = predictions.filter(pc.field("split") == split)
    if rows.num_rows == 0:
        return None
    right = pc.sum(pc.equal(rows["predicted"], rows["label"])).as_py() or 0
    share = wilson_interval(int(right), rows.num_rows)
    return Measured(share.value, share.low, share.high)


def calibration_of(
    predictions: pa.Table, *, random_state: int, draws: int = 400
) -> Calibrated | None:
    """The calibration on test rows (else validation), and the recalibration that would help.

    Advice comes of validation rows, out of sample; there is none for fewer than 100 of them. None
    without rows whose label the model knows.
    """
    for split in ("test", "validation"):
        known = _with_probabilities(predictions, split)
        if known is not None:
            break
    else:
        return None
    codes, probs = known
    classes = range(probs.shape[1])
    error = calibration_error(codes, probs, classes=classes, draws=draws, random_state=random_state)
    advice, why = _advice(predictions, random_state=random_state)
    low, high = min(error.low, error.high), error.high
    return Calibrated(
        split=split,
        rows=error.rows,
        error=Measured(error.debiased, low, high),
        seen=error.value,
        by_chance=error.by_chance,
        by_chance_high=error.by_chance_high,
        p_value=error.p_value,
        reliability=reliability(codes, probs, classes=classes, bins=BINS),
        advice=advice,
        why=why,
    )


def _advice(predictions: pa.Table, *, random_state: int) -> tuple[str, str]:
    known = _with_probabilities(predictions, "validation")
    if known is None or len(known[0]) < FEWEST_TO_RECALIBRATE:
        return "", f"fewer than {FEWEST_TO_RECALIBRATE} validation rows to try recalibration on"
    codes, probs = known
    classes = range(probs.shape[1])
    found = fit_recalibration(codes, probs, classes=classes, random_state=random_state)
    return found.method, found.reason


def _with_probabilities(
    predictions: pa.Table, split: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Codes (n,) and probabilities (n, K) of the rows of a split whose label is a class."""
    classes = class_columns(predictions)
    if len(classes) < 2:
        return None
    # Classes as numbers: a class may have any name, that of a measurement too.
    place = pc.index_in(predictions["label"], value_set=pa.array(classes, pa.string()))
    chosen = pc.and_(pc.equal(predictions["split"], split), pc.is_valid(place))
    rows, codes = predictions.filter(chosen), place.filter(chosen)
    if rows.num_rows == 0:
        return None
    probs = np.column_stack([rows[f"p:{name}"].to_numpy() for name in classes])
    return codes.to_numpy().astype(np.int64), probs


def _effect(found: AccuracyDifferences, split: str, against: Against) -> Effect:
    lines = [_line(row) for row in found.now]
    return Effect(
        split=split,
        against=against.words,
        metric=METRIC,
        confidence=CONFIDENCE,
        overall=lines[0],
        slices=tuple(lines[1:]),
        labels_changed=found.changed,
        old_ruler=_line(found.then[0]) if found.changed else None,
    )


def _line(row: Mapping[str, Any]) -> EffectLine:
    return EffectLine(**{name: row[name] for name in EffectLine.__dataclass_fields__})
