"""Cron expressions of five fields: whether one means something, and what is wrong where not.

What belongs here: minute, hour, day, month and weekday as every cron has them: numbers, names of
months and weekdays, lists, ranges and steps. What does not: extensions that not every cron has
(`@daily`, `L`, `#`, `?`, a field of seconds), or when the next run is, which the orchestrator says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ITEM = re.compile(r"(\*|(?P<low>[a-z0-9]+)(-(?P<high>[a-z0-9]+))?)(/(?P<step>[0-9]+))?", re.ASCII)


@dataclass(frozen=True)
class _Field:
    """One of the five fields: its numbers, and names that stand for them from `low` upwards."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @property
    def range(self) -> str:
        also = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"{self.low}-{self.high}{also}"


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _WEEKDAYS),
)


def cron_mistake(text: str) -> str:
    """What is wrong with a cron expression, in words; empty where it is right.

    Names are taken in any case, 0 and 7 are Sunday, and a range may run over the end (`fri-mon`).
    A day that no month given has (30 February) is a mistake, since nothing would ever run.

    >>> cron_mistake("30 2 * * mon-fri")
    ''
    >>> cron_mistake("0 25 * * *")
    "the hour '25' is not in 0-23"
    """
    words = text.lower().split()
    if len(words) != len(_FIELDS):
        return "a cron expression has five fields: minute hour day month weekday"
    values: list[set[int]] = []
    for field, word in zip(_FIELDS, words, strict=True):
        found: set[int] = set()
        for item in word.split(","):
            numbers = _numbers(field, item)
            if isinstance(numbers, str):
                return numbers
            found |= numbers
        values.append(found)
    _, _, days, months, _ = values
    if min(days) > max(_DAYS_OF_MONTH[month - 1] for month in months):
        return f"no month {words[3]!r} has a day {words[2]!r}"
    return ""


def _numbers(field: _Field, item: str) -> set[int] | str:
    """The numbers that one item of a list stands for, or what is wrong with it."""
    match = _ITEM.fullmatch(item)
    if match is None:
        return f"the {field.name} {item!r} is no number, range (1-5), step (*/15) or list of them"
    step = int(match["step"] or 1)
    if not 1 <= step <= field.high:
        return f"the step of the {field.name} {item!r} is not in 1-{field.high}"
    if match["low"] is None:
        return set(range(field.low, field.high + 1, step))
    low = _number(field, match["low"])
    # A start and a step run to the end of the field.
    high = field.high if match["step"] and match["high"] is None else low
    high = high if match["high"] is None else _number(field, match["high"])
    if low is None or high is None:
        return f"the {field.name} {item!r} is not in {field.range}"
    last = high if low <= high else field.high
    return set(range(low, last + 1, step)) | set(range(field.low, high + 1 if low > high else 0))


def _number(field: _Field, word: str) -> int | None:
    if word in field.names:
        return field.low + field.names.index(word)
    number = int(word) if word.isdecimal() else -1
    return number if field.low <= number <= field.high else None
