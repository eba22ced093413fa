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
from burnish.spec import DatasetSpec, load_catalog
from pipelines.environments import Settings, resources_for
from pipelines.jobs import build_jobs
from pipelines.schedules import build_schedule

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
        executor=environ.get("BURNISH_EXECUTOR") or "in_process",
        git_sha=_git_sha(),
    )


def build_definitions(
    specs: Mapping[str, DatasetSpec],
    settings: Settings,
    *,
    hooks: AbstractSet[dg.HookDefinition] = frozenset(),
) -> dg.Definitions:
    """One graph for each spec; the last job of a spec is the one its schedule targets."""
    assets, checks, jobs, schedules = [], [], [], []
    for spec in specs.values():
        assets += build_assets(spec)
        checks += build_checks(spec)
        own = build_jobs(spec, hooks=hooks)
        jobs += own
        schedules.append(build_schedule(spec, own[-1]))
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=jobs,
        schedules=schedules,
        resources=resources_for(settings),
    )


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
    return build_definitions(load_catalog(settings.catalog), settings)
