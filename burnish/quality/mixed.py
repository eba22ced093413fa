"""Columns of texts that are written in several ways: numbers among words, dates, units.

What belongs here: telling how the cells of a column are written. What does not: two spellings of
one value (`burnish.quality.spelling`), nor numbers in another unit without a sign of it
(`burnish.quality.units`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from burnish.quality.checked import Check, Checked
from burnish.quality.column import Column
from burnish.quality.findings import QualityFinding
from burnish.quality.wording import listed, share_of, shown

_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATES: tuple[tuple[str, str], ...] = (
    ("year-month-day", r"\d{4}-\d{1,2}-\d{1,2}([T ]\d.*)?"),
    ("year/month/day", r"\d{4}/\d{1,2}/\d{1,2}"),
    ("numbers with slashes", r"\d{1,2}/\d{1,2}/(\d{4}|\d{2})"),
    ("numbers with dots", r"\d{1,2}\.\d{1,2}\.(\d{4}|\d{2})"),
    ("numbers with dashes, the year last", r"\d{1,2}-\d{1,2}-\d{4}"),
    ("a month as a word", rf"(\d{{1,2}}[ .-]+{_MONTH}[ .,-]+\d{{2,4}}|{_MONTH} \d+,? \d{{4}})"),
)  # fmt: skip
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?"
_NUMBERS: tuple[tuple[str, str], ...] = (
    ("plain numbers", _NUMBER),
    ("numbers with commas", r"[+-]?\d+(,\d+)+(\.\d+)?"),
)
_WITH_UNIT = re.compile(r"(?i)^([$€£¥])?\s*[+-]?\d[\d,]*\.?\d*\s*(%|°?[a-zµ°²³/]{1,6})?$")
_UNIT = re.compile(r"(?i)[$€£¥]|%|°?[a-zµ°²³/]+$")
_WORDS = "words"
LEAST = 0.005
"""Share of a column from which on another way of writing counts."""


def mixed_types(checked: Checked) -> Iterator[QualityFinding]:
    """Texts written in several ways; a warning, the rows of the rarest way first.

    Dates in several forms, numbers with and without a unit, and words among numbers. Columns of
    codes, in which words are the rule, are left alone.

    >>> import pyarrow as pa
    >>> weights = pa.table({"weight": ["70", "71 kg", "69", "80", "65", "150 lb"] * 5})
    >>> found, = mixed_types(Checked.of(weights))
    >>> found.evidence  # doctest: +ELLIPSIS
    "plain numbers 67 %, such as '70'; numbers in kg 17 %, such as '71 kg'; numbers in lb...
    """
    for column in checked.features:
        if column.written and column.nature in ("number", "category", "time"):
            ways = _ways(column)
            if _mixed(ways, column):
                yield _finding(column, ways)


def _ways(column: Column) -> dict[str, list[int]]:
    """Ways of writing, the commonest first, and the places of the values written so."""
    nothing = {one.value for one in column.disguises}
    ways: dict[str, list[int]] = {}
    for place, value in enumerate(column.values):
        if value.strip() and value not in nothing:
            ways.setdefault(_way(value.strip()), []).append(place)
    rank = {way: -int(column.counts[places].sum()) for way, places in ways.items()}
    return dict(sorted(ways.items(), key=lambda item: rank[item[0]]))


def _way(text: str) -> str:
    for name, pattern in (*_NUMBERS, *_DATES):
        if re.fullmatch(pattern, text, re.IGNORECASE):
            return name
    if _WITH_UNIT.match(text):
        unit = _UNIT.search(text)
        return f"numbers in {unit.group().lower()}" if unit else _WORDS
    return _WORDS


def _mixed(ways: dict[str, list[int]], column: Column) -> bool:
    cells = {way: int(column.counts[places].sum()) for way, places in ways.items()}
    total = sum(cells.values())
    real = {way: n for way, n in cells.items() if n >= max(2.0, LEAST * total)}
    dates = [way for way in real if way in dict(_DATES)]
    if len(dates) > 1 and sum(real[way] for way in dates) >= 0.8 * total:
        return True
    numbers = {way: n for way, n in real.items() if way in dict(_NUMBERS) or "numbers in" in way}
    # A few values are grades ('1', '2', '3+') or codes, where words and numbers stand side by side.
    varied = sum(len(ways[way]) for way in numbers) > 5
    if not varied or sum(numbers.values()) < 0.5 * total:
        return False
    some_units = any("numbers in" in way for way in numbers)
    codes = some_units and _WORDS in real and real[_WORDS] > 0.1 * total
    return not codes and (len(numbers) > 1 or _WORDS in real)


def _finding(column: Column, ways: dict[str, list[int]]) -> QualityFinding:
    total = int(column.counts.sum())
    cells = {way: int(column.counts[places].sum()) for way, places in ways.items()}
    rare = [place for way in reversed(list(ways)[1:]) for place in ways[way]]
    rows = np.concatenate([np.flatnonzero(column.codes == place) for place in rare])
    return QualityFinding(
        kind="mixed_types",
        severity="warning",
        columns=(column.name,),
        rows=tuple(rows.tolist()),
        sentence=f"Column {shown(column.name)} is written in several ways: {listed(list(ways))}.",
        evidence="; ".join(
            f"{way} {share_of(cells[way], total)}, such as {shown(column.values[places[0]])}"
            for way, places in list(ways.items())[:6]
        ),
        to_do="Write all cells in one way, in one unit; a model takes each way for another thing.",
        details={"ways": cells},
    )


MIXED = Check("mixed_types", "columns written in several ways", mixed_types)
