"""Words of findings: numbers, counts and values as a person reads them.

What belongs here: short phrases that several checks share. What does not: the sentences of one
check, which stand with it.
"""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST = 40


def count_of(number: int, noun: str = "row") -> str:
    """A number with its noun.

    >>> count_of(1), count_of(1200), count_of(2, "class")
    ('1 row', '1,200 rows', '2 classes')
    """
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{ending}"


def share_of(part: float, whole: float) -> str:
    """A share in per cent, never rounded to nothing or to all.

    >>> share_of(1, 3), share_of(1, 10_000), share_of(9_999, 10_000)
    ('33 %', 'less than 0.1 %', 'more than 99.9 %')
    """
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 0.1:
        return "less than 0.1 %"
    if 99.9 < percent < 100:
        return "more than 99.9 %"
    return f"{percent:.1f} %" if percent < 10 and percent % 1 else f"{percent:.0f} %"


def shown(value: object) -> str:
    """A value between quotes where it is a text, cut where it is long.

    >>> shown("a" * 50)[-6:], shown(-999.0), shown(0.123456789)
    ("aaaa…'", '-999', '0.123457')
    """
    if isinstance(value, float):
        return f"{value:.10g}" if value.is_integer() else f"{value:.6g}"
    if not isinstance(value, str):
        return str(value)
    short = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
    return f"'{short.encode('unicode_escape').decode() if not short.isprintable() else short}'"


def listed(values: Sequence[str], *, most: int = 3) -> str:
    """A few of many, in a row.

    >>> listed(["a", "b"]), listed(["a", "b", "c", "d", "e"])
    ('a and b', 'a, b, c and 2 more')
    """
    if len(values) > most:
        return f"{', '.join(values[:most])} and {len(values) - most:,} more"
    return " and ".join([", ".join(values[:-1]), values[-1]] if len(values) > 1 else values)
