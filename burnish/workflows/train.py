"""Train: the spec's model on the augmented training rows, kept so that it can be trusted again.

What belongs here: fitting, and predicting the held-out rows. What does not: features, estimators
and the model's bytes (`burnish.modeling`), metrics by slice (`burnish.workflows.evaluate`),
whether the model serves (`burnish.workflows.promote`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from burnish.errors import DataError
from burnish.modeling.estimators import make_estimator, require_probabilities
from burnish.modeling.features import design_frame, make_pipeline
from burnish.modeling.saving import dump_model, load_model
from burnish.spec import DatasetSpec

HELD_OUT: tuple[str, ...] = ("validation", "test")


@dataclass(frozen=True)
class Trained:
    """A fitted model with what it said of the held-out rows.

    `model_bytes` are skops. `predictions` has a row for each validation and test example:
    example_id, split, label, predicted, correct, confidence, and `p:<class>` for each class.
    `input_example` is a DataFrame of at most five rows of what `model` takes. `params` are flat.
    """

    model_bytes: bytes
    predictions: pa.Table
    model: Any
    classes: tuple[str, ...]
    input_example: Any
    params: Mapping[str, str | int | float]


def train_model(
    augmented: pa.Table, curated: pa.Table, spec: DatasetSpec, *, random_state: int
) -> Trained:
    """Fits the spec's model on `augmented`, and predicts the validation and test rows of `curated`.

    Raises `DataError` where a row of `augmented` is no training row, has no label or was made
    from a held-out row; where training knows fewer than two classes; and where a held-out row
    has a class that training never saw; and where the model holds types that `spec.model` does not
    trust. Raises `SpecError` where that model cannot be made, or gives no probabilities;
    `burnish.modeling.check_model` says so before.

    >>> from burnish.spec import Feature, Source
    >>> spec = DatasetSpec(
    ...     name="boxes", source=Source(path="boxes.csv"), target="label",
    ...     features={"size": Feature(kind="numeric")},
    ... )
    >>> rows = pa.table({
    ...     "example_id": list("123456"), "label": ["small", "large"] * 3,
    ...     "size": [1.0, 9.0, 2.0, 8.0, 1.5, 8.5], "split": ["train"] * 4 + ["test"] * 2,
    ... })
    >>> train_model(rows.slice(0, 4), rows, spec, random_state=0).predictions["correct"].to_pylist()
    [True, True]
    """
    from threadpoolctl import threadpool_limits

    held_out = curated.filter(pc.field("split").isin(HELD_OUT))
    _refuse_leaks(augmented, held_out)
    labels = _labels(augmented)
    classes = sorted(set(labels))
    _refuse_unknown_classes(held_out, classes)
    estimator = make_estimator(spec.model, random_state=random_state, n_classes=len(classes))
    require_probabilities(estimator, spec.model)
    with threadpool_limits(1):
        frame, held_out_frame = design_frames([augmented, held_out], spec)
        model = make_pipeline(estimator, spec.features, frame)
        model.fit(frame, labels)
        predictions = predict(model, held_out_frame, held_out)
    return Trained(
        model_bytes=dump_model(model, trust=spec.model.trust),
        predictions=predictions,
        model=model,
        classes=tuple(str(name) for name in model.classes_),
        input_example=frame.head(5),
        params=_params(spec, augmented, random_state),
    )


def restore(
    model_bytes: bytes,
    *,
    predictions: pa.Table,
    curated: pa.Table,
    spec: DatasetSpec,
    classes: Sequence[str],
    params: Mapping[str, str | int | float],
) -> Trained:
    """A model that was trained before, from what was kept of it.

    Raises `DataError` where its bytes hold a type that `spec.model` does not trust.
    """
    (frame,) = design_frames([curated], spec)
    return Trained(
        model_bytes=model_bytes,
        predictions=predictions,
        model=load_model(model_bytes, trust=spec.model.trust),
        classes=tuple(classes),
        input_example=frame.head(5),
        params=params,
    )


def design_frames(tables: Sequence[pa.Table], spec: DatasetSpec) -> list[Any]:
    """The design frame of each table, all made in one go.

    The scale of pixels is read off a column, so tables that are compared are read together.
    """
    columns = list(spec.features)
    together = pa.concat_tables(
        [table.select(columns) for table in tables], promote_options="permissive"
    )
    frame = design_frame(together, spec.features, folder=spec.folder)
    ends = np.cumsum([0, *[table.num_rows for table in tables]]).tolist()
    return [frame.iloc[start:end].reset_index(drop=True) for start, end in pairwise(ends)]


def predict(model: Any, frame: Any, examples: pa.Table) -> pa.Table:
    """What a fitted pipeline says of examples and their frame: as `Trained.predictions`."""
    classes = [str(name) for name in model.classes_]
    probs = np.zeros((0, len(classes)))
    if examples.num_rows:
        probs = np.asarray(model.predict_proba(frame), dtype=np.float64)
    labels = examples["label"].to_pylist()
    predicted = [classes[place] for place in probs.argmax(axis=1)]
    columns: dict[str, Any] = {
        "example_id": examples["example_id"].cast(pa.string()),
        "split": examples["split"].cast(pa.string()),
        "label": examples["label"].cast(pa.string()),
        "predicted": pa.array(predicted, pa.string()),
        "correct": pa.array(
            [one == other for one, other in zip(labels, predicted, strict=True)], pa.bool_()
        ),
        "confidence": pa.array(probs.max(axis=1), pa.float64()),
    }
    columns |= {f"p:{name}": probs[:, place] for place, name in enumerate(classes)}
    return pa.table(columns)


def _labels(augmented: pa.Table) -> list[str]:
    labels: list[str | None] = augmented["label"].to_pylist()
    known = [label for label in labels if label is not None]
    if len(known) < len(labels):
        example_id = augmented["example_id"][labels.index(None)].as_py()
        raise DataError(
            f"training example {example_id!r} has no label",
            expected="a label in every training row",
            hint="rows without a label wait in the queue until somebody gives them one",
        )
    if len(set(known)) < 2:
        raise DataError(
            f"{len(known)} training rows of {len(set(known))} classes",
            expected="training rows of two classes or more",
            hint="look at the split: `split` in the spec decides which rows are for training",
        )
    return known


def _refuse_leaks(augmented: pa.Table, held_out: pa.Table) -> None:
    columns = ["example_id"] + (["origin_id"] if "origin_id" in augmented.column_names else [])
    reserved = set(held_out["example_id"].to_pylist())
    for column in columns:
        inside = [name for name in augmented[column].to_pylist() if name in reserved]
        if inside:
            raise DataError(
                f"{len(inside)} training rows have the {column} of a held-out row, "
                f"say {inside[0]!r}",
                expected="no validation or test row in training",
                hint="augment training rows only",
            )
    others = augmented.filter(pc.field("split") != "train")
    if others.num_rows:
        raise DataError(
            f"example {others['example_id'][0].as_py()!r} is of split "
            f"{others['split'][0].as_py()!r}",
            expected="training rows alone",
        )


def _refuse_unknown_classes(held_out: pa.Table, classes: Sequence[str]) -> None:
    strangers = held_out.filter(~pc.field("label").isin(list(classes)))
    if strangers.num_rows:
        row = strangers.slice(0, 1).to_pylist()[0]
        raise DataError(
            f"{row['split']} example {row['example_id']!r} has class {row['label']!r}, "
            "which no training row has",
            expected="one of: " + ", ".join(classes),
            hint="give the class training rows, or mend or drop the label in review",
        )


def _params(
    spec: DatasetSpec, augmented: pa.Table, random_state: int
) -> dict[str, str | int | float]:
    made = 0
    if "origin_id" in augmented.column_names:
        made = augmented.num_rows - augmented["origin_id"].null_count
    params: dict[str, str | int | float] = {
        "model": spec.model.name,
        "random_state": random_state,
        "features": len(spec.features),
        "training_rows": augmented.num_rows,
        "augmented_rows": made,
        "augment_share": spec.augment.share,
        "review_budget": spec.review.rows(),
    }
    return params | {
        f"model.{name}": value if isinstance(value, int | float) else str(value)
        for name, value in spec.model.params.items()
    }
