"""The search beside brute force, and its two walks beside each other."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.slices import lattice
from burnish.slices.coding import as_table, code_table
from burnish.slices.lattice import best_conjunctions


def coded(matrix, min_support):
    columns = {f"c{i}": np.char.mod("%d", column) for i, column in enumerate(matrix.T)}
    return code_table(as_table(columns), min_support=min_support, bins=10)


def brute_force(table, errors, *, max_depth, min_support, alpha):
    """(score, path) of every conjunction above 0, in the order that the search promises."""
    found = []
    spans = list(zip(table.offsets[:-1].tolist(), table.offsets[1:].tolist(), strict=True))
    n, mean = errors.size, errors.mean()
    for depth in range(1, max_depth + 1):
        for columns in combinations(range(len(spans)), depth):
            for path in product(*(range(*spans[c]) for c in columns)):
                mask = np.all([table.cells[:, c] == p for c, p in zip(columns, path)], axis=0)  # noqa: B905
                size = int(mask.sum())
                if size < min_support or not mean:
                    continue
                score = alpha * (errors[mask].mean() / mean - 1) - (1 - alpha) * (n / size - 1)
                if score > 1e-12:
                    found.append((score, path, size))
    return sorted(found, key=lambda one: -one[0])


problems = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "n": st.integers(1, 60),
        "values": st.lists(st.integers(1, 4), min_size=1, max_size=5),
        "k": st.integers(1, 8),
        "max_depth": st.integers(1, 4),
        "min_support": st.integers(1, 8),
        "alpha": st.sampled_from([0.3, 0.6, 0.95, 1.0]),
        "binary": st.booleans(),
    }
)


def drawn(seed, n, values, binary):
    rng = np.random.default_rng(seed)
    matrix = np.column_stack([rng.integers(0, most, n) for most in values])
    errors = (rng.random(n) < 0.3).astype(float)
    # Quarters add up exactly in any order, so that equal scores are equal to the last bit.
    return matrix, errors if binary else errors * rng.integers(1, 9, n) / 4


@pytest.mark.parametrize("compiled", [False, True])
@settings(deadline=None)
@given(problem=problems)
def test_the_best_conjunctions_are_those_of_brute_force(compiled, problem):
    matrix, errors = drawn(*(problem.pop(key) for key in ("seed", "n", "values", "binary")))
    table = coded(matrix, problem["min_support"])
    k = problem.pop("k")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lattice, "LARGE", 0 if compiled else 10**12)
        found = best_conjunctions(table, errors, k=k, **problem)
    expected = brute_force(table, errors, **problem)
    assert [one.score for one in found] == pytest.approx([score for score, _, _ in expected[:k]])
    # Up to ties, the slices themselves: each is one of brute force with its score and size.
    known = {path: (score, size) for score, path, size in expected}
    assert [known[one.path] for one in found] == [
        (pytest.approx(one.score), one.size) for one in found
    ]
    assert len({one.path for one in found}) == len(found)


@settings(deadline=None, max_examples=50)
@given(problem=problems)
def test_both_walks_find_the_same_slices_in_the_same_order(problem):
    matrix, errors = drawn(*(problem.pop(key) for key in ("seed", "n", "values", "binary")))
    table = coded(matrix, problem["min_support"])
    both = []
    for large in (0, 10**12):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lattice, "LARGE", large)
            both.append(best_conjunctions(table, errors, **problem))
    assert both[0] == both[1]


def test_of_equal_scores_the_one_with_fewer_conditions_and_earlier_columns_is_first():
    # Both columns tell the same rows, and so does their conjunction.
    matrix = np.repeat([[0, 0], [1, 1]], 10, axis=0)
    errors = np.repeat([0.0, 1.0], 10)
    found = best_conjunctions(coded(matrix, 2), errors, k=3, max_depth=2, min_support=2, alpha=0.95)
    assert [one.path for one in found] == [(2,), (4,), (2, 4)]
    assert len({one.score for one in found}) == 1


def test_without_errors_there_is_nothing_to_find():
    matrix = np.repeat([[0], [1]], 10, axis=0)
    assert not best_conjunctions(
        coded(matrix, 2), np.zeros(20), k=3, max_depth=2, min_support=2, alpha=0.95
    )
