"""Facts beside the signals: which model serves, and whether labels show it to be the worse one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from sklearn.dummy import DummyClassifier

from burnish.modeling.saving import dump_model
from burnish.policy import Facts, Signal, decide
from burnish.workflows.iterate import close_iteration
from burnish.workflows.policy_facts import facts_of
from burnish.workflows.production_stages import LABELS
from tests.burnish.workflows.closed_turns import measured, pets, prepared, turn

PRODUCTION = {"source": {"path": "met/*.csv"}, "time": "at", "start": "2026-01-01"}
BACK = {"rules": [{"signal": "measured_loss", "action": "roll_back", "over": 0.05}]}


@pytest.fixture
def spec():
    return pets(production=PRODUCTION, policy=BACK)


@pytest.fixture
def home(tmp_path, spec):
    """Two champions, and labels of rows that were met since: the newer model says cat of all."""
    home = prepared(tmp_path)
    turn(home, spec)
    versions, iteration = home.versions, measured(home, spec)
    number = int(versions.iteration("pets", 2).summary["model_version"])
    kept = versions.store.read("pets/model_files", version=number).to_pylist()[0]
    bad = DummyClassifier(strategy="constant", constant="cat").fit([[0], [1]], ["cat", "dog"])
    worse = pa.Table.from_pylist([{**kept, "model": dump_model(bad)}])
    written = versions.store.write("pets/model_files", worse)
    iteration = versions.note("pets", iteration.number, model_version=written.version)
    close_iteration(spec, versions, iteration, run_id="run-2", git_sha="5c28aa3")
    assert [one.iteration for one in versions.champion_events("pets")] == [1, 2]
    return home


def labels_met(home, *, after: bool, rows: int = 80):
    rng = np.random.default_rng(5)
    kind = np.arange(rows) % 2
    shift = timedelta(days=1 if after else -9)
    met = datetime.now(UTC) + shift
    stamps = pa.array([met] * rows, pa.timestamp("us", "UTC"))
    table = pa.table(
        {
            "example_id": [f"m{row}" for row in range(rows)],
            "label": [("cat", "dog")[one] for one in kind],
            "weight": rng.normal(kind * 2.0, 0.5),
            "height": rng.normal(kind * 1.0, 0.5),
            "met_at": stamps,
            "labelled_at": stamps,
            "period": [met.date().isoformat()] * rows,
        }
    )
    home.versions.write("pets", LABELS, table, gated=False)


def decided(spec, facts: Facts):
    signal = Signal("measured_loss", "", 0.3, 0.2, 0.4, 80, "labels")
    period = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    [made] = decide(spec.policy, [signal], period=period, facts=facts)
    return made


def test_a_champion_that_labels_show_to_be_worse_is_rolled_back(home, spec):
    labels_met(home, after=True)
    facts = facts_of(spec, home.versions)
    assert (facts.champion, facts.champion_before, facts.paired_rows) == (2, 1, 80)
    assert facts.worse_by == pytest.approx(0.5, abs=0.15)
    assert facts.worse_low > 0.2
    assert facts.new_labels == 80
    assert decided(spec, facts).action == "roll_back"


def test_rows_met_before_the_champion_was_promoted_show_nothing_of_it(home, spec):
    labels_met(home, after=False)
    facts = facts_of(spec, home.versions)
    assert (facts.worse_by, facts.paired_rows) == (None, 0)
    assert "not compared" in decided(spec, facts).held_back


def test_labels_of_the_past_are_new_where_the_champion_was_not_made_with_them(home, spec):
    labels_met(home, after=False)
    assert facts_of(spec, home.versions).new_labels == 80
    champion = home.versions.champion("pets")
    known = home.versions.read_version(
        "pets", "curated_examples", version=int(champion.summary["curated_version"])
    )
    came = home.versions.read("pets", LABELS)
    names = [*known["example_id"].to_pylist()[:30], *came["example_id"].to_pylist()[30:]]
    came = came.set_column(0, "example_id", pa.array(names))
    home.versions.write("pets", LABELS, came, gated=False)
    assert facts_of(spec, home.versions).new_labels == 50


def test_models_are_not_loaded_where_the_policy_never_rolls_back(home, spec):
    labels_met(home, after=True)
    assert facts_of(pets(production=PRODUCTION), home.versions).worse_by is None


def test_a_champion_that_came_back_has_none_before_it(home, spec):
    versions = home.versions
    versions.roll_back("pets", 1, who="Ada", why="worse", expected=versions.champion_seq("pets"))
    labels_met(home, after=True)
    facts = facts_of(spec, versions)
    assert (facts.champion, facts.champion_before) == (1, None)
