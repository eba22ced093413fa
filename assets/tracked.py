"""Every closed iteration as a run of the tracking server, however late that answers.

What belongs here: the stage that logs what waits, and its check. What does not: which iterations
wait and what is said of them (`burnish.workflows.backlog`), or the server (`resources.tracking`).
"""

import dagster as dg

from assets.reporting import NETWORK, materialized, stage, tagged
from burnish.spec import DatasetSpec
from burnish.typing import Tracker
from burnish.versions import Versions
from burnish.workflows.backlog import Backlog, log_waiting

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
    ) -> dg.MaterializeResult:  # beside a check, Dagster knows the bare name alone
        tagged(context, versions, spec)
        done = log_waiting(spec, versions, tracker, patience=config.patience)
        figures = {"logged": len(done.logged), "waiting": len(done.waiting)}
        links = {f"MLflow run of {name}": run.url for name, run in done.logged.items()}
        return materialized(
            done.written, done.table, figures=figures, links=links, checks=[_check(done)]
        )

    return tracked_iterations


def _check(done: Backlog) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=CHECK,
        passed=not done.waiting,
        severity=dg.AssetCheckSeverity.WARN,
        description=done.sentence,
        metadata={"waiting": len(done.waiting)},
    )
