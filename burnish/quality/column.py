"""One column made ready: what its cells seem to be, its numbers, its values and its gaps.

What belongs here: the readings of a column that several checks need, each made once. What does
not: any judgement of them (the checks), save which cells hold nothing (`burnish.quality.disguises`
knows the values that stand for nothing).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.quality.disguises import Disguise, day_disguises, number_disguises, word_disguises
from burnish.spec import FeatureKind

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

Nature: TypeAlias = Literal["number", "category", "text", "time", "other"]

_NATURES: dict[FeatureKind, Nature] = {
    "numeric": "number",
    "categorical": "category",
    "boolean": "category",
    "datetime": "time",
    "text": "text",
}
MOST_CLASSES = 200
NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
ISO_DAY = r"^\s*\d{4}-\d{2}-\d{2}([T ].*)?$"


@dataclass(frozen=True)
class Column:
    """A column of n cells. `nature` is what it is taken for, told or by its look."""

    name: str
    cells: pa.Array
    nature: Nature

    @classmethod
    def of(cls, name: str, cells: pa.ChunkedArray, kind: FeatureKind | None = None) -> Column:
        """Read a column; `kind` is what it is told to be, else it is taken for what it looks."""
        flat = _flat(cells)
        nature = _NATURES.get(kind, "other") if kind is not None else _nature(flat)
        if nature in ("number", "category", "time", "text") and not _simple(flat.type):
            nature = "other"
        return cls(name, flat, nature)

    @property
    def written(self) -> bool:
        """Whether the cells are texts, whatever they stand for."""
        return _is_text(self.cells.type)

    @cached_property
    def blank(self) -> NDArray[np.bool_]:
        """Cells (n,) that hold nothing: null, NaN, an empty text or white space alone."""
        blank: NDArray[np.bool_] = _mask(self.cells.is_null(nan_is_null=True))
        if self.written:
            blank |= _mask(pc.equal(pc.utf8_trim_whitespace(self.cells), ""))
        return blank

    @cached_property
    def disguises(self) -> tuple[Disguise, ...]:
        """Values that seem to stand for nothing."""
        found: list[Disguise] = []
        if self.written and self.nature != "other":
            found += word_disguises(self.values)
        if self.nature == "number":
            found += number_disguises(self.levels, self.level_counts)
        if self.nature == "time" or self.written:
            found += day_disguises(self.days)
        return tuple(found)

    @cached_property
    def absent(self) -> NDArray[np.bool_]:
        """Cells (n,) that hold nothing, or a value that seems to stand for nothing."""
        absent = self.blank.copy()
        for disguise in self.disguises:
            absent |= self.disguised(disguise)
        return absent

    def disguised(self, disguise: Disguise) -> NDArray[np.bool_]:
        """Cells (n,) that hold one of the values that stand for nothing."""
        if isinstance(disguise.value, str):
            place = self.values.index(disguise.value)
            return self.codes == place
        return (self.days if disguise.is_day else self.raw_numbers) == disguise.value

    @cached_property
    def _coded(self) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64]]:
        texts = self.cells if self.written else pc.cast(self.cells, pa.string())
        coded = texts.dictionary_encode()
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        values: list[str] = coded.dictionary.to_pylist()
        return codes, values, np.bincount(codes[codes >= 0], minlength=len(values))

    @property
    def codes(self) -> NDArray[np.int64]:
        """Place (n,) of each cell among `values`, -1 where it is null."""
        return self._coded[0]

    @property
    def values(self) -> list[str]:
        """The different values, as texts, in the order of their first cell."""
        return self._coded[1]

    @property
    def counts(self) -> NDArray[np.int64]:
        """In how many cells each of `values` stands."""
        return self._coded[2]

    @cached_property
    def raw_numbers(self) -> NDArray[np.float64]:
        """The cells (n,) as numbers, NaN where there is none; stand-ins for nothing included."""
        if self.written:
            read = np.array([_number(value) for value in self.values] + [np.nan])
            return read[self.codes]
        if not _is_number(self.cells.type):
            return np.full(len(self.cells), np.nan)
        return self.cells.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """The cells (n,) as finite numbers; NaN where there is none, or one that means nothing."""
        return np.where(self.absent | ~np.isfinite(self.raw_numbers), np.nan, self.raw_numbers)

    @cached_property
    def present(self) -> NDArray[np.float64]:
        """The finite numbers that mean something, in rising order."""
        numbers = self.numbers
        return np.sort(numbers[~np.isnan(numbers)])

    @cached_property
    def _levels(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        finite = self.raw_numbers[np.isfinite(self.raw_numbers)]
        levels, counts = np.unique(finite, return_counts=True)
        return levels, counts.astype(np.int64)

    @property
    def levels(self) -> NDArray[np.float64]:
        """The different finite numbers, in rising order."""
        return self._levels[0]

    @property
    def level_counts(self) -> NDArray[np.int64]:
        """In how many cells each of `levels` stands."""
        return self._levels[1]

    @cached_property
    def days(self) -> NDArray[np.float64]:
        """Days (n,) since 1970, with fractions; NaN where a cell is no date written as ISO does."""
        kind = self.cells.type
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            stamps = self.cells.cast(pa.timestamp("us"), safe=False)
            micros = (
                stamps.cast(pa.int64())
                .cast(pa.float64(), safe=False)
                .to_numpy(zero_copy_only=False)
            )
            return micros / 86_400e6
        if self.written and self.nature != "text":
            read = np.array([_day(value) for value in self.values] + [np.nan])
            return read[self.codes]
        return np.full(len(self.cells), np.nan)

    @cached_property
    def classes(self) -> tuple[NDArray[np.int64], list[str]] | None:
        """Class of each cell (n,), -1 where it is blank, and their names; None for a quantity."""
        if self.nature not in ("number", "category", "text"):
            return None
        if self.nature == "number":
            few = len(self.levels) <= min(50, max(2, len(self.cells) // 5))
            if not few or bool(np.any(self.levels != np.round(self.levels))):
                return None
        elif len(self.values) > max(MOST_CLASSES, len(self.cells) // 5):
            return None
        return np.where(self.blank, -1, self.codes), self.values


def _flat(cells: pa.ChunkedArray) -> pa.Array:
    flat = cells.combine_chunks()
    if isinstance(flat, pa.ChunkedArray):
        flat = pa.concat_arrays(flat.chunks) if flat.num_chunks else pa.array([], cells.type)
    if pa.types.is_dictionary(flat.type):
        flat = flat.cast(flat.type.value_type)
    if pa.types.is_large_string(flat.type) or pa.types.is_string_view(flat.type):
        flat = flat.cast(pa.string())
    return flat


def _mask(cells: pa.Array) -> NDArray[np.bool_]:
    return cells.fill_null(False).to_numpy(zero_copy_only=False)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _simple(kind: pa.DataType) -> bool:
    times = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    return _is_text(kind) or _is_number(kind) or pa.types.is_boolean(kind) or times


def _nature(cells: pa.Array) -> Nature:
    kind = cells.type
    if _is_number(kind):
        return "number"
    if pa.types.is_boolean(kind):
        return "category"
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "time"
    return _nature_of_texts(cells) if _is_text(kind) else "other"


def _nature_of_texts(cells: pa.Array) -> Nature:
    given = cells.drop_null()
    values = pc.unique(given)
    if not len(values):
        return "category"
    if _share(given, NUMBER) >= 0.8:
        return "number"
    if _share(given, ISO_DAY) >= 0.8:
        return "time"
    long = pc.mean(pc.utf8_length(values)).as_py() >= 25
    spaced = pc.sum(pc.match_substring_regex(values, r"\S\s+\S")).as_py() > len(values) / 2
    few = len(values) <= 50 or len(values) <= len(given) // 20
    return "text" if (long or spaced) and not few else "category"


def _share(values: pa.Array, pattern: str) -> float:
    return pc.mean(pc.match_substring_regex(values, pattern).cast(pa.float64())).as_py()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _day(text: str) -> float:
    from datetime import date

    try:
        return float((date.fromisoformat(text.strip()[:10]) - date(1970, 1, 1)).days)
    except ValueError:
        return np.nan
