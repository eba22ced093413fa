"""What the checks of a table find, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.datasets.planted_quality import KINDS, clean_table, plant
from burnish.errors import DataError
from burnish.quality import CHECKS, Checked, QualityFinding, check_table
from burnish.quality.checked import Check
from burnish.quality.spelling import distance


def found(table: pa.Table, kind: str, **parts: str) -> list[QualityFinding]:
    return [one for one in check_table(table, **parts).findings if one.kind == kind]


def values_of(finding: QualityFinding, table: pa.Table) -> set[object]:
    return set(table.column(finding.columns[0]).take(pa.array(finding.rows)).to_pylist())


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_fault_is_told_with_its_column_and_rows(kind: str, seed: int):
    fault = plant(kind, seed=seed)
    report = check_table(fault.table, target=fault.target, time=fault.time, split=fault.split)
    hits = [one for one in report.findings if one.kind == kind]
    assert any(set(fault.columns) & set(one.columns) for one in hits)
    if fault.rows:
        rows = {row for one in hits for row in one.rows}
        assert len(rows & set(fault.rows)) >= 0.3 * len(fault.rows)
        assert len(rows - set(fault.rows)) <= 1  # long tails hold a rare value now and then


@pytest.mark.parametrize("seed", range(5))
def test_a_clean_table_is_told_nothing(seed: int):
    assert check_table(clean_table(1000, seed=seed), target="label").findings == ()


def test_every_built_in_check_has_a_fault_to_be_measured_on():
    assert set(KINDS) <= {check.kind for check in CHECKS}


def test_real_categories_that_look_alike_are_left_alone():
    words = [
        "10th", "11th", "Male", "Female", "Private", "Self-emp-inc", "Self-emp-not-inc",
        "A+", "A-", "C", "C++", "active", "inactive", "hypertension", "hypotension", "Austria",
        "Australia", "Mg", "mg", "1-2", "12", "Slovakia", "Slovenia", "bmw-x1", "bmw-x2",
    ]  # fmt: skip
    rows = [word for word in words for _ in range(100)] + words[1::2]
    assert found(pa.table({"word": rows}), "spelling") == []


@pytest.mark.parametrize(
    ("slip", "meant"),
    [("hamburg", "Hamburg"), ("Hamburg ", "Hamburg"), ("H\u0430mburg", "Hamburg"),
     ("Hambrug", "Hamburg"), ("Hambug", "Hamburg"), ("New-York", "New York")],
)  # fmt: skip
def test_a_slip_is_told_with_what_was_meant(slip: str, meant: str):
    table = pa.table({"city": ["Hamburg", "New York", "Berlin"] * 40 + [slip]})
    (finding,) = found(table, "spelling")
    assert finding.rows == (120,)
    assert finding.details["meant"] == {slip: meant}


def test_one_class_under_two_spellings_is_an_error():
    table = pa.table({"x": range(120), "label": ["cat", "dog"] * 59 + ["Cat", "dog"]})
    assert [one.severity for one in found(table, "spelling", target="label")] == ["error"]


def test_real_zeros_top_codes_and_codes_are_no_stand_ins():
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "rain": np.where(rng.random(900) < 0.6, 0.0, rng.exponential(5, 900)),
            "hours": np.clip(rng.normal(70, 20, 900).round(), 1, 99),
            "balance": rng.normal(0, 50, 900).round(),
            "grade": rng.choice([1, 2, 3, 9, 99], 900),
            "sign": rng.choice(["+", "-"], 900).tolist(),
            "country": rng.choice(["NA", "DE", "FR", "US"], 900).tolist(),
        }
    )
    assert found(table, "disguised_missing") == []


@pytest.mark.parametrize("stand_in", [-999.0, 9999.0, 0.0, -1.0])
def test_a_number_at_the_edge_that_is_repeated_and_far_off_is_a_stand_in(stand_in: float):
    weights = np.random.default_rng(0).normal(80, 8, 300).round(1)
    weights[::20] = stand_in
    table = pa.table({"weight": weights})
    (finding,) = found(table, "disguised_missing")
    assert values_of(finding, table) == {stand_in}
    assert len(finding.rows) == 15


def test_missing_counts_null_nan_empty_and_white_space():
    table = pa.table({"word": ["a", "", "  ", None, "b"], "x": [1.0, np.nan, None, 2.0, 3.0]})
    rows = {one.columns[0]: one.rows for one in found(table, "missing")}
    assert rows == {"word": (1, 2, 3), "x": (1, 2)}


def test_a_quantity_that_never_repeats_is_no_identifier():
    rng = np.random.default_rng(0)
    table = pa.table({"price": rng.permutation(90_000)[:500], "ratio": rng.random(500)})
    assert found(table, "identifier") == []


def test_codes_and_grades_are_no_mixture():
    table = pa.table({"grade": ["1", "2", "3+"] * 40, "ticket": [f"A{n}" for n in range(120)]})
    assert found(table, "mixed_types") == []


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: np.exp(rng.normal(0, 1, n)),
        lambda rng, n: rng.exponential(1, n),
        lambda rng, n: rng.random(n),
        lambda rng, n: rng.poisson(5, n),
        lambda rng, n: 1 + rng.pareto(2, n),
    ],
    ids=["lognormal", "exponential", "uniform", "poisson", "pareto"],
)
def test_skew_and_long_tails_are_no_outliers(draw):
    tables = [pa.table({"x": draw(np.random.default_rng(seed), 1000)}) for seed in range(20)]
    assert sum(len(found(table, "outlying_number")) for table in tables) == 0


def test_numbers_that_a_class_explains_are_in_no_other_unit():
    rng = np.random.default_rng(0)
    small, large = rng.normal(5, 0.5, 100), rng.normal(50, 5, 100)
    table = pa.table({"size": np.append(small, large), "label": ["mouse"] * 100 + ["dog"] * 100})
    assert found(table, "unit", target="label") == []
    assert found(table.drop_columns("label"), "unit") != []


def test_a_daily_series_tells_that_rows_are_alike_and_a_named_time_makes_it_a_note():
    walk = np.cumsum(np.random.default_rng(0).normal(size=400))
    table = pa.table({"demand": walk, "day": pa.array(range(400), pa.int32()).cast(pa.date32())})
    assert [one.severity for one in found(table, "alike_neighbours")] == ["warning"]
    assert [one.severity for one in found(table, "alike_neighbours", time="day")] == ["note"]


def test_each_group_has_its_own_clock():
    days = pa.array([*range(50), *range(50)], pa.int32()).cast(pa.date32())
    table = pa.table({"day": days, "site": ["a"] * 50 + ["b"] * 50})
    assert found(table, "time_back", time="day", group="site") == []
    assert [one.rows for one in found(table, "time_back", time="day")] == [(50,)]


def test_findings_come_severest_first_and_become_a_table():
    report = check_table(plant("infinite", seed=1).table.append_column("c", pa.array([1] * 1000)))
    severities = [one.severity for one in report.findings]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert report.to_table().column("severity").to_pylist() == severities
    assert len(report.looked_for) == len(CHECKS)


def test_a_check_of_your_own_enters_by_the_same_door():
    def shouting(checked: Checked) -> list[QualityFinding]:
        names = tuple(name for name in checked.names if name.isupper())
        return [QualityFinding("shouting", "note", names, (), "Loud.", "capitals", "Hush.")]

    own = Check("shouting", "names in capitals", shouting)
    report = check_table(pa.table({"AGE": [1]}), checks=(*CHECKS, own))
    assert report.findings[-1].columns == ("AGE",)


def test_excluded_columns_are_not_looked_at():
    table = pa.table({"x": [None, 1.0], "y": [1.0, 2.0]})
    assert check_table(table, exclude=["x"]).findings == ()


@pytest.mark.parametrize("part", ["target", "split", "time", "group"])
def test_an_unknown_column_is_refused(part: str):
    with pytest.raises(DataError, match="nowhere"):
        check_table(pa.table({"x": [1]}), **{part: "nowhere"})


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(DataError, match="several columns"):
        check_table(pa.table([[1], [2]], names=["x", "x"]))


cells = st.one_of(
    st.lists(st.one_of(st.none(), st.floats(width=32)), min_size=40, max_size=40),
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=40, max_size=40),
    st.lists(st.one_of(st.none(), st.text(max_size=6)), min_size=40, max_size=40),
    st.lists(st.booleans(), min_size=40, max_size=40),
    st.lists(st.datetimes(), min_size=40, max_size=40),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(cells, min_size=1, max_size=4), st.booleans())
def test_any_table_can_be_checked(columns: list[list[object]], labelled: bool):
    table = pa.table({f"c{place}": column for place, column in enumerate(columns)})
    report = check_table(table, target="c0" if labelled else None)
    assert all(0 <= row < 40 for one in report.findings for row in one.rows)


@given(st.text(max_size=8), st.text(max_size=8))
def test_a_distance_of_texts_is_symmetric_and_zero_for_equals_alone(one: str, other: str):
    assert distance(one, other) == distance(other, one)
    assert (distance(one, other) == 0) == (one == other)
