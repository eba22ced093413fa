"""The policy carried out: what production shows is decided, asked for, run, told, and closed.

What belongs here: the sensor `NAME_policy`, which joins the library's steps and asks Dagster for
runs. What does not: deciding (`burnish.workflows.policy_run`), what an action does
(`burnish.workflows.policy_actions`, `.alarms_closing`), or the stages.

A look does little by itself: it reads figures that are measured already. What takes long is a run.
Each run is known by what it was asked for, so that a daemon that dies between asking and noting it
finds the run when it is back.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg

from assets import AUDIT, PRODUCTION, RETRAIN
from assets.checks import told_alarms
from assets.reporting import ALARM_TAG, DATASET_TAG, PART_TAG, WHY_TAG
from burnish.errors import DataError, IterationError
from burnish.policy import Decision, SqlPolicyRecord
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.alarm_status import CHECK, AlarmStatus, alarm_status
from burnish.workflows.alarms_closing import close_alarms, periods_to_repeat
from burnish.workflows.notifying import notify
from burnish.workflows.playbooks import write_alarm_pages
from burnish.workflows.policy_actions import Wanted, carry_out, settle
from burnish.workflows.policy_run import due_periods, run_policy
from burnish.workflows.production_adopting import adopt_labels
from burnish.workflows.production_reports import take_reports
from burnish.workflows.production_stages import DRIFT, PERFORMANCE, partition_stage
from burnish.workflows.rolling_back import roll_back_record
from burnish.workflows.webhook import Webhook
from pipelines.arrivals import watch_status
from pipelines.jobs import stage_keys
from pipelines.underway import (
    ASKED_TAG,
    UNFINISHED,
    cut_short,
    periods_at_work,
    told_given_up,
    underway,
)

LOOK_EVERY = 30
"""Seconds between two looks."""

STAGES = {"audit": AUDIT, "refresh": AUDIT + RETRAIN}
BY = "policy"


@dataclass(frozen=True)
class Telling:
    """What a spec names and does not hold: variables, with the addresses of webhook and reports.

    `private` lets a webhook lie in a network of one's own, and be spoken to by http.
    """

    environ: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    private: bool = False

    def webhook(self, variable: str | None) -> Webhook | None:
        """The webhook whose address a variable holds; None where it is not set."""
        url = self.environ.get(variable, "") if variable else ""
        return Webhook(url, private=self.private) if url else None


def utc_now() -> datetime:
    """The time by this machine."""
    return datetime.now(UTC)


def build_policing(
    spec: DatasetSpec,
    jobs: Mapping[str, dg.JobDefinition],
    *,
    clock: Callable[[], datetime] = utc_now,
    telling: Telling,
    every: int = 0,
) -> dg.SensorDefinition:
    """The sensor `NAME_policy` of a dataset with production; `jobs` by part, as `build_jobs`.

    It looks `every` so many seconds, 0 for as many as it takes by itself.
    """

    @dg.sensor(
        name=f"{spec.name}_policy",
        jobs=[jobs[part] for part in ("audit", "refresh", "production")],
        minimum_interval_seconds=every or LOOK_EVERY,
        default_status=watch_status(spec),
        description="Decides each period that was measured, asks for what is decided, tells "
        "people of alarms, and closes those that a new model answers.",
    )
    def policy(
        context: dg.SensorEvaluationContext,
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
        pages: dg.ResourceParam[Pages],
    ) -> dg.SensorResult:
        record, now = SqlPolicyRecord(versions.engine, clock=clock), clock()
        close_alarms(spec, versions, record)
        warn = context.log.warning
        decide_due(spec, versions, ledger, record, now=now, environ=telling.environ, warn=warn)
        wanted = carry_out(spec, versions, ledger, record)
        asked = [*_runs(context.instance, spec, versions, record, wanted)]
        again, given_up = _repeated(context.instance, spec, versions)
        asked += again
        if given_up:
            warn(told_given_up(given_up))
        # Before people are told, and only then: what they are told links a page.
        seen = write_pages(spec, versions, record, pages, now=now, seen=_seen(context.cursor))
        tell(spec, record, pages, now=now, telling=telling)
        waits = f"{len(wanted)} actions wait or are done" if wanted else "nothing is to be run"
        waits = "; ".join(filter(None, [told_given_up(given_up), waits]))
        alarms = alarm_status(record, spec.name, pages)
        return dg.SensorResult(
            run_requests=asked or None,
            skip_reason=None if asked else waits,
            # The check of the run that measured came before what was decided of it.
            asset_events=[] if _same(alarms, context.cursor) else [_evaluation(spec, alarms)],
            cursor=json.dumps({"alarms": _mark(alarms), "written": seen}),
        )

    return policy


def write_pages(
    spec: DatasetSpec,
    versions: Versions,
    record: SqlPolicyRecord,
    pages: Pages,
    *,
    now: datetime,
    seen: int,
) -> int:
    """Write the playbooks and the list of decisions, where the record goes on beyond `seen`.

    Returns the newest event that they say.
    """
    events = record.events(spec.name)
    newest = events[-1].seq if events else 0
    if newest > seen or (newest and not pages.decisions(spec.name).exists()):
        write_alarm_pages(spec, versions, record, pages, now=now)
    return newest


def _seen(cursor: str | None) -> int:
    return int(json.loads(cursor or "{}").get("written", 0))


def _mark(alarms: AlarmStatus) -> str:
    """Other where what the check says is another."""
    return hashlib.sha256(alarms.description.encode()).hexdigest()[:16]


def _same(alarms: AlarmStatus, cursor: str | None) -> bool:
    return json.loads(cursor or "{}").get("alarms") == _mark(alarms)


def _evaluation(spec: DatasetSpec, alarms: AlarmStatus) -> dg.AssetCheckEvaluation:
    key = dg.AssetKey([spec.name, PERFORMANCE])
    return dg.AssetCheckEvaluation(asset_key=key, check_name=CHECK, **told_alarms(alarms))


def decide_due(
    spec: DatasetSpec,
    versions: Versions,
    ledger: LabelLedger,
    record: SqlPolicyRecord,
    *,
    now: datetime,
    environ: Mapping[str, str],
    warn: Callable[[str], None],
) -> list[tuple[str, Decision]]:
    """Take what users reported, and decide every period that was measured since, oldest first.

    Reports that cannot be read are warned of, and stop no decision: the next look may find them
    mended.
    """
    reported: list[str] = []
    try:
        reported = take_reports(spec, versions, ledger, now=now, environ=environ).example_ids
    except DataError as error:
        warn(f"what users reported of {spec.name} cannot be taken: {error}")
    found: list[tuple[str, Decision]] = []
    periods = due_periods(spec, versions, record, now=now)
    for period in periods:
        if measured_before_rebase(spec, versions, record, period):
            continue
        newest = reported if period == periods[-1] else ()
        made = run_policy(spec, versions, record, period, now=now, reports=newest)
        found += [(period, one) for one in made]
    return found


def measured_before_rebase(
    spec: DatasetSpec, versions: Versions, record: SqlPolicyRecord, period: str
) -> bool:
    """Whether the drift of a period is from what a model learned before it learned that window.

    The period is measured again, and decided then: else each promotion would raise an alarm.
    """
    rebased = record.newest(spec.name, "rebased")
    drift = versions.published(spec.name, partition_stage(DRIFT, period))
    if rebased is None or drift is None or rebased.body["window_end"] != period:
        return False
    return drift.created_at < rebased.at


def tell(
    spec: DatasetSpec,
    record: SqlPolicyRecord,
    pages: Pages,
    *,
    now: datetime,
    telling: Telling,
) -> int:
    """Tell people of alarms by what the spec names; how many notes went out."""
    webhook, folder = telling.webhook(spec.policy.webhook_variable), spec.policy.email_folder
    mails = spec.folder / folder if folder else None
    return notify(spec, record, pages, webhook=webhook, email_folder=mails, now=now)


def _runs(
    instance: dg.DagsterInstance,
    spec: DatasetSpec,
    versions: Versions,
    record: SqlPolicyRecord,
    wanted: list[Wanted],
) -> Iterator[dg.RunRequest]:
    """The run of each action that has none yet; what was begun, or needs no run, is noted."""
    free = not underway(instance, spec)
    for one in wanted:
        if one.part == "roll_back":
            _roll_back(versions, record, spec, one)
            continue
        attempt = _attempt(instance, spec, record, one)
        if attempt is None or not free:
            continue
        if one.part == "refresh":
            adopt_labels(spec, versions, until=one.period)
        # One at a time: the next is asked for when this one has ended.
        free = False
        yield _request(spec, one, attempt)


def _attempt(
    instance: dg.DagsterInstance, spec: DatasetSpec, record: SqlPolicyRecord, one: Wanted
) -> int | None:
    """Which attempt the next run is; None where one is under way, or has ended by itself."""
    known = instance.get_runs(dg.RunsFilter(tags={ASKED_TAG: one.key}))
    if any(run.status in UNFINISHED for run in known):
        return None
    attempt = cut_short(instance, one.key)
    if attempt is None or attempt.enough:
        settle(record, spec.name, one, run_id=known[0].run_id)
        return None
    return attempt.count


def _request(spec: DatasetSpec, one: Wanted, attempt: int) -> dg.RunRequest:
    tags = {DATASET_TAG: spec.name, PART_TAG: one.part, ASKED_TAG: one.key}
    return dg.RunRequest(
        run_key=f"{one.key}-{one.part}-{attempt}",
        job_name=f"{spec.name}_{one.part}",
        asset_selection=stage_keys(spec, STAGES[one.part]),
        tags=tags | {ALARM_TAG: str(one.alarm), WHY_TAG: one.why},
    )


def _roll_back(versions: Versions, record: SqlPolicyRecord, spec: DatasetSpec, one: Wanted) -> None:
    """An earlier model serves again: one row of the record, so no run; the alias follows it."""
    try:
        roll_back_record(versions, spec.name, author=BY, why=one.why)
    except IterationError as error:
        settle(record, spec.name, one, run_id=f"refused: {error.found}")
    else:
        settle(record, spec.name, one)


def _repeated(
    instance: dg.DagsterInstance, spec: DatasetSpec, versions: Versions
) -> tuple[list[dg.RunRequest], list[str]]:
    """Periods that another model measured: the champion measures them once more, in order.

    And those of them whose runs died too often to be asked for again.
    """
    champion, due = versions.champion(spec.name), periods_to_repeat(spec, versions)
    if champion is None or not due or periods_at_work(instance, spec) & set(due):
        return [], []
    found: list[dg.RunRequest] = []
    given_up: list[str] = []
    for period in due:
        # The last of a window is measured when the others are predicted, which is another look.
        asked = f"{spec.name}-champion-{versions.champion_seq(spec.name)}-{period}-{len(due)}"
        attempt = cut_short(instance, asked)
        if attempt is None:
            continue
        if attempt.enough:
            given_up.append(period)
            continue
        tags = {DATASET_TAG: spec.name, PART_TAG: "production", ASKED_TAG: asked}
        found.append(
            dg.RunRequest(
                run_key=f"{asked}-{attempt.count}",
                job_name=f"{spec.name}_production",
                partition_key=period,
                asset_selection=stage_keys(spec, PRODUCTION),
                tags=tags,
            )
        )
    return found, given_up
