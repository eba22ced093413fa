"""What the model of an iteration loses without each feature, in each slice, on held-out rows.

What belongs here: the rows, the model and the slices that are asked. What does not: the measure
(`burnish.modeling.importance`), or how it is shown (`burnish.report.importance_part`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from burnish.errors import DataError, IterationError
from burnish.modeling import (
    Importance,
    column_groups,
    load_model,
    patch_groups,
    permutation_importance_by_slice,
)
from burnish.modeling.permuting import LossName
from burnish.records import Iteration
from burnish.report.importance_part import PatchMap
from burnish.slices import Partition, SliceMask, by_class, everything, resolve_partitions
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.train import HELD_OUT, design_frames

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 5_000
"""More held-out rows than this are thinned at random: the figures are steady long before."""
FEWEST_ROWS = 500
_AGREE = 1e-6


@dataclass(frozen=True)
class _Asked:
    """A kept model with the held-out rows that it is asked about; `of_rows` before thinning."""

    model: Any
    classes: tuple[str, ...]
    frame: pd.DataFrame
    examples: pa.Table
    of_rows: int

    def thinned(self, most: int, random_state: int) -> _Asked:
        """The same with `most` rows, drawn at random where there are more."""
        rows = _thinned(np.arange(self.examples.num_rows), random_state, most)
        examples = self.examples.take(pa.array(rows))
        frame = self.frame.iloc[rows].reset_index(drop=True)
        return replace(self, frame=frame, examples=examples)


def importance_of(
    versions: Versions,
    iteration: Iteration,
    spec: DatasetSpec,
    *,
    splits: Sequence[str] = HELD_OUT,
    metric: LossName = "log_loss",
    repeats: int = 10,
    within: bool = False,
    most_lookups: int | None = None,
) -> Importance:
    """Importance of every feature: over all held-out rows, by declared slice and by class.

    Labels are those the iteration trained with. All columns that were made of one feature are
    shuffled together. Up to 5,000 rows are asked, drawn at random where there are more; with
    `most_lookups`, as many fewer as it takes to ask the model of no more rows than that in all, but
    500 at least. A slice that cannot be cut in these rows is left out.

    Raises `DataError` where `splits` names rows that the model was fitted on, or none is left,
    where the kept model no longer says what it said of these rows, or holds types that the spec
    does not trust; and `IterationError` where the iteration has no model yet.
    """
    asked = _asked(versions, iteration, spec, splits)
    groups = column_groups(spec.features, asked.frame)
    if most_lookups is not None:
        affordable = max(FEWEST_ROWS, most_lookups // (repeats * max(1, len(groups))))
        asked = asked.thinned(affordable, spec.random_state)
    found = permutation_importance_by_slice(
        asked.model,
        asked.frame,
        asked.examples["label"].to_pylist(),
        _slices(asked.examples, spec),
        classes=asked.classes,
        metric=metric,
        repeats=repeats,
        groups=groups,
        within=within,
        random_state=spec.random_state,
    )
    return replace(found, of_rows=asked.of_rows)


def patch_maps_of(
    versions: Versions,
    iteration: Iteration,
    spec: DatasetSpec,
    *,
    repeats: int = 5,
    cells: int = 4,
) -> tuple[PatchMap, ...]:
    """Where in each picture the model looks: the importance of each patch of a grid, overall.

    Patches are shuffled one at a time, so each is judged while all others can still be read: of a
    stroke that crosses several, any one may seem dispensable. One map for each feature of kind
    image; none where there is no such feature. Raises as `importance_of` does.
    """
    pictures = spec.of_kind("image")
    if not pictures:
        return ()
    asked = _asked(versions, iteration, spec, HELD_OUT)
    columns = column_groups(spec.features, asked.frame)
    maps: list[PatchMap] = []
    for name in pictures:
        patches = patch_groups(spec.features[name], columns[name], cells=cells)
        found = permutation_importance_by_slice(
            asked.model,
            asked.frame,
            asked.examples["label"].to_pylist(),
            [everything(asked.examples.num_rows)],
            classes=asked.classes,
            repeats=repeats,
            groups={f"{row},{column}": own for (row, column), own in patches.items()},
            random_state=spec.random_state,
        )
        maps.append(_map_of(name, list(patches), found))
    return tuple(maps)


def _map_of(name: str, patches: Sequence[tuple[int, int]], found: Importance) -> PatchMap:
    height, width = (max(place[axis] for place in patches) + 1 for axis in (0, 1))
    values = np.full((height, width), np.nan)
    findings = [[""] * width for _ in range(height)]
    for (row, column), figure in zip(patches, found.table.to_pylist(), strict=True):
        values[row, column] = figure["importance"]
        findings[row][column] = figure["finding"]
    words = tuple(tuple(line) for line in findings)
    return PatchMap(name, tuple(map(tuple, values.tolist())), words, found.rows)


def _asked(
    versions: Versions, iteration: Iteration, spec: DatasetSpec, splits: Sequence[str]
) -> _Asked:
    seen = [name for name in splits if name not in HELD_OUT]
    if seen or not splits:
        raise DataError(
            f"importance on the split {seen[0]!r}" if seen else "no split to ask about",
            expected="one or more of " + ", ".join(HELD_OUT),
            hint="on rows that it was fitted on, a model seems to need what it learned by heart",
        )
    facts = iteration.summary
    if "model_version" not in facts:
        raise IterationError(
            f"{iteration} has not trained a model yet", expected="an iteration past trained_model"
        )
    store, name = versions.store, spec.name
    predictions = store.read(f"{name}/trained_model", version=int(facts["predictions_version"]))
    curated = versions.let_through(name, "curated_examples", int(facts["curated_version"]))
    augmented = versions.let_through(name, "augmented_examples", int(facts["augmented_version"]))
    kept = store.read(f"{name}/model_files", version=int(facts["model_version"])).to_pylist()[0]
    held_out = curated.filter(pc.field("split").isin(list(HELD_OUT)))
    # The scale of pixels is read off the column: all rows that were read together then.
    _, frame = design_frames([augmented, held_out], spec)
    chosen = np.flatnonzero(np.isin(held_out["split"].to_pylist(), list(splits)))
    if chosen.size < 2:
        raise DataError(
            f"{chosen.size} rows of {', '.join(splits)}", expected="two or more held-out rows"
        )
    rows = _thinned(chosen, spec.random_state, MOST_ROWS)
    examples = held_out.take(pa.array(rows))
    model = load_model(kept["model"], trust=spec.model.trust)
    asked = _Asked(
        model=model,
        classes=tuple(json.loads(kept["classes"])),
        frame=frame.iloc[rows].reset_index(drop=True),
        examples=examples,
        of_rows=int(chosen.size),
    )
    _refuse_another_model(asked, predictions)
    return asked


def _thinned(rows: Any, random_state: int, most: int) -> Any:
    if rows.size <= most:
        return rows
    drawn = np.random.default_rng(random_state).choice(rows, most, replace=False)
    return np.sort(drawn)


def _refuse_another_model(asked: _Asked, predictions: pa.Table) -> None:
    """A model that says something else than it said then would be explained for another."""
    names = [f"p:{name}" for name in asked.classes]
    said: Mapping[str, Any] = {
        row["example_id"]: [row[name] for name in names]
        for row in predictions.select(["example_id", *names]).to_pylist()
    }
    ids = asked.examples["example_id"].to_pylist()
    then = np.array([said.get(one, [np.nan] * len(names)) for one in ids], dtype=np.float64)
    now = np.asarray(asked.model.predict_proba(asked.frame), dtype=np.float64)
    gap = np.abs(then - now).max(axis=1)
    wrong = np.flatnonzero(~(gap <= _AGREE))
    if wrong.size:
        at = int(wrong[0])
        raise DataError(
            f"the kept model says something else of {ids[at]!r} than it said when it was trained",
            expected="the probabilities that are stored with it",
            hint="the features of the spec may have changed since; use the spec of that iteration",
        )


def _slices(examples: pa.Table, spec: DatasetSpec) -> list[SliceMask | Partition]:
    whole: list[SliceMask | Partition] = [everything(examples.num_rows)]
    whole += resolve_partitions(examples, spec.slices)
    return [*whole, by_class(examples["label"].to_pylist())]
