"""Calibration is told of every slice, whatever the slices are called."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from burnish.spec import Slice
from burnish.workflows.calibrated import calibrate


def test_slices_of_one_name_and_two_predicates_are_both_told():
    """`where` cut by its values makes a `where:s0`, and so may a spec call another slice."""
    cuts = [Slice(name="where", column="where"), Slice(name="where:s0", where={"age": {"max": 30}})]
    found = calibrated(cuts)
    told = dict(zip(found["slice_id"].to_pylist(), found["rows"].to_pylist(), strict=True))
    assert sorted(told.values()) == [30, 40, 80, 120]
    assert found["slice"].to_pylist().count("where:s0") == 2


def test_a_slice_called_overall_does_not_take_the_place_of_all_rows():
    found = calibrated([Slice(name="overall", where={"age": {"max": 30}})])
    told = dict(zip(found["slice_id"].to_pylist(), found["rows"].to_pylist(), strict=True))
    assert told["overall"] == 120
    assert sorted(told.values()) == [30, 120]


def calibrated(cuts):
    rng = np.random.default_rng(0)
    own = rng.uniform(size=120)
    ids = [f"e{n}" for n in range(120)]
    where = ["s0" if n % 3 else "s1" for n in range(120)]
    curated = pa.table({"example_id": ids, "where": where, "age": list(range(120))})
    predictions = pa.table(
        {
            "example_id": ids,
            "split": ["validation"] * 120,
            "label": np.where(rng.uniform(size=120) < own, "y", "n").tolist(),
            "p:n": 1 - own,
            "p:y": own,
        }
    )
    return calibrate(predictions, curated, SimpleNamespace(slices=cuts, random_state=0)).table
