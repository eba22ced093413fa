"""Every closed iteration as a run of the tracking server, however late that answers.

What belongs here: the stage that logs what waits, and its check. What does not: which iterations
wait and what is said of them (`burnish.workflows.backlog`), or the server (`resources.tracking`).
"""

from typing import Any

import dagster as dg

from assets.reporting import NETWORK, materialized, stage, tagged
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.typing import Tracker
from burnish.versions import Versions
from burnish.workflows.backlog import Backlog, log_waiting
from burnish.workflows.naming import resolve
from burnish.workflows.stage_pages import tracked_page
from burnish.workflows.version_pages import write_version_page

CHECK = "all_tracked"


class TrackConfig(dg.Config):
    """`patience`: how many seconds a server that is down or slow may cost this run, in all."""

    patience: float = 4.0


def build(spec: DatasetSpec) -> dg.AssetsDefinition:
    """The tracked iterations of one dataset."""

    @stage(
        spec,
        "tracked_iterations",
        group="model",
        kinds={"mlflow"},
        deps=["champion"],
        retry_policy=NETWORK,
        description="Logs every closed iteration that MLflow does not have yet, oldest first. If "
        "the server is down or too slow they wait, and the next run logs them.",
        check_specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=[spec.name, "tracked_iterations"],
                description="Whether MLflow has every closed iteration. It holds up nothing.",
            )
        ],
    )
    def tracked_iterations(
        context: dg.AssetExecutionContext,
        config: TrackConfig,
        versions: dg.ResourceParam[Versions],
        tracker: dg.ResourceParam[Tracker],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult:  # beside a check, Dagster knows the bare name alone
        tagged(context, versions, spec)
        done = log_waiting(spec, versions, tracker, patience=config.patience)
        shown = tracked_page(list(done.logged), versions.iterations(spec.name))
        told: dict[str, Any] = {"links": _links(done, versions, pages), "checks": [_check(done)]}
        return materialized(done.written, done.table, shown, spec=spec, pages=pages, **told)

    return tracked_iterations


def _links(done: Backlog, versions: Versions, pages: Pages) -> dict[str, str]:
    """The newest run; the pages of the dataset versions behind all of them now name their runs."""
    links: dict[str, str] = {}
    for name, run in done.logged.items():
        version = resolve(versions, name)
        write_version_page(pages, versions, version, run_url=run.url_of)
        links["MLflow run"] = run.url
        links["MLflow, all iterations"] = run.comparison
        links["dataset version"] = pages.link(pages.version(version.dataset, version.number))
    return links


def _check(done: Backlog) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=CHECK,
        passed=done.in_accord,
        severity=dg.AssetCheckSeverity.WARN,
        description=done.sentence,
        metadata={"waiting": len(done.waiting)},
    )
