"""What the champion is worth on a window of production: the table performance_estimate.

What belongs here: which rows it is judged by, and by slice. What does not: the estimate
(`burnish.drift`), the rows of a window (`burnish.workflows.production_window`), or what follows
(`burnish.workflows.policy_run`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.drift import PerformanceEstimate, estimate_performance
from burnish.errors import SpecError
from burnish.slices import SliceMask, resolve_slices
from burnish.spec import DatasetSpec, Slice
from burnish.versions import Versions
from burnish.workflows.production_measure import window_for, with_window
from burnish.workflows.production_reference import PROBABILITY, Champion
from burnish.workflows.production_window import Window

ALL_LEARNED = "the model was trained on every row of the window"
"""Why an estimate of such a window is not to be trusted."""


def unlearned_window(
    spec: DatasetSpec, versions: Versions, champion: Champion, period: str
) -> tuple[Window, int]:
    """The window that ends with a period without rows the champion learned, and how many it did.

    Of rows that it learned it knows the answer: it is surer of them, and more often right.
    """
    window = window_for(spec, versions, champion, period)
    if not window.rows.num_rows:
        return window, 0
    mask = champion.has_learned(window.rows)
    return (window.only(~mask), int(mask.sum())) if mask.any() else (window, 0)


def estimate_table(
    spec: DatasetSpec, versions: Versions, champion: Champion, period: str
) -> pa.Table:
    """The table performance_estimate of a period: of the rows that the champion has not learned.

    Where it has learned them all there is nothing to judge it by: the table is of all rows, without
    what labels say, and not to be trusted.
    """
    window, learned = unlearned_window(spec, versions, champion, period)
    if window.rows.num_rows or not learned:
        return performance_table(spec, champion, window)[0]
    whole = window_for(spec, versions, champion, period)
    table, _ = performance_table(
        spec, champion, replace(whole, labels=(None,) * learned, answers=None)
    )
    for name, told in (("trusted", pa.scalar(False)), ("why", pa.scalar(ALL_LEARNED))):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, pa.repeat(told, table.num_rows))
    return table


def performance_table(
    spec: DatasetSpec, champion: Champion, window: Window
) -> tuple[pa.Table, PerformanceEstimate]:
    """The figures of a window of `unlearned_window`, by slice, and the estimate that made them.

    The champion's validation rows, which it never saw, are the reference; slices are those of the
    spec that both sides have the columns for. Rows of validation and test that were met in the
    window stay in it: the model was not fitted to them. Labels that came in measure it; where few
    did, so do people's answers on rows they were asked about, each for the rows it stands for.
    """
    by = window.weighed(champion.classes)
    held_out = champion.validation
    names = [f"{PROBABILITY}{name}" for name in champion.classes]
    reference_masks, masks, ids = _slices(spec, held_out, window.rows)
    found = estimate_performance(
        held_out["label"].to_pylist(),
        np.column_stack([held_out[name].to_numpy() for name in names]),
        window.probs,
        classes=champion.classes,
        reference_features=champion.matrix(held_out),
        current_features=champion.matrix(window.rows),
        reference_slices=reference_masks,
        slices=masks,
        current_labels=by.labels,
        label_weights=by.weights,
        label_control=by.control,
        random_state=spec.random_state,
    )
    table = found.table
    told = [
        ids.get(name, known)
        for name, known in zip(
            table["slice"].to_pylist(), table["slice_id"].to_pylist(), strict=True
        )
    ]
    place = table.schema.get_field_index("slice_id")
    table = table.set_column(place, "slice_id", pa.array(told, pa.string()))
    serves = pa.array([champion.number] * table.num_rows, pa.int64())
    return with_window(table.append_column("champion", serves), window), found


def _slices(
    spec: DatasetSpec, reference: pa.Table, current: pa.Table
) -> tuple[dict[str, NDArray[np.bool_]], dict[str, NDArray[np.bool_]], dict[str, str]]:
    """Masks over both sides by the name of the slice, and the ids of slices."""
    shared = [name for name in reference.column_names if name in current.column_names]
    both = pa.concat_tables(
        [reference.select(shared), current.select(shared)], promote_options="permissive"
    )
    rows = reference.num_rows
    found = [part for cut in spec.slices for part in _resolved(both, cut)]
    return (
        {part.name: part.mask[:rows] for part in found},
        {part.name: part.mask[rows:] for part in found},
        {part.name: part.slice_id for part in found},
    )


def _resolved(both: pa.Table, cut: Slice) -> list[SliceMask]:
    try:
        return resolve_slices(both, [cut])
    except SpecError:
        # A slice by a column that production does not have says nothing of production.
        return []
