"""Values that stand for nothing: words, numbers at the edge, and days of the calendar's start.

What belongs here: telling such a value from a real one by the values of its column and how often
each stands there. What does not: what is said of it (`burnish.quality.missing`).

A number is taken for a stand-in only on evidence beside its look: it is repeated, it lies at the
edge, and there is a gap between it and all the rest. Real zeros, top codes and codes of categories
have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WORDS = """na n/a n.a. n.a #n/a #na <na> nan null (null) <null> nil ? ?? ??? - -- --- . .. unknown
unk missing (missing) undefined unspecified tbd #value! #ref! #div/0! [] {}"""
_PHRASES = "not available, not applicable, not known, not specified, not recorded, no data"
WORDS = frozenset(_WORDS.split() + _PHRASES.split(", "))
"""Words that stand for nothing, in small letters."""

MAYBE = frozenset({"none", "(none)"})
"""Words that may stand for nothing, or for 'there is none', which is an answer."""

_EDGE_DAYS = ("0001-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01", "1904-01-01",
              "1970-01-01", "2099-12-31", "2999-12-31", "9999-12-31")  # fmt: skip
_REPEATED = 3  # fewer may be chance
_FEW_LEVELS = 12  # a column of fewer values is one of codes, where any may be real


@dataclass(frozen=True)
class Disguise:
    """A value that seems to stand for nothing, and by what it is known.

    `sure` is False where it may as well be an answer. A number may be a day since 1970 (`is_day`).
    """

    value: str | float
    reason: str
    sure: bool = True
    is_day: bool = False


def word_disguises(values: Sequence[str]) -> list[Disguise]:
    """Words among the `values` that stand for nothing.

    >>> [one.value for one in word_disguises(["red", "N/A", "blue"])]
    ['N/A']
    >>> word_disguises(["+", "-"]), word_disguises(["NA", "DE"]), word_disguises(["UNK", "JFK"])
    ([], [], [])
    """
    words = {value: value.strip().lower() for value in values}
    real = [value for value, word in words.items() if word and word not in WORDS | MAYBE]
    found: list[Disguise] = []
    for value, word in words.items():
        if word in WORDS and not _is_an_answer(value.strip(), real):
            found.append(Disguise(value, "a word for nothing"))
        elif word in MAYBE and len(real) > 1:
            found.append(Disguise(value, "a word for nothing, or for 'there is none'", sure=False))
    return found


def _is_an_answer(word: str, real: Sequence[str]) -> bool:
    """Whether the other values make an answer of the word: a country's code, a sign, a bracket."""
    if not real:
        return False
    if word.isalpha() and word.isupper() and len(word) <= 3:  # NA, UNK: codes of places as well
        codes = sum(len(other) == len(word) and other.isupper() for other in real)
        return 2 * codes > len(real)
    marks = all(not any(letter.isalnum() for letter in other) for other in real)
    return marks and not any(letter.isalnum() for letter in word)


def number_disguises(levels: NDArray[np.float64], counts: NDArray[np.int64]) -> list[Disguise]:
    """Numbers at the edges of a column that seem to stand for nothing.

    `levels` (m,) are its different numbers in rising order, `counts` (m,) how often each occurs.

    >>> levels = np.append(-999.0, np.arange(20.0, 60.0))
    >>> [one.value for one in number_disguises(levels, np.append(7, np.full(40, 3)))]
    [-999.0]
    """
    found: list[Disguise] = []
    for _ in range(4):  # say -999 and -998 at one edge, 9999 at the other
        edges = [(0, slice(1, None)), (-1, slice(None, -1))] if levels.size > _FEW_LEVELS else []
        for place, rest in edges:
            reason = _reason(levels[place], counts[place], levels[rest], counts[rest])
            if reason:
                found.append(Disguise(float(levels[place]), reason))
                levels, counts = levels[rest], counts[rest]
                break
        else:
            break
    return found


def _reason(value: float, count: int, rest: NDArray[np.float64], counts: NDArray[np.int64]) -> str:
    """By what an edge value is known to stand for nothing; empty where it is not."""
    nearest = float(rest[np.argmin(np.abs(rest - value))])
    low, high = _quartiles(rest, counts)
    gap, width, spread = abs(nearest - value), float(rest[-1] - rest[0]), high - low
    if count < _REPEATED or gap == 0:
        return ""
    said = f"{count:,} times at the edge, the next value is {nearest:.6g}"
    if _is_nines(value) and gap >= max(spread, 0.25 * width):
        return f"{said}; nines are a usual stand-in"
    usual = float(np.average(counts, weights=counts))
    if count < max(5.0, 3 * usual):
        return ""
    positive = rest[0] > 0
    if value in (-1, -7, -8, -9) and rest[0] >= 0:
        return f"{said}; it is the only negative number"
    if value == 0 and positive and gap >= max(spread, 0.1 * width):
        # More than a third of zeros is an amount that is mostly none.
        return f"{said}; nothing else is near zero" if 2 * count < counts.sum() else ""
    return f"{said}, farther off than all others from each other" if gap > width else ""


def _quartiles(levels: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float, float]:
    reached = np.cumsum(counts)
    places = np.searchsorted(reached, np.array([0.25, 0.75]) * reached[-1])
    return float(levels[places[0]]), float(levels[places[1]])


def _is_nines(value: float) -> bool:
    digits = f"{abs(value):.10g}".replace(".", "")
    return len(digits) >= 2 and set(digits) == {"9"}


def day_disguises(days: NDArray[np.float64]) -> list[Disguise]:
    """Days that clocks and programs write where they know none: 1900-01-01, 1970-01-01 and such.

    `days` (n,) count from 1970. One counts where it is repeated and lies a month or more before or
    after all others, and ten times as far as others lie from each other; or where it is ten times
    as frequent as a usual day. The first of a row of years or months is none.

    >>> years = np.array(["1970-01-01", "1971-01-01", "1972-01-01"], "datetime64[D]").astype(float)
    >>> day_disguises(np.repeat(years, 9))
    []
    """
    levels, counts = np.unique(np.floor(days[~np.isnan(days)]), return_counts=True)
    found: list[Disguise] = []
    for name in _EDGE_DAYS if levels.size > 1 else ():
        day = float(np.datetime64(name, "D").astype(int))
        place = int(np.searchsorted(levels, day))
        if place == levels.size or levels[place] != day or counts[place] < 2:
            continue
        others = np.delete(levels, place)
        # What is as far off as the others are from each other is the first of them.
        usual = float(np.median(np.diff(others))) if others.size > 1 else 0.0
        far = bool(np.min(np.abs(others - day)) >= max(30.0, 10 * usual))
        alone = far and place in (0, levels.size - 1)
        often = bool(counts[place] >= max(5.0, 10 * float(np.median(counts))))
        if alone or often:
            said = "far from all other days" if alone else "far oftener than a usual day"
            found.append(Disguise(day, f"{counts[place]:,} times, {said}", is_day=True))
    return found
