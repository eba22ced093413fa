"""The trained model, and the decision whether it becomes champion.

What belongs here: training on curated and augmented rows, and closing the iteration. What does
not: metrics by slice (`assets.slices`), the estimators (`burnish.modeling`) or the tracking
server (`assets.tracked`, which is of this group).
"""

from datetime import timedelta
from typing import Any

import dagster as dg

from assets import tracked
from assets.reporting import joined, materialized, stage, version_links
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.iterate import close_iteration, train_iteration
from burnish.workflows.iteration_report_pages import write_report_pages
from burnish.workflows.showing_comparison import compared_with_champion, comparison_links
from burnish.workflows.stage_pages import champion_page, model_page

GROUP = "model"


def build(spec: DatasetSpec) -> list[dg.AssetsDefinition]:
    """Training, promotion and tracking of one dataset's model."""

    @stage(
        spec,
        "trained_model",
        group=GROUP,
        kinds={"scikitlearn"},
        deps=["augmented_examples", "curated_examples"],
        description="A model fitted on the augmented training rows, shown by its predictions on "
        "validation and test rows. Kept without pickle.",
    )
    def trained_model(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        iteration = joined(context, versions, spec, opens=False)
        written, predictions = train_iteration(spec, versions, ledger, iteration)
        shown = model_page(predictions, iteration=iteration.number)
        links = version_links(versions, pages, iteration)
        return materialized(written, predictions, shown, spec=spec, pages=pages, links=links)

    @stage(
        spec,
        "champion",
        group=GROUP,
        kinds={"table"},
        deps=["trained_model", "slice_report"],
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=timedelta(days=spec.schedule.max_champion_days)
        ),
        description="Closes the iteration: holds the new model against the champion on validation "
        "rows, by the policy of the spec. Asks no server, so that none can hold it up.",
    )
    def champion(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
        pages: dg.ResourceParam[Pages],
        git_sha: dg.ResourceParam[str],
    ) -> dg.MaterializeResult[Any]:
        iteration = joined(context, versions, spec, opens=False)
        done = close_iteration(
            spec, versions, iteration, run_id=context.run.run_id, git_sha=git_sha
        )
        found = compared_with_champion(versions, iteration)
        shown = champion_page(iteration.number, versions.iterations(spec.name), found)
        links = write_report_pages(pages, versions, ledger, spec, iteration).links(pages)
        links |= comparison_links(pages, found) | version_links(versions, pages, iteration)
        links |= _loop_link(pages, spec)
        return materialized(done.written, done.table, shown, spec=spec, pages=pages, links=links)

    return [trained_model, champion, tracked.build(spec)]


def _loop_link(pages: Pages, spec: DatasetSpec) -> dict[str, str]:
    """The page of the whole loop, which `burnish loop` writes when it is done."""
    page = pages.loop(spec.name)
    return {"the loop so far": pages.link(page)} if page.exists() else {}
