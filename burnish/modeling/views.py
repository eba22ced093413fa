"""What an audit panel looks at: one dense matrix, and sparse ones of words and of characters.

What belongs here: unsupervised preparation of all rows at once. It sees no label, so probabilities
stay out-of-sample; doing it once instead of in every fold is most of the speed. What does not: the
preprocessing of a model that is kept (`burnish.modeling.features`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.modeling.features import WORD, FrameColumns, frame_columns
from burnish.spec import Feature

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
Views = dict[str, Any]

_MAX_CATEGORIES = 30


def matrix_views(matrix: ArrayLike) -> Views:
    """The dense view of a plain matrix (n, d): columns standardised, constant ones zero.

    Raises `DataError` where it is not two-dimensional, or on NaN or infinity, naming the row.
    """
    values = np.asarray(matrix, dtype=np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise DataError(f"the matrix has shape {values.shape}", expected="(n, d), neither zero")
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        raise DataError(
            f"the matrix is NaN or infinite in row {int(np.argmax(bad))}",
            expected="finite numbers",
            hint="pass a design frame to have missing values filled in",
        )
    return {"dense": _standardised(values)}


def frame_views(frame: pd.DataFrame, features: Mapping[str, Feature]) -> Views:
    """The views of a design frame: dense (numbers, pixels, categories), words and chars (text).

    A view of which the frame holds nothing is left out; `DataError` where that is all of them.
    """
    columns = frame_columns(features, frame)
    blocks: list[FloatArray] = []
    if columns.numeric:
        blocks.append(_standardised(_filled(frame[list(columns.numeric)].to_numpy(np.float64))))
    if columns.pixels:
        blocks.append(_scaled_together(frame[list(columns.pixels)].to_numpy(np.float64)))
    if columns.categorical:
        blocks.append(_one_hot(frame, columns))
    views: Views = {"dense": np.hstack(blocks)} if blocks else {}
    texts = [" ".join(row) for row in zip(*(frame[n].tolist() for n in columns.text), strict=True)]
    if any(any(c.isalnum() for c in text) for text in texts):
        views.update(_text_views(texts))
    if not views:
        raise DataError("the frame holds nothing to learn from", expected="one feature or more")
    return views


def _filled(values: FloatArray) -> FloatArray:
    from sklearn.impute import SimpleImputer

    impute = SimpleImputer(strategy="median", keep_empty_features=True, add_indicator=True)
    return np.asarray(impute.fit_transform(values))


def _standardised(values: FloatArray) -> FloatArray:
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    # Rounding leaves a constant column a spread near, not at, zero.
    spread[spread <= 1e-12 * np.maximum(np.abs(values).max(axis=0), 1e-300)] = 1.0
    return centred / spread


def _scaled_together(values: FloatArray) -> FloatArray:
    """One scale for all columns, so that a pixel that hardly varies is not blown up."""
    centred = values - values.mean(axis=0)
    spread = float(np.sqrt((centred**2).mean()))
    return centred / spread if spread > 0 else centred


def _one_hot(frame: pd.DataFrame, columns: FrameColumns) -> FloatArray:
    from sklearn.preprocessing import OneHotEncoder

    encode = OneHotEncoder(
        sparse_output=False,
        handle_unknown="infrequent_if_exist",
        min_frequency=2,
        max_categories=_MAX_CATEGORIES,
    )
    return _scaled_together(np.asarray(encode.fit_transform(frame[list(columns.categorical)])))


def _text_views(texts: list[str]) -> Views:
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORD)
    chars = TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=(2, 5),
        sublinear_tf=True,
        min_df=2 if len(texts) >= 100 else 1,
        max_features=200_000,
    )
    return {"words": words.fit_transform(texts), "chars": chars.fit_transform(texts)}
