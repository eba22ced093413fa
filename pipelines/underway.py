"""Which runs of a dataset are queued or running.

What belongs here: asking a Dagster instance. What does not: keeping runs apart, which the
dataset's pool does (`assets.reporting.pool_of`).
"""

import dagster as dg
from dagster import DagsterRunStatus as Status

from assets.reporting import DATASET_TAG, PART_TAG
from burnish.spec import DatasetSpec

AT_WORK = [Status.STARTING, Status.STARTED, Status.CANCELING]
UNFINISHED = [Status.NOT_STARTED, Status.QUEUED, *AT_WORK]


def underway(
    instance: dg.DagsterInstance, spec: DatasetSpec, part: str = ""
) -> list[dg.DagsterRun]:
    """Runs of a dataset that have not ended; with `part`, of that part of its cycle alone."""
    tags = {DATASET_TAG: spec.name, **({PART_TAG: part} if part else {})}
    return list(instance.get_runs(dg.RunsFilter(tags=tags, statuses=UNFINISHED)))


def at_work(instance: dg.DagsterInstance, spec: DatasetSpec) -> list[dg.DagsterRun]:
    """Runs of a dataset that are at work right now, whoever launched them."""
    tags = {DATASET_TAG: spec.name}
    return list(instance.get_runs(dg.RunsFilter(tags=tags, statuses=AT_WORK)))
