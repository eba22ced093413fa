"""Names of the tables of production: a stage and a period are one table of the store.

What belongs here: how a period is written, and what the table of a stage and a period is called.
What does not: which rows are of a period (`burnish.workflows.production_rows`).
"""

from __future__ import annotations

BATCH, PREDICTIONS = "production_batch", "predictions"
DRIFT, PERFORMANCE = "drift_report", "performance_estimate"
PARTITIONED: tuple[str, ...] = (BATCH, PREDICTIONS, DRIFT, PERFORMANCE)

LABELS = "production_labels"
"""Production rows whose label came in: features, example_id, label, period. One table."""

ASKED = "production_asked"
"""Production rows that somebody or something asked a label for: they join the unlabeled rows."""

ADOPTED = "production_adopted"
"""Production rows with a label that came in, which a retrain takes among the raw examples."""


def partition_stage(stage: str, period: str) -> str:
    """The stage of one period, as versions and the store know it.

    >>> partition_stage("production_batch", "2026-03-07")
    'production_batch/2026-03-07'
    """
    return f"{stage}/{period}"
