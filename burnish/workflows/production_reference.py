"""What production is held against: the champion, the rows it learned from, and those held out.

What belongs here: loading the champion, its predictions of rows, and reading reference rows off
the record. What does not: measuring (`burnish.workflows.production_measure`), or which model
serves (`burnish.versions`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.errors import GateError
from burnish.modeling import load_model
from burnish.policy import SqlPolicyRecord
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.promote_incumbent import learned_by, rows_learned
from burnish.workflows.train import design_frames

if TYPE_CHECKING:
    import pandas as pd

PROBABILITY = "p:"


@dataclass(frozen=True)
class Champion:
    """The model that serves, with the rows it learned from and those it was judged on.

    `training` are the curated training rows (without variants), `learned` all that the model was
    fitted to; `validation` the held-out rows of validation, each with what the model said of it:
    predicted, confidence, `p:<class>`.
    """

    number: int
    model: Any
    classes: tuple[str, ...]
    training: pa.Table
    learned: pa.Table
    validation: pa.Table
    spec: DatasetSpec

    def frame(self, rows: pa.Table) -> pd.DataFrame:
        """The design frame of rows, read together with those the model was trained on.

        A feature that did not come counts as missing: a gate has said before whether it may.
        """
        rows = self._with_all_features(rows)
        # The scale of pixels is read off the column: all rows that are compared go together.
        return design_frames([self.training, rows], self.spec)[1]

    def _with_all_features(self, rows: pa.Table) -> pa.Table:
        lacking = [name for name in self.spec.features if name not in rows.column_names]
        for name in lacking:
            kind = self.training.schema.field(name).type
            rows = rows.append_column(name, pa.nulls(rows.num_rows, kind))
        return rows

    def probs(self, rows: pa.Table) -> NDArray[np.float64]:
        """What the model says of rows: (n, K), columns by `classes`."""
        from threadpoolctl import threadpool_limits

        if rows.num_rows == 0:
            return np.zeros((0, len(self.classes)))
        with threadpool_limits(1):
            return np.asarray(self.model.predict_proba(self.frame(rows)), dtype=np.float64)

    def has_learned(self, rows: pa.Table) -> NDArray[np.bool_]:
        """Which rows (n,) it was fitted to, by themselves, a variant, or a row just like them.

        A feature that did not come counts as missing, as in `frame`. None of them where a column
        does not fit.
        """
        rows = self._with_all_features(rows)
        known = learned_by(self.learned, rows, list(self.spec.features))
        if known is None:
            return np.zeros(rows.num_rows, dtype=bool)
        return known.to_numpy(zero_copy_only=False).astype(bool)

    def matrix(self, rows: pa.Table) -> NDArray[np.float64]:
        """The features of rows as the model sees them: numbers alone, (n, d)."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            seen = self.model[:-1].transform(self.frame(rows))
        dense = seen.toarray() if hasattr(seen, "toarray") else seen
        return np.asarray(dense, dtype=np.float64)


def load_champion(spec: DatasetSpec, versions: Versions) -> Champion:
    """The champion and its rows, as the record has them.

    Raises `GateError` where no model was promoted yet, saying what to do.
    """
    iteration = versions.champion(spec.name)
    if iteration is None:
        raise GateError(
            f"{spec.name} has no champion yet: no model may predict what production meets",
            expected="a model that the promotion gate let through",
            hint=f"run {spec.name}_audit, let people decide the batch, then {spec.name}_retrain; "
            f"production waits, and is taken up by a backfill of {spec.name}_production",
        )
    facts = iteration.summary
    kept = versions.store.read(f"{spec.name}/model_files", version=int(facts["model_version"]))
    files = kept.to_pylist()[0]
    curated = versions.let_through(spec.name, "curated_examples", int(facts["curated_version"]))
    said = versions.let_through(spec.name, "trained_model", int(facts["predictions_version"]))
    return Champion(
        number=iteration.number,
        model=load_model(files["model"], trust=spec.model.trust),
        classes=tuple(json.loads(files["classes"])),
        training=curated.filter(pc.field("split") == "train"),
        learned=rows_learned(versions, iteration),
        validation=_held_out(curated, said),
        spec=spec,
    )


def _held_out(curated: pa.Table, said: pa.Table) -> pa.Table:
    rows = said.filter(pc.field("split") == "validation")
    names = ["example_id", *(n for n in curated.column_names if n not in rows.column_names)]
    return joined_by_id(rows, curated.select(names))


def joined_by_id(left: pa.Table, right: pa.Table) -> pa.Table:
    """The rows of `left` in their order, with the columns of `right` of the same example_id.

    What `right` does not have is null.

    >>> left = pa.table({"example_id": ["b", "a"]})
    >>> joined_by_id(left, pa.table({"example_id": ["a"], "x": [1]}))["x"].to_pylist()
    [None, 1]
    """
    place = {name: row for row, name in enumerate(right["example_id"].to_pylist())}
    at = pa.array([place.get(name) for name in left["example_id"].to_pylist()], pa.int64())
    for name in right.column_names:
        if name != "example_id":
            left = left.append_column(name, right[name].take(at))
    return left


def rebased_to(record: SqlPolicyRecord, dataset: str) -> tuple[str, str] | None:
    """First and last period of the window that production is compared with since the last rebase.

    None where there was none: then it is the champion's training rows.
    """
    newest = record.newest(dataset, "rebased")
    if newest is None:
        return None
    return str(newest.body["window_start"]), str(newest.body["window_end"])
