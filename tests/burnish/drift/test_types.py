"""Columns of every type are measured or refused in words: none ends in an error of Arrow's."""

import datetime as dt
import warnings

import numpy as np
import pyarrow as pa
import pytest

from burnish.drift import detect_drift, tell_apart
from burnish.drift.performance_density import density_ratio
from burnish.errors import DataError

N = 200
OTHER = pa.array(np.random.default_rng(0).normal(size=N))
MOMENTS = [dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=hour) for hour in range(N)]

MEASURED = {
    "fractions of a microsecond": pa.array(
        [1_600_000_000_000_000_001 + at for at in range(N)], pa.timestamp("ns")
    ),
    "zoned": pa.array(MOMENTS, pa.timestamp("us", "Europe/Zurich")),
    "string view": pa.array(["ab"[at % 2] for at in range(N)], pa.string_view()),
    "binary view": pa.array([b"no image"] * N, pa.binary_view()),
    "no image": pa.array([b"no image"] * N),
    "empty lists": pa.array([[] if at % 2 else None for at in range(N)], pa.list_(pa.float64())),
    "all null": pa.nulls(N, pa.float64()),
    "all not a number": pa.array(np.full(N, np.nan)),
    "endless": pa.array(np.where(np.arange(N) % 2, np.inf, -np.inf)),
    "one value": pa.array([1.0] + [None] * (N - 1), pa.float64()),
}
REFUSED = {
    "struct": pa.array([{"a": at} for at in range(N)]),
    "map": pa.array([[("a", at)] for at in range(N)], pa.map_(pa.string(), pa.int64())),
    "list of strings": pa.array([["a", "b"]] * N),
    "list of structs": pa.array([[{"a": 1}]] * N),
    "bytes of one length": pa.array([b"\xff\xfe"] * N, pa.binary(2)),
    "months and days": pa.array([pa.MonthDayNano([1, 2, 3])] * N),
}


@pytest.mark.parametrize("cells", MEASURED.values(), ids=MEASURED)
def test_what_has_a_measure_is_the_same_as_itself_and_tells_nothing_apart(cells: pa.Array) -> None:
    table = pa.table({"x": cells, "other": OTHER})
    with warnings.catch_warnings():
        # In here alone: what another test left open may be collected while this one runs.
        warnings.simplefilter("error")
        found = detect_drift(table, table, where=True)
    assert not found.drifted
    assert found.where is not None
    assert found.where.low < 0.55


@pytest.mark.parametrize("cells", REFUSED.values(), ids=REFUSED)
def test_what_has_no_measure_is_refused_by_its_name(cells: pa.Array) -> None:
    table = pa.table({"odd": cells})
    for door in (detect_drift, tell_apart):
        with pytest.raises(DataError, match=r"'odd' is .* no measure of"):
            door(table, table)


def test_a_moment_is_the_same_in_every_zone_and_unit() -> None:
    zoned = pa.array([at * 3600 * 10**6 for at in range(N)], pa.timestamp("us", "Asia/Tokyo"))
    plain = pa.array([at * 3600 for at in range(N)], pa.timestamp("s"))
    line = detect_drift(pa.table({"at": zoned}), pa.table({"at": plain})).columns.to_pylist()[0]
    assert (line["ks"], line["wasserstein"]) == (0.0, 0.0)


def test_a_name_that_is_there_twice_or_nowhere_is_told() -> None:
    one = pa.table({"x": OTHER})
    two = pa.table([OTHER, OTHER], names=["x", "x"])
    with pytest.raises(DataError, match="two columns are called 'x'"):
        detect_drift(two, two)
    with pytest.raises(DataError, match="two columns are called 'x'"):
        detect_drift(one, one, columns=["x", "x"])
    with pytest.raises(DataError, match=r"'z' that neither table has"):
        detect_drift(one, one, kinds={"z": "numeric"})


def test_a_season_of_another_type_is_told() -> None:
    before, after = pa.table({"x": OTHER}), pa.table({"x": pa.array(np.arange(N) + 9.0)})
    with pytest.raises(DataError, match="a year before"):
        detect_drift(before, after, seasonal={"a year before": pa.table({"x": ["s"] * N})})


def test_ratios_are_had_beside_a_column_without_a_value() -> None:
    rng = np.random.default_rng(1)
    rows = [np.column_stack([rng.normal(size=300), np.full(300, np.nan)]) for _ in range(2)]
    rows[1][:, 0] += 1.0
    assert density_ratio(rows[0], rows[1]).gain > 0.02
