from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from burnish.consensus import fit_consensus
from burnish.errors import DataError

GOOD = {
    "example_id": ["e1", "e1", "e2", "e2"],
    "annotator_id": ["w1", "w2", "w1", "w2"],
    "label": ["a", "b", "a", "a"],
}


def changed(**columns):
    return {**GOOD, **columns}


@pytest.mark.parametrize("column", sorted(GOOD))
@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_missing_value_is_refused_by_its_row(column, missing):
    values = pd.Series(GOOD[column], dtype=object)
    values[2] = missing
    with pytest.raises(DataError, match=f"{column} is missing in row 2"):
        fit_consensus(pd.DataFrame(changed(**{column: values})))


def test_nan_among_numbers_is_missing_too():
    with pytest.raises(DataError, match="label is missing in row 1"):
        fit_consensus(pa.table(changed(label=pa.array([1.0, np.nan, 1.0, 0.0]))))


def test_an_annotator_answering_twice_is_refused_with_both_rows():
    table = {name: [*values, values[0]] for name, values in GOOD.items()}
    with pytest.raises(DataError) as error:
        fit_consensus(table)
    assert "annotator 'w1' answers example 'e1' twice, in rows 0 and 4" in str(error.value)
    assert "one answer of each annotator" in error.value.expected


def test_an_unknown_class_is_refused_by_its_row():
    with pytest.raises(DataError, match="label 'b' in row 1"):
        fit_consensus(GOOD, classes=["a", "c"])


def test_an_empty_table_and_a_missing_column_are_refused():
    with pytest.raises(DataError, match="no row"):
        fit_consensus(pa.table(GOOD).slice(0, 0))
    with pytest.raises(DataError, match="no column 'annotator_id'"):
        fit_consensus(pa.table(GOOD).rename_columns(["example_id", "worker", "label"]))
    with pytest.raises(DataError, match="cannot be read as a table"):
        fit_consensus(42)


def test_an_unknown_method_is_refused_with_those_there_are():
    with pytest.raises(DataError, match="dawid_skene") as error:
        fit_consensus(GOOD, method="vote")
    assert "'vote'" in error.value.found
    with pytest.raises(DataError, match="without pred_probs"):
        fit_consensus(GOOD, method="model")
    with pytest.raises(DataError, match="reliability\\+model"):
        fit_consensus(GOOD, method="reliability+model")


def test_gold_of_an_unknown_class_or_of_nobody_is_refused():
    with pytest.raises(DataError, match="gold label 'z' of example 'e1'"):
        fit_consensus(GOOD, gold={"e1": "z"})
    with pytest.raises(DataError, match="none of the 1 gold examples"):
        fit_consensus(GOOD, gold={"e9": "a"})
    with pytest.raises(DataError, match="gold has no column 'label'"):
        fit_consensus(GOOD, gold=pa.table({"example_id": ["e1"]}))


@pytest.mark.parametrize(
    ("probs", "message"),
    [
        ([[0.5, 0.5]], "shape"),
        ([[0.5, 0.5], [0.5, 0.4]], "'e2'"),
        ([[np.nan, 0.5], [0.5, 0.5]], "'e1'"),
        ([[1.5, -0.5], [0.5, 0.5]], "'e1'"),
    ],
)
def test_pred_probs_that_are_none_are_refused(probs, message):
    with pytest.raises(DataError, match=message):
        fit_consensus(GOOD, pred_probs=probs)


def test_pred_probs_must_know_every_example_and_class():
    with pytest.raises(DataError, match="no row for example 'e2'"):
        fit_consensus(GOOD, pred_probs=pa.table({"example_id": ["e1"], "a": [0.5], "b": [0.5]}))
    with pytest.raises(DataError, match="no column 'b'"):
        fit_consensus(GOOD, pred_probs=pa.table({"example_id": ["e1", "e2"], "a": [1.0, 1.0]}))
