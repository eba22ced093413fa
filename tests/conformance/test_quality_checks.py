"""What every check of a table must hold, a built-in one and your own.

What belongs here: properties of all checks on any table. What does not: what one of them finds
(`tests/burnish/quality`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from burnish.quality import CHECKS, Checked, QualityCheck

ROWS = 100_000


def mixed(n: int) -> pa.Table:
    rng = np.random.default_rng(0)
    day = np.datetime64("2024-01-01", "us")
    return pa.table(
        {
            "number": rng.normal(size=n),
            "whole": rng.integers(0, 1000, n),
            "flag": pa.array(rng.random(n) < 0.5),
            "word": pa.array(rng.choice(["red", "green", "blue"], n).tolist(), pa.string()),
            "coded": pa.array(rng.choice(["x", "y"], n).tolist(), pa.string()).dictionary_encode(),
            "when": pa.array(day + rng.integers(0, 10**12, n).astype("timedelta64[us]")),
            "list": pa.array(rng.normal(size=(n, 2)).tolist(), pa.list_(pa.float64())),
            "bytes": pa.array([b"x"] * n, pa.binary()),
            "split": pa.array(rng.choice(["train", "test"], n).tolist(), pa.string()),
            "label": pa.array(rng.choice(["a", "b"], n).tolist(), pa.string()),
        }
    )


def all_null() -> pa.Table:
    table = mixed(40)
    nulls = [pa.nulls(40, field.type) for field in table.schema]
    return pa.table(nulls, names=table.column_names).append_column("null", pa.nulls(40))


def hostile() -> pa.Table:
    names = [
        "<script>alert(1)</script>",
        "",
        "{{ x }}",
        "a\nb",
        "\u202ename",
        "'; DROP TABLE x",
        "💥",
    ]
    rng = np.random.default_rng(1)
    columns = {name: rng.choice([*names, "ok"], 60).tolist() for name in names}
    return pa.table({**columns, "label": rng.choice(names[:2], 60).tolist()})


TABLES: dict[str, Callable[[], pa.Table]] = {
    "empty": lambda: mixed(0),
    "no columns": lambda: pa.table({}),
    "one row": lambda: mixed(1),
    "all null": all_null,
    "hostile names": hostile,
    "many rows": lambda: mixed(ROWS),
    "extreme numbers": lambda: pa.table(
        {
            "x": [1e308, -1e308, np.inf, -np.inf, np.nan, 5e-324, 0.0, -0.0] * 10,
            "y": pa.array([2**63 - 1, -(2**63), 0, None] * 20, pa.int64()),
            "when": [date(1, 1, 1), date(9999, 12, 31), None, date(1970, 1, 1)] * 20,
        }
    ),
}


@pytest.fixture(scope="module", params=TABLES)
def table(request: pytest.FixtureRequest) -> pa.Table:
    return TABLES[request.param]()


def checked(table: pa.Table, *, seed: int = 0) -> Checked:
    parts = {"target": "label", "split": "split", "time": "when"}
    known = {part: name for part, name in parts.items() if name in table.column_names}
    return Checked.of(table, **known, random_state=seed)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.kind)
def test_a_check_takes_any_table_and_points_into_it(check: QualityCheck, table: pa.Table):
    with warnings.catch_warnings():
        # In here alone: what another test left open may be collected while this one runs.
        warnings.simplefilter("error")
        found = list(check(checked(table)))
    for finding in found:
        assert finding.kind == check.kind
        assert finding.severity in ("error", "warning", "note")
        assert set(finding.columns) <= set(table.column_names)
        assert all(0 <= row < table.num_rows for row in finding.rows)
        assert len(set(finding.rows)) == len(finding.rows)
        assert not finding.scores or len(finding.scores) == len(finding.rows)
        assert finding.count > 0
        for words in (finding.sentence, finding.evidence, finding.to_do):
            assert words
            assert words.isprintable()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.kind)
def test_a_check_answers_the_same_twice(check: QualityCheck):
    table = hostile()
    assert list(check(checked(table, seed=3))) == list(check(checked(table, seed=3)))


def test_a_kind_names_one_check_and_says_what_it_looks_for():
    kinds = [check.kind for check in CHECKS]
    assert len(set(kinds)) == len(kinds)
    assert all(check.looks_for for check in CHECKS)
