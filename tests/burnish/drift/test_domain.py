"""A classifier finds where rows differ, says so of rows it did not learn from, and weighs them."""

import numpy as np
import pyarrow as pa
import pytest

from burnish.drift import detect_drift, drift_by_slice, tell_apart
from burnish.errors import DataError


def rows(n: int, seed: int, *, moved: float = 0.0) -> pa.Table:
    """In Rome, so many of the rows are 20 years older."""
    rng = np.random.default_rng(seed)
    city = rng.choice(["Rome", "Oslo", "Bonn"], n)
    age = rng.normal(40, 10, n)
    age = np.where((city == "Rome") & (rng.random(n) < moved), age + 20, age)
    return pa.table({"age": age, "city": city, "noise": rng.standard_t(2, n)})


def test_a_change_of_one_part_is_found_where_it_is() -> None:
    found = detect_drift(rows(3000, 0), rows(3000, 1, moved=0.6), where=True).where
    assert found is not None
    assert found.low > 0.53
    assert set(found.columns) == {"age", "city"}
    assert "age > " in found.conditions[0]
    assert "city is Rome" in found.conditions[0]
    old = rows(3000, 1, moved=0.6)
    part = (np.asarray(old["age"]) > 60) & (np.asarray(old["city"]) == "Rome")
    assert found.ratio.shape == (3000,)
    assert found.ratio[part].mean() > 3 * found.ratio[~part].mean()


def test_rows_of_the_same_world_cannot_be_told_apart() -> None:
    said = 0
    for seed in range(5):
        found = tell_apart(rows(400, 2 * seed), rows(300, 2 * seed + 1), random_state=seed)
        assert found is not None
        said += not found.where.low <= 0.5 <= found.where.high
        assert not found.where.conditions
    assert said <= 1


def test_what_goes_together_drifts_though_no_column_does() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3000))
    before = pa.table({"a": a, "b": rng.normal(size=3000)})
    after = pa.table({"a": b, "b": b + 0.1 * rng.normal(size=3000)})
    report = detect_drift(before, after, where=True)
    assert not report.drifted
    assert report.where is not None
    assert report.where.low > 0.8


def test_weights_make_the_reference_look_like_the_current_rows() -> None:
    before, after = rows(4000, 0), rows(4000, 1, moved=0.8)
    found = tell_apart(before, after)
    assert found is not None
    weights, age = found.reference_ratio, np.asarray(before["age"])
    assert weights.min() >= 1 / 20
    assert weights.max() <= 20
    goal = float(np.asarray(after["age"]).mean())
    assert abs(np.average(age, weights=weights) - goal) < 0.5 * abs(age.mean() - goal)


def test_few_rows_are_not_told_apart() -> None:
    assert tell_apart(rows(40, 0), rows(400, 1)) is None
    assert detect_drift(rows(40, 0), rows(400, 1), where=True).where is None


def test_the_same_seed_says_the_same() -> None:
    first, again = (tell_apart(rows(300, 0), rows(300, 1, moved=1.0)) for _ in range(2))
    assert first is not None
    assert again is not None
    assert first.where.auroc == again.where.auroc
    assert first.where.conditions == again.where.conditions


def test_rows_of_a_day_are_judged_by_models_that_never_saw_the_day() -> None:
    rng = np.random.default_rng(0)
    day = np.repeat(np.arange(12), 60)
    tables = [pa.table({"x": rng.normal(size=12)[day]}) for _ in range(2)]
    apart = tell_apart(*tables)
    told = tell_apart(*tables, reference_blocks=day, current_blocks=day)
    assert apart is not None
    assert told is not None
    assert apart.where.low > 0.9, "each day is known by its value"
    assert told.where.low < 0.5, "a new day says nothing of which side it is on"


def test_missing_infinite_and_long_cells_can_be_learned_from() -> None:
    rng = np.random.default_rng(0)

    def table(holes: float) -> pa.Table:
        x = rng.normal(size=400)
        x[:5] = np.inf
        return pa.table(
            {
                "x": pa.array(x, mask=rng.random(400) < holes),
                "note": [f"the {word} sat" for word in rng.choice(["cat", "dog"], 400)],
                "signal": list(rng.normal(size=(400, 4))),
            }
        )

    found = tell_apart(
        table(0.0), table(0.4), kinds={"x": "numeric", "note": "text", "signal": "list"}
    )
    assert found is not None
    assert found.where.columns[0] == "x"
    assert found.where.conditions[0].startswith("x is missing")


def test_drift_of_one_slice_is_found_in_that_slice_alone() -> None:
    before, after = rows(6000, 0), rows(6000, 1, moved=0.4)
    masks = [
        {city: np.asarray(table["city"]) == city for city in ("Rome", "Oslo", "Bonn")}
        for table in (before, after)
    ]
    found = drift_by_slice(
        before, after, reference_slices=masks[0], slices=masks[1], columns=["age"]
    )
    assert found.drifted == ("Rome",)
    assert found.to_table()["slice"].to_pylist() == ["Rome", "Oslo", "Bonn"]
    nobody = {"none": np.zeros(6000, dtype=bool)}
    assert drift_by_slice(before, after, reference_slices=nobody, slices=nobody).empty == ("none",)
    with pytest.raises(DataError, match="same names"):
        drift_by_slice(before, after, reference_slices=masks[0], slices=nobody)
