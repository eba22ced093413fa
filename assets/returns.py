"""The return on labeling: what each batch of fixes bought, measured on demand and every week.

What belongs here: the asset, which is of no cycle: it trains many models and nothing waits for it.
What does not: measuring (`burnish.workflows.returns`), its page (`burnish.report.return_page`).
"""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.reporting import materialized, stage
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger, Mapper
from burnish.versions import Versions
from burnish.workflows.iteration_report_pages import write_measured_report
from burnish.workflows.returns import keep_returns, measure_returns, plan_returns
from burnish.workflows.returns_story import returns_shown, write_returns_page

GROUP = "returns"


class ReturnConfig(dg.Config):
    """`last`: how many batches are left out in turn; `seeds`: how often each is trained."""

    last: int = 5
    seeds: int = 5


def build(spec: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The return on the labeling of one dataset."""

    @stage(
        spec,
        "batch_returns",
        group=GROUP,
        kinds={"scikitlearn", "table"},
        deps=["curated_examples", "label_ledger"],
        pool=f"returns/{spec.name}",
        description="What each of the last batches of fixes bought: the model trained with and "
        "without it, over several seeds, on the same held-out rows. Holds up no night.",
    )
    def batch_returns(
        context: dg.AssetExecutionContext,
        config: ReturnConfig,
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
        mapper: dg.ResourceParam[Mapper],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        plan = plan_returns(spec, versions, ledger, last=config.last, seeds=config.seeds)
        context.log.info(plan.sentence)
        returns = measure_returns(plan, mapper=mapper)
        written = keep_returns(versions, returns)
        page = write_returns_page(pages, versions, ledger, returns, at=datetime.now(UTC))
        links = write_measured_report(pages, versions, ledger, spec)
        links |= {"return on labeling": pages.link(page)}
        shown = returns_shown(returns)
        return materialized(written, returns.table, shown, spec=spec, pages=pages, links=links)

    return [batch_returns]
