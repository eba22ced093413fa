"""The nightly cycle of each dataset, in the dataset's own timezone.

What belongs here: when the cycle runs and what a tick does. What does not: the stages themselves.

A tick closes a decided batch (retrain) and then opens the next iteration (audit); it tops up an
undecided batch; it never opens a second iteration while one is open. The two runs of a tick carry
the dataset's tag, of which the instance lets one run at a time, in the order of the requests.
"""

import dagster as dg

from assets import AUDIT, RETRAIN
from assets.reporting import DATASET_TAG
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.batch import batch_decided
from pipelines.jobs import stage_keys


def build_schedule(spec: DatasetSpec, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """The schedule `NAME_nightly`."""

    @dg.schedule(
        name=f"{spec.name}_nightly",
        cron_schedule=spec.schedule.cron,
        execution_timezone=spec.schedule.timezone,
        target=job,
        description="Closes a decided batch and opens the next one; tops up an undecided one.",
    )
    def nightly(
        context: dg.ScheduleEvaluationContext,
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
    ) -> list[dg.RunRequest]:
        night = context.scheduled_execution_time.date().isoformat()
        iteration = versions.current(spec.name)
        wanted = [("audit", AUDIT)]
        if iteration is not None and batch_decided(versions, ledger, iteration):
            wanted.insert(0, ("retrain", RETRAIN))
        return [_request(spec, night, name, stages) for name, stages in wanted]

    return nightly


def _request(spec: DatasetSpec, night: str, name: str, stages: tuple[str, ...]) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{spec.name}-{night}-{name}",
        asset_selection=stage_keys(spec, stages),
        tags={DATASET_TAG: spec.name, "burnish/part": name},
    )
