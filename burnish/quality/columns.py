"""Columns that say nothing, nearly nothing, or only which row it is.

What belongs here: judging one column by how often its values differ. What does not: what its
values are (`burnish.quality.mixed`, `burnish.quality.spelling`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from burnish.quality.checked import Check, Checked
from burnish.quality.column import Column
from burnish.quality.findings import QualityFinding
from burnish.quality.wording import count_of, share_of, shown

NEARLY = 0.995
_FEWEST = 20  # rows from which on a column that never repeats is told from chance
_NEARLY_FEWEST = 200
_NAMED_ID = re.compile(
    r"(?i)(^|[^a-z])(id|uuid|guid|key|index|idx|rowid|row_?number|ssn|phone)$|^unnamed: ?\d+$"
)
_CAMEL_ID = re.compile(r"[a-z]I[dD]$")
_UUID = re.compile(r"(?i)^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$")
_CODE = re.compile(r"^(?=.*\d)[A-Za-z0-9]+([-_./:#][A-Za-z0-9]+)*$")
_DATE = re.compile(r"^\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ].*)?$")
_DIGITS = 7  # whole numbers of this many digits, all different, number things


def constant(checked: Checked) -> Iterator[QualityFinding]:
    """Columns with one value in every row that has any; a warning.

    Beside gaps it is a note: then the gaps may tell something.

    >>> import pyarrow as pa
    >>> found, = constant(Checked.of(pa.table({"country": ["DE"] * 3, "age": [1, 2, 3]})))
    >>> found.sentence
    "Column 'country' is 'DE' in every row."
    """
    for column in checked.features:
        most = _most_common(column)
        if most is None or most[2] != 1 or checked.rows < 2:
            continue
        value, count, _ = most
        full = count == checked.rows
        rest = f"in all of its {count_of(count)} that have a value"
        yield QualityFinding(
            kind="constant",
            severity="warning" if full else "note",
            columns=(column.name,),
            rows=(),
            sentence=f"Column {shown(column.name)} is {value} {'in every row' if full else rest}.",
            evidence=f"1 value in {count_of(count)}",
            to_do="Leave it out: a model learns nothing from it." if full
            else "Keep it only if the gaps themselves mean something.",
        )  # fmt: skip


def nearly_constant(checked: Checked) -> Iterator[QualityFinding]:
    """Columns with one value in 99.5 % of the rows or more, of 200 or more; a note.

    The rest may be what matters (a fraud, a defect), or a slip.

    >>> import pyarrow as pa
    >>> table = pa.table({"flag": [0] * 299 + [1]})
    >>> [one.rows for one in nearly_constant(Checked.of(table))]
    [(299,)]
    """
    for column in checked.features:
        most = _most_common(column)
        if most is None or most[2] < 2 or checked.rows < _NEARLY_FEWEST:
            continue
        value, count, _ = most
        if count < NEARLY * np.count_nonzero(~column.blank) or count < checked.rows / 2:
            continue
        rows = np.flatnonzero(~column.blank & ~_equal_to_most(column))
        yield QualityFinding(
            kind="nearly_constant",
            severity="note",
            columns=(column.name,),
            rows=tuple(rows.tolist()),
            sentence=f"Column {shown(column.name)} is {value} in all but {count_of(rows.size)}.",
            evidence=f"{share_of(count, checked.rows)} of {count_of(checked.rows)}",
            to_do="Look at the other rows: they are what matters, or slips. Else leave it out.",
        )


def _most_common(column: Column) -> tuple[str, int, int] | None:
    """The commonest value, its cells, and how many values there are; None where there is none."""
    if column.nature == "other":
        return None
    if column.nature == "number" and not column.written:
        if not column.levels.size or np.isinf(column.raw_numbers).any():
            return None
        place = int(np.argmax(column.level_counts))
        counts, value = column.level_counts, shown(float(column.levels[place]))
        return value, int(counts[place]), counts.size
    filled = np.array([bool(value.strip()) for value in column.values], dtype=bool)
    if not filled.any():
        return None
    counts = np.where(filled, column.counts, 0)
    place = int(np.argmax(counts))
    return shown(column.values[place]), int(counts[place]), int(filled.sum())


def _equal_to_most(column: Column) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if column.nature == "number" and not column.written:
        return column.raw_numbers == column.levels[int(np.argmax(column.level_counts))]
    filled = np.array([bool(value.strip()) for value in column.values], dtype=bool)
    return column.codes == int(np.argmax(np.where(filled, column.counts, 0)))


def identifier(checked: Checked) -> Iterator[QualityFinding]:
    """Columns that only say which row it is; a warning, since a model can learn rows by heart.

    Whole numbers that count the rows, long numbers or codes that never repeat, and columns that
    never repeat and are called an id. A quantity that happens never to repeat is none.

    >>> import pyarrow as pa
    >>> [one.columns for one in identifier(Checked.of(pa.table({"n": range(30)})))]
    [('n',)]
    """
    for column in checked.features:
        reason = _names_rows(column, checked.rows)
        if reason:
            yield QualityFinding(
                kind="identifier",
                severity="warning",
                columns=(column.name,),
                rows=(),
                sentence=f"Column {shown(column.name)} seems to name the rows, not describe them.",
                evidence=reason,
                to_do="Leave it out of the features, or name it as the rows' id.",
            )


def _names_rows(column: Column, rows: int) -> str:
    given = int(np.count_nonzero(~column.blank))
    if given < max(_FEWEST, 0.9 * rows) or column.nature in ("other", "time"):
        return ""
    named = bool(_NAMED_ID.search(column.name) or _CAMEL_ID.search(column.name))
    if column.nature == "number":
        return _numbers_rows(column, given, named)
    values = [value for value in column.values if value.strip()]
    if len(values) < 0.99 * given:
        return ""
    said = f"{len(values):,} different texts in {count_of(given)}"
    if all(map(_UUID.match, values)):
        return f"{said}, each a UUID"
    # A day that stands in one row each is a time, and rows of two days are no copies.
    codes = sum(bool(_CODE.match(value)) and not _DATE.match(value) for value in values)
    if codes >= 0.99 * len(values) and column.nature != "text":
        return f"{said}, each a code with a number in it"
    return f"{said}, and its name" if named else ""


def _numbers_rows(column: Column, given: int, named: bool) -> str:
    levels = column.levels
    if levels.size < 0.99 * given or bool(np.any(levels != np.round(levels))):
        return ""
    said = f"{levels.size:,} different whole numbers in {count_of(given)}"
    if levels.size == given and levels[-1] - levels[0] == given - 1:
        return f"{said} that leave none out, from {levels[0]:.0f} to {levels[-1]:.0f}"
    size = np.floor(np.log10(np.maximum(np.abs(levels), 1))) + 1
    if given >= 100 and size[0] == size[-1] >= _DIGITS and levels[0] > 0:
        return f"{said}, of {size[0]:.0f} digits each"
    return f"{said}, and its name" if named else ""


CONSTANT = Check("constant", "columns with a single value", constant)
NEARLY_CONSTANT = Check("nearly_constant", "columns with nearly a single value", nearly_constant)
IDENTIFIER = Check("identifier", "columns that only say which row it is", identifier)
