"""Limits of changes: of each slice alone, and of all slices of a metric together.

What belongs here: which interval a change gets, and how sure it must be. What does not: the
intervals (`burnish.metrics.paired`), nor what changed (`burnish.slices.comparing_changes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from burnish.metrics.checked import FloatArray, IntArray
from burnish.metrics.grouped import Groups
from burnish.metrics.limits import Estimates
from burnish.metrics.paired import gathered, influence_limits, tango_limits
from burnish.metrics.paired_together import Parts, bonferroni, max_t_confidence
from burnish.slices.comparing_changes import MIN_CHANGED, Change

Correction = Literal["max-t", "bonferroni", "none"]


@dataclass(frozen=True)
class Weighed:
    """A change on the slices of one slicing, with its units: rows, or groups of rows.

    `parts`, `groups` and `units` hold each unit's part in the error, the slice that it is in, and
    its code. `few` marks slices in which too little was counted to say anything.
    """

    change: Change
    groups: Groups
    parts: FloatArray
    units: IntArray
    rows: FloatArray | IntArray
    few: NDArray[np.bool_]
    clustered: bool

    @classmethod
    def of(
        cls, change: Change, groups: Groups, units: IntArray, *, clustered: bool, min_support: int
    ) -> Weighed:
        """`units`: the code of each row, or of what it belongs to where `clustered`."""
        parts, by, rests, asked = change.influence, groups, change.rests, change.asked
        if clustered:
            parts, by, units = gathered(change.influence, groups, units)
            rests, asked = np.minimum(rests, by.count()), np.minimum(asked, by.count())
        unknown = np.isnan(change.after - change.before)
        few = np.asarray(change.few) | (asked < min_support) | unknown
        return cls(change, by, parts, units, rests, few, clustered)

    @property
    def uncertain(self) -> NDArray[np.bool_]:
        """Where limits were not shown to hold: too few rows, or too few of them changed."""
        if self._by_counts:
            return self.few
        return self.few | (self.change.changed < MIN_CHANGED)

    @property
    def _by_counts(self) -> bool:
        return self.change.gained is not None and not self.clustered

    def limits(self, confidence: float, rows: Groups) -> Estimates:
        """Limits of after - before by slice; `rows` are the groups of the rows."""
        change = self.change
        if change.gained is not None and change.lost is not None and not self.clustered:
            counts = rows.total(change.gained), rows.total(change.lost)
            return tango_limits(*counts, change.asked, confidence=confidence)
        found = influence_limits(
            change.after - change.before,
            self.parts,
            self.groups,
            freedom=np.maximum(self.rows - 1, 0),
            scale=change.scale,
            rests=self.rows,
            confidence=confidence,
        )
        return Estimates(found.value, found.low - change.below, found.high + change.above)


def confidence_of_each(
    weighed: Sequence[Weighed],
    *,
    units: int,
    confidence: float,
    correction: Correction,
    draws: int,
    random_state: int,
) -> float:
    """How sure each interval has to be, so that those of all slices with enough rows hold."""
    counted = [~one.few for one in weighed]
    if correction == "none":
        return confidence
    if correction == "bonferroni":
        return bonferroni(confidence, int(sum(one.sum() for one in counted)))
    parts = [Parts(one.units, one.groups.codes, one.parts, one.groups.size) for one in weighed]
    return max_t_confidence(
        parts,
        counted,
        units=units,
        confidence=confidence,
        draws=draws,
        random_state=random_state,
    )
