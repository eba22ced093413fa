"""Clusters with raised errors: found, tested and described in words that hold."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom

from burnish.errors import DataError
from burnish.slices import cluster_slices, resolve_slices

CENTRES = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0], [6.0, 6.0]])


def blobs(seed, n=800):
    """Points around four centres, the columns that tell of them, and which centre each has."""
    rng = np.random.default_rng(seed)
    centre = rng.integers(0, 4, n)
    points = CENTRES[centre] + rng.normal(0, 0.5, (n, 2))
    table = pa.table(
        {
            "side": np.where(centre % 2, "right", "left").tolist(),
            "height": points[:, 1],
            "noise": rng.choice(["p", "q", "r"], n).tolist(),
        }
    )
    return points, table, centre


def test_the_cluster_that_was_hurt_is_found_and_told_by_its_columns():
    points, table, centre = blobs(0)
    wrong = np.random.default_rng(1).random(800) < np.where(centre == 3, 0.4, 0.1)
    found = cluster_slices(points, wrong, table, n_clusters=4, random_state=0)
    best = found.slices[0]
    assert best.holds
    assert (found.assignments == best.cluster).tolist() == (centre == 3).tolist()
    assert best.description.precision == best.description.recall == 1.0
    assert set(best.description.slice.where) == {"side", "height"}
    assert best.description.slice.where["side"] == "right"
    (mask,) = resolve_slices(table, [best.description.slice])
    assert mask.slice_id == best.description.slice_id
    assert mask.mask.tolist() == (centre == 3).tolist()


def test_a_cluster_that_columns_do_not_tell_has_a_poor_description_and_says_so():
    points, table, centre = blobs(0)
    wrong = np.random.default_rng(1).random(800) < np.where(centre == 3, 0.4, 0.1)
    found = cluster_slices(points, wrong, table.select(["noise"]), n_clusters=4, random_state=0)
    described = found.slices[0].description
    # A quarter of all rows are in the cluster, whatever the noise says.
    assert described is None or described.precision < 0.4


def test_errors_at_random_leave_no_cluster_that_holds():
    runs, alarms = 100, 0
    for seed in range(runs):
        points, table, _ = blobs(seed, n=400)
        wrong = np.random.default_rng(seed).random(400) < 0.2
        found = cluster_slices(
            points, wrong, table, n_clusters=6, control="benjamini_hochberg", random_state=seed
        )
        alarms += any(one.holds for one in found.slices)
    assert alarms <= binom.ppf(0.999, runs, 0.05)


def test_values_that_are_left_make_a_list():
    rng = np.random.default_rng(0)
    colour = rng.choice(["red", "green", "blue", "grey"], 400)
    members = colour != "grey"
    points = np.column_stack([np.where(members, 5.0, 0.0), rng.normal(0, 0.1, 400)])
    wrong = rng.random(400) < np.where(members, 0.4, 0.02)
    found = cluster_slices(
        points, wrong, {"colour": colour.tolist()}, n_clusters=2, max_conditions=1, random_state=0
    )
    described = found.slices[0].description
    assert sorted(described.slice.where["colour"]) == ["blue", "green", "red"]
    assert described.precision == described.recall == 1.0


def test_missing_values_and_times_can_describe_a_cluster():
    start = np.datetime64("2026-03-01T00:00:00", "us")
    when = start + np.arange(400).astype("timedelta64[h]")
    late = np.arange(400) >= 200
    points = np.column_stack([np.where(late, 5.0, 0.0), np.arange(400) % 7])
    wrong = np.random.default_rng(0).random(400) < np.where(late, 0.5, 0.1)
    by_time = cluster_slices(points, wrong, {"when": when}, n_clusters=2, random_state=0)
    assert by_time.slices[0].description.slice.where["when"]["min"].startswith("2026-03-09")
    sparse = {"score": [None if x else float(i) for i, x in enumerate(late)]}
    by_absence = cluster_slices(points, wrong, sparse, n_clusters=2, random_state=0)
    assert by_absence.slices[0].description.slice.where == {"score": None}
    present = cluster_slices(points, ~wrong, sparse, n_clusters=2, random_state=0)
    assert present.slices[0].description.slice.where == {"score": {"min": 0}}


def test_the_table_has_a_row_a_cluster_and_null_for_what_is_not_known():
    points, table, centre = blobs(0)
    constant = pa.table({"same": ["x"] * 800})
    for examples in (table, constant):
        found = cluster_slices(points, centre == 3, examples, n_clusters=4, random_state=0)
        (row,) = found.to_table().to_pylist()
        assert row["support"] == int((centre == 3).sum())
        assert (row["precision"] is None) == (examples is constant)


@pytest.mark.parametrize("n_clusters", [1, 801])
def test_a_number_of_clusters_that_cannot_be_is_refused(n_clusters):
    points, table, centre = blobs(0)
    with pytest.raises(DataError):
        cluster_slices(points, centre == 3, table, n_clusters=n_clusters, random_state=0)


def test_features_that_are_not_finite_are_refused():
    points, table, centre = blobs(0)
    points[5, 1] = np.nan
    with pytest.raises(DataError, match="features"):
        cluster_slices(points, centre == 3, table, random_state=0)
