"""The code location: every spec of the catalog as a graph of assets, with its gates and jobs.

What belongs here: reading the environment (here alone) and building `dg.Definitions`. What does
not: what an environment consists of (`pipelines.environments`).
"""

import os
import subprocess
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

import dagster as dg

from assets import build_assets, build_checks
from burnish.errors import ProjectError, SpecError
from burnish.spec import DatasetSpec, load_usable
from pipelines.arrivals import build_arrivals
from pipelines.environments import Settings, resources_for
from pipelines.jobs import build_jobs, executor_named
from pipelines.policing import Telling, build_policing
from pipelines.promising import build_promising
from pipelines.schedules import build_returns_schedule, build_schedule
from pipelines.sensors import build_tracking, build_verdicts_ready

PROJECT = Path(__file__).resolve().parent.parent


def settings_from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings as the environment variables give them; see docs/settings.md for each."""
    return Settings(
        project=PROJECT,
        home=Path(environ.get("BURNISH_HOME") or PROJECT / ".burnish").resolve(),
        catalog=Path(environ.get("BURNISH_CATALOG") or PROJECT / "catalog").resolve(),
        environment=environ.get("BURNISH_ENV") or "dev",
        database_url=environ.get("BURNISH_DATABASE_URL", ""),
        tables_root=environ.get("BURNISH_TABLES", ""),
        tracking_uri=environ.get("MLFLOW_TRACKING_URI", ""),
        dagster_url=environ.get("BURNISH_DAGSTER_URL", ""),
        mlflow_url=environ.get("BURNISH_MLFLOW_URL", ""),
        pages_url=environ.get("BURNISH_PAGES_URL", ""),
        review_url=environ.get("BURNISH_REVIEW_URL", ""),
        executor=environ.get("BURNISH_EXECUTOR") or "in_process",
        look_seconds=_seconds("BURNISH_LOOK_SECONDS", environ.get("BURNISH_LOOK_SECONDS", "")),
        webhook_private=environ.get("BURNISH_WEBHOOK_PRIVATE") == "1",
        named=environ,
        git_sha=_git_sha(),
    )


def build_definitions(
    specs: Mapping[str, DatasetSpec],
    settings: Settings,
    *,
    refused: Mapping[str, SpecError] | None = None,
    hooks: AbstractSet[dg.HookDefinition] = frozenset(),
) -> dg.Definitions:
    """One graph for each spec, and one asset for each spec that was refused, to say why."""
    executor = executor_named(settings.executor)
    assets, checks, jobs, schedules, sensors = [], [], [], [], []
    for spec in specs.values():
        assets += build_assets(spec)
        checks += build_checks(spec)
        own = build_jobs(spec, executor=executor, hooks=hooks)
        jobs += own.values()
        schedules.append(build_schedule(spec, own["cycle"]))
        schedules.append(build_returns_schedule(spec, own["returns"]))
        every = settings.look_seconds
        sensors.append(build_verdicts_ready(spec, own["retrain"], every=every))
        sensors.append(build_tracking(spec, own["track"]))
        sensors += build_arrivals(spec, own, every=every)
        telling = Telling(settings.named, private=settings.webhook_private)
        if spec.review.promises is not None:
            where = settings.review_url
            sensors.append(build_promising(spec, telling=telling, every=every, review_url=where))
        if spec.production is not None:
            sensors.append(build_policing(spec, own, telling=telling, every=every))
    return dg.Definitions(
        assets=[*assets, *(_refused(name, error) for name, error in (refused or {}).items())],
        asset_checks=checks,
        jobs=jobs,
        schedules=schedules,
        sensors=sensors,
        executor=executor,
        resources=resources_for(settings),
    )


def _refused(name: str, error: SpecError) -> dg.AssetSpec:
    """A spec that cannot be used, where people look for it: the other datasets go on."""
    return dg.AssetSpec(
        # Two files of one name but for their ending are two refusals.
        key=[Path(name).stem, f"refused_spec{'' if name.endswith('.yaml') else '_yml'}"],
        group_name="refused",
        kinds={"yaml"},
        description=f"This dataset is not run: its spec has a mistake.\n```\n{error}\n```",
    )


def _seconds(variable: str, text: str) -> int:
    """Whole seconds, 0 where the variable is empty; raises `ProjectError` for what is none."""
    if text and not (text.isdecimal() and int(text) > 0):
        raise ProjectError(
            f"{variable} is {text!r}",
            expected="a whole number of seconds, at least 1",
            hint="leave it empty for the usual",
        )
    return int(text or 0)


def _git_sha() -> str:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"  # a project need not be a git checkout
    return done.stdout.strip()


@dg.definitions
def defs() -> dg.Definitions:
    """What `dagster dev` loads: the whole catalog, as the environment says."""
    settings = settings_from_environment()
    specs, refused = load_usable(settings.catalog)
    for error in refused.values():
        dg.get_dagster_logger().error("a spec is refused, its dataset is not run: %s", error)
    for name, spec in list(specs.items()):
        try:
            build_definitions({name: spec}, settings)
        except dg.DagsterInvalidDefinitionError as error:
            # One dataset's trouble must not be the night of all.
            refused[f"{name}.yaml"] = SpecError(f"Dagster refuses {name}: {error}")
            del specs[name]
    return build_definitions(specs, settings, refused=refused)
