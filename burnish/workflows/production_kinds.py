"""Cells of production brought into their declared kind, where they can be: a gate judges the rest.

What belongs here: times by the clock of the spec, and columns of which some or all cells are of
another kind. What does not: reading files (`burnish.workflows.production_files`), or refusing
anything (the gate of `production_batch`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.spec import FeatureKind
from burnish.spec.cells import is_text, without_missing_words
from burnish.workflows.ingest import CONVERTERS, INSTANT

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

RETYPED = 0.5
"""A column of which more than this share cannot be read in its kind came as another kind."""


@dataclass(frozen=True)
class Cells:
    """A column in its kind as far as can be; `wrong` (n,) are the cells that are of another.

    Where most are, the column is as it came, and `retyped`.
    """

    values: pa.ChunkedArray
    wrong: NDArray[np.bool_]
    retyped: bool = False


def in_kind(cells: pa.ChunkedArray, kind: FeatureKind) -> Cells:
    """A column in its kind; single cells that are of another are null, and named.

    >>> found = in_kind(pa.chunked_array([["1.5", "lots", "2", None]]), "numeric")
    >>> found.values.to_pylist(), found.wrong.tolist()
    ([1.5, None, 2.0, None], [False, True, False, False])
    """
    none = np.zeros(len(cells), bool)
    if kind in {"image", "sensor", "embedding"}:
        return Cells(cells, none)
    convert = CONVERTERS[kind]
    if pa.types.is_null(cells.type):
        return Cells(cells.cast(convert(pa.chunked_array([pa.array([], pa.string())])).type), none)
    try:
        return Cells(convert(cells), none)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _cell_by_cell(cells, convert)


def _cell_by_cell(
    cells: pa.ChunkedArray, convert: Callable[[pa.ChunkedArray], pa.ChunkedArray]
) -> Cells:
    """Each distinct value is tried once."""
    coded = cells.combine_chunks()
    coded = (
        (coded if isinstance(coded, pa.Array) else coded.chunk(0)).dictionary_encode()
        if not pa.types.is_nested(cells.type)
        else None
    )
    if coded is None:
        return Cells(cells, np.ones(len(cells), bool), retyped=True)
    tried = [
        _tried(pa.chunked_array([[value]], cells.type), convert)
        for value in coded.dictionary.to_pylist()
    ]
    fits = np.array([one is not None for one in tried], bool)
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    wrong = (codes >= 0) & ~fits[codes]
    known = int((codes >= 0).sum())
    good = [one for one in tried if one is not None]
    if not good or wrong.sum() > RETYPED * known:
        return Cells(cells, wrong, retyped=True)
    place = np.cumsum(fits) - 1
    taken = np.where((codes >= 0) & ~wrong, place[codes], 0)
    missing = (codes < 0) | wrong
    values = pa.concat_arrays([chunk for one in good for chunk in one.chunks])
    found = values.take(pa.array(taken, pa.int64(), mask=missing))
    return Cells(pa.chunked_array([found]), wrong)


def _tried(
    cell: pa.ChunkedArray, convert: Callable[[pa.ChunkedArray], pa.ChunkedArray]
) -> pa.ChunkedArray | None:
    try:
        return convert(cell)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def instants(cells: pa.ChunkedArray, timezone: str) -> pa.ChunkedArray:
    """Times as timestamp[us, UTC]; null where a cell is none.

    A time without a zone is read by the clock of `timezone`, a date as its midnight. The hour that
    a clock shows twice is taken the first time, one that it skips as the first instant after.

    >>> found = instants(pa.chunked_array([["2026-07-01 00:30", "soon"]]), "Europe/Berlin")
    >>> [str(moment) for moment in found.to_pylist()]
    ['2026-06-30 22:30:00+00:00', 'None']
    """
    kind, types = cells.type, pa.types
    if types.is_dictionary(kind):
        cells, kind = cells.cast(kind.value_type), kind.value_type
    if is_text(kind):
        return _of_text(without_missing_words(cells), timezone)
    if types.is_date(kind):
        return _by_clock(cells.cast(pa.timestamp("us")), timezone)
    if types.is_timestamp(kind):
        plain = cells.cast(pa.timestamp("us", kind.tz), safe=False)
        return plain.cast(INSTANT) if kind.tz else _by_clock(plain, timezone)
    return pa.chunked_array([pa.nulls(len(cells), INSTANT)])


def _by_clock(cells: pa.ChunkedArray, timezone: str) -> pa.ChunkedArray:
    local = pc.assume_timezone(cells, timezone, ambiguous="earliest", nonexistent="latest")
    return local.cast(INSTANT)


def _of_text(cells: pa.ChunkedArray, timezone: str) -> pa.ChunkedArray:
    short = pc.replace_substring_regex(cells, r"(\.\d{6})\d+", r"\1")
    zoned = pc.match_substring_regex(short, r":.*([zZ]|[-+]\d\d(:?\d\d)?)$")
    nothing = pa.scalar(None, pa.string())
    try:
        plain = pc.if_else(zoned, nothing, short).cast(pa.timestamp("us"))
        aware = pc.if_else(zoned, short, nothing).cast(INSTANT)
    except pa.ArrowInvalid:
        found = [_parsed(cell) for cell in short.to_pylist()]
        without = [None if one is None or one.tzinfo else one for one in found]
        plain = pa.chunked_array([pa.array(without, pa.timestamp("us"))])
        aware = pa.chunked_array(
            [pa.array([one if one and one.tzinfo else None for one in found], INSTANT)]
        )
    return pc.coalesce(aware, _by_clock(plain, timezone))


def _parsed(cell: str | None) -> datetime | None:
    """One cell where a column holds some that are no times."""
    try:
        return None if cell is None else datetime.fromisoformat(cell)
    except ValueError:
        return None
