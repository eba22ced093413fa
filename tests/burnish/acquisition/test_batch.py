"""A batch: unbiased control, requests, the most suspicious rows, and no tell-tale order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.acquisition import BATCH_SCHEMA, compose_batch, control_rows
from burnish.errors import DataError
from burnish.records import LabelRequest


def pool(n: int, *, seed: int = 0, groups: list[str] | None = None) -> pa.Table:
    """n candidates; the higher the number, the more suspicious, with p = number / n."""
    columns = {
        "example_id": [f"e{number:04d}" for number in range(n)],
        "label": ["8"] * n,
        "suggested_label": ["3"] * n,
        "error_probability": np.arange(n) / max(n, 1),
    }
    if groups is not None:
        columns["copy_group"] = groups
    table = pa.table(columns)
    return table.take(np.random.default_rng(seed).permutation(n))


def nameless(n: int) -> pa.Table:
    """n unlabeled rows; the lower the number, the less the models know."""
    return pa.table(
        {
            "example_id": [f"u{number:04d}" for number in range(n)],
            "suggested_label": ["3"] * n,
            "margin": np.arange(n) / max(n, 1),
            "model_disagreement": np.zeros(n),
        }
    )


def compose(rows: pa.Table, **choices) -> pa.Table:
    return compose_batch(
        rows, **({"budget": 10, "control_share": 0.2, "random_state": 0} | choices)
    )


def ids(batch: pa.Table, reason: str) -> list[str]:
    return [row["example_id"] for row in batch.to_pylist() if row["reason"] == reason]


def test_the_most_suspicious_rows_fill_what_the_control_arm_leaves():
    batch = compose(pool(200))
    assert batch.schema == BATCH_SCHEMA
    assert batch["position"].to_pylist() == list(range(1, 11))
    control = ids(batch, "control")
    assert len(control) == 2
    wanted = [f"e{number:04d}" for number in range(199, 0, -1) if f"e{number:04d}" not in control]
    assert sorted(ids(batch, "audit"), reverse=True) == wanted[:8]


def test_control_rows_carry_their_chance_and_the_size_of_the_pool():
    for row in compose(pool(200)).to_pylist():
        assert row["pool_size"] == 200
        assert row["inclusion_probability"] == (0.01 if row["reason"] == "control" else None)


def test_the_control_arm_is_uniform_over_all_candidates_suspicious_ones_too():
    n, draws = 20, 3000
    rows = pool(n)
    counts = dict.fromkeys(rows["example_id"].to_pylist(), 0)
    for seed in range(draws):
        for example_id in ids(compose(rows, random_state=seed), "control"):
            counts[example_id] += 1
    expected = draws * 2 / n
    # Draws without replacement vary less than the chi-square's multinomial: this is strict enough.
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi_square < 43.8  # 99.9 % of chi-square with 19 degrees of freedom


def test_position_does_not_tell_control_from_audit():
    positions = [
        row["position"]
        for seed in range(400)
        for row in compose(pool(60), random_state=seed).to_pylist()
        if row["reason"] == "control"
    ]
    assert abs(np.mean(positions) - 5.5) < 4 * np.sqrt(99 / 12 / len(positions))


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(0, 40),
    extra=st.integers(0, 20),
    budget=st.integers(1, 80),
    control_share=st.floats(0.0, 1.0),
    unlabeled_share=st.floats(0.0, 1.0),
    seed=st.integers(0, 2**40),
)
def test_any_batch_keeps_the_budget_and_takes_no_row_twice(
    n, extra, budget, control_share, unlabeled_share, seed
):
    batch = compose_batch(
        pool(n),
        budget=budget,
        control_share=control_share,
        unlabeled=nameless(extra),
        unlabeled_share=unlabeled_share,
        random_state=seed,
    )
    assert batch.num_rows == min(budget, n + extra) == len(set(batch["example_id"].to_pylist()))
    assert batch["position"].to_pylist() == list(range(1, batch.num_rows + 1))
    if control_share > 0 and n > 0:
        assert 1 <= len(ids(batch, "control")) <= n


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(range(12)), seed=st.integers(0, 1000))
def test_the_order_of_the_input_has_no_influence_ties_included(order, seed):
    tied = pool(12).set_column(3, "error_probability", pa.array([0.5] * 12))
    first = compose(tied, budget=5, random_state=seed)
    assert compose(tied.take(order), budget=5, random_state=seed).equals(first)


def test_another_seed_breaks_ties_otherwise():
    tied = pool(50).set_column(3, "error_probability", pa.array([0.5] * 50))
    batches = {tuple(sorted(ids(compose(tied, random_state=s), "audit"))) for s in range(5)}
    assert len(batches) == 5


def test_a_budget_above_the_pool_takes_all_of_it():
    batch = compose(pool(7), budget=100, unlabeled=nameless(3), unlabeled_share=0.1)
    assert batch.num_rows == 10


def test_one_row_of_a_group_while_others_are_left_and_its_copies_only_then():
    groups = ["copies" if number >= 10 else f"g{number}" for number in range(20)]
    rows = pool(20, groups=groups)
    small = compose(rows, budget=8, control_share=0.0)
    by_id = dict(zip(rows["example_id"].to_pylist(), rows["copy_group"].to_pylist(), strict=True))
    assert [by_id[name] for name in ids(small, "audit")].count("copies") == 1
    assert "e0019" in ids(small, "audit")
    assert compose(rows, budget=15, control_share=0.0).num_rows == 15


def test_requests_come_before_the_audit_in_their_order_and_pass_over_what_is_not_open():
    asked = [
        LabelRequest(("e0003", "gone", "e0003"), asked_by="a slice", reason="scanC fails"),
        LabelRequest(("u0009", "e0004", "e0005"), asked_by="kim", reason="odd"),
    ]
    batch = compose(
        pool(100),
        budget=4,
        control_share=0.25,
        requested=asked,
        requested_share=1.0,
        unlabeled=nameless(10),
    )
    assert set(ids(batch, "requested")) <= {"e0003", "u0009", "e0004", "e0005"}
    assert len(ids(batch, "requested")) == 3
    assert {"e0003", "u0009"} <= set(ids(batch, "requested")) | set(ids(batch, "control"))
    why = {row["example_id"]: row["why"] for row in batch.to_pylist()}
    assert why["u0009"] == "Asked for by kim: odd."


def test_unlabeled_rows_get_their_share_the_least_known_first():
    batch = compose(pool(100), budget=20, unlabeled=nameless(50), unlabeled_share=0.25)
    assert sorted(ids(batch, "unlabeled")) == [f"u{number:04d}" for number in range(5)]
    row = next(row for row in batch.to_pylist() if row["reason"] == "unlabeled")
    assert (row["label"], row["error_probability"], row["pool_size"]) == (None, None, 50)


def test_disagreement_speaks_where_margins_are_null():
    rows = nameless(30).set_column(2, "margin", pa.nulls(30, pa.float64()))
    rows = rows.set_column(3, "model_disagreement", pa.array(np.arange(30) / 30))
    batch = compose(pool(50), unlabeled=rows, unlabeled_share=0.2)
    assert sorted(ids(batch, "unlabeled")) == ["u0028", "u0029"]


def test_slice_weight_moves_rows_up_and_zero_moves_them_out():
    weight = {f"e{number:04d}": 10.0 for number in range(20, 25)}
    batch = compose(pool(100), budget=5, control_share=0.0, slice_weight=weight)
    assert sorted(ids(batch, "audit")) == sorted(weight)


def test_every_row_says_why_in_one_sentence():
    rows = pool(50).append_column("self_confidence", pa.array([0.02] * 50))
    rows = rows.append_column("margin", pa.array([-0.91] * 50))
    batch = compose(rows, unlabeled=nameless(10), unlabeled_share=0.2)
    why = {row["reason"]: row["why"] for row in batch.to_pylist()}
    assert why["audit"] == "The panel puts 0.93 on '3'; the label says '8'."
    assert why["control"] == "Drawn at random, to estimate noise without bias."
    assert why["unlabeled"].startswith("No label yet; the panel says '3'")
    assert all(text.endswith(".") for text in batch["why"].to_pylist())


def test_a_control_arm_has_at_least_one_row():
    assert control_rows(3, 0.01, 100) == 1
    assert control_rows(60, 0.1, 4) == 4


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1, 1.5, None])
def test_a_probability_that_is_none_is_refused_and_its_row_named(bad):
    rows = pa.table(
        {
            "example_id": ["a", "b"],
            "label": ["8", "8"],
            "suggested_label": ["3", "3"],
            "error_probability": pa.array([0.5, bad], pa.float64()),
        }
    )
    with pytest.raises(DataError, match="error_probability of 'b'"):
        compose(rows)


def test_other_bad_input_is_refused():
    rows = pool(5)
    with pytest.raises(DataError, match="no column 'label'"):
        compose(rows.drop_columns(["label"]))
    with pytest.raises(DataError, match="'e0001' is in the pool twice"):
        compose(
            pa.concat_tables([rows, rows.filter(pa.compute.equal(rows["example_id"], "e0001"))])
        )
    with pytest.raises(DataError, match="budget is 0"):
        compose(rows, budget=0)
    with pytest.raises(DataError, match="control_share is 2"):
        compose(rows, control_share=2.0)
    with pytest.raises(DataError, match="slice weight of 'e0000' is -1"):
        compose(rows, slice_weight={"e0000": -1.0})
    both = nameless(1).set_column(0, "example_id", pa.array(["e0000"]))
    with pytest.raises(DataError, match="candidate and unlabeled at once"):
        compose(rows, unlabeled=both)
