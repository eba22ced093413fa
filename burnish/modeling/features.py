"""Features by modality: from an Arrow table to a wide frame, and from it to what estimators take.

What belongs here: the columns of the design frame and the scikit-learn preprocessing of a model
that is kept. What does not: decoding images (`burnish.modeling.images`) and signals
(`burnish.modeling.sensors`), nor the matrices of an audit, which are never saved
(`burnish.modeling.views`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.modeling.images import pixel_matrix
from burnish.modeling.sensors import STATISTICS, sensor_matrix
from burnish.spec import Feature

if TYPE_CHECKING:
    import pandas as pd

MISSING = "(missing)"
# Words of one letter or digit count too: in short texts they carry meaning.
WORD = r"(?u)\b\w+\b"
_DATE_PARTS = ("year", "month", "day", "day_of_week", "hour")
PIXEL = re.compile(r"_px_\d{3}$")
# Words, pixels and standardised numbers differ in length; with these weights one strength of
# regularisation suits all of them.
_WEIGHTS = {"pixels": 3.0, "words": 3.0, "chars": 3.0}


@dataclass(frozen=True)
class FrameColumns:
    """Which columns of a design frame hold what."""

    numeric: tuple[str, ...]
    pixels: tuple[str, ...]
    categorical: tuple[str, ...]
    text: tuple[str, ...]


def design_frame(
    examples: pa.Table, features: Mapping[str, Feature], *, folder: Path | None = None
) -> pd.DataFrame:
    """A wide pandas frame, one row an example, columns in the order of `features`.

    numeric, boolean: float, NaN where missing. datetime: `<name>__year`, month, day,
    day_of_week (Monday 0), hour, in UTC. categorical: text, missing values as the category
    `(missing)`. text: '' where missing. image: `<name>_px_000`.. grey pixels in [0, 1], at most
    16 x 16; paths are taken from `folder`. sensor: `<name>__mean`.. as
    `sensor_matrix` gives. embedding: `<name>__000`.., one column a number, NaN where missing.

    Raises `DataError` on a column that is missing, a value that is not of its kind, or infinity,
    naming column and row.

    >>> table = pa.table({"age": [31, None], "city": ["Rome", None]})
    >>> kinds = {"age": Feature(kind="numeric"), "city": Feature(kind="categorical")}
    >>> design_frame(table, kinds)["city"].tolist()
    ['Rome', '(missing)']
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, feature in features.items():
        if name not in examples.column_names:
            raise DataError(
                f"feature column {name!r} is missing",
                expected="one of: " + ", ".join(examples.column_names),
                hint="name the column in the spec's `features`, or add it to the data",
            )
        columns.update(_columns(name, feature, examples[name].combine_chunks(), folder))
    return pd.DataFrame(columns, index=pd.RangeIndex(examples.num_rows))


def _columns(name: str, feature: Feature, values: pa.Array, folder: Path | None) -> dict[str, Any]:
    if len(values) == 0:
        raise DataError(f"no rows in column {name!r}", expected="at least one example")
    match feature.kind:
        case "numeric" | "boolean":
            return {name: _numbers(name, values, feature.kind)}
        case "categorical" | "text":
            return {name: _strings(values, MISSING if feature.kind == "categorical" else "")}
        case "datetime":
            return _date_parts(name, values)
        case "image":
            pixels = pixel_matrix(values.to_pylist(), name=name, shape=feature.shape, folder=folder)
            return {f"{name}_px_{i:03d}": pixels[:, i] for i in range(pixels.shape[1])}
        case "sensor":
            summary = sensor_matrix(values.to_pylist(), name=name)
            return {f"{name}__{what}": summary[:, i] for i, what in enumerate(STATISTICS)}
        case "embedding":
            vectors = _vectors(name, values)
            return {f"{name}__{i:03d}": vectors[:, i] for i in range(vectors.shape[1])}


def _vectors(name: str, values: pa.Array) -> NDArray[np.float64]:
    """Lists of equal length as rows, NaN where there is none."""
    cells = values.to_pylist()
    width = len(next((cell for cell in cells if cell is not None), ()))
    rows = np.full((len(cells), width), np.nan)
    for row, cell in enumerate(cells):
        if cell is None:
            continue
        numbers = np.asarray(cell, dtype=np.float64)
        if numbers.shape != (width,) or width == 0 or not np.isfinite(numbers).all():
            raise DataError(
                f"embedding {name!r} in row {row} has {numbers.size} numbers, or one that is not "
                "finite",
                expected=f"{width} finite numbers, as many as in the first row",
                hint="declare `sensor` where lists differ in length",
            )
        rows[row] = numbers
    return rows


def _numbers(name: str, values: pa.Array, kind: str) -> NDArray[np.float64]:
    try:
        typed = pc.cast(values, pa.bool_()) if kind == "boolean" else values
        numbers = pc.cast(typed, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"column {name!r} is not {kind}: {error}", expected="numbers") from error
    infinite = np.isinf(numbers)
    if infinite.any():
        raise DataError(
            f"column {name!r} is infinite in row {int(np.argmax(infinite))}",
            expected="finite numbers, or none at all where the value is missing",
        )
    return numbers


def _strings(values: pa.Array, missing: str) -> list[str]:
    return [missing if value is None else str(value) for value in values.to_pylist()]


def _date_parts(name: str, values: pa.Array) -> dict[str, Any]:
    import pandas as pd

    try:
        times = pd.Series(pd.to_datetime(values.to_pylist(), utc=True, format="ISO8601"))
    except (ValueError, TypeError) as error:
        raise DataError(
            f"column {name!r} is not a datetime: {error}", expected="ISO 8601 dates or times"
        ) from error
    return {
        f"{name}__{part}": getattr(times.dt, part).to_numpy(dtype=np.float64, na_value=np.nan)
        for part in _DATE_PARTS
    }


def frame_columns(features: Mapping[str, Feature], frame: pd.DataFrame) -> FrameColumns:
    """The columns that `design_frame` made of each kind of feature.

    >>> table = pa.table({"age": [31], "note": ["late again"]})
    >>> kinds = {"age": Feature(kind="numeric"), "note": Feature(kind="text")}
    >>> frame_columns(kinds, design_frame(table, kinds)).text
    ('note',)
    """
    names = [str(name) for name in frame.columns]
    kind = {name: feature.kind for name, feature in features.items()}
    text = tuple(name for name in names if kind.get(name) == "text")
    categorical = tuple(name for name in names if kind.get(name) == "categorical")
    images = tuple(name for name, feature in features.items() if feature.kind == "image")
    pixels = tuple(n for n in names if PIXEL.sub("", n) in images and n not in kind)
    rest = {*text, *categorical, *pixels}
    return FrameColumns(tuple(n for n in names if n not in rest), pixels, categorical, text)


def make_pipeline(estimator: Any, features: Mapping[str, Feature], frame: pd.DataFrame) -> Any:
    """An unfitted scikit-learn `Pipeline` that takes a design frame and ends in `estimator`.

    Made of scikit-learn's own parts alone, so that skops can save it without further types:
    numbers have the median put in for missing values and are standardised; pixels keep their
    common scale; categories are one-hot, rare and unseen ones together; text is TF-IDF of words
    and of characters. Estimators that take no sparse matrix get a dense one of fewer words.

    >>> from sklearn.linear_model import LogisticRegression
    >>> table = pa.table({"age": [31, 55, 62, 24], "city": ["Rome", "Oslo", "Oslo", "Rome"]})
    >>> kinds = {"age": Feature(kind="numeric"), "city": Feature(kind="categorical")}
    >>> frame = design_frame(table, kinds)
    >>> model = make_pipeline(LogisticRegression(), kinds, frame).fit(frame, ["a", "b", "b", "a"])
    >>> model.predict(frame).tolist()
    ['a', 'b', 'b', 'a']
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    columns = frame_columns(features, frame)
    sparse = _takes_sparse(estimator)
    parts = [*_number_parts(columns), *_text_parts(columns, frame, sparse=sparse)]
    if not parts:
        raise DataError(
            "no feature column holds anything to learn from",
            expected="a number, a category, an image or a text that is not empty",
        )
    weights = {name: _WEIGHTS.get(name.split(":")[0], 1.0) for name, _, _ in parts}
    prepare = ColumnTransformer(
        parts, transformer_weights=weights, sparse_threshold=0.3 if sparse else 0.0
    )
    return Pipeline([("features", prepare), ("model", estimator)])


def _number_parts(columns: FrameColumns) -> list[tuple[str, Any, Any]]:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    parts: list[tuple[str, Any, Any]] = []
    if columns.numeric:
        impute = SimpleImputer(strategy="median", keep_empty_features=True)
        steps = Pipeline([("impute", impute), ("scale", StandardScaler())])
        parts.append(("numeric", steps, list(columns.numeric)))
    if columns.pixels:
        parts.append(("pixels", "passthrough", list(columns.pixels)))
    if columns.categorical:
        encode = OneHotEncoder(
            handle_unknown="infrequent_if_exist", min_frequency=2, max_categories=50
        )
        parts.append(("categorical", encode, list(columns.categorical)))
    return parts


def _text_parts(
    columns: FrameColumns, frame: pd.DataFrame, *, sparse: bool
) -> list[tuple[str, Any, Any]]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    parts: list[tuple[str, Any, Any]] = []
    for name in columns.text:
        if not any(any(c.isalnum() for c in text) for text in frame[name].tolist()):
            continue
        words = TfidfVectorizer(
            ngram_range=(1, 2),
            sublinear_tf=True,
            token_pattern=WORD,
            max_features=100_000 if sparse else 1_000,
        )
        parts.append((f"words:{name}", words, name))
        if sparse:
            chars = TfidfVectorizer(
                analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, max_features=100_000
            )
            parts.append((f"chars:{name}", chars, name))
    return parts


def _takes_sparse(estimator: Any) -> bool:
    from sklearn.utils import get_tags

    return bool(get_tags(estimator).input_tags.sparse)
