"""What a batch is spent on: value for time, spread over clusters, fair shares, known answers."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.acquisition import compose_batch
from burnish.errors import DataError
from burnish.records import LabelRequest


def pool(n: int, **more) -> pa.Table:
    """n candidates; the higher the number, the more suspicious."""
    columns = {
        "example_id": [f"e{number:04d}" for number in range(n)],
        "label": ["8"] * n,
        "suggested_label": ["3"] * n,
        "error_probability": (np.arange(n) + 1) / (n + 1),
    }
    return pa.table(columns | more)


def compose(rows: pa.Table, **choices) -> pa.Table:
    usual = {"control_share": 0.0, "random_state": 0}
    if "minutes" not in choices:
        usual["budget"] = 10
    return compose_batch(rows, **(usual | choices))


def of_many_classes(rows: pa.Table) -> pa.Table:
    """The same rows, each of a class of its own: spreading over classes changes nothing."""
    return rows.set_column(2, "suggested_label", pa.array([f"s{n}" for n in range(len(rows))]))


def ids(batch: pa.Table, reason: str | None = None) -> list[str]:
    lines = batch.to_pylist()
    return sorted(row["example_id"] for row in lines if reason in (None, row["reason"]))


def test_a_row_that_teaches_the_model_more_comes_first_and_a_costly_one_later():
    leverage = [1.0] * 100
    leverage[5] = 50.0
    assert "e0005" in ids(compose(pool(100, leverage=leverage)))
    cost = [10.0] * 100
    cost[99] = 1000.0
    assert "e0099" not in ids(compose(pool(100, cost=cost)))


def test_a_leverage_or_cost_that_is_missing_is_the_usual_one():
    bare = pa.nulls(30, pa.float64())
    plain = compose(pool(30))
    assert compose(pool(30, leverage=bare, cost=bare)).equals(plain)


def test_minutes_are_kept_by_what_each_row_takes():
    cost = [60.0 if number % 2 else 20.0 for number in range(200)]
    batch = compose(pool(200, cost=cost), minutes=10, control_share=0.1)
    spent = sum(cost[int(name[1:])] for name in ids(batch))
    assert 580 <= spent <= 600
    assert len(ids(batch, "control")) == 2  # a tenth of ten minutes, at 40 seconds a row
    quick = [int(name[1:]) % 2 == 0 for name in ids(batch, "audit")]
    assert np.mean(quick) == 1.0, "of rows equally suspect, three quick ones for one slow one"


def test_minutes_without_costs_are_rows_at_the_usual_pace():
    assert compose(pool(100), minutes=5, seconds_per_review=20).num_rows == 15
    assert compose(pool(100), minutes=0.1).num_rows == 0


def test_a_control_arm_does_not_hang_on_what_rows_cost():
    cost = [5.0 if number % 2 else 55.0 for number in range(40)]
    counts: Counter[str] = Counter()
    for seed in range(1500):
        batch = compose(pool(40, cost=cost), minutes=2, control_share=0.5, random_state=seed)
        counts.update(ids(batch, "control"))
        chances = {row["inclusion_probability"] for row in batch.to_pylist()} - {None}
        assert chances == {2 / 40}
    expected = 1500 * 2 / 40
    chi_square = sum((counts[f"e{at:04d}"] - expected) ** 2 / expected for at in range(40))
    assert chi_square < 72.1  # 99.9 % of chi-square with 39 degrees of freedom


def test_of_fifty_near_copies_a_few_are_taken():
    rows = pool(200, cluster=["near"] * 50 + [None] * 100 + ["far"] * 50)
    chances = [0.9] * 50 + [0.35] * 100 + [0.5] * 50
    rows = rows.set_column(3, "error_probability", pa.array(chances))
    batch = compose(of_many_classes(rows))
    taken = Counter(rows["cluster"][int(name[1:])].as_py() for name in ids(batch))
    # .9, .5, .45 and then .35: the third of the near ones counts for .3.
    assert taken == {"near": 2, "far": 1, None: 7}


def gains(chance, cluster, taken) -> float:
    """What a set of rows is worth: of each cluster the k-th by value counts for value / k."""
    total = 0.0
    for name in set(cluster) - {None}:
        mine = sorted((chance[at] for at in taken if cluster[at] == name), reverse=True)
        total += sum(value / k for k, value in enumerate(mine, start=1))
    return total + sum(chance[at] for at in taken if cluster[at] is None)


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 1000), st.sampled_from(["a", "b", "c", None])),
        min_size=1, max_size=30, unique_by=lambda row: row[0],
    ),
    budget=st.integers(1, 12),
)  # fmt: skip
def test_each_pick_is_the_one_that_gains_most(rows, budget):
    chance = [number / 1000 for number, _ in rows]
    cluster = [name for _, name in rows]
    table = pool(len(rows), cluster=pa.array(cluster, pa.string()))
    table = table.set_column(3, "error_probability", pa.array(chance))
    batch = compose(of_many_classes(table), budget=budget)
    taken: list[int] = []
    for _ in range(min(budget, len(rows))):
        left = [at for at in range(len(rows)) if at not in taken]
        count = Counter(cluster[at] for at in taken)
        taken.append(
            max(left, key=lambda at: chance[at] / (1 + (count[cluster[at]] if cluster[at] else 0)))
        )
    found = [int(name[1:]) for name in ids(batch)]
    assert gains(chance, cluster, found) == pytest.approx(gains(chance, cluster, taken))


@settings(max_examples=60, deadline=None)
@given(
    groups=st.lists(st.sampled_from(["g1", "g2", "g3", ""]), min_size=1, max_size=25),
    budget=st.integers(1, 30),
    control=st.sampled_from([0.0, 0.2]),
    seed=st.integers(0, 99),
)
def test_no_two_rows_of_a_copy_group_while_others_are_left(groups, budget, control, seed):
    batch = compose(
        pool(len(groups), copy_group=groups), budget=budget, control_share=control,
        random_state=seed,
    )  # fmt: skip
    taken = {int(name[1:]) for name in ids(batch)}
    counts = Counter(groups[at] for at in taken if groups[at])
    drawn = Counter(groups[int(name[1:])] for name in ids(batch, "control"))
    doubled = any(counts[name] > max(1, drawn[name]) for name in counts)
    left = {groups[at] or f"alone {at}" for at in range(len(groups)) if at not in taken}
    if doubled:
        assert left <= set(counts), "copies are taken only where nothing else is left"


def requests(*sizes: int) -> list[LabelRequest]:
    starts = np.cumsum([0, *sizes])
    return [
        LabelRequest(
            tuple(f"e{number:04d}" for number in range(starts[at], starts[at + 1])),
            asked_by=f"asker {at}",
            reason="look",
        )
        for at in range(len(sizes))
    ]


def test_a_flood_of_requests_leaves_the_audit_its_half():
    batch = compose(pool(500), budget=40, requested=requests(200, 3))
    assert len(ids(batch, "requested")) == 20
    assert len(ids(batch, "audit")) == 20
    asked = Counter(int(name[1:]) >= 200 for name in ids(batch, "requested"))
    assert asked == {False: 17, True: 3}, "the small request is served in full"


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    budget=st.integers(1, 40),
    share=st.floats(0.0, 1.0),
)
def test_quotas_hold_and_are_dealt_fairly(sizes, budget, share):
    batch = compose(pool(200), budget=budget, requested=requests(*sizes), requested_share=share)
    served = [
        sum(f"asker {at}:" in row["why"] for row in batch.to_pylist()) for at in range(len(sizes))
    ]
    assert sum(served) == min(sum(sizes), int(share * budget + 0.5))
    for one, size in zip(served, sizes, strict=True):
        assert one == size or one >= max(served) - 1, (
            "nobody gets two more than one who still waits"
        )


def gold(*numbers: int) -> pa.Table:
    return pa.table({"example_id": [f"e{number:04d}" for number in numbers] + ["elsewhere"]})


def test_known_answers_get_their_share_and_are_no_suspects():
    batch = compose(pool(100), budget=20, control_share=0.1, gold=gold(*range(80, 100)))
    assert len(ids(batch, "gold")) == 1
    assert len(ids(batch, "control")) == 2
    assert not set(ids(batch, "audit")) & {f"e{number:04d}" for number in range(80, 100)}
    more = compose(pool(100), budget=20, gold=gold(*range(80, 100)), gold_share=0.25)
    assert len(ids(more, "gold")) == 5
    row = next(row for row in more.to_pylist() if row["reason"] == "gold")
    assert (row["pool_size"], row["inclusion_probability"]) == (20, None)
    assert "e0080" not in row["why"]


def test_the_control_arm_is_drawn_from_known_answers_too():
    counts: Counter[str] = Counter()
    for seed in range(2000):
        batch = compose(
            pool(20), control_share=0.1, gold=gold(0, 1, 2, 3, 4), gold_share=0.3,
            random_state=seed,
        )  # fmt: skip
        counts.update(ids(batch, "control"))
    assert sum(counts.values()) == 2000
    chi_square = sum((counts[f"e{at:04d}"] - 100) ** 2 / 100 for at in range(20))
    assert chi_square < 43.8  # 99.9 % of chi-square with 19 degrees of freedom


def test_each_known_answer_is_as_likely_as_the_others():
    counts: Counter[str] = Counter()
    for seed in range(1000):
        counts.update(ids(compose(pool(50), gold=gold(*range(10)), random_state=seed), "gold"))
    chi_square = sum((counts[f"e{at:04d}"] - 100) ** 2 / 100 for at in range(10))
    assert chi_square < 27.9  # 99.9 % of chi-square with 9 degrees of freedom


def test_known_answers_come_last_where_nothing_else_is_left():
    batch = compose(pool(10), budget=50, gold=gold(7, 8, 9))
    assert (len(ids(batch, "gold")), len(ids(batch, "audit"))) == (3, 7)


def test_a_million_candidates_take_seconds():
    n = 1_000_000
    rng = np.random.default_rng(0)
    rows = pool(n, cluster=rng.integers(0, n // 20, n).astype(str))
    started = time.perf_counter()
    batch = compose(rows, budget=1000, control_share=0.1, gold=gold(*range(500)))
    assert time.perf_counter() - started < 15  # two on a quiet machine
    assert batch.num_rows == 1000


@settings(max_examples=60, deadline=None)
@given(
    costs=st.lists(st.floats(1.0, 500.0), min_size=1, max_size=30),
    minutes=st.floats(0.01, 30.0),
    control=st.floats(0.0, 1.0),
    asked=st.integers(0, 10),
    golden=st.integers(0, 10),
)
def test_a_time_is_never_exceeded_and_nothing_that_fits_is_left(
    costs, minutes, control, asked, golden
):
    n = len(costs)
    batch = compose(
        pool(n, cost=costs), minutes=minutes, control_share=control,
        requested=requests(asked) if asked else [], gold=gold(*range(golden)), gold_share=0.2,
    )  # fmt: skip
    taken = {int(name[1:]) for name in ids(batch)}
    spent = sum(costs[at] for at in taken)
    assert spent <= 60 * minutes + 1e-6
    assert all(spent + costs[at] > 60 * minutes - 1e-6 for at in range(n) if at not in taken)


@pytest.mark.parametrize(
    ("choices", "found"),
    [
        ({"minutes": 5.0, "budget": 5}, "in rows and in minutes"),
        ({"minutes": None}, "no budget"),
        ({"minutes": -1.0}, "minutes is -1"),
        ({"minutes": float("nan")}, "minutes is nan"),
        ({"seconds_per_review": 0.0}, "seconds_per_review is 0"),
        ({"gold_share": 1.5}, "gold_share is 1.5"),
        ({"requested_share": -0.5}, "requested_share is -0.5"),
        ({"gold": pa.table({"id": ["a"]})}, "gold rows have no column 'example_id'"),
    ],
)
def test_choices_that_cannot_be_are_refused(choices, found):
    with pytest.raises(DataError, match=found):
        compose(pool(5), **choices)


@pytest.mark.parametrize(
    ("column", "bad"),
    [("leverage", -1.0), ("leverage", float("inf")), ("cost", 0.0), ("cost", float("nan"))],
)
def test_a_leverage_or_cost_that_is_none_is_refused_and_its_row_named(column, bad):
    with pytest.raises(DataError, match=f"the {column} of 'e0001' is"):
        compose(pool(3, **{column: [1.0, bad, 1.0]}))


def test_of_known_answers_half_have_a_wrong_label_where_there_are_such():
    rows = pool(200)
    told = pa.table(
        {"example_id": [f"e{at:04d}" for at in range(40)], "label": ["8"] * 30 + ["3"] * 10}
    )
    for seed in range(6):
        batch = compose(rows, budget=80, gold=told, gold_share=0.1, random_state=seed)
        assert sum(name >= "e0030" for name in ids(batch, "gold")) == 4
    first, second = (
        ids(compose(rows, budget=80, gold=told, gold_share=0.1, random_state=seed), "gold")
        for seed in (0, 1)
    )
    assert first != second
    many = ids(compose(rows, budget=150, gold=told, gold_share=0.2, random_state=0), "gold")
    assert (len(many), sum(name >= "e0030" for name in many)) == (30, 10)
