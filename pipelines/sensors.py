"""What goes on without being asked: a decided batch is retrained on, and what waits is tracked.

What belongs here: noticing, in the state that outlives runs, that there is something to do, and
asking Dagster for a run. What does not: the nightly cycle (`pipelines.schedules`), or the stages.
"""

import json
from typing import Any

import dagster as dg

from assets import RETRAIN
from assets.observed import data_version, observations
from assets.reporting import DATASET_TAG, PART_TAG
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger, Tracker
from burnish.versions import Versions
from burnish.workflows.backlog import waiting_sentence
from burnish.workflows.batch import batch_decided
from burnish.workflows.rolling_back import newest_rollback
from pipelines.jobs import stage_keys
from pipelines.underway import ASKED_TAG, cut_short, underway

LOOK_EVERY = 20
"""Seconds. A retrain begins within a minute of the last verdict."""

TRACK_EVERY = 60
LOOKS_AN_HOUR = 60


def build_verdicts_ready(
    spec: DatasetSpec, job: dg.JobDefinition, *, every: int = 0
) -> dg.SensorDefinition:
    """The sensor `NAME_verdicts_ready`: retrains as soon as people are done with a batch.

    It also tells Dagster where the ledger and the label requests stand, so that the graph shows
    what a verdict made stale. A retrain that was cut short with everything else is asked for
    again; one that failed is not, until somebody decides anew or the nightly tick tries it. It
    looks `every` so many seconds, 0 for as many as it takes by itself.
    """

    @dg.sensor(
        name=f"{spec.name}_verdicts_ready",
        target=job,
        minimum_interval_seconds=every or LOOK_EVERY,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the retrain when the last row of a batch is decided.",
    )
    def verdicts_ready(
        context: dg.SensorEvaluationContext,
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
    ) -> dg.SensorResult:
        seen: dict[str, str] = json.loads(context.cursor or "{}")
        now = {event.asset_key.path[-1]: event for event in observations(spec, ledger)}
        new = [event for name, event in now.items() if data_version(event) != seen.get(name)]
        asked, why_not = _retrain(context.instance, spec, versions, ledger)
        return dg.SensorResult(
            run_requests=asked or None,
            skip_reason=None if asked else why_not,
            cursor=json.dumps({name: data_version(event) for name, event in now.items()}),
            asset_events=new,
        )

    return verdicts_ready


def build_tracking(spec: DatasetSpec, job: dg.JobDefinition) -> dg.SensorDefinition:
    """The sensor `NAME_tracking`: logs iterations that wait, once the tracking server answers.

    After a rollback it asks once for a run that moves the alias, so that a server which was away
    does not go on naming the model that was taken back until the next iteration is closed.
    What the server refuses is tried again after 1, 2, 4, ... looks, at least every hour: a mended
    spec or server needs no hand.
    """

    @dg.sensor(
        name=f"{spec.name}_tracking",
        target=job,
        minimum_interval_seconds=TRACK_EVERY,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Logs iterations that were closed while MLflow was away, once it is back.",
    )
    def tracking(
        context: dg.SensorEvaluationContext,
        versions: dg.ResourceParam[Versions],
        tracker: dg.ResourceParam[Tracker],
    ) -> dg.SensorResult | dg.SkipReason:
        waiting = versions.untracked(spec.name)
        seen = json.loads(context.cursor or "{}")
        rollback, followed = newest_rollback(versions, spec.name), seen.get("rollback", 0)
        if not waiting and rollback in {0, followed}:
            return dg.SkipReason("every closed iteration is tracked")
        if underway(context.instance, spec):
            return dg.SkipReason(f"a run of {spec.name} is queued or running already")
        if not tracker.answers():
            why = waiting_sentence(waiting, "no server answers")
            return dg.SkipReason(why or "the alias champion waits for MLflow: no server answers")
        if not waiting:
            return dg.SensorResult(
                run_requests=[_track(spec, f"rollback-{rollback}")],
                cursor=json.dumps({"rollback": rollback}),
            )
        numbers = [turn.number for turn in waiting]
        looks = seen["looks"] + 1 if seen.get("waiting") == numbers else 1
        due = looks % LOOKS_AN_HOUR == 0 or looks & (looks - 1) == 0
        request = _track(spec, f"{'-'.join(map(str, numbers))}-{looks}")
        return dg.SensorResult(
            run_requests=[request] if due else None,
            skip_reason=None if due else waiting_sentence(waiting, "it was refused a while ago"),
            cursor=json.dumps({"waiting": numbers, "looks": looks, "rollback": followed}),
        )

    return tracking


def _track(spec: DatasetSpec, key: str) -> dg.RunRequest:
    tags = {DATASET_TAG: spec.name, PART_TAG: "track"}
    return dg.RunRequest(run_key=f"{spec.name}-{key}", tags=tags)


def _retrain(
    instance: Any, spec: DatasetSpec, versions: Versions, ledger: LabelLedger
) -> tuple[list[dg.RunRequest], str]:
    iteration = versions.current(spec.name)
    if iteration is None:
        return [], "no iteration is open"
    if not batch_decided(versions, ledger, iteration):
        return [], f"{iteration} waits for people"
    if underway(instance, spec):
        # It may be the retrain, by whichever hand.
        return [], f"a run of {spec.name} is queued or running already"
    asked = f"{iteration}-{ledger.head(spec.name).event_id}"
    attempt = cut_short(instance, asked)
    if attempt is None or attempt.enough:
        return [], f"the retrain of {iteration} did not succeed: see why; a night tries it again"
    request = dg.RunRequest(
        run_key=f"{asked}-{attempt.count}",
        asset_selection=stage_keys(spec, RETRAIN),
        tags={DATASET_TAG: spec.name, PART_TAG: "retrain", ASKED_TAG: asked},
    )
    return [request], ""
