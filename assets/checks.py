"""The gate factory: a suite becomes a blocking asset check that also publishes.

What belongs here: turning one gate into one Dagster check. What does not: the expectations
(`assets.gates`), running them (`resources.expectations`) and the record of verdicts
(`burnish.versions`): Dagster's check mirrors that record.

Write, audit, publish: a stage writes a candidate version; its gate judges that candidate; only a
pass moves what readers see.
"""

from pathlib import Path
from typing import Any

import dagster as dg

from assets.gates import GATED_STAGES, suite_for
from assets.reporting import pool_of, without_second_try
from burnish.report.preview import preview_markdown
from burnish.spec import DatasetSpec
from burnish.typing import GateRunner
from burnish.versions import Versions
from burnish.workflows.checkout import datasheet_of
from burnish.workflows.gates import Judged, known_classes, promised_rows, run_gate


def build_checks(spec: DatasetSpec) -> list[dg.AssetChecksDefinition]:
    """One blocking gate for each gated stage of one dataset."""
    return [_gate(spec, stage) for stage in GATED_STAGES]


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
        pages: dg.ResourceParam[Path],
        git_sha: dg.ResourceParam[str],
    ) -> dg.AssetCheckResult:
        classes = known_classes(spec, versions, stage)
        suite = suite_for(stage, spec, classes=classes, budget=promised_rows(spec, versions))
        made = {"code_sha": git_sha, "run": context.run.run_id}
        judged = run_gate(spec, stage, suite, versions, runner=gate_runner, pages=pages, made=made)
        return _shown(judged, datasheet_of(versions, judged.numbered))

    return gate


def _shown(judged: Judged, datasheet: str) -> dg.AssetCheckResult:
    report = judged.report
    metadata: dict[str, Any] = {
        "rows": report.rows,
        "quarantined": judged.verdict.quarantined,
        "expectations": len(report.results),
        "report": dg.MetadataValue.path(judged.verdict.report),
    }
    if judged.numbered is not None:
        metadata |= {"dataset version": str(judged.numbered), "digest": judged.numbered.digest}
        metadata["datasheet"] = dg.MetadataValue.md(datasheet)
    if judged.failures.num_rows:
        metadata["failed"] = dg.MetadataValue.md(preview_markdown(judged.failures, limit=50))
    if not report.passed:
        metadata["code"] = ", ".join(report.stopped_by)
    return dg.AssetCheckResult(
        passed=report.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
        description=judged.sentence,
    )
