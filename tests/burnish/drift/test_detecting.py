"""Planted drift of each kind is found by the effect that was planted, and nothing else is."""

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from burnish.drift import DRIFT_SCHEMA, detect_drift
from burnish.errors import DataError


def rows(n: int = 2000, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "x": rng.normal(size=n),
        "y": rng.normal(size=n),
        "city": rng.choice(["Bonn", "Oslo", "Rome"], n),
        "on": rng.random(n) < 0.3,
    }


BEFORE = pa.table(rows())


def found(after: dict[str, object], name: str, **choices: object) -> dict[str, object]:
    """The line of one column; no other column may have drifted."""
    report = detect_drift(BEFORE, pa.table(after), **choices)
    lines = {line["column"]: line for line in report.columns.to_pylist()}
    others = [line["finding"] for key, line in lines.items() if key != name]
    assert set(others) <= {"not shown"}
    assert report.drifted == (lines[name]["finding"] == "drifted")
    return lines[name]


def test_the_same_rows_have_no_effect_and_the_columns_of_the_schema() -> None:
    report = detect_drift(BEFORE, BEFORE)
    assert report.to_table().schema == DRIFT_SCHEMA
    assert report.columns["value"].to_pylist() == [0.0] * 4
    assert not report.drifted


def test_rows_of_the_same_world_did_not_drift() -> None:
    assert not detect_drift(BEFORE, pa.table(rows(500, seed=1))).drifted


@pytest.mark.parametrize("change", [lambda x: x + 0.6, lambda x: x * 3, lambda x: -np.exp(x)])
def test_mean_scale_and_shape_are_found(change) -> None:
    after = rows(seed=1)
    line = found(after | {"x": change(after["x"])}, "x")
    assert (line["finding"], line["effect"], line["kind"]) == ("drifted", "ks", "numeric")
    assert 0.05 < line["low"] < line["value"] < line["high"]


def test_missing_cells_are_found_whatever_the_kind() -> None:
    gone = np.random.default_rng(5).random(2000) < 0.2
    for name in ("x", "city", "on"):
        after = rows(seed=1)
        line = found(after | {name: pa.array(after[name], mask=gone)}, name)
        assert (line["finding"], line["effect"]) == ("drifted", "missing")
        assert line["missing_after"] == pytest.approx(gone.mean())
        assert line["missing_before"] == 0.0


def test_a_column_that_is_all_null_is_missing() -> None:
    for name, kind in (("x", "numeric"), ("city", "categorical")):
        line = found(rows(seed=1) | {name: pa.nulls(2000)}, name)
        assert (line["kind"], line["effect"], line["missing_after"]) == (kind, "missing", 1.0)


def test_nan_null_and_infinity_are_three_things() -> None:
    after = rows(seed=1)
    x = after["x"].copy()
    x[:400], x[400:500], x[500:510] = np.nan, np.inf, -np.inf
    cells = pa.array(x, mask=np.arange(2000) >= 1990)
    line = found(after | {"x": cells}, "x")
    assert line["finding"] == "drifted"
    assert line["nan_after"] == pytest.approx(0.2)
    assert line["infinite_after"] == pytest.approx(0.055)
    assert line["missing_after"] == pytest.approx(0.005)
    assert line["ks"] < 0.05, "the finite cells did not change"


def test_one_infinity_hides_no_drift() -> None:
    after = rows(seed=1)
    x = after["x"] + 1
    x[0] = np.inf
    line = found(after | {"x": x}, "x")
    assert (line["finding"], line["effect"]) == ("drifted", "ks")
    assert line["infinite_after"] == pytest.approx(1 / 2000)
    assert np.isfinite(line["wasserstein"])


def test_new_and_lost_categories_are_named() -> None:
    after = rows(seed=1)
    city = after["city"].astype("<U8")
    city[city == "Rome"] = "Roma"
    line = found(after | {"city": city}, "city")
    assert line["finding"] == "drifted"
    assert (line["new_values"], line["lost_values"]) == (["Roma"], ["Rome"])
    assert line["new_share"] == pytest.approx((city == "Roma").mean())


def test_shares_of_categories_are_found_by_total_variation() -> None:
    after = rows(seed=1)
    city = np.random.default_rng(2).choice(["Bonn", "Oslo", "Rome"], 2000, p=[0.6, 0.2, 0.2])
    line = found(after | {"city": city}, "city")
    assert (line["effect"], line["finding"]) == ("total_variation", "drifted")
    assert line["value"] == pytest.approx(0.27, abs=0.05)


def test_a_column_of_unique_values_does_not_drift() -> None:
    before, after = (pa.table({"id": [f"{side}{n}" for n in range(800)]}) for side in "ab")
    report = detect_drift(before, after, kinds={"id": "categorical"})
    assert not report.drifted
    assert report.columns["new_share"].to_pylist() == [1.0]


def test_numbers_that_are_codes_can_be_categories() -> None:
    before = pa.table({"code": [1, 2, 3] * 300})
    after = pa.table({"code": [1, 4, 3] * 300})
    line = detect_drift(before, after, kinds={"code": "categorical"}).columns.to_pylist()[0]
    assert (line["kind"], line["new_values"]) == ("categorical", ["4"])
    with pytest.raises(DataError, match="asked for as text"):
        detect_drift(before, after, kinds={"code": "text"})


def test_times_are_compared_in_seconds() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    before = pa.table({"at": [start + timedelta(minutes=n) for n in range(900)]})
    after = pa.table({"at": [start + timedelta(minutes=n + 300) for n in range(900)]})
    line = detect_drift(before, after).columns.to_pylist()[0]
    assert (line["kind"], line["finding"]) == ("datetime", "drifted")
    assert line["wasserstein"] == pytest.approx(300 * 60)
    days = pa.table({"at": before["at"].cast(pa.date32())})
    assert not detect_drift(days, days).drifted


SENTENCES = ["the cat sat on the mat", "a dog ran under the table", "rain fell on the roof"]


def texts(n: int, seed: int, extra: str = "") -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {"note": [f"{rng.choice(SENTENCES)} {rng.integers(10**6)}{extra}" for _ in range(n)]}
    )


def test_text_drifts_by_length_signs_and_words() -> None:
    before = texts(1000, 0)
    assert not detect_drift(before, texts(1000, 1)).drifted
    (longer,) = detect_drift(before, texts(1000, 1, " and so on and on")).columns.to_pylist()
    assert (longer["kind"], longer["finding"]) == ("text", "drifted")
    (accents,) = detect_drift(before, texts(1000, 1, "é")).columns.to_pylist()
    assert (accents["finding"], accents["part"]) == ("drifted", "other signs")
    swapped = pa.table(
        {"note": [t.replace("cat", "cow") for t in texts(1000, 1)["note"].to_pylist()]}
    )
    (word,) = detect_drift(before, swapped).columns.to_pylist()
    assert word["finding"] == "drifted"
    assert word["part"] in {"cat", "cow", "unknown words"}


def test_images_and_signals_drift_by_what_is_seen_of_them() -> None:
    rng = np.random.default_rng(0)
    before, after = (rng.normal(size=(600, 16)) for _ in range(2))
    plain = pa.table({"signal": list(before)})
    assert not detect_drift(plain, pa.table({"signal": list(after)})).drifted
    (line,) = detect_drift(plain, pa.table({"signal": list(after * 2)})).columns.to_pylist()
    assert (line["kind"], line["finding"]) == ("list", "drifted")
    assert line["part"] in {"spread", "step", "least", "greatest"}
    nested = pa.table({"signal": [row.reshape(4, 4).tolist() for row in after * 2]})
    (same,) = detect_drift(plain, nested).columns.to_pylist()
    assert (same["part"], same["value"]) == (line["part"], line["value"])


def png(level: int) -> bytes:
    kept = io.BytesIO()
    Image.new("L", (4, 4), level).save(kept, "PNG")
    return kept.getvalue()


def test_images_drift_by_brightness_and_bytes_that_do_not_open_are_missing() -> None:
    rng = np.random.default_rng(0)
    dark = pa.table({"scan": [png(int(level)) for level in rng.integers(0, 120, 200)]})
    light = pa.table({"scan": [png(int(level)) for level in rng.integers(100, 220, 200)]})
    (line,) = detect_drift(dark, light).columns.to_pylist()
    assert (line["kind"], line["finding"]) == ("image", "drifted")
    broken = pa.table({"scan": [b"?" if n % 2 else png(n % 120) for n in range(200)]})
    (line,) = detect_drift(dark, broken).columns.to_pylist()
    assert (line["effect"], line["missing_after"]) == ("missing", 0.5)


def test_few_rows_show_nothing_but_what_is_plain() -> None:
    lines = detect_drift(BEFORE, pa.table(rows(10, seed=1))).columns
    assert set(lines["finding"].to_pylist()) == {"too few"}


def test_a_small_change_of_many_rows_is_tolerated() -> None:
    before, after = rows(200_000), rows(200_000, seed=1)
    after["x"] = after["x"] + 0.05
    report = detect_drift(pa.table(before), pa.table(after))
    assert report.columns["low"].to_pylist()[0] > 0, "it is there for sure"
    assert not report.drifted, "and does not matter"


def test_more_columns_leave_each_less_sure() -> None:
    alone = detect_drift(BEFORE, pa.table(rows(seed=1)), columns=["x"]).columns.to_pylist()[0]
    among = found(rows(seed=1), "x")
    assert among["high"] > alone["high"]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_the_rows_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    after = pa.table(rows(120, seed=seed) | {"note": texts(120, seed)["note"].to_pylist()})
    before = pa.table(rows(150, seed=seed + 1) | {"note": texts(150, seed + 1)["note"].to_pylist()})
    plain = detect_drift(before, after).columns
    mixed = detect_drift(
        before.take(rng.permutation(150)), after.take(rng.permutation(120))
    ).columns
    for key in ("column", "value", "low", "high", "finding", "psi", "jensen_shannon"):
        if key in ("column", "finding"):
            assert plain[key].to_pylist() == mixed[key].to_pylist()
        else:
            pairs = zip(plain[key].to_pylist(), mixed[key].to_pylist(), strict=True)
            assert all(a == pytest.approx(b, abs=1e-9) for a, b in pairs)


def test_what_is_not_there_or_of_another_kind_is_said() -> None:
    with pytest.raises(DataError, match="no column 'z'"):
        detect_drift(BEFORE, BEFORE, columns=["z"])
    with pytest.raises(DataError, match="no rows"):
        detect_drift(BEFORE, BEFORE.slice(0, 0))
    with pytest.raises(DataError, match="'x' is double in the reference and string now"):
        detect_drift(BEFORE, pa.table(rows() | {"x": ["one"] * 2000}))
    with pytest.raises(DataError, match="confidence"):
        detect_drift(BEFORE, BEFORE, confidence=1.0)


def test_a_season_seen_before_is_told_and_raises_no_alarm() -> None:
    summer, again = rows(seed=1), rows(seed=2)
    summer["x"], again["x"] = summer["x"] + 1, again["x"] + 1
    line = found(again, "x", seasonal={"a year before": pa.table(summer)})
    assert (line["finding"], line["matched_by"]) == ("seasonal", "a year before")
    line = found(again, "x", seasonal={"a week before": pa.table(rows(seed=3))})
    assert (line["finding"], line["matched_by"]) == ("drifted", None)


def test_a_season_of_few_rows_excuses_nothing() -> None:
    again = rows(seed=2)
    again["x"] = again["x"] + 1
    few = pa.table({key: value[:15] for key, value in again.items()})
    assert found(again, "x", seasonal={"a year before": few})["finding"] == "drifted"


def test_days_that_differ_are_no_drift_where_they_are_told() -> None:
    rng = np.random.default_rng(3)
    day = np.repeat(np.arange(60), 50)
    before = pa.table({"x": rng.normal(size=60)[day] + 0.5 * rng.normal(size=3000)})
    last = np.repeat(np.arange(4), 200)
    after = pa.table({"x": rng.normal(size=4)[last] + 0.5 * rng.normal(size=800)})
    assert detect_drift(before, after).drifted
    told = detect_drift(before, after, reference_blocks=day, current_blocks=last)
    assert not told.drifted
    with pytest.raises(DataError, match="blocks"):
        detect_drift(before, after, current_blocks=last[:5])


def test_a_season_excuses_only_the_effect_that_it_shows_to_be_small() -> None:
    """Two values as frequent as ever, a quarter of the cells missing: full rows are few."""

    def cells(seed: int, n: int, gone: float) -> pa.Table:
        rng = np.random.default_rng(seed)
        return pa.table({"c": pa.array(rng.choice(["a", "b"], n), mask=rng.random(n) < gone)})

    for seed in range(10):
        season = {"a year before": cells(200 + seed, 22, 0.0)}
        report = detect_drift(
            cells(seed, 4000, 0.0), cells(100 + seed, 1000, 0.25), seasonal=season
        )
        assert report.columns["finding"].to_pylist() == ["drifted"]
    like = {"a year before": cells(300, 1000, 0.25)}
    report = detect_drift(cells(0, 4000, 0.0), cells(100, 1000, 0.25), seasonal=like)
    assert report.columns["finding"].to_pylist() == ["seasonal"]
