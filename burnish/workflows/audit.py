"""The label audit of one dataset, from current examples to a ranked table.

What belongs here: which rows are judged, by which columns, and the two tables that come of it.
What does not: the probabilities (`burnish.modeling`), the findings (`burnish.labels`), and which
rows people are asked about (`burnish.workflows.queue`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.labels import encode_labels, find_label_errors
from burnish.labels.errors import LabelErrors
from burnish.labels.surroundings import surrounding_signals
from burnish.modeling import (
    OutOfSample,
    design_frame,
    out_of_sample_probabilities,
    review_leverage,
)
from burnish.modeling.probabilities import Progress
from burnish.quality import duplicate_groups, outliers
from burnish.spec import DatasetSpec
from burnish.typing import ArrayCache, Mapper

PREFIX = "p:"
# Up to here, and without text, a second pass over other folds costs about a second, and steadies
# the ranking.
_TWICE_UP_TO = 2_000
_LABELED = pc.field("label").is_valid()

AUDIT_SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("label", pa.string()),
        ("given_label", pa.string()),
        ("split", pa.string()),
        ("error_probability", pa.float64()),
        ("suggested_label", pa.string()),
        ("self_confidence", pa.float64()),
        ("margin", pa.float64()),
        ("log_odds", pa.float64()),
        ("suspicion", pa.float64()),
        ("model_disagreement", pa.float64()),
        ("neighbour_disagreement", pa.float64()),
        ("class_distance", pa.float64()),
        ("outlier_score", pa.float64()),
        ("leverage", pa.float64()),
        ("audit_rank", pa.int64()),
        ("confusion_pair", pa.string()),
        ("copy_group", pa.string()),
        ("cluster", pa.string()),
    ]
)
# What is known of a row before any label of it is judged: of the rows without one as well.
OF_ROWS = ("neighbour_disagreement", "class_distance", "outlier_score", "leverage", "cluster")


def predict_probs(
    current: pa.Table,
    spec: DatasetSpec,
    *,
    unlabeled: pa.Table | None = None,
    mapper: Mapper | None = None,
    cache: ArrayCache | None = None,
    progress: Progress | None = None,
) -> pa.Table:
    """Class probabilities of the training rows of `current`, by models that never saw them.

    Returns example_id, label, given_label, split, `p:<class>` for each class (the spec's, else
    those that occur, sorted), model_disagreement, copy_group (the first example_id among the rows
    with the same features), and what the surroundings say: neighbour_disagreement, class_distance,
    outlier_score, leverage (how much the row's label moves a model; about 1) and cluster (as
    copy_group, of near copies); the first three are null above 100,000 rows. Folds keep each
    fold_group and near copies together. Rows of `unlabeled` whose example_id is not in `current`
    yet follow, with a null label and split; they need example_id and the features alone.
    Validation and test rows are never read. Fits are taken from `cache` where nothing that they
    depend on has changed; `progress` is told after each.

    Raises `DataError` where fewer than two training rows have a label, a label is no class of the
    spec, or a feature cannot be read.
    """
    train = current.filter(pc.field("split") == "train")
    labeled = train.filter(_LABELED)
    if labeled.num_rows < 2:
        raise DataError(
            f"{labeled.num_rows} training rows with a label", expected="two or more to audit"
        )
    extra = _without_label(current, train.filter(~_LABELED), unlabeled, spec)
    columns = list(spec.features)
    together = pa.concat_tables(
        [labeled.select(columns), extra.select(columns)], promote_options="permissive"
    )
    # In one go: the scale of pixels is read off the column.
    frame = design_frame(together, spec.features, folder=spec.folder)
    found = out_of_sample_probabilities(
        frame.iloc[: labeled.num_rows],
        labeled["label"],
        features=spec.features,
        extra=frame.iloc[labeled.num_rows :],
        groups=_text(labeled, "fold_group", "example_id").to_pylist(),
        classes=spec.classes or None,
        repeats=1 if spec.of_kind("text") or labeled.num_rows > _TWICE_UP_TO else 2,
        random_state=spec.random_state,
        mapper=mapper,
        cache=cache,
        progress=progress,
    )
    probs = np.vstack([found.probs, found.extra_probs])
    disagreement = np.concatenate([found.disagreement, found.extra_disagreement])
    nothing = pa.nulls(extra.num_rows, pa.string())
    return pa.table(
        {
            "example_id": _joined(labeled["example_id"], extra["example_id"]),
            "label": _joined(labeled["label"], nothing),
            "given_label": _joined(_text(labeled, "given_label", "label"), nothing),
            "split": _joined(labeled["split"], nothing),
            **{f"{PREFIX}{name}": probs[:, at] for at, name in enumerate(found.classes)},
            "model_disagreement": disagreement,
            "copy_group": _copies(together, columns, labeled, extra),
            **_surroundings(found, labeled, extra),
        }
    )


def _surroundings(found: OutOfSample, labeled: pa.Table, extra: pa.Table) -> dict[str, Any]:
    """What lies around each row; of a row without a label, its leverage alone."""
    every = labeled.num_rows + extra.num_rows
    columns: dict[str, Any] = dict.fromkeys(OF_ROWS[:3], pa.nulls(every, pa.float64()))
    around = found.copies.neighbours if found.copies is not None else None
    if around is not None:
        codes = encode_labels(labeled["label"], found.classes)
        said = surrounding_signals(codes, around)
        said["outlier_score"] = outliers(around).outlier_score
        missing = pa.nulls(extra.num_rows, pa.float64())
        columns |= {n: pa.concat_arrays([pa.array(v), missing]) for n, v in said.items()}
    columns["leverage"] = review_leverage(np.vstack([found.features, found.extra_features]))
    ids = labeled["example_id"].to_pylist()
    first: dict[int, str] = {}
    clusters = ids if found.copies is None else found.copies.clusters.tolist()
    named = [first.setdefault(at, name) for at, name in zip(clusters, ids, strict=True)]
    columns["cluster"] = pa.array([*named, *extra["example_id"].to_pylist()], pa.string())
    return columns


def _copies(
    together: pa.Table, columns: list[str], labeled: pa.Table, extra: pa.Table
) -> list[str]:
    ids = [*labeled["example_id"].to_pylist(), *extra["example_id"].to_pylist()]
    first: dict[str, str] = {}
    digests = duplicate_groups(together, columns).to_pylist()
    return [first.setdefault(digest, name) for digest, name in zip(digests, ids, strict=True)]


def _without_label(
    current: pa.Table, train: pa.Table, unlabeled: pa.Table | None, spec: DatasetSpec
) -> pa.Table:
    """example_id and features of the rows to predict only, each id once."""
    columns = ["example_id", *spec.features]
    parts = [train.select(columns)]
    if unlabeled is not None:
        absent = [name for name in columns if name not in unlabeled.column_names]
        if absent:
            raise DataError(
                f"unlabeled rows have no column {absent[0]!r}",
                expected="example_id and every feature: " + ", ".join(columns),
            )
        known = pc.field("example_id").isin(current["example_id"].to_pylist())
        parts.append(unlabeled.filter(~known).select(columns))
    return pa.concat_tables(parts, promote_options="permissive")


def _text(table: pa.Table, name: str, otherwise: str) -> pa.ChunkedArray:
    """A column as text; another one stands in where it is missing or null."""
    fallback = table[otherwise].cast(pa.string())
    if name not in table.column_names:
        return fallback
    pairs = zip(table[name].to_pylist(), fallback.to_pylist(), strict=True)
    return pa.chunked_array([[b if a is None else str(a) for a, b in pairs]], type=pa.string())


def _joined(first: Any, second: Any) -> pa.ChunkedArray:
    chunks = [part.cast(pa.string()) for part in (first, second)]
    arrays = [a.combine_chunks() if isinstance(a, pa.ChunkedArray) else a for a in chunks]
    return pa.chunked_array(arrays, type=pa.string())


def audit_labels(
    pred_probs: pa.Table, *, current: pa.Table | None = None, spec: DatasetSpec | None = None
) -> pa.Table:
    """How probably each label is wrong, as the table label_audit, most suspicious row first.

    Columns as `AUDIT_SCHEMA`: error_probability, self_confidence and margin (probability of the
    label, and what it is ahead of the best other class), log_odds and suspicion (which ranks; see
    `burnish.labels.errors`), the surroundings as in `pred_probs`, audit_rank (1 = most suspicious;
    ties by example_id), confusion_pair (`label>suggested`, null where they agree). Rows without a
    label come last, their judgements null; suggested_label is what the models say.

    With `current`, labels are taken from it, and rows it no longer holds are left out. With
    `spec`, its classes must be those of the probabilities. Raises `DataError` on probabilities
    that are not, an unknown label, or classes that differ.

    >>> probs = pa.table({"example_id": ["a", "b", "c"], "label": ["cat", "dog", "dog"],
    ...     "given_label": ["cat", "dog", "dog"], "split": ["train"] * 3,
    ...     "p:cat": [0.9, 0.95, 0.1], "p:dog": [0.1, 0.05, 0.9], "model_disagreement": [0.0] * 3})
    >>> audit_labels(probs)["confusion_pair"].to_pylist()
    ['dog>cat', None, None]
    """
    if current is not None:
        pred_probs = _relabelled(pred_probs, current)
    classes = tuple(n.removeprefix(PREFIX) for n in pred_probs.column_names if n.startswith(PREFIX))
    if not classes or (spec is not None and spec.classes and set(spec.classes) != set(classes)):
        raise DataError(
            f"probabilities for the classes {', '.join(classes) or 'none'}",
            expected=", ".join(spec.classes) if spec else "a column p:<class> for each class",
            hint="make pred_probs again: the classes have changed since",
        )
    # Ties fall by example_id, whatever the order of the rows.
    judged = pred_probs.filter(_LABELED).sort_by("example_id")
    if judged.num_rows == 0:
        raise DataError("no row has a label", expected="one labeled row or more")
    errors = find_label_errors(judged["label"], _matrix(judged, classes), classes=classes)
    rest = pred_probs.filter(~_LABELED).sort_by("example_id")
    return pa.concat_tables(
        [_judged(judged, errors), _unjudged(rest, _matrix(rest, classes), classes)]
    )


def _relabelled(pred_probs: pa.Table, current: pa.Table) -> pa.Table:
    """`pred_probs` with the labels of `current`; rows without a label stay, dropped ones go."""
    labels = dict(zip(current["example_id"].to_pylist(), current["label"].to_pylist(), strict=True))
    ids, before = pred_probs["example_id"].to_pylist(), pred_probs["label"].to_pylist()
    keep = [name in labels or old is None for name, old in zip(ids, before, strict=True)]
    now = pa.array([labels.get(name) for name in ids], pa.string())
    at = pred_probs.column_names.index("label")
    return pred_probs.set_column(at, "label", now).filter(pa.array(keep))


def _matrix(table: pa.Table, classes: tuple[str, ...]) -> NDArray[np.float64]:
    columns = [table[f"{PREFIX}{name}"].to_numpy() for name in classes]
    return np.column_stack(columns).astype(np.float64, copy=False)


def _judged(rows: pa.Table, errors: LabelErrors) -> pa.Table:
    labels, suggested = rows["label"].to_pylist(), errors.suggested_label.tolist()
    pairs = [f"{a}>{b}" if a != b else None for a, b in zip(labels, suggested, strict=True)]
    table = pa.table(
        {
            "example_id": rows["example_id"],
            "label": rows["label"],
            "given_label": rows["given_label"],
            "split": rows["split"],
            "error_probability": errors.error_probability,
            "suggested_label": pa.array(suggested, pa.string()),
            "self_confidence": errors.signals["self_confidence"],
            "margin": errors.signals["margin"],
            "log_odds": errors.signals["log_odds"],
            "suspicion": errors.signals["suspicion"],
            "model_disagreement": rows["model_disagreement"],
            **_of_rows(rows),
            "audit_rank": errors.rank,
            "confusion_pair": pa.array(pairs, pa.string()),
            "copy_group": _copy_groups(rows),
        }
    )
    return table.select(AUDIT_SCHEMA.names).cast(AUDIT_SCHEMA).sort_by("audit_rank")


def _of_rows(rows: pa.Table) -> dict[str, Any]:
    """The columns `OF_ROWS`; null in probabilities that somebody else has made."""
    return {
        name: rows[name]
        if name in rows.column_names
        else pa.nulls(rows.num_rows, AUDIT_SCHEMA.field(name).type)
        for name in OF_ROWS
    }


def _copy_groups(rows: pa.Table) -> pa.ChunkedArray:
    return rows["copy_group" if "copy_group" in rows.column_names else "example_id"]


def _unjudged(rows: pa.Table, probs: NDArray[np.float64], classes: tuple[str, ...]) -> pa.Table:
    said = [classes[at] for at in probs.argmax(axis=1).tolist()]
    columns: dict[str, Any] = {
        field.name: pa.nulls(rows.num_rows, field.type) for field in AUDIT_SCHEMA
    }
    kept = ("example_id", "label", "given_label", "split", "model_disagreement")
    columns |= {name: rows[name] for name in kept}
    columns["copy_group"] = _copy_groups(rows)
    columns |= _of_rows(rows)
    return pa.table(columns | {"suggested_label": pa.array(said, pa.string())}).cast(AUDIT_SCHEMA)
