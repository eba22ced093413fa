"""A batch is spread over the classes that labels should have been."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from burnish.acquisition import compose_batch
from burnish.acquisition.order import audit_priority, batch_value


def rows(probability: list[float], suggested: list[str]) -> pa.Table:
    names = [f"e{at}" for at in range(len(probability))]
    return pa.table(
        {"example_id": names, "label": ["z"] * len(names), "suggested_label": suggested,
         "error_probability": probability}
    )  # fmt: skip


def test_a_class_that_is_suggested_often_does_not_take_the_whole_batch() -> None:
    probability = [0.9 - 0.001 * at for at in range(40)] + [0.6 - 0.001 * at for at in range(10)]
    table = rows(probability, ["x"] * 40 + ["y"] * 10)
    batch = compose_batch(table, budget=20, control_share=0.0, random_state=0)
    said = batch["suggested_label"].to_pylist()
    # By probability alone no y would be taken; the k-th counts for its value / k^0.3.
    assert said.count("y") in {3, 4, 5}


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.5001, 0.9]), st.sampled_from("xy"))))
def test_no_order_of_rows_and_no_tie_decides(pairs: list[tuple[float, str]]) -> None:
    table = rows([p for p, _ in pairs], [s for _, s in pairs])
    value = batch_value(table)
    back = np.arange(len(pairs))[::-1]
    assert np.array_equal(batch_value(table.take(pa.array(back, pa.int64()))), value[back])
    plain = audit_priority(table)
    assert (value <= plain).all()
    for name in "xy":
        own = np.array([s == name for _, s in pairs], dtype=bool)
        # Within a class the order stays, and the first keeps its value.
        assert np.array_equal(np.argsort(-plain[own], kind="stable"),
                              np.argsort(-value[own], kind="stable"))  # fmt: skip
        if own.any():
            assert value[own].max() == plain[own].max()


def test_without_suggestions_nothing_is_spread() -> None:
    table = rows([0.5, 0.4], ["x", "x"]).drop_columns(["suggested_label"])
    assert batch_value(table).tolist() == [0.5, 0.4]
