"""State from configuration: assets get plain objects, and what they write outlives the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from burnish.ledger import SqlLedger
from burnish.records import Verdict
from burnish.typing import LabelLedger
from burnish.versions import Versions
from resources.tables import LedgerResource, VersionsResource

ROWS = pa.table({"example_id": ["a", "b"], "label": ["cat", "dog"]})


@pytest.fixture
def resources(tmp_path: Path) -> dict[str, Any]:
    database = str(tmp_path / "home" / "burnish.db")
    return {
        "versions": VersionsResource(database=database, tables=str(tmp_path / "home" / "tables")),
        "ledger": LedgerResource(database=database),
    }


def run(asset: Any, resources: dict[str, Any]) -> Any:
    instance = dg.DagsterInstance.ephemeral()
    done = dg.materialize([asset], resources=resources, instance=instance)
    return done.output_for_node(asset.key.path[-1])


def test_an_asset_gets_plain_versions_and_ledger_over_one_database(
    resources: dict[str, Any],
) -> None:
    @dg.asset
    def write(
        versions: dg.ResourceParam[Versions], ledger: dg.ResourceParam[LabelLedger]
    ) -> tuple[str, str, int]:
        versions.write("pets", "pred_probs", ROWS, iteration=None, gated=False)
        ledger.append("pets", [Verdict("a", "change", "cat", "dog", author="ann")])
        opened = versions.join("pets", opens=True)
        return type(versions).__name__, type(ledger).__name__, opened.watermark.event_id

    @dg.asset
    def read(
        versions: dg.ResourceParam[Versions], ledger: dg.ResourceParam[LabelLedger]
    ) -> tuple[int, int]:
        return versions.read("pets", "pred_probs").num_rows, ledger.head("pets").event_id

    # The iteration pins the ledger's head: both speak to one database.
    assert run(write, resources) == (Versions.__name__, SqlLedger.__name__, 1)
    assert run(read, resources) == (2, 1)


def test_the_database_is_let_go_after_a_run_that_failed(
    resources: dict[str, Any], tmp_path: Path
) -> None:
    @dg.asset
    def fails(versions: dg.ResourceParam[Versions]) -> None:
        versions.join("pets", opens=True)
        raise ValueError("planted")

    instance = dg.DagsterInstance.ephemeral()
    with pytest.raises(ValueError, match="planted"):
        dg.materialize([fails], resources=resources, instance=instance)
    # SQLite drops its write-ahead log when the last connection closes.
    assert [path.name for path in (tmp_path / "home").glob("burnish.db*")] == ["burnish.db"]
