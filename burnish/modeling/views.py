"""What an audit panel looks at: dense columns, gradients of pictures, words, characters, meaning.

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
from burnish.modeling.embeddings import embed_texts, embedding_installed
from burnish.modeling.features import PIXEL, WORD, FrameColumns, frame_columns
from burnish.modeling.gradients import gradient_matrix
from burnish.modeling.images import picture_shape
from burnish.spec import Feature

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
Views = dict[str, Any]

_MAX_CATEGORIES = 30


def matrix_views(matrix: ArrayLike) -> Views:
    """The views of a plain matrix (n, d): dense (standardised, constant ones zero) and columns.

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
    return {"dense": _standardised(values), "columns": values}


def frame_views(frame: pd.DataFrame, features: Mapping[str, Feature]) -> Views:
    """The views of a design frame, dense or sparse matrices of n rows.

    dense: numbers, pixels and categories on comparable scales. columns: numbers as they are, NaN
    where missing, and categories as their place by frequency, for trees (not beside pictures).
    gradients: of the pictures. words, chars: of the texts. embedding: of the texts, where the extra
    `text` is installed. A view of which the frame holds nothing is left out; `DataError` where that
    is all of them.
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
    if columns.pixels:
        views.update(_gradient_view(frame, columns, features))
    elif blocks:
        views["columns"] = _plain_columns(frame, columns)
    texts = [" ".join(row) for row in zip(*(frame[n].tolist() for n in columns.text), strict=True)]
    if any(any(c.isalnum() for c in text) for text in texts):
        views.update(_text_views(texts))
    if not views:
        raise DataError("the frame holds nothing to learn from", expected="one feature or more")
    return views


def neighbour_space(views: Views) -> FloatArray:
    """One dense matrix (n, d) in which near rows are alike: what neighbours are sought in.

    The embedding of texts, else 100 directions of their characters; the gradients of pictures,
    else their pixels and the columns. Parts of several kinds stand side by side, each scaled to
    the same spread.
    """
    parts: list[FloatArray] = []
    if "gradients" in views or "dense" in views:
        parts.append(views["gradients" if "gradients" in views else "dense"])
    if "embedding" in views:
        parts.append(views["embedding"])
    elif "chars" in views:
        parts.append(_directions(views["chars"]))
    if len(parts) == 1:
        return np.asarray(parts[0], dtype=np.float64)
    return np.hstack(
        [part / max(float(part.std() * part.shape[1] ** 0.5), 1e-12) for part in parts]
    )


def _directions(chars: Any) -> FloatArray:
    from sklearn.decomposition import TruncatedSVD

    n_components = min(100, min(chars.shape) - 1)
    if n_components < 1:
        return np.asarray(chars.toarray(), dtype=np.float64)
    reduced: Any = TruncatedSVD(n_components, random_state=0).fit_transform(chars)
    return np.asarray(reduced, dtype=np.float64)


def _gradient_view(
    frame: pd.DataFrame, columns: FrameColumns, features: Mapping[str, Feature]
) -> Views:
    """Gradients of every picture column side by side; no view where one of them is too small."""
    blocks: list[FloatArray] = []
    for name, feature in features.items():
        if feature.kind != "image":
            continue
        own = [column for column in columns.pixels if PIXEL.sub("", column) == name]
        pixels = frame[own].to_numpy(np.float64)
        shape = picture_shape(pixels.shape[1], feature.shape)
        found = gradient_matrix(pixels.reshape(len(pixels), *shape))
        if found is None:
            return {}
        blocks.append(_scaled_together(found))
    return {"gradients": np.hstack(blocks)}


def _plain_columns(frame: pd.DataFrame, columns: FrameColumns) -> FloatArray:
    blocks = [frame[list(columns.numeric)].to_numpy(np.float64)] if columns.numeric else []
    for name in columns.categorical:
        place = {value: at for at, value in enumerate(frame[name].value_counts().index)}
        blocks.append(np.array([[place[value]] for value in frame[name]], dtype=np.float64))
    return np.hstack(blocks)


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
    views: Views = {"words": words.fit_transform(texts), "chars": chars.fit_transform(texts)}
    if embedding_installed():
        views["embedding"] = embed_texts(texts)
    return views
