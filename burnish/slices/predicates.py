"""Predicates over the columns of a table: one of some values, or inside a range.

What belongs here: what a condition means, its canonical text, and its mask over rows. What does
not: how a spec spells conditions (`burnish.slices.resolving`).

Values are compared by their text, so that `3` in a spec finds 3, 3.0 and "3". A missing value
(null or NaN) equals None alone and lies in no range.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from math import isnan
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.errors import DataError, SpecError

Mask: TypeAlias = NDArray[np.bool_]
Bound: TypeAlias = "float | datetime"


@dataclass(frozen=True)
class OneOf:
    """The column holds one of these values, given as text; None is a missing value."""

    column: str
    values: frozenset[str | None]

    @property
    def text(self) -> str:
        known = sorted(value for value in self.values if value is not None)
        parts = [f"{json.dumps(self.column)} in {json.dumps(known)}"] if known else []
        if None in self.values:
            parts.append(f"{json.dumps(self.column)} is missing")
        return " or ".join(parts)

    def mask(self, examples: pa.Table) -> Mask:
        values, codes = distinct_values(examples, self.column)
        chosen = np.array([value in self.values for value in values], dtype=bool)
        return chosen[codes]


@dataclass(frozen=True)
class Range:
    """low <= value < high, or <= high where `closed`; either end may be open."""

    column: str
    low: Bound | None
    high: Bound | None
    closed: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no value can be inside."""
        if self.low is None or self.high is None:
            return False
        temporal = isinstance(self.low, datetime)
        low = _bound_number(self.low, self.column, temporal)
        return low >= _bound_number(self.high, self.column, temporal)

    @property
    def text(self) -> str:
        low = "(-inf" if self.low is None else f"[{_bound_text(self.low)}"
        high = (
            "inf)" if self.high is None else _bound_text(self.high) + ("]" if self.closed else ")")
        )
        return f"{json.dumps(self.column)} in {low}, {high}"

    def mask(self, examples: pa.Table) -> Mask:
        values, temporal = _measured(examples, self.column)
        # A comparison with NaN is False, but "no lower end" must leave missing values out too.
        inside: Mask = ~np.isnan(values)
        if self.low is not None:
            inside &= values >= _bound_number(self.low, self.column, temporal)
        if self.high is not None:
            high = _bound_number(self.high, self.column, temporal)
            inside &= (values <= high) if self.closed else (values < high)
        return inside


Condition: TypeAlias = "OneOf | Range"


def value_text(value: Any) -> str | None:
    """Canonical text of a cell or a value in a spec; None for a missing one.

    >>> value_text(3.0), value_text(True), value_text("scanA"), value_text(float("nan"))
    ('3', 'true', 'scanA', None)
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return None if isnan(value) else str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def distinct_values(examples: pa.Table, column: str) -> tuple[list[str | None], NDArray[np.int64]]:
    """Texts of the distinct values of a column, and for each row the position of its own."""
    cells = examples.column(column)
    kind = cells.type.value_type if pa.types.is_dictionary(cells.type) else cells.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        raise SpecError(
            f"a slice speaks of column {column!r}, which holds {kind}",
            expected="a column of single values",
            hint="slice by a column of text, numbers, booleans or times",
        )
    encoded = _encoded(cells)
    values = [value_text(value) for value in encoded.dictionary.to_pylist()]
    # One place past the end stands for null.
    indices = encoded.indices.cast(pa.int64())
    if indices.null_count:
        indices = pc.fill_null(indices, len(values))
    return [*values, None], indices.to_numpy(zero_copy_only=False)


def _encoded(cells: pa.ChunkedArray) -> pa.DictionaryArray:
    """A column as codes of values that all occur; what is coded already is not coded again."""
    if not pa.types.is_dictionary(cells.type):
        return cells.combine_chunks().dictionary_encode()
    whole = cells.unify_dictionaries().combine_chunks()
    used = np.bincount(whole.indices.drop_null().to_numpy(), minlength=len(whole.dictionary)) > 0
    if used.all():
        return whole
    return whole.cast(whole.type.value_type).dictionary_encode()


def bound(value: Any, where: str) -> Bound | None:
    """One end of a range as a spec gives it: a number, a time, or ISO text of a time."""
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    elif isinstance(value, int | float) and not isinstance(value, bool) and not isnan(value):
        return float(value)
    raise SpecError(
        f"{where}: {value!r} cannot end a range", expected="a number, or a time like 2026-01-31"
    )


def is_temporal(kind: pa.DataType) -> bool:
    """Whether a column of this type holds dates or times."""
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def is_ordered(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers or times, which ranges may cut."""
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return number or is_temporal(kind)


def as_numbers(cells: pa.ChunkedArray) -> NDArray[np.float64]:
    """A column as float64, NaN for missing; times as microseconds since 1970 (UTC)."""
    if is_temporal(cells.type):
        cells = cells.cast(pa.timestamp("us", tz=getattr(cells.type, "tz", None)), safe=False)
        cells = cells.cast(pa.int64())
    return cells.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)


def _measured(examples: pa.Table, column: str) -> tuple[NDArray[np.float64], bool]:
    """A column that ranges may cut, by `as_numbers`, and whether it holds times."""
    kind = examples.column(column).type
    if not is_ordered(kind):
        raise SpecError(
            f"a slice cuts column {column!r} into ranges, and it holds {kind}",
            expected="a column of numbers or times",
            hint="give a list of values in place of a range",
        )
    return as_numbers(examples.column(column)), is_temporal(kind)


def _bound_number(value: Bound, column: str, temporal: bool) -> float:
    if isinstance(value, datetime) != temporal:
        raise DataError(
            f"column {column!r} is cut at {_bound_text(value)}",
            expected="a time" if temporal else "a number",
            hint="the ends of a range are of the column's own kind",
        )
    if isinstance(value, datetime):
        return _in_utc(value).timestamp() * 1e6
    return value


def _bound_text(value: Bound) -> str:
    if isinstance(value, datetime):
        return _in_utc(value).isoformat()
    return value_text(value) or ""


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
