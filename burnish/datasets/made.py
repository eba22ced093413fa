"""A bundled data set together with its truth, as no one outside this room gets it.

What belongs here: that record. What does not: making one (a module a set), or the doors to it
(`burnish.datasets.bundled` without truth, `burnish.datasets.truth` with it).
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Made:
    """What a generator of a bundled set makes; `truth` has the columns example_id and label."""

    examples: pa.Table
    annotations: pa.Table | None
    unlabeled: pa.Table | None
    truth: pa.Table
