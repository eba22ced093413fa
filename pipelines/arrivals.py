"""What comes in of production: noticed, and asked for as runs of the periods that it concerns.

What belongs here: the sensor `NAME_production`. What does not: what is due
(`burnish.workflows.production_due`), the stages (`assets.production`), or what follows from drift
(`burnish.policy`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from assets.reporting import DATASET_TAG, PART_TAG
from burnish.errors import DataError
from burnish.policy import SqlPolicyRecord
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.production_due import Due, arrivals_state, production_due
from burnish.workflows.production_stages import DRIFT, PERFORMANCE
from pipelines.underway import ASKED_TAG, cut_short, periods_at_work, told_given_up

LOOK_EVERY = 30
MOST_AT_ONCE = 30
"""Runs that one look asks for; the next look asks for more."""


@dataclass(frozen=True)
class Asked:
    """What a look asks for; `at_work` has a run already, `given_up` died too often to have one."""

    requests: tuple[dg.RunRequest, ...]
    at_work: tuple[str, ...]
    given_up: tuple[str, ...]


def build_arrivals(
    spec: DatasetSpec, jobs: dict[str, dg.JobDefinition], *, every: int = 0
) -> list[dg.SensorDefinition]:
    """The sensor `NAME_production`; none where the spec says nothing of production.

    A period is asked for when its rows are others than those that were judged last, once by
    content; a run that was cut short is asked for again, three times where it died. A period that
    any run is at work on, a backfill's too, waits for it. While files, labels and the champion stay
    as they were, a look costs nothing. It looks `every` so many seconds, 0 for as many as it takes
    by itself.
    """
    if spec.production is None:
        return []

    @dg.sensor(
        name=f"{spec.name}_production",
        jobs=[jobs[part] for part in ("production", "labels") if part in jobs],
        minimum_interval_seconds=every or LOOK_EVERY,
        default_status=watch_status(spec),
        description="Takes each period that is over once its rows came, and when they change.",
    )
    def production(
        context: dg.SensorEvaluationContext,
        versions: dg.ResourceParam[Versions],
        policy: dg.ResourceParam[SqlPolicyRecord],
    ) -> dg.SensorResult | dg.SkipReason:
        now = datetime.now(UTC)
        if versions.champion(spec.name) is None:
            return dg.SkipReason("no champion yet: production waits for the first promotion")
        try:
            state = arrivals_state(spec, versions, policy, now=now)
            if state and state == context.cursor:
                return dg.SkipReason("nothing came in since the last look")
            due = production_due(spec, versions, policy, now=now)
        except DataError as error:
            # The next look may find it mended; what was taken stays.
            return dg.SkipReason(f"the source of production cannot be read: {error}")
        if due.missing:
            context.log.warning(f"nothing came of {', '.join(due.missing)}")
        asked = _requests(context.instance, spec, due)
        if asked.given_up:
            context.log.warning(told_given_up(list(asked.given_up)))
        return dg.SensorResult(
            run_requests=list(asked.requests) or None,
            skip_reason=None if asked.requests else _why_not(due, asked),
            # What was asked for may yet be cut short, and a file that is waited for may be whole
            # with no other time: only a look that finds nothing of either is the last.
            cursor=state if due.nothing and not due.waited else "",
        )

    return [production]


def watch_status(spec: DatasetSpec) -> dg.DefaultSensorStatus:
    """Running from the start; of a bundled stream, which is over, when somebody switches it on."""
    source = spec.production.source if spec.production is not None else None
    bundled = source is not None and source.bundled
    return dg.DefaultSensorStatus.STOPPED if bundled else dg.DefaultSensorStatus.RUNNING


def _requests(instance: dg.DagsterInstance, spec: DatasetSpec, due: Due) -> Asked:
    wanted = [("labels", "", due.labels, None)] if due.labels else []
    wanted += [("production", period, digest, None) for period, digest in due.periods]
    measures = [dg.AssetKey([spec.name, name]) for name in (DRIFT, PERFORMANCE)]
    wanted += [("production", period, state, measures) for period, state in due.measures]
    busy, found = periods_at_work(instance, spec), list[dg.RunRequest]()
    waiting: list[str] = []
    given_up: list[str] = []
    for part, period, digest, selection in wanted:
        asked = "-".join(word for word in (spec.name, part, period, digest) if word)
        if period in busy:
            waiting.append(period)
            continue
        attempt = cut_short(instance, asked)
        if attempt is None or len(found) == MOST_AT_ONCE:
            continue
        if attempt.enough:
            given_up.append(period or part)
            continue
        found.append(
            dg.RunRequest(
                run_key=f"{asked}-{attempt.count}",
                job_name=f"{spec.name}_{part}",
                partition_key=period or None,
                asset_selection=selection,
                tags={DATASET_TAG: spec.name, PART_TAG: part, ASKED_TAG: asked},
            )
        )
    return Asked(tuple(found), tuple(waiting), tuple(given_up))


def _why_not(due: Due, asked: Asked) -> str:
    if asked.given_up:
        return told_given_up(list(asked.given_up))
    if asked.at_work:
        return f"a run is queued for, or at work on, {', '.join(asked.at_work)}"
    if not due.nothing:
        return "what is due was asked for, and has not succeeded: see why in its run"
    late = f"; nothing came of {', '.join(due.missing)}" if due.missing else ""
    waits = f"; waiting for {', '.join(due.waited)}" if due.waited else ""
    return f"every period that came was taken{late}{waits}"
