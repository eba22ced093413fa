"""The nightly cycle of each dataset, and its weekly return, in the dataset's own timezone.

What belongs here: when these run and what a tick does. What does not: the stages themselves.

A tick closes a decided batch (retrain) and then opens the next iteration (audit); it tops up an
undecided batch; it never opens a second iteration while one is open. The two runs of a tick are
in the dataset's pool, which lets one run at a time, in the order of the requests.

A run's key is the time on the dataset's own clock. When that clock is put back, the hour that
comes twice is one night; when it is put forward, Dagster moves a tick of the lost hour to its end.
"""

from zoneinfo import ZoneInfo

import dagster as dg

from assets import AUDIT, RETRAIN, RETURNS
from assets.reporting import DATASET_TAG, PART_TAG
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.batch import batch_decided
from burnish.workflows.returns import returns_are_due
from pipelines.jobs import stage_keys
from pipelines.underway import measuring, underway


def build_schedule(spec: DatasetSpec, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """The schedule `NAME_nightly`; running from the start where the spec asks for a schedule."""
    zone = ZoneInfo(spec.schedule.timezone)

    @dg.schedule(
        name=f"{spec.name}_nightly",
        cron_schedule=spec.schedule.cron,
        execution_timezone=spec.schedule.timezone,
        target=job,
        default_status=_status(spec),
        description="Closes a decided batch and opens the next one; tops up an undecided one.",
    )
    def nightly(
        context: dg.ScheduleEvaluationContext,
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
    ) -> list[dg.RunRequest] | dg.SkipReason:
        night = context.scheduled_execution_time.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
        iteration = versions.current(spec.name)
        decided = iteration is not None and batch_decided(versions, ledger, iteration)
        wanted = [("retrain", RETRAIN)] if decided else []
        wanted = [
            (part, stages)
            for part, stages in [*wanted, ("audit", AUDIT)]
            if not underway(context.instance, spec, part)
        ]
        if not wanted:
            return dg.SkipReason("what this night would do is queued or running already")
        return [_request(spec, night, name, stages) for name, stages in wanted]

    return nightly


def build_returns_schedule(spec: DatasetSpec, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """The schedule `NAME_weekly`, which measures the return on labeling beside the cycle.

    A week in which no batch was decided since the last measurement is skipped.
    """

    @dg.schedule(
        name=f"{spec.name}_weekly",
        cron_schedule=spec.schedule.returns_cron,
        execution_timezone=spec.schedule.timezone,
        target=job,
        default_status=_status(spec),
        description="Trains with and without each of the last batches of fixes, if any is new.",
    )
    def weekly(
        context: dg.ScheduleEvaluationContext, versions: dg.ResourceParam[Versions]
    ) -> dg.RunRequest | dg.SkipReason:
        if measuring(context.instance, spec):
            return dg.SkipReason("the return is being measured already")
        if not returns_are_due(versions, spec.name):
            return dg.SkipReason("no batch was closed since the return was measured")
        week = context.scheduled_execution_time.astimezone(ZoneInfo(spec.schedule.timezone))
        return _request(spec, week.strftime("%Y-%m-%dT%H:%M"), "returns", RETURNS)

    return weekly


def _status(spec: DatasetSpec) -> dg.DefaultScheduleStatus:
    """Running from the start where the spec asks for a schedule."""
    asked_for = "schedule" in spec.model_fields_set
    return dg.DefaultScheduleStatus.RUNNING if asked_for else dg.DefaultScheduleStatus.STOPPED


def _request(spec: DatasetSpec, night: str, name: str, stages: tuple[str, ...]) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{spec.name}-{night}-{name}",
        asset_selection=stage_keys(spec, stages),
        tags={DATASET_TAG: spec.name, PART_TAG: name},
    )
