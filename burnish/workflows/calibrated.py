"""Calibration of an iteration's model: whether its probabilities mean what they say, by slice.

What belongs here: the table `slice_calibration` and the advice that goes with it, from predictions
of validation rows. What does not: the figures (`burnish.calibration`), or changing a model: the
advice is told to people, and no stage follows it by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.calibration import calibration_by_slice, fit_recalibration
from burnish.slices import everything, resolve_slices
from burnish.spec import DatasetSpec
from burnish.workflows.discovered import FoundSlice, found_masks

FEWEST_ROWS = 100
"""Below so many validation rows no map is fitted."""
DRAWS, BINS = 200, 10
MOST_SLICES = 100


@dataclass(frozen=True)
class Advice:
    """Which map would mend the probabilities, told by rows that it was not fitted to.

    `method` is identity where nothing is seen to be better; `gain` is log-loss saved, in nats a
    row, with its standard error; `ece` and `ece_mended` are calibration errors before and after.
    All but `method` and `reason` are None where nothing was fitted.
    """

    method: str
    reason: str
    gain: float | None = None
    gain_error: float | None = None
    ece: float | None = None
    ece_mended: float | None = None

    @property
    def sentence(self) -> str:
        """The advice for a person.

        >>> Advice("identity", "fewer than 100 validation rows").sentence
        'leave the probabilities as they are: fewer than 100 validation rows'
        """
        if self.method == "identity":
            return f"leave the probabilities as they are: {self.reason}"
        return f"recalibrate by {self.method}: {self.reason}"


@dataclass(frozen=True)
class Calibrated:
    """Calibration by slice, a row a slice with `slice_id`, and the advice."""

    table: pa.Table
    advice: Advice


def calibrate(
    predictions: pa.Table, curated: pa.Table, spec: DatasetSpec, *, found: Sequence[FoundSlice] = ()
) -> Calibrated:
    """Calibration on validation rows: overall, by declared and by found slice, and what to do.

    The table is that of `burnish.calibration.CalibrationBySlice` with `slice_id`; a slice without
    rows has nulls. Without validation rows it is empty.
    """
    rows = predictions.filter(pc.field("split") == "validation")
    place = {name: row for row, name in enumerate(curated["example_id"].to_pylist())}
    examples = curated.take(
        pa.array([place[name] for name in rows["example_id"].to_pylist()], pa.int64())
    )
    masks: dict[str, NDArray[np.bool_]] = {}
    names: dict[str, str] = {}
    if rows.num_rows:
        declared = resolve_slices(examples, spec.slices)
        for one in (everything(rows.num_rows), *declared, *found_masks(examples, found)):
            # By id: what a spec calls one slice may be what another slice makes of its values.
            if one.slice_id not in names and len(names) < MOST_SLICES:
                masks[one.slice_id], names[one.slice_id] = one.mask, one.name
    classes = [name[2:] for name in rows.column_names if name.startswith("p:")]
    probs = np.column_stack([rows[f"p:{name}"].to_numpy() for name in classes])
    labels = rows["label"].to_pylist()
    table = calibration_by_slice(
        labels,
        probs,
        masks,
        classes=classes,
        bins=BINS,
        draws=DRAWS,
        random_state=spec.random_state,
    ).to_table()
    ids = table["slice"]
    called = pa.array([names[one] for one in ids.to_pylist()], pa.string())
    advice = _advice(labels, probs, classes, examples, spec.random_state)
    return Calibrated(table.set_column(0, "slice", called).add_column(1, "slice_id", ids), advice)


def _advice(
    labels: Sequence[str],
    probs: NDArray[np.float64],
    classes: Sequence[str],
    examples: pa.Table,
    seed: int,
) -> Advice:
    groups: list[Any] = examples["example_id"].to_pylist()
    if "fold_group" in examples.column_names:
        known = zip(examples["fold_group"].to_pylist(), groups, strict=True)
        groups = [own if group is None else group for group, own in known]
    if len(set(groups)) < FEWEST_ROWS:
        return Advice("identity", f"fewer than {FEWEST_ROWS} validation rows that differ")
    fitted = fit_recalibration(labels, probs, classes=classes, groups=groups, random_state=seed)
    by_method = {one.method: one for one in fitted.held_out}
    before, after = by_method["identity"], by_method[fitted.method]
    return Advice(
        fitted.method,
        fitted.reason,
        after.gain,
        after.gain_error,
        before.calibration_error,
        after.calibration_error,
    )
