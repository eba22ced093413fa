"""`burnish return`: what it costs, what it says, and the page and JSON it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from burnish.cli import main
from burnish.workflows.returns import read_returns
from tests.burnish.workflows.paid_batches import NAME, Paid, planted_spec


@pytest.fixture(scope="module")
def paid(tmp_path_factory) -> Paid:
    folder = tmp_path_factory.mktemp("project")
    made = Paid(folder / "home", rows=450)
    made.mend(60)
    made.confirm(20, reason="control")
    made.harm(60, site="north")
    spec = planted_spec().model_dump(mode="json", exclude_defaults=True)
    (folder / "catalog").mkdir()
    (folder / "catalog" / f"{NAME}.yaml").write_text(yaml.safe_dump(spec))
    return made


def run(paid: Paid, *options: str):
    catalog = paid.home.folder.parent / "catalog"
    asked = ["return", NAME, "--home", str(paid.home.folder), "--catalog", str(catalog)]
    done = CliRunner().invoke(main, [*asked, "--project", str(catalog.parent), *options])
    assert done.exit_code == 0, done.output
    return done


def test_it_names_the_batch_that_hurt_its_cost_and_its_page(paid):
    done = run(paid, "--seeds", "3")
    first = done.stdout.splitlines()[0]
    assert first.startswith("Batch 3 made the model worse by")
    assert "most in" in first
    assert "3 batches), each trained with 3 seeds" in done.stderr
    assert "batch 2" in done.stdout
    assert "no change" in done.stdout
    page = paid.home.reports / NAME / "return.html"
    assert str(page) in done.stdout
    assert "Batch 3 made the model worse" in page.read_text()


def test_what_it_prints_for_programs_is_what_is_kept(paid, tmp_path: Path):
    page = tmp_path / "mine.html"
    done = run(paid, "--last", "2", "--seeds", "2", "--json", "--html", str(page))
    told = json.loads(done.stdout)
    kept = read_returns(paid.home.versions, NAME)
    assert kept is not None
    assert told["returns"] == kept.table.to_pylist()
    assert told["facts"]["iterations"] == [2, 3]
    assert told["forecast"] is None
    assert page.exists()


def test_a_dataset_without_a_home_is_refused_with_a_hint(paid):
    asked = ["return", "nothing", "--home", str(paid.home.folder)]
    folder = paid.home.folder.parent
    done = CliRunner().invoke(main, [*asked, "--catalog", str(folder / "catalog")])
    assert done.exit_code == 1
    assert "Traceback" not in done.output
