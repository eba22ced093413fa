"""What to look at next: a batch of rows for people, under a budget.

What belongs here: the value of a review, the random control arm, composing a batch, and a forecast
of what the next reviews find. What does not: how
suspicious a label is (`burnish.labels`), which rows are still open (`burnish.workflows.queue`),
and what people decide (`burnish.review`).
"""

from burnish.acquisition.batch import BATCH_SCHEMA, compose_batch, control_rows
from burnish.acquisition.forecasting import Forecast, PastBatch, forecast
from burnish.acquisition.order import seeded_keys

__all__ = [
    "BATCH_SCHEMA",
    "Forecast",
    "PastBatch",
    "compose_batch",
    "control_rows",
    "forecast",
    "seeded_keys",
]
