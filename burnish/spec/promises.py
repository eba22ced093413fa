"""What a spec promises of labeling: by when items are done, and in which hours people work.

What belongs here: the models. What does not: when an item is due and how far a batch is from that
(`burnish.review.promises`), or telling people of it (`burnish.workflows.keeping_promises`).
"""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from burnish.spec.part import Part, Variable

Priority: TypeAlias = Literal["urgent", "high", "normal"]
Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAYS: tuple[Day, ...] = DAYS[:5]
MOST_WEEKS = 520
"""What is promised lies within ten years of working weeks."""
Hours = Annotated[float, Field(gt=0.0, le=10_000.0)]


class WorkingHours(Part):
    """When people label: these days, from `start` to `end` by the clock of `timezone`."""

    days: tuple[Day, ...] = WEEKDAYS
    start: str = "09:00"
    end: str = "17:00"
    timezone: str = "UTC"

    @field_validator("start", "end")
    @classmethod
    def _is_time(cls, value: str) -> str:
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", value):
            raise ValueError(f"{value!r} is no time of day, as 09:00")
        return value

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is no time zone of the IANA database") from error
        return value

    @model_validator(mode="after")
    def _some_hours(self) -> WorkingHours:
        if not self.days:
            raise ValueError("no day is worked")
        if self.minutes[0] >= self.minutes[1]:
            raise ValueError(f"start {self.start} is not before end {self.end}")
        return self

    @property
    def minutes(self) -> tuple[int, int]:
        """Start and end in minutes after midnight.

        >>> WorkingHours().minutes
        (540, 1020)
        """
        return _minutes(self.start), _minutes(self.end)


class Promises(Part):
    """By when items are to be done, in hours after they came to the desk, by priority.

    With `working_hours` only these hours count. Breaches are told to `webhook_variable` (the name
    of the variable that holds the address) and left as mail in `email_folder`.
    """

    urgent: Hours = 8.0
    high: Hours = 24.0
    normal: Hours = 72.0
    working_hours: WorkingHours | None = None
    webhook_variable: Variable | None = None
    email_folder: str | None = None

    @model_validator(mode="after")
    def _sooner_if_urgent(self) -> Promises:
        if not self.urgent <= self.high <= self.normal:
            raise ValueError(
                f"urgent: {self.urgent:g}, high: {self.high:g}, normal: {self.normal:g} are no "
                "rising hours: what is urgent is promised first"
            )
        return self

    @model_validator(mode="after")
    def _within_years(self) -> Promises:
        if self.working_hours is None:
            return self
        start, end = self.working_hours.minutes
        a_week = len(set(self.working_hours.days)) * (end - start) / 60
        if self.normal > MOST_WEEKS * a_week:
            raise ValueError(
                f"normal: {self.normal:g} is over {MOST_WEEKS} weeks of {a_week:g} working hours"
            )
        return self

    def hours_of(self, priority: Priority) -> float:
        """The hours that an item of a priority has.

        >>> Promises().hours_of("urgent")
        8.0
        """
        return {"urgent": self.urgent, "high": self.high, "normal": self.normal}[priority]


def _minutes(text: str) -> int:
    if text == "24:00":
        return 24 * 60
    told = time.fromisoformat(text)
    return told.hour * 60 + told.minute
