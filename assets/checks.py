"""The gate factory: a suite becomes a blocking asset check that also publishes; and open alarms.

What belongs here: turning one gate, or the alarms of a dataset, into one Dagster check. What does
not: the expectations (`assets.gates`), running them (`resources.expectations`), the record of
verdicts (`burnish.versions`) and alarms (`burnish.policy`): Dagster's checks mirror those records.

Write, audit, publish: a stage writes a candidate version; its gate judges that candidate; only a
pass moves what readers see.
"""

import warnings
from typing import Any

import dagster as dg

from assets.gates import GATED_STAGES, PRODUCTION_GATE, production_suite, suite_for
from assets.production import partitions_of, production_pool
from assets.reporting import as_link, as_table, pool_of, without_second_try
from burnish.policy import SqlPolicyRecord
from burnish.report.gate_story import gate_story
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.typing import GateRunner
from burnish.versions import Versions
from burnish.workflows.alarm_status import CHECK, AlarmStatus, alarm_status
from burnish.workflows.gates import Judged, known_classes, promised_rows, run_gate
from burnish.workflows.production_stages import PERFORMANCE, partition_stage

MOST_ROWS = 10
"""Rows at fault that are shown beside a check; its report has all of them."""


def build_checks(spec: DatasetSpec) -> list[dg.AssetChecksDefinition]:
    """One blocking gate for each gated stage of one dataset, that of production by period.

    With production also `alarms`, which stops nothing.
    """
    gates = [_gate(spec, stage) for stage in GATED_STAGES]
    if spec.production is None:
        return gates
    with warnings.catch_warnings():
        # Checks by partition are marked as a preview; the decorator says so each time.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [*gates, _production_gate(spec), _alarms(spec)]


def _gate(spec: DatasetSpec, stage: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=[spec.name, stage],
        name="gate",
        blocking=True,
        pool=pool_of(spec),
        description=f"Nothing after {stage} runs, and readers keep the last good version, "
        "unless every expectation of this gate holds.",
    )
    @without_second_try
    def gate(
        context: dg.AssetCheckExecutionContext,
        versions: dg.ResourceParam[Versions],
        gate_runner: dg.ResourceParam[GateRunner],
        pages: dg.ResourceParam[Pages],
        git_sha: dg.ResourceParam[str],
    ) -> dg.AssetCheckResult:
        classes = known_classes(spec, versions, stage)
        suite = suite_for(stage, spec, classes=classes, budget=promised_rows(spec, versions))
        made = {"code_sha": git_sha, "run": context.run.run_id}
        judged = run_gate(spec, stage, suite, versions, runner=gate_runner, pages=pages, made=made)
        return _shown(judged, pages)

    return gate


def _production_gate(spec: DatasetSpec) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=[spec.name, PRODUCTION_GATE],
        name="gate",
        blocking=True,
        pool=production_pool(spec),
        partitions_def=partitions_of(spec),
        description="Nothing is predicted of a period, and readers keep its last good version, "
        "unless every expectation of this gate holds. Each period has a verdict of its own.",
    )
    @without_second_try
    def gate(
        context: dg.AssetCheckExecutionContext,
        versions: dg.ResourceParam[Versions],
        gate_runner: dg.ResourceParam[GateRunner],
        pages: dg.ResourceParam[Pages],
    ) -> dg.AssetCheckResult:
        period = context.op_execution_context.partition_key
        suite = production_suite(spec, versions, period)
        stage = partition_stage(PRODUCTION_GATE, period)
        judged = run_gate(spec, stage, suite, versions, runner=gate_runner, pages=pages)
        return _shown(judged, pages)

    return gate


def _alarms(spec: DatasetSpec) -> dg.AssetChecksDefinition:
    # Of no partition: an alarm stays open while periods go by.
    @dg.asset_check(
        asset=[spec.name, PERFORMANCE],
        name=CHECK,
        blocking=False,
        pool=production_pool(spec),
        description="No alarm of the policy is open. It stops nothing: what follows from an alarm "
        "is on its playbook. The sensor of the policy tells it anew whenever alarms change.",
    )
    @without_second_try
    def alarms(
        policy: dg.ResourceParam[SqlPolicyRecord], pages: dg.ResourceParam[Pages]
    ) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(**told_alarms(alarm_status(policy, spec.name, pages)))

    return alarms


def told_alarms(status: AlarmStatus) -> dict[str, Any]:
    """The open alarms as what Dagster keeps of a check, whoever evaluates it."""
    links = zip(status.open_alarms, status.playbooks, strict=True)
    metadata: dict[str, Any] = {"open alarms": len(status.open_alarms)}
    metadata |= {f"playbook of alarm {number}": as_link(page) for number, page in links}
    return {
        "passed": status.passed,
        "severity": dg.AssetCheckSeverity[status.severity],
        "metadata": metadata,
        "description": status.description,
    }


def _shown(judged: Judged, pages: Pages) -> dg.AssetCheckResult:
    """What a newcomer needs is in the description, which the UI shows as Markdown, in place."""
    report, verdict = judged.report, judged.verdict
    page = pages.link(pages.gate(verdict.dataset, verdict.stage, verdict.version))
    metadata: dict[str, Any] = {
        "expectations": len(report.results),
        "expectations that fail": judged.failures.num_rows,
        "gate report": as_link(page),
        "rows judged": report.rows,
        "rows turned away": verdict.quarantined,
        "stopped by": ", ".join(report.stopped_by) or "nothing",
        "table version": f"{verdict.dataset}/{verdict.stage}@{verdict.version}",
    }
    if judged.numbered is not None:
        number = judged.numbered.number
        metadata["dataset version"] = as_link(pages.link(pages.version(verdict.dataset, number)))
    if judged.failures.num_rows:
        metadata["what fails"] = as_table(judged.failures.drop_columns(["expectation"]))
    if report.quarantined.num_rows:
        rows = report.quarantined.select(["example_id", "column", "value", "code"])
        metadata["rows at fault"] = as_table(rows.slice(0, MOST_ROWS))
    story = gate_story(
        report,
        dataset=verdict.dataset,
        stage=verdict.stage,
        last_good=judged.last_good,
        page=page,
    )
    return dg.AssetCheckResult(
        passed=report.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
        description=story,
    )
