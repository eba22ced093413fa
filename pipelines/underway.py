"""Which runs of a dataset are queued or running.

What belongs here: asking a Dagster instance. What does not: keeping runs apart, which the
dataset's pool does (`assets.reporting.pool_of`).
"""

from dataclasses import dataclass

import dagster as dg
from dagster import DagsterRunStatus as Status
from dagster._core.storage.tags import PARTITION_NAME_TAG

from assets import ASIDE, RETURNS
from assets.reporting import DATASET_TAG, PART_TAG
from burnish.spec import DatasetSpec

ASKED_TAG = "burnish/asked"
"""For what a sensor asked for a run: the same on each attempt."""

STOPPED_TAG = "burnish/stopped"
"""On a run that was ended because everything was: nobody meant the run itself."""

BOTH = ("cycle", "refresh")
"""Parts of runs that audit and retrain."""

PARTS_ASIDE = ("returns", "production", "labels")
"""Parts of a dataset's work that are of no cycle."""

MOST_DEATHS = 3
"""So often a run may die that nobody stopped: what kills it is in it, or in this machine."""

MOST_ATTEMPTS = 20
"""So often a run is asked for again in all, stops of everything counted."""

AT_WORK = [Status.STARTING, Status.STARTED, Status.CANCELING]
UNFINISHED = [Status.NOT_STARTED, Status.QUEUED, *AT_WORK]


def underway(
    instance: dg.DagsterInstance, spec: DatasetSpec, part: str = ""
) -> list[dg.DagsterRun]:
    """Runs of a dataset that have not ended; with `part`, those that do that part of its cycle.

    Measuring a return is of no cycle: nothing waits for it, and it is not among them.
    """
    found = [run for run in _of(instance, spec, UNFINISHED) if not _is_aside(run)]
    return [run for run in found if not part or run.tags.get(PART_TAG) in (part, *BOTH)]


def at_work(instance: dg.DagsterInstance, spec: DatasetSpec) -> list[dg.DagsterRun]:
    """Runs of a dataset that are at work right now, whoever launched them."""
    return [run for run in _of(instance, spec, AT_WORK) if not _is_aside(run)]


def measuring(instance: dg.DagsterInstance, spec: DatasetSpec) -> list[dg.DagsterRun]:
    """Runs that measure the return of a dataset's labeling and have not ended."""
    return [
        run for run in _of(instance, spec, UNFINISHED) if _makes_only(run, RETURNS, ("returns",))
    ]


def periods_at_work(instance: dg.DagsterInstance, spec: DatasetSpec) -> set[str]:
    """Periods of production that a run is queued for, or at work on, whoever asked for it."""
    found = (run.tags.get(PARTITION_NAME_TAG) for run in _of(instance, spec, UNFINISHED))
    return {period for period in found if period}


@dataclass(frozen=True)
class CutShort:
    """Runs that were asked for by one name, each of which was ended from outside of it.

    `died` are those of them whose process was killed; the others ended as everything did.
    """

    count: int
    died: int

    @property
    def enough(self) -> bool:
        """Whether another is not to be asked for: a person has to look why they die."""
        return self.died >= MOST_DEATHS or self.count >= MOST_ATTEMPTS


def cut_short(instance: dg.DagsterInstance, asked: str) -> CutShort | None:
    """How often a run that was asked for by this name was ended from outside of it.

    None where one ended by itself, by a gate or an error: another would end as it did. A run that
    a person cancelled ended by itself, too.
    """
    count = deaths = 0
    for run in instance.get_runs(dg.RunsFilter(tags={ASKED_TAG: asked})):
        died = run.status == Status.FAILURE and not instance.get_run_stats(run.run_id).steps_failed
        stopped = STOPPED_TAG in run.tags
        if not died and not stopped:
            return None
        count, deaths = count + 1, deaths + (not stopped)
    return CutShort(count, deaths)


def told_given_up(periods: list[str]) -> str:
    """What is said of periods whose runs died too often; empty where there is none."""
    if not periods:
        return ""
    return (
        f"{', '.join(periods)}: not asked for again, since the run died {MOST_DEATHS} times: see "
        "why, then launch it by hand"
    )


def _is_aside(run: dg.DagsterRun) -> bool:
    """Whether a run makes nothing of the cycle: what it makes has a pool of its own."""
    return _makes_only(run, ASIDE, PARTS_ASIDE)


def _makes_only(run: dg.DagsterRun, stages: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    chosen = {key.path[-1] for key in run.asset_selection or ()}
    return run.tags.get(PART_TAG) in parts or (bool(chosen) and chosen <= set(stages))


def _of(
    instance: dg.DagsterInstance, spec: DatasetSpec, statuses: list[Status]
) -> list[dg.DagsterRun]:
    # A stage that was launched alone carries no tag before it runs.
    return [
        run
        for run in instance.get_runs(dg.RunsFilter(statuses=statuses))
        if run.tags.get(DATASET_TAG) == spec.name
        or any(key.path[0] == spec.name for key in run.asset_selection or ())
    ]
