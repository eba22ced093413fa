"""What lies around each row of an audited file: near copies, and how far the nearest rows are.

What belongs here: which columns rows are compared by. What does not: the search and the measures
(`burnish.neighbours`, `burnish.quality`), or telling people (`.audit_file_quality`).

Rows with texts are near copies where their texts are; other rows by all that is a number, a
category or a picture, on the scales that the models see.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.modeling import design_frame
from burnish.modeling.views import frame_views
from burnish.workflows.audit_file_rows import FileRows

_NEIGHBOURS = 32
MOST_ROWS = 100_000
"""With more rows each is not held against all others: that takes time with the square of them."""


@dataclass(frozen=True)
class Surroundings:
    """By row: the name of its group of near copies, and its outlier score in [0, 1].

    Either is None where it was not looked for: scores need numbers, categories or pictures. Then
    `note` says so, where people would expect it.
    """

    groups: tuple[str, ...] | None = None
    outlier_score: NDArray[np.float64] | None = None
    note: str = ""


def look_around(rows: FileRows, *, most_rows: int = MOST_ROWS) -> Surroundings:
    """Near copies and outliers among all rows of a file, with a label or without.

    Numbers, categories and pictures are compared in files of at most `most_rows` rows.
    """
    try:
        neighbours: Any = importlib.import_module("burnish.neighbours")
        quality: Any = importlib.import_module("burnish.quality.near")
        odd: Any = importlib.import_module("burnish.quality.outliers")
    except ImportError:
        return Surroundings()
    texts = _texts(rows)
    groups = quality.near_duplicate_groups(texts).to_pylist() if texts else None
    dense = _dense(rows) if rows.examples.num_rows <= most_rows else None
    if dense is None:
        return Surroundings(
            None if groups is None else tuple(groups), note=_left_out(rows, most_rows)
        )
    found = neighbours.nearest(dense, k=_NEIGHBOURS)
    if groups is None:
        groups = quality.near_duplicate_groups(dense, neighbours=found).to_pylist()
    return Surroundings(tuple(groups), odd.outliers(found).outlier_score)


def _left_out(rows: FileRows, most_rows: int) -> str:
    if rows.examples.num_rows <= most_rows:
        return ""
    return f"outliers, and near copies by numbers, were not looked for above {most_rows:,} rows"


def _texts(rows: FileRows) -> list[str]:
    names = rows.spec.of_kind("text")
    columns = [rows.examples[name].to_pylist() for name in names]
    return ["\n".join(text or "" for text in row) for row in zip(*columns, strict=True)]


def _dense(rows: FileRows) -> NDArray[np.float64] | None:
    features = {name: one for name, one in rows.spec.features.items() if one.kind != "text"}
    if not features:
        return None
    frame = design_frame(rows.examples, features, folder=rows.spec.folder)
    return frame_views(frame, features)["dense"]
