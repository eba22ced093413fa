"""Curated examples: validated rows with every verdict given so far.

What belongs here: the curated asset. What does not: folding the ledger (`burnish.ledger`) or
numbering dataset versions (`burnish.versions`, done when the gate has passed).
"""

from typing import Any

import dagster as dg

from assets.reporting import as_table, joined, materialized, stage
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.batch_quality import GoldAlarm, iteration_alarm
from burnish.workflows.iterate import curate_iteration
from burnish.workflows.stage_pages import curated_page

GROUP = "curated"
GOLD_CHECK = "gold_answers"


def build(spec: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The curated rows of one dataset."""
    checks = _declared(spec)

    @stage(
        spec,
        "curated_examples",
        group=GROUP,
        kinds={"arrow", "table"},
        deps=["validated_examples", "relabel_queue", "label_ledger"],
        description="Validated rows with all verdicts so far: changed labels, dropped rows, first "
        "labels of unlabeled rows. Only people change labels.",
        check_specs=checks,
    )
    def curated_examples(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult:  # beside a check, Dagster knows the bare name alone
        iteration = joined(context, versions, spec, opens=False)
        written, rows, noise = curate_iteration(spec, versions, ledger, iteration)
        shown = curated_page(rows, noise, iteration=iteration.number)
        # Its own number comes from its gate, so that the list of all is what can be linked here.
        told: dict[str, Any] = {
            "links": {"dataset versions": pages.link(pages.versions(spec.name))}
        }
        told["checks"] = [_check(iteration_alarm(versions, ledger, iteration)) for _ in checks]
        return materialized(written, rows, shown, spec=spec, pages=pages, **told)

    return [curated_examples]


def _declared(spec: DatasetSpec) -> list[dg.AssetCheckSpec]:
    """Only where there are gold items: a check that can say nothing would look like a pass."""
    if spec.review.gold is None:
        return []
    return [
        dg.AssetCheckSpec(
            GOLD_CHECK,
            asset=[spec.name, "curated_examples"],
            description="Whether the people who decided this batch were right on its gold items. "
            "It holds up nothing: `burnish verdicts undo` takes a batch back.",
        )
    ]


def _check(alarm: GoldAlarm) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=GOLD_CHECK,
        passed=not (alarm.raised or alarm.reviewers),
        severity=dg.AssetCheckSeverity.WARN,
        description=alarm.reason,
        metadata={"gold items": alarm.answered, "by reviewer": as_table(alarm.to_table())},
    )
