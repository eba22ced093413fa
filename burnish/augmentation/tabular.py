"""Variants of rows of numbers: a point on the way to a near row of the same class.

What belongs here: numeric columns. What does not: choosing the near row, which needs the whole
data (`burnish.workflows.augment`); categories, flags and times, which are copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
import pyarrow as pa

from burnish.augmentation.columns import columns_of, with_cells
from burnish.spec import Feature, FeatureKind


@dataclass(frozen=True)
class TabularInterpolate:
    """value + u (partner - value), one u in [least, most] a row, as in SMOTE-NC.

    After Chawla et al. 2002, 'SMOTE: Synthetic Minority Over-sampling Technique', except that
    categories are copied from the row and not voted. u stays below one half, so that the new row
    is nearer to the row whose label it carries.
    """

    least: float = 0.1
    most: float = 0.5
    name: str = "tabular_interpolate"
    kind: FeatureKind = "numeric"

    def apply(
        self,
        rows: pa.Table,
        rng: np.random.Generator,
        *,
        features: Mapping[str, Feature],
        partners: pa.Table,
    ) -> pa.Table:
        shares = rng.uniform(self.least, self.most, rows.num_rows).tolist()
        for column in columns_of(rows, features, self.kind):
            dtype = rows.schema.field(column).type
            own, near = rows[column].to_pylist(), partners[column].to_pylist()
            cells = [
                _between(value, partner, share, whole=pa.types.is_integer(dtype))
                for value, partner, share in zip(own, near, shares, strict=True)
            ]
            rows = with_cells(rows, column, cells)
        return rows


def _between(value: Any, partner: Any, share: float, *, whole: bool) -> Any:
    if _missing(value) or _missing(partner):
        return value
    point = float(value) + share * (float(partner) - float(value))
    return round(point) if whole else point


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and isnan(value))
