"""What to look at next: a batch of rows for people, under a budget.

What belongs here: priorities, the random control arm, and composing a batch. What does not: how
suspicious a label is (`burnish.labels`), which rows are still open (`burnish.workflows.queue`),
and what people decide (`burnish.review`).
"""

from burnish.acquisition.batch import BATCH_SCHEMA, compose_batch, control_rows
from burnish.acquisition.order import seeded_keys

__all__ = ["BATCH_SCHEMA", "compose_batch", "control_rows", "seeded_keys"]
