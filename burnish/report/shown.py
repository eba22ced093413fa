"""What the page of a stage shows, before anybody decides how: figures, plots, tables, words.

What belongs here: that record. What does not: filling it (`burnish.workflows.stage_pages`), or
laying it out for an orchestrator's UI (`assets.reporting`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

import pyarrow as pa

from burnish.errors import DataError

Figure = float | int | bool | str | None


@dataclass(frozen=True)
class Shown:
    """The page of a stage, the important first.

    figures: a few numbers by name, the same names every time; None is one that is not known yet.
    plots: SVG by name. tables: short tables by name, columns named for people. preview: whether
    the first rows say something that these tables do not.

    Raises `DataError` for a number that is NaN or infinite: what is not known is None.

    >>> Shown({"iteration": 3, "noise left": None}).figures["noise left"] is None
    True
    """

    figures: Mapping[str, Figure]
    plots: Mapping[str, str] = field(default_factory=dict[str, str])
    tables: Mapping[str, pa.Table] = field(default_factory=dict[str, pa.Table])
    preview: bool = True

    def __post_init__(self) -> None:
        for name, value in self.figures.items():
            if isinstance(value, float) and not isfinite(value):
                raise DataError(f"the figure {name!r} is {value}", expected="a number, or None")
