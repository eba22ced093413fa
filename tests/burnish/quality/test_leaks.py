"""Columns that give the target away are named; good features are not, nor what is known in time."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from burnish.quality import Checked
from burnish.quality.leaks import identifier_leak, target_leaks
from burnish.quality.times import dated_after, time_travel

N = 600


def labels(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(["ill", "well", "dead"], N, p=[0.3, 0.6, 0.1])


def found_in(**columns: object) -> dict[str, str]:
    table = pa.table({"label": labels().tolist(), **columns})
    return {one.columns[0]: one.severity for one in target_leaks(Checked.of(table, target="label"))}


def coded() -> np.ndarray:
    return np.unique(labels(), return_inverse=True)[1]


def test_a_recoding_a_copy_and_an_effect_are_errors() -> None:
    rng = np.random.default_rng(1)
    effect = coded() * 10 + rng.normal(size=N)
    gap = [None if one == "dead" else 1.0 for one in labels()]
    ward = [{"ill": "I", "well": "W", "dead": "D"}[one] for one in labels()]
    found = found_in(code=coded() + 7, ward=ward, effect=effect, gap=gap)
    assert found == {"code": "error", "ward": "error", "effect": "error"}
    table = pa.table({"label": labels().tolist(), "ward": ward})
    (copy,) = target_leaks(Checked.of(table, target="label"))
    assert copy.details["copy"] is True
    assert "in other words" in copy.sentence


def test_good_features_and_columns_that_differ_in_every_row_are_no_leak() -> None:
    rng = np.random.default_rng(2)
    good = coded() * 2 + rng.normal(size=N)
    assert found_in(good=good, serial=np.arange(N), name=[f"n{at}" for at in range(N)]) == {}


def test_a_leak_that_is_right_in_99_of_100_rows_is_found() -> None:
    rng = np.random.default_rng(3)
    code = coded()
    code[rng.choice(N, 6, replace=False)] = 0
    assert found_in(code=code)["code"] == "error"


@pytest.mark.parametrize("seed", range(10))
def test_columns_of_chance_are_never_a_leak(seed) -> None:
    rng = np.random.default_rng(seed)
    noise = {f"x{at}": rng.normal(size=N) for at in range(10)}
    words = {f"c{at}": rng.choice(list("abcdefgh"), N).tolist() for at in range(10)}
    assert found_in(**noise, **words) == {}


def test_a_quantity_in_another_unit_is_a_leak_and_a_good_predictor_is_not() -> None:
    rng = np.random.default_rng(4)
    price = rng.lognormal(3, 1, N)
    table = pa.table(
        {"price": price, "cents": price * 100 + 5, "size": price + rng.normal(size=N) * 5}
    )
    found = [one.columns for one in target_leaks(Checked.of(table, target="price"))]
    assert found == [("cents",)]


def test_an_id_that_was_given_by_label_is_told_and_a_running_number_is_not() -> None:
    named = [f"{one}-{at}" for at, one in enumerate(labels())]
    ordered = np.argsort(np.argsort(coded(), kind="stable"), kind="stable")
    for ids, wanted in (
        (named, 1),
        ([f"r{at}" for at in ordered], 1),
        (list(map(str, range(N))), 0),
    ):
        table = pa.table({"label": labels().tolist(), "id": ids})
        check = identifier_leak("id")
        assert len(list(check(Checked.of(table, target="label", exclude=["id"])))) == wanted


def test_an_id_that_tells_the_label_is_an_error_only_where_a_model_is_given_it() -> None:
    named = [f"{one}-{at}" for at, one in enumerate(labels())]
    table = pa.table({"label": labels().tolist(), "id": named})
    for aside, severity in (([], "error"), (["id"], "warning")):
        (found,) = identifier_leak("id")(Checked.of(table, target="label", exclude=aside))
        assert found.severity == severity


def days(*numbers: int) -> list[date]:
    return [date(2025, 1, 1) + timedelta(days=at) for at in numbers]


def test_a_few_training_rows_after_the_test_rows_break_its_order() -> None:
    when = days(*range(100), *range(200, 300), 400, 401)
    table = pa.table({"when": when, "part": ["train"] * 100 + ["test"] * 100 + ["train"] * 2})
    (found,) = time_travel(Checked.of(table, time="when", split="part"))
    assert found.rows == (200, 201)
    assert found.severity == "error"


def test_a_split_at_random_is_a_warning_and_one_by_time_is_none() -> None:
    rng = np.random.default_rng(5)
    table = pa.table({"when": rng.permutation(400), "part": ["train"] * 300 + ["test"] * 100})
    (found,) = time_travel(Checked.of(table, time="when", split="part"))
    assert found.severity == "warning"
    in_time = table.set_column(0, "when", pa.array(np.arange(400)))
    assert not list(time_travel(Checked.of(in_time, time="when", split="part")))


def test_a_moment_shared_by_both_parts_is_no_time_travel() -> None:
    table = pa.table({"when": [1, 2, 2, 3], "part": ["train", "train", "test", "test"]})
    assert not list(time_travel(Checked.of(table, time="when", split="part")))


def test_a_column_filled_in_afterwards_is_an_error_and_a_few_dates_are_a_warning() -> None:
    asked = days(*range(50))
    closed, born = days(*range(3, 53)), days(*range(-50, 0))
    born[7] = date(2026, 1, 1)
    table = pa.table({"asked": asked, "closed": closed, "born": born})
    found = {one.columns[0]: one for one in dated_after(Checked.of(table, time="asked"))}
    assert found["closed"].severity == "error"
    assert found["born"].severity == "warning"
    assert found["born"].rows == (7,)
