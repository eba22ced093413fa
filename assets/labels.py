"""The label audit: which labels are probably wrong, judged on labels as they stand now.

What belongs here: out-of-sample probabilities and the audit. What does not: the ledger and the
label requests (`assets.observed`), or choosing what people look at (`assets.queue`).
"""

from typing import Any

import dagster as dg

from assets.observed import observed_assets
from assets.reporting import joined, materialized, stage
from burnish.modeling import check_model
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.typing import ArrayCache, LabelLedger, Mapper
from burnish.versions import Versions
from burnish.workflows.audit import audit_labels, predict_probs
from burnish.workflows.curate import curate
from burnish.workflows.refit import refit_iteration
from burnish.workflows.stage_pages import audit_page, probs_page

GROUP = "labels"


def build(spec: DatasetSpec) -> list[Any]:
    """The audit of one dataset's labels."""
    # Rows of production that were asked about must be in the very audit that was begun for them.
    asked = [] if spec.production is None else ["unlabeled_examples"]

    @stage(
        spec,
        "pred_probs",
        group=GROUP,
        kinds={"scikitlearn", "table"},
        deps=["validated_examples", *asked, "label_ledger"],
        description="Class probabilities of every training row by models that never saw it. "
        "Opens an iteration, or joins the open one, and reads labels at its ledger watermark.",
    )
    def pred_probs(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
        mapper: dg.ResourceParam[Mapper],
        cache: dg.ResourceParam[ArrayCache],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        check_model(spec.model)
        iteration = joined(context, versions, spec, opens=True)
        labels = ledger.fold(spec.name, iteration.watermark.event_id)
        unlabeled = versions.read_last_good(spec.name, "unlabeled_examples")
        validated = versions.read(spec.name, "validated_examples")
        current = curate(validated, labels, unlabeled=unlabeled)
        probs = predict_probs(current, spec, unlabeled=unlabeled, mapper=mapper, cache=cache)
        written = versions.write(
            spec.name, "pred_probs", probs, iteration=iteration.number, gated=False
        )
        shown = probs_page(probs, iteration=iteration.number)
        return materialized(written, probs, shown, spec=spec, pages=pages)

    @stage(
        spec,
        "label_audit",
        group=GROUP,
        kinds={"scikitlearn", "table"},
        deps=["pred_probs", "label_ledger"],
        description="For every training row: how likely its label is wrong, what it should be, "
        "and the signals behind it. The probability is refitted to verdicts as they come in, "
        "where that is better out of sample.",
    )
    def label_audit(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        iteration = joined(context, versions, spec, opens=False)
        static = audit_labels(versions.read(spec.name, "pred_probs", of=iteration))
        audit, refit = refit_iteration(versions, ledger, iteration, static)
        written = versions.write(
            spec.name, "label_audit", audit, iteration=iteration.number, gated=False
        )
        shown = audit_page(audit, refit, iteration=iteration.number)
        return materialized(written, audit, shown, spec=spec, pages=pages)

    return [pred_probs, label_audit, *observed_assets(spec, group=GROUP)]
