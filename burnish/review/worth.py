"""What labeling brings for what it costs: the record that the page for the payer shows.

What belongs here: plain immutable data. What does not: computing it (`burnish.workflows.worth`), or
its page (`burnish.review.pages_worth`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Worth:
    """Progress, errors found and hours spent on a dataset's batches."""

    dataset: str
    decided: int
    found: int
    hours: float
