"""Text, lists of numbers and images as a few numbers a row, each of which may drift.

What belongs here: what is measured of a cell that is neither a number nor a category. What does
not: the features a model is trained on (`burnish.modeling`), or how far the numbers drifted
(`burnish.drift.measuring`).
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as _compute
from numpy.typing import NDArray

from burnish.drift.cells import is_list

pc: Any = _compute  # its functions are made when it is loaded: a checker sees none

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Profile = dict[str, FloatArray]

TEXT_PARTS = ("length", "words", "digits", "capitals", "other signs", "unknown words")
LIST_PARTS = ("length", "mean", "spread", "least", "greatest", "step")
MOST_WORDS = 100
LEAST_SHARE = 0.02


def array_profile(column: pa.ChunkedArray) -> Profile:
    """`list_profile` of lists, `image_profile` of bytes."""
    return list_profile(column) if is_list(column.type) else image_profile(column)


def list_profile(column: pa.ChunkedArray) -> Profile:
    """Of each list of numbers: length, mean, spread, least, greatest, and mean size of a step.

    Lists of lists are read row by row. Of an image the mean is its brightness, the spread its
    contrast, the step its sharpness; NaN where the cell is missing, empty, or holds a number that
    is not finite.

    >>> found = list_profile(pa.chunked_array([[[1.0, 3.0], None]]))
    >>> found["mean"].tolist(), found["step"].tolist()
    ([2.0, nan], [2.0, nan])
    """
    flat, size = _flat(column)
    return _profile(flat, size, np.asarray(column.is_null().to_numpy(), dtype=np.bool_))


def _flat(column: pa.ChunkedArray) -> tuple[FloatArray, IntArray]:
    """All numbers of the lists, and how many each row has, through lists of lists."""
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    size = np.asarray(lengths.to_numpy(), dtype=np.int64)
    inner = pc.list_flatten(column)
    if not is_list(inner.type):
        return np.asarray(inner.cast(pa.float64()).to_numpy(), dtype=np.float64), size
    flat, own = _flat(inner)
    reached = np.concatenate([[0], np.cumsum(own)])
    ends = np.cumsum(size)
    return flat, reached[ends] - reached[ends - size]


def _profile(flat: FloatArray, size: IntArray, missing: NDArray[np.bool_]) -> Profile:
    found = {part: np.full(size.size, np.nan) for part in LIST_PARTS}
    some = size > 0
    starts = (np.cumsum(size) - size)[some]
    kept = size[some]
    found["length"] = np.where(missing, np.nan, size.astype(np.float64))
    if not kept.size:
        return found
    with np.errstate(invalid="ignore"):
        mean = np.add.reduceat(flat, starts) / kept
        square = np.add.reduceat((flat - np.repeat(mean, kept)) ** 2, starts) / kept
        steps = np.abs(np.diff(flat, append=flat[-1]))
        steps[starts + kept - 1] = 0.0
        parts = (
            mean,
            np.sqrt(square),
            np.minimum.reduceat(flat, starts),
            np.maximum.reduceat(flat, starts),
            np.add.reduceat(steps, starts) / np.maximum(1, kept - 1),
        )
    for part, values in zip(LIST_PARTS[1:], parts, strict=True):
        found[part][some] = np.where(np.isfinite(values), values, np.nan)
    return found


def image_profile(column: pa.ChunkedArray) -> Profile:
    """As `list_profile`, of the grey pixels of PNG or JPEG bytes; NaN where they do not open.

    >>> image_profile(pa.chunked_array([[b"no image"]]))["mean"].tolist()
    [nan]
    """
    pixels = [_pixels(cell) for cell in column.to_pylist()]
    size = np.array([0 if cell is None else cell.size for cell in pixels], dtype=np.int64)
    missing = np.array([cell is None for cell in pixels], dtype=np.bool_)
    kept = [cell for cell in pixels if cell is not None]
    return _profile(np.concatenate(kept) if kept else np.zeros(0), size, missing)


def _pixels(cell: bytes | None) -> FloatArray | None:
    from PIL import Image, UnidentifiedImageError

    if not cell:
        return None
    try:
        with Image.open(io.BytesIO(cell)) as opened:
            return np.asarray(opened.convert("L"), dtype=np.float64).ravel()
    except (UnidentifiedImageError, OSError, SyntaxError):
        return None


def text_profile(column: pa.ChunkedArray) -> Profile:
    """Of each text: its length, words, and shares of digits, capitals and signs beyond ASCII.

    >>> found = text_profile(pa.chunked_array([["Room 12", None]]))
    >>> found["length"].tolist(), found["words"].tolist()
    ([7.0, nan], [2.0, nan])
    """
    text = column.cast(pa.large_string())
    length = _floats(pc.utf8_length(text))
    each = np.maximum(length, 1.0)
    return {
        "length": length,
        "words": _floats(pc.count_substring_regex(text, r"\S+")),
        "digits": _floats(pc.count_substring_regex(text, r"\d")) / each,
        "capitals": _floats(pc.count_substring_regex(text, r"\p{Lu}")) / each,
        "other signs": _floats(pc.count_substring_regex(text, r"[^\x00-\x7F]")) / each,
    }


def unknown_words(before: pa.ChunkedArray, after: pa.ChunkedArray) -> tuple[FloatArray, FloatArray]:
    """Which share of each text's words the reference does not know; NaN for half of the texts.

    The vocabulary is that of one half of the texts, chosen by a digest of the text itself, so that
    copies stay together. Only the other half of either side is measured against it: a reference
    text knows all of its own words, and would look better known than a new one.

    >>> one = pa.chunked_array([["a b", "c d", "e f", "g h"]])
    >>> first, second = unknown_words(one, one)
    >>> np.array_equal(first, second, equal_nan=True)
    True
    """
    known: set[str] = set()
    for cell in before.to_pylist():
        if cell is not None and _teaches(cell):
            known.update(cell.lower().split())

    def share(column: pa.ChunkedArray) -> FloatArray:
        found = np.full(len(column), np.nan)
        for row, cell in enumerate(column.to_pylist()):
            words = () if cell is None or _teaches(cell) else cell.lower().split()
            if words:
                found[row] = sum(word not in known for word in words) / len(words)
        return found

    return share(before), share(after)


def word_counts(before: pa.ChunkedArray, after: pa.ChunkedArray) -> list[tuple[str, int, int]]:
    """The words most texts of the two sides have: each with how many texts of either have it.

    >>> word_counts(pa.chunked_array([["a b", "a"]]), pa.chunked_array([["a c"]]))[0]
    ('a', 2, 1)
    """
    counts: list[Counter[str]] = []
    for column in (before, after):
        one: Counter[str] = Counter()
        for cell in column.to_pylist():
            if cell is not None:
                one.update(set(cell.lower().split()))
        counts.append(one)
    first, second = counts
    rows = len(before) + len(after)
    # Chosen by both sides together, so that neither is favoured; ties by the alphabet.
    pooled = sorted((first + second).items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_WORDS]
    return [(w, first[w], second[w]) for w, count in pooled if count >= LEAST_SHARE * rows]


def _teaches(text: str) -> bool:
    return bool(hashlib.blake2b(text.encode(), digest_size=1).digest()[0] & 1)


def _floats(column: pa.ChunkedArray) -> FloatArray:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
