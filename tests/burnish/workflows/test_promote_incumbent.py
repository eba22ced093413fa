"""A challenger meets the champion on today's rows, none of which the champion has learned."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from burnish.workflows.compare_iterations import compare_iterations
from burnish.workflows.compare_iterations_words import rows_in_words
from burnish.workflows.iterate import close_iteration
from burnish.workflows.iteration_report_effect import held_against as report_against
from burnish.workflows.promote_incumbent import (
    NOTE,
    incumbent_on,
    kept_predictions,
    rows_since,
)
from tests.burnish.workflows.closed_turns import measured, pets, prepared, turn

NEW = 60


def drifted(home, *, splits: tuple[str, ...] = ("train", "validation", "test")) -> list[str]:
    """New rows whose kinds are the other way round: what a champion of yesterday gets wrong."""
    rng = np.random.default_rng(1)
    rows = home.versions.read("pets", "validated_examples")
    kind = np.arange(NEW) % 2
    names = [f"n{at}" for at in range(NEW)]
    more = pa.table(
        {
            "example_id": names,
            "label": [("dog", "cat")[one] for one in kind],
            "weight": rng.normal(kind * 2.0 + 40, 1),
            "height": rng.normal(kind * 1.0, 1),
            "source": ["street"] * NEW,
            "split": [splits[at % len(splits)] for at in range(NEW)],
            "fold_group": names,
        }
    )
    home.versions.write("pets", "validated_examples", pa.concat_tables([rows, more]), gated=False)
    return names


@pytest.fixture
def twice(tmp_path):
    """Two closed iterations; before the second, rows of another time came."""
    home, spec = prepared(tmp_path), pets()
    turn(home, spec)
    drifted(home)
    turn(home, spec)
    return home, spec


def test_a_challenger_is_judged_on_the_validation_rows_that_came_since_as_well(twice):
    home, _ = twice
    before, after = home.versions.iterations("pets")
    told = after.summary["promotion"]
    old = kept_predictions(home.versions, before)
    yesterday = old.filter(pc.field("split") == "validation").num_rows
    assert told["since"] == NEW // 3
    # p2 was dropped by the second turn, whatever its split.
    assert yesterday + NEW // 3 - 1 <= told["rows"] <= yesterday + NEW // 3
    assert rows_since(after, before) == {"validation": NEW // 3, "test": NEW // 3}


def test_the_champion_is_asked_and_not_trained_and_its_own_record_stays(twice):
    home, spec = twice
    before, after = home.versions.iterations("pets")
    curated = home.versions.let_through(
        "pets", "curated_examples", int(after.summary["curated_version"])
    )
    found = incumbent_on(spec, home.versions, before, curated)
    new = found.predictions.filter(pc.starts_with(found.predictions["example_id"], "n"))
    # Both kinds weigh forty more than before: to what it learned then, all of them are dogs.
    assert set(new["predicted"].to_pylist()) == {"dog"}
    assert set(new["label"].to_pylist()) == {"dog", "cat"}
    assert not any(
        name.startswith("n")
        for name in kept_predictions(home.versions, before)["example_id"].to_pylist()
    )


def test_the_comparison_speaks_of_the_rows_that_the_decision_was_made_on(twice):
    home, _ = twice
    before, after = home.versions.iterations("pets")
    found = compare_iterations(home.versions, before, after)
    row = found.overall("validation", changed="model", fixed="new labels")
    assert row["support"] == found.decision.rows
    assert row["difference"] == pytest.approx(found.decision.difference)
    assert f"{NEW // 3} validation and {NEW // 3} test rows came after pets@iter1" in rows_in_words(
        found
    )
    # The report is of the same rows.
    against = report_against(home.versions, after)
    assert against.predictions.num_rows == kept_predictions(home.versions, before).num_rows + (
        2 * NEW // 3
    )
    assert found.to_json()["since"] == {"validation": NEW // 3, "test": NEW // 3}


def test_rows_that_the_champion_learned_or_their_like_are_no_held_out_rows_of_it(tmp_path):
    home, spec = prepared(tmp_path), pets()
    turn(home, spec)
    [champion] = home.versions.iterations("pets")
    rows = home.versions.read("pets", "validated_examples")
    known = rows.filter(pc.field("split") == "train").slice(5, 2).to_pylist()
    twin = {**known[0], "example_id": "twin", "split": "validation"}
    itself = {**known[1], "split": "validation"}
    fresh = {**known[0], "example_id": "fresh", "split": "validation", "weight": 99.5}
    bare = {**fresh, "example_id": "bare", "label": None}
    curated = pa.Table.from_pylist([twin, itself, fresh, bare], schema=rows.schema)
    found = incumbent_on(spec, home.versions, champion, curated)
    assert found.since == {"validation": 1}
    assert found.learned == 2
    assert found.predictions["example_id"].to_pylist()[-1] == "fresh"


def test_without_rows_that_came_since_nothing_is_noted_and_nothing_is_asked(tmp_path):
    home, spec = prepared(tmp_path), pets()
    turn(home, spec)
    turn(home, spec)
    assert NOTE not in home.versions.iteration("pets", 2).summary
    assert home.versions.iteration("pets", 2).summary["promotion"]["since"] == 0


def test_a_champion_whose_features_are_gone_is_held_against_what_it_said_then(tmp_path):
    home, spec = prepared(tmp_path), pets()
    turn(home, spec)
    rows = home.versions.read("pets", "validated_examples")
    gone = rows.drop_columns(["height"])
    late = pa.array([f"late{at}" for at in range(rows.num_rows)])
    home.versions.write(
        "pets",
        "validated_examples",
        pa.concat_tables([gone, gone.set_column(0, "example_id", late)]),
        gated=False,
    )
    other = pets(features={"weight": "numeric"})
    iteration = measured(home, other)
    done = close_iteration(other, home.versions, iteration, run_id="r", git_sha="s")
    noted = home.versions.iteration("pets", 2).summary[NOTE]
    assert noted["why_not"] == "its features are not those of today's rows"
    assert done.promotion.since == 0
    assert done.promotion.rows > 0
