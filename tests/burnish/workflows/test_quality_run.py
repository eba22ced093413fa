"""A dataset's quality report: findings are kept, and a few torn copies are asked about, once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from burnish.records import Verdict
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.workflows.home import Home, prepare_home
from burnish.workflows.quality_run import ASKED_BY, MOST_REQUESTED, check_dataset

NOW = datetime(2026, 11, 26, tzinfo=UTC)
SPEC = DatasetSpec.model_validate(
    {
        "name": "pets",
        "source": {"path": "pets.csv"},
        "target": "label",
        "features": {"x": "numeric", "c": "categorical"},
    }
)


def validated(torn: int = 3, n: int = 600) -> pa.Table:
    """Rows of chance; the first `torn` training rows have a copy of another label."""
    rng = np.random.default_rng(0)
    base = {"x": rng.normal(size=n), "c": rng.choice(["p", "q"], n)}
    label = rng.choice(["cat", "dog"], n)
    more = {name: np.concatenate([cells, cells[:torn]]) for name, cells in base.items()}
    other = np.where(label[:torn] == "cat", "dog", "cat")
    ids = [f"pet-{at:04d}" for at in rng.permutation(n + torn)]
    splits = ["train"] * (n - 100) + ["test"] * 100 + ["train"] * torn
    return pa.table(
        {
            "example_id": ids,
            "label": [*label, *other],
            **{name: cells.tolist() for name, cells in more.items()},
            "split": splits,
            "fold_group": ids,
        }
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepare_home(tmp_path / "home")


def checked(home: Home, rows: pa.Table):
    home.versions.write("pets", "validated_examples", rows, gated=False)
    return check_dataset(SPEC, home.versions, home.ledger, Pages(home.folder / "reports"), now=NOW)


def test_torn_copies_are_asked_about_once_and_the_report_is_kept(home: Home) -> None:
    rows = validated()
    done = checked(home, rows)
    assert done.requested == 6
    (asked,) = home.ledger.requests("pets", now=NOW)
    ids = rows["example_id"].to_pylist()
    assert set(asked.example_ids) == {*ids[:3], *ids[600:]}
    assert asked.asked_by == ASKED_BY
    assert checked(home, rows).requested == 0
    kept = home.versions.read("pets", "quality_report")
    assert "conflicting_labels" in kept["kind"].to_pylist()
    assert "carry another label" in done.page.read_text(encoding="utf-8")


def test_a_flood_of_torn_copies_does_not_fill_the_queue(home: Home) -> None:
    done = checked(home, validated(torn=12))
    assert done.requested == MOST_REQUESTED


def test_rows_that_people_decided_are_not_asked_about_again(home: Home) -> None:
    rows = validated(torn=1)
    first, second = rows["example_id"][0].as_py(), rows["example_id"][600].as_py()
    given = rows["label"][0].as_py()
    home.ledger.append("pets", [Verdict(first, "keep", given, given, author="ada")])
    checked(home, rows)
    (asked,) = home.ledger.requests("pets", now=NOW)
    assert asked.example_ids == (second,)


def test_a_clean_dataset_asks_for_nothing(home: Home) -> None:
    done = checked(home, validated(torn=0))
    assert done.requested == 0
    assert not [one for one in done.report.findings if one.severity == "error"]
