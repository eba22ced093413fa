"""A bundled data set together with its truth, as no one outside this room gets it.

What belongs here: those records. What does not: making one (a module a set), or the doors to it
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


@dataclass(frozen=True)
class Stream:
    """What a model meets after training: rows by time, labels that came in later, and the truth.

    `rows` have example_id, met and the features; `labels` example_id, label, told, of some of them;
    `truth` example_id and label of all.
    """

    rows: pa.Table
    labels: pa.Table
    truth: pa.Table
