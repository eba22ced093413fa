"""The compiled passes and those in numpy say the same, and no matrix is copied."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.labels import find_label_errors, passes


def both_ways(monkeypatch: pytest.MonkeyPatch, codes, probs, thresholds):
    for large in (10**9, 0):
        monkeypatch.setattr(passes, "LARGE", large)
        seen = passes.look(codes, probs)
        yield seen, passes.confident_counts(codes, probs, seen, thresholds)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    K=st.integers(1, 7),
    n=st.integers(1, 80),
    single=st.booleans(),
    coarse=st.booleans(),
)
def test_both_ways_see_the_same(seed, K, n, single, coarse) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, K, n)
    # Coarse probabilities are full of ties and zeros.
    probs = rng.multinomial(4, np.full(K, 1 / K), n) / 4 if coarse else rng.dirichlet(np.ones(K), n)
    probs = probs.astype(np.float32 if single else np.float64)
    thresholds = rng.uniform(0, 0.6, K)
    with pytest.MonkeyPatch.context() as patch:
        (numpy_seen, numpy_counts), (seen, counts) = both_ways(patch, codes, probs, thresholds)
    for name in ("given", "other", "best"):
        np.testing.assert_array_equal(getattr(seen, name), getattr(numpy_seen, name), name)
    np.testing.assert_allclose(seen.totals, numpy_seen.totals, rtol=1e-12)
    np.testing.assert_array_equal(counts, numpy_counts)
    if K > 1:
        rest = probs.copy()
        rest[np.arange(n), codes] = -1
        np.testing.assert_array_equal(seen.other, rest.max(axis=1))
        tied = seen.given == probs.max(axis=1)
        np.testing.assert_array_equal(seen.best, np.where(tied, codes, rest.argmax(axis=1)))


@pytest.mark.parametrize("large", [10**9, 0])
def test_counts_are_those_of_the_definition(monkeypatch, large) -> None:
    monkeypatch.setattr(passes, "LARGE", large)
    probs = np.array([[0.7, 0.3], [0.45, 0.55], [0.5, 0.5], [0.2, 0.8], [0.62, 0.38]])
    codes = np.array([0, 0, 1, 1, 1])
    counts = passes.confident_counts(codes, probs, passes.look(codes, probs), np.array([0.6, 0.5]))
    # Row 1 is over the threshold of 1, and row 4 over that of 0; row 2 keeps its label in a tie.
    assert counts.tolist() == [[1, 1], [1, 2]]


@pytest.mark.parametrize("large", [10**9, 0])
@pytest.mark.parametrize("bad", [[np.nan, 1.0], [np.inf, 0.0], [1.5, -0.5], [0.4, 0.5]])
def test_a_bad_row_in_a_later_block_is_named(monkeypatch, large, bad) -> None:
    monkeypatch.setattr(passes, "LARGE", large)
    monkeypatch.setattr(passes, "_BLOCK_ROWS", 10)
    probs = np.full((35, 2), 0.5)
    probs[31] = bad
    with pytest.raises(DataError, match="row 31"):
        passes.look(np.zeros(35, dtype=np.intp), probs)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_million_rows_are_judged_without_a_copy_of_the_matrix(order, dtype) -> None:
    rng = np.random.default_rng(0)
    probs = np.asarray(rng.dirichlet(np.ones(10), 1_000_000), dtype=dtype, order=order)
    labels = rng.integers(0, 10, 1_000_000)
    small = find_label_errors(labels[:20_000], probs[:20_000], classes=range(10))
    tracemalloc.start()
    try:
        found = find_label_errors(labels, probs, classes=range(10))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000 * 10 * 8, "less than the matrix in float64"
    np.testing.assert_array_equal(found.signals["margin"][:20_000], small.signals["margin"])


def test_small_audits_load_neither_numba_nor_sklearn() -> None:
    code = (
        "import sys; from burnish.labels import find_label_errors;"
        "find_label_errors(['a', 'b'], [[.9, .1], [.2, .8]], features=[[0.], [1.]]);"
        "print([m for m in ('numba', 'sklearn', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
