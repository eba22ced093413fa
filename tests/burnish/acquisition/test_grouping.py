"""Review groups: alike rows together, and no way to tell which were drawn at random."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.acquisition import compose_batch
from burnish.acquisition.grouping import FEWEST, arrange

CLASSES = ["1", "2", "3", "4"]


def digits(n: int, seed: int) -> pa.Table:
    """Labels of ten classes; a fifth of the rows are taken for the class's usual partner."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 10, n)
    taken_for = np.where(rng.random(n) < 0.2, label ^ 1, label)
    return pa.table(
        {
            "example_id": [f"e{at:04d}" for at in range(n)],
            "label": label.astype(str),
            "suggested_label": taken_for.astype(str),
            "error_probability": np.where(label != taken_for, 0.8, 0.05) * rng.random(n),
        }
    )


def batch(seed: int = 0, **choices) -> list[dict]:
    rows = digits(600, seed)
    made = compose_batch(
        rows,
        **({"budget": 60, "control_share": 0.2, "random_state": seed} | choices),
        gold=rows.slice(0, 60),
    )
    return made.to_pylist()


def test_a_group_is_a_run_of_rows_of_one_pair():
    rows = batch()
    numbers = [row["review_group"] for row in rows]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, max(numbers) + 1))
    pairs: dict[int, set[frozenset[str]]] = defaultdict(set)
    for row in rows:
        if row["label"] != row["suggested_label"]:
            pairs[row["review_group"]].add(frozenset((row["label"], row["suggested_label"])))
    assert len(pairs) >= 4
    assert sum(len(found) == 1 for found in pairs.values()) >= len(pairs) - 1


def test_rows_drawn_at_random_sit_among_suspects_of_their_class():
    for seed in range(20):
        kinds: dict[int, set[str]] = defaultdict(set)
        for row in batch(seed):
            kinds[row["review_group"]].add(row["reason"])
        assert all("audit" in found for found in kinds.values()), seed


def test_neither_place_nor_size_of_group_tells_the_kind():
    places, shares = defaultdict(list), []
    for seed in range(150):
        rows = batch(seed)
        sizes = Counter(row["review_group"] for row in rows)
        for row in rows:
            places[row["reason"]].append(row["position"])
        kind = [sizes[row["review_group"]] for row in rows if row["reason"] in {"control", "gold"}]
        rest = [sizes[row["review_group"]] for row in rows if row["reason"] == "audit"]
        shares.append(np.mean(kind) / np.mean(rest))
    for reason, found in places.items():
        assert abs(np.mean(found) - 30.5) < 4 * np.sqrt(60**2 / 12 / len(found)) + 1, reason
    assert 0.8 < np.mean(shares) < 1.25


def test_rows_drawn_at_random_do_not_gather_in_the_few_large_pairs():
    """Most suspects are of pairs that are rare, and stand in the mixed group."""
    many = [(f"{at}", f"{at + 1}") for at in range(1, 31)]
    labels, said = map(list, zip(*many, *[("1", "0")] * 6, strict=True))
    mixed, pairs = 0, 0
    for seed in range(100):
        drawn = [str(name) for name in np.random.default_rng(seed).integers(0, 31, 6)] + ["1"] * 6
        ids = [f"e{seed}-{at}" for at in range(48)]
        order, groups = arrange(ids, labels + drawn, said + drawn, random_state=seed)
        sizes = Counter(groups)
        largest = max(sizes, key=lambda group: sizes[group])
        ones = [g for at, g in zip(order, groups, strict=True) if at >= 42]
        mixed, pairs = mixed + ones.count(largest), pairs + len(ones) - ones.count(largest)
    # Of the suspects with the class 1, one of seven stands there.
    assert 0.05 < mixed / (mixed + pairs) < 0.3


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from([*CLASSES, "none"]), st.sampled_from(CLASSES)),
        min_size=1, max_size=40,
    ),
    seed=st.integers(0, 50),
    turned=st.randoms(use_true_random=False),
)  # fmt: skip
def test_groups_depend_on_label_and_suggestion_alone(rows, seed, turned):
    ids = [f"e{at:03d}" for at in range(len(rows))]
    labels, said = [None if a == "none" else a for a, _ in rows], [b for _, b in rows]
    order, groups = arrange(ids, labels, said, random_state=seed)
    assert sorted(order) == list(range(len(rows)))
    assert groups == sorted(groups)
    sizes = Counter(groups)
    assert sum(size < FEWEST for size in sizes.values()) <= 1
    suspects = {
        g for at, g in zip(order, groups, strict=True) if labels[at] not in (None, said[at])
    }
    if suspects:
        assert suspects == set(groups), "no group holds rows without a suspect alone"
    other = list(range(len(rows)))
    turned.shuffle(other)
    again, same = arrange(
        [ids[at] for at in other], [labels[at] for at in other], [said[at] for at in other],
        random_state=seed,
    )  # fmt: skip
    assert [other[at] for at in again] == order
    assert same == groups
