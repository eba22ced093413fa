"""A home in which the flowers have a champion: made once by the real jobs, then copied."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg

from assets.gates import suite_for
from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.policy import SqlPolicyRecord
from burnish.records import Verdict
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec, load_catalog
from burnish.store import DeltaStore
from burnish.versions import Versions
from burnish.workflows.production_gate import batch_facts
from burnish.workflows.production_reference import load_champion
from burnish.workflows.production_rows import read_production
from burnish.workflows.production_run import RanPeriod, run_period
from pipelines.definitions import build_definitions
from pipelines.environments import Settings
from resources.expectations import GreatExpectationsRunner
from tests.burnish.workflows.production_days import NOW, with_production


def make_champion(planted: Any) -> None:
    """One iteration of the flowers, every queued label kept: its model becomes champion."""
    where = Settings(planted.catalog.parent, planted.home, planted.catalog)
    jobs = build_definitions(load_catalog(planted.catalog), where)
    with dg.instance_for_test() as instance:
        assert jobs.resolve_job_def("flowers_audit").execute_in_process(instance=instance).success
        world = World.of(planted)
        queue = world.versions.read("flowers", "relabel_queue").to_pylist()
        kept = [
            Verdict(r["example_id"], "keep", r["label"], r["label"], author="ada") for r in queue
        ]
        world.ledger.append("flowers", kept)
        assert jobs.resolve_job_def("flowers_retrain").execute_in_process(instance=instance).success


@dataclass(frozen=True)
class World:
    """A home, opened: the spec with production, its record, and what runs a period."""

    spec: DatasetSpec
    catalog: Path
    versions: Versions
    ledger: SqlLedger
    record: SqlPolicyRecord
    pages: Pages

    @classmethod
    def of(cls, planted: Any) -> World:
        return cls.opened(planted, with_production(planted))

    @classmethod
    def opened(cls, planted: Any, spec: DatasetSpec) -> World:
        """The same of a spec that stands already."""
        engine = open_database(str(planted.home / "burnish.db"))
        ledger = SqlLedger(engine)
        store = DeltaStore(str(planted.home / "tables"), engine)
        record = SqlPolicyRecord(engine)
        pages = Pages(planted.home / "reports")
        return cls(spec, planted.catalog, Versions(engine, store, ledger), ledger, record, pages)

    @property
    def arrivals(self) -> Path:
        return self.catalog / "arrivals"

    def run(self, *periods: str, now: datetime = NOW) -> list[RanPeriod]:
        """These periods, in order, from what came by now."""
        met = read_production(self.spec, now=now)
        champion = load_champion(self.spec, self.versions)
        return [
            run_period(
                self.spec,
                self.versions,
                self.record,
                self.pages,
                period,
                met=met,
                suite_of=self.suite_of,
                runner=GreatExpectationsRunner(),
                now=now,
                champion=champion,
            )
            for period in periods
        ]

    def suite_of(self, period: str) -> Any:
        facts = batch_facts(self.spec, self.versions, period)
        return suite_for("production_batch", self.spec, classes=(), batch=facts)


def copied(planted: Any, target: Path) -> Any:
    """The same project in another folder."""
    shutil.copytree(planted.catalog.parent, target, dirs_exist_ok=True)
    return type(planted)(target / "catalog", target / "catalog" / planted.csv.name, target / "home")
