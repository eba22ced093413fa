"""Augment: variants of training rows, weak slices first, those that are not realistic refused.

What belongs here: which rows are varied, and judging the variants with cross-fitted models. What
does not: the augmenters and what each judgement means (`burnish.augmentation`).

Validation and test rows are never varied. They are looked at for one thing alone: a variant
identical to one of them is refused, or the held-out row would be in training after all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.augmentation import (
    Augmenter,
    Refusal,
    builtin_augmenters,
    choose_augmenters,
    error_rates,
    near_partners,
    nearest_distances,
    neighbour_distance_limit,
    pick_origins,
    refuse_changed_class,
    refuse_doubtful,
    refuse_duplicates,
    refuse_unlike,
)
from burnish.errors import DataError
from burnish.modeling import make_estimator, make_pipeline
from burnish.modeling.folds import assign_folds
from burnish.records import FINAL_DECISIONS
from burnish.slices import SliceMask, everything, resolve_slices
from burnish.spec import DatasetSpec, Feature, Slice
from burnish.workflows.train import design_frames

FOLDS = 3
REFUSED_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("origin_id", "method", "reason", "detail")]
)


@dataclass(frozen=True)
class Augmented:
    """The training rows with the variants that were kept, those refused, and how many were tried.

    `examples` has the columns of the curated rows, origin_id and method (both null for
    originals). `refused` has origin_id, method, reason (see `burnish.augmentation.REFUSALS`) and
    detail. `tried` = variants kept + refused.
    """

    examples: pa.Table
    refused: pa.Table
    tried: int


def augment_examples(
    curated: pa.Table,
    spec: DatasetSpec,
    *,
    report: pa.Table | None,
    random_state: int,
    augmenters: Mapping[str, Augmenter] | None = None,
) -> Augmented:
    """Training rows of `curated` and variants of them; as many are tried as the spec's share says.

    Rows are drawn by slice, in proportion to the slice's validation error in `report` (the last
    slice report); without one all slices weigh alike. A variant keeps every cell of its origin
    but the varied features, and gets the id `<origin>~<method>-<k>`.

    It is refused as `duplicate` where its features equal those of another row;
    `origin_doubtful` where a model that never saw the origin disagrees with its label and nobody
    decided it; `unlike_data` where it is farther from the nearest training row than 99 % of
    training rows are from theirs; `class_changed` where a model that never saw the origin
    predicts the label for it and another class for the variant. Those models are the spec's,
    fitted to the other two of three folds of current training rows.

    `augmenters` are the built-in ones unless others are given. Raises `DataError` where a
    training row has no label, `SpecError` where the spec names an unknown method.

    >>> from burnish.spec import Feature, Source
    >>> spec = DatasetSpec(
    ...     name="boxes", source=Source(path="boxes.csv"), target="label",
    ...     features={"size": Feature(kind="numeric")},
    ... )
    >>> size = [float(number) for number in range(40)]
    >>> rows = pa.table({
    ...     "example_id": [str(number) for number in range(40)], "size": size,
    ...     "label": ["small"] * 20 + ["large"] * 20, "split": ["train"] * 40,
    ... })
    >>> made = augment_examples(rows, spec, report=None, random_state=0)
    >>> made.tried, made.examples.num_rows + made.refused.num_rows
    (12, 52)
    """
    from threadpoolctl import threadpool_limits

    training = curated.filter(pc.field("split") == "train")
    chosen = _chosen(augmenters, training, spec)
    tried = round(spec.augment.share * training.num_rows)
    if not chosen or tried == 0:
        return Augmented(_as_originals(training), REFUSED_SCHEMA.empty_table(), 0)
    rng = np.random.default_rng(random_state)
    with threadpool_limits(1):
        judges = _judges(training, spec, random_state)
        masks = _slices(training, spec, judges.labels)
        errors = error_rates([one.slice_id for one in masks], report)
        origins = pick_origins([one.mask for one in masks], errors, n=tried, rng=rng)
        methods = rng.integers(len(chosen), size=tried)
        doubtful = [judges.doubtful[row] for row in origins.tolist()]
        variants = _variants(
            training, spec, chosen, _Draw(origins, methods), judges=judges, masks=masks, rng=rng
        )
        tables = [training, curated.filter(pc.field("split") != "train"), variants]
        refusals = _judged(origins, design_frames(tables, spec), judges)
    fate = [first or then for first, then in zip(doubtful, refusals, strict=True)]
    kept = [place for place, refusal in enumerate(fate) if refusal is None]
    return Augmented(
        examples=pa.concat_tables(
            [_as_originals(training), variants.take(pa.array(kept, pa.int64()))]
        ),
        refused=_refused(variants, fate),
        tried=tried,
    )


@dataclass(frozen=True)
class _Draw:
    """Which row each variant comes from, and which method makes it; both of shape (tried,)."""

    origins: NDArray[np.int64]
    methods: NDArray[np.int64]


@dataclass(frozen=True)
class _Judges:
    """Models by fold, and what they say of the training rows that they did not see."""

    labels: list[str]
    folds: NDArray[np.intp]
    models: Sequence[Any]
    predicted: NDArray[np.object_]
    doubtful: list[Refusal | None]
    prepare: Any
    points: Any

    def predict(self, frame: Any, folds: NDArray[np.intp]) -> NDArray[np.object_]:
        """The class of each row, by the model that did not see its fold."""
        return _predicted(self.models, frame, folds)


def _predicted(models: Sequence[Any], frame: Any, folds: NDArray[np.intp]) -> NDArray[np.object_]:
    predicted = np.empty(folds.size, dtype=object)
    for fold, model in enumerate(models):
        rows = np.flatnonzero(folds == fold)
        if rows.size:
            predicted[rows] = [str(name) for name in model.predict(frame.iloc[rows])]
    return predicted


def _judges(training: pa.Table, spec: DatasetSpec, random_state: int) -> _Judges:
    labels = _labels(training)
    classes = sorted(set(labels))
    codes = np.searchsorted(classes, labels)
    groups = training["fold_group"].to_pylist() if "fold_group" in training.column_names else None
    folds = assign_folds(codes, groups, n_folds=FOLDS, random_state=random_state)
    (frame,) = design_frames([training], spec)
    models: list[Any] = []
    for fold in range(int(folds.max()) + 1):
        seen = np.flatnonzero(folds != fold)
        known = [labels[row] for row in seen.tolist()]
        estimator = make_estimator(spec.model, random_state=random_state, n_classes=len(set(known)))
        if len(set(known)) == 1:
            raise DataError(
                f"without one fold, all training rows have class {known[0]!r}",
                expected="two classes among any two thirds of the training rows",
                hint="set `augment: {share: 0}` until there are more labeled rows",
            )
        part = frame.iloc[seen]
        models.append(make_pipeline(estimator, spec.features, part).fit(part, known))
    predicted = _predicted(models, frame, folds)
    prepare = make_pipeline(models[0][-1], spec.features, frame)[:-1].fit(frame)
    return _Judges(
        labels=labels,
        folds=folds,
        models=models,
        predicted=predicted,
        doubtful=refuse_doubtful(labels, predicted.tolist(), _decided(training)),
        prepare=prepare,
        points=prepare.transform(frame),
    )


def _labels(training: pa.Table) -> list[str]:
    labels: list[str | None] = training["label"].to_pylist()
    known = [label for label in labels if label is not None]
    if len(known) < len(labels):
        example_id = training["example_id"][labels.index(None)].as_py()
        raise DataError(
            f"training example {example_id!r} has no label", expected="a label in every row"
        )
    return known


def _decided(training: pa.Table) -> list[bool]:
    if "decision" not in training.column_names:
        return [False] * training.num_rows
    return [decision in FINAL_DECISIONS for decision in training["decision"].to_pylist()]


# ---------------------------------------------------------------- which rows, and how


def _chosen(
    augmenters: Mapping[str, Augmenter] | None, training: pa.Table, spec: DatasetSpec
) -> list[Augmenter]:
    available = builtin_augmenters() if augmenters is None else augmenters
    return choose_augmenters(available, spec.augment.methods, _variable(training, spec))


def _variable(training: pa.Table, spec: DatasetSpec) -> dict[str, Feature]:
    """Features whose cells can be varied: images that are paths to files are left as they are."""
    return {
        name: feature
        for name, feature in spec.features.items()
        if feature.kind != "image" or not _is_text(training.schema.field(name).type)
    }


def _is_text(dtype: pa.DataType) -> bool:
    return pa.types.is_string(dtype) or pa.types.is_large_string(dtype)


def _slices(training: pa.Table, spec: DatasetSpec, labels: Sequence[str]) -> list[SliceMask]:
    by_class = Slice(name="class", column="label", values=tuple(sorted(set(labels))))
    return [
        everything(training.num_rows),
        *resolve_slices(training, spec.slices),
        *resolve_slices(training, [by_class]),
    ]


def _variants(
    training: pa.Table,
    spec: DatasetSpec,
    chosen: Sequence[Augmenter],
    draw: _Draw,
    *,
    judges: _Judges,
    masks: Sequence[SliceMask],
    rng: np.random.Generator,
) -> pa.Table:
    """One variant for each draw, in its order."""
    declared = np.array([one.mask for one in masks]).T
    groups: list[Hashable] = [
        (label, inside.tobytes()) for label, inside in zip(judges.labels, declared, strict=True)
    ]
    sure = np.array([refusal is None for refusal in judges.doubtful])
    partners = near_partners(draw.origins, judges.points, groups, eligible=sure, rng=rng)
    parts: list[pa.Table] = []
    order: list[int] = []
    for number, augmenter in enumerate(chosen):
        places = np.flatnonzero(draw.methods == number)
        rows = training.take(draw.origins[places])
        made = augmenter.apply(
            rows,
            rng,
            features=_variable(training, spec),
            partners=training.take(partners[places]),
        )
        _refuse_other_shape(augmenter, rows, made)
        parts.append(made)
        order += places.tolist()
    made = pa.concat_tables(parts).take(np.argsort(order))
    names = [chosen[number].name for number in draw.methods.tolist()]
    return _named(made, training["example_id"].take(draw.origins).to_pylist(), names)


def _refuse_other_shape(augmenter: Augmenter, rows: pa.Table, made: pa.Table) -> None:
    if not made.schema.equals(rows.schema) or made.num_rows != rows.num_rows:
        raise DataError(
            f"augmenter {augmenter.name!r} gave {made.num_rows} rows and columns "
            f"{', '.join(made.column_names)} for {rows.num_rows} rows",
            expected="as many rows, of the columns and types it was given",
            hint="run the conformance suite in tests/conformance/test_augmenters.py on it",
        )


def _named(made: pa.Table, origins: list[str], methods: list[str]) -> pa.Table:
    count: Counter[tuple[str, str]] = Counter()
    names: list[str] = []
    for pair in zip(origins, methods, strict=True):
        count[pair] += 1
        names.append(f"{pair[0]}~{pair[1]}-{count[pair]}")
    place = made.schema.get_field_index("example_id")
    renamed = made.set_column(place, made.schema.field("example_id"), pa.array(names))
    return renamed.append_column("origin_id", pa.array(origins, pa.string())).append_column(
        "method", pa.array(methods, pa.string())
    )


def _as_originals(training: pa.Table) -> pa.Table:
    nothing = pa.nulls(training.num_rows, pa.string())
    return training.append_column("origin_id", nothing).append_column("method", nothing)


# ---------------------------------------------------------------- which variants are kept


def _judged(
    origins: NDArray[np.int64], frames: Sequence[Any], judges: _Judges
) -> list[Refusal | None]:
    """The first thing that speaks against each variant; its frame is the last of `frames`."""
    *known, frame = frames
    rows = origins.tolist()
    limit = neighbour_distance_limit(judges.points)
    distances = nearest_distances(judges.prepare.transform(frame), judges.points)
    changed = refuse_changed_class(
        [judges.labels[row] for row in rows],
        judges.predicted[origins].tolist(),
        judges.predict(frame, judges.folds[origins]).tolist(),
    )
    return [
        first or second or third
        for first, second, third in zip(
            refuse_duplicates(_row_keys(frame), {key for part in known for key in _row_keys(part)}),
            refuse_unlike(distances, limit),
            changed,
            strict=True,
        )
    ]


def _row_keys(frame: Any) -> list[int]:
    """A number for the features of each row, the same for rows that are the same."""
    from pandas.util import hash_pandas_object

    return hash_pandas_object(frame, index=False).tolist() if len(frame) else []


def _refused(variants: pa.Table, fate: Sequence[Refusal | None]) -> pa.Table:
    rows = [
        {"origin_id": origin, "method": method, "reason": one.reason, "detail": one.detail}
        for origin, method, one in zip(
            variants["origin_id"].to_pylist(), variants["method"].to_pylist(), fate, strict=True
        )
        if one is not None
    ]
    return pa.Table.from_pylist(rows, schema=REFUSED_SCHEMA)
