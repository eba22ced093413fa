"""Intervals of agreement: they hold the truth as often as they say, also of few items."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from burnish.consensus.agreement import measure_agreement, pair_agreement
from burnish.consensus.agreement_intervals import alpha_interval, pair_intervals
from burnish.consensus.answers import Answers, read_answers
from burnish.errors import DataError


def two(n: int, *, right: float, rng: np.random.Generator, classes: int = 2) -> Answers:
    """Two people who are right with this probability, each on their own, on n items."""
    truth = rng.integers(0, classes, n)[:, None]
    wrong = (truth + rng.integers(1, classes, (n, 2))) % classes
    label = np.where(rng.random((n, 2)) < right, truth, wrong)
    return Answers(
        np.repeat(np.arange(n), 2), np.tile([0, 1], n), label.ravel(), tuple(range(n)),
        ("ann", "ben"), tuple(range(classes)),
    )  # fmt: skip


def rows(pairs: list[tuple[str, str]]) -> Answers:
    table: dict[str, list[Any]] = {"example_id": [], "annotator_id": [], "label": []}
    for at, pair in enumerate(pairs):
        table["example_id"] += [at, at]
        table["annotator_id"] += ["ann", "ben"]
        table["label"] += list(pair)
    return read_answers(table)


@pytest.mark.parametrize("n", [10, 40])
def test_few_items_that_nearly_all_agree_on_do_not_make_the_limits_too_sure(n: int):
    rng = np.random.default_rng(2)
    # Right in 95 of 100: kappa and alpha are 0.81. Plain percentiles cover 61 of 100 with n = 10.
    truth, kappas, alphas = 0.81, 0, 0
    for seed in range(200):
        answers = two(n, right=0.95, rng=rng)
        [pair] = pair_intervals(answers, draws=300, random_state=seed).to_pylist()
        found = alpha_interval(answers, draws=300, random_state=seed)
        kappas += pair["kappa"] is None or pair["kappa_low"] <= truth <= pair["kappa_high"]
        alphas += found.low <= truth <= found.high
    assert kappas / 200 >= 0.90
    assert alphas / 200 >= 0.90


def test_the_values_are_those_without_an_interval_and_lie_inside():
    answers = two(60, right=0.8, rng=np.random.default_rng(0), classes=3)
    found, [pair] = alpha_interval(answers), pair_intervals(answers).to_pylist()
    assert found.value == measure_agreement(answers).alpha
    assert found.low < found.value < found.high
    assert pair["kappa_low"] < pair["kappa"] < pair["kappa_high"]
    assert pair["kappa"] == pair_agreement(answers)["kappa"][0].as_py()


def test_more_items_make_narrower_limits():
    rng = np.random.default_rng(1)
    few, many = (alpha_interval(two(n, right=0.8, rng=rng)) for n in (30, 600))
    assert many.high - many.low < 0.35 * (few.high - few.low)


def test_full_agreement_of_few_is_not_certain():
    found = alpha_interval(rows([("a", "a"), ("b", "b")] * 4))
    assert found.value == pytest.approx(1)
    assert found.low < 0.8


def test_the_same_seed_gives_the_same_limits_and_another_nearly_those():
    answers = two(50, right=0.8, rng=np.random.default_rng(7))
    first, again, other = (alpha_interval(answers, random_state=seed) for seed in (1, 1, 2))
    assert first == again
    assert abs(first.low - other.low) < 0.08


def test_where_there_is_nothing_to_compare_nothing_is_claimed():
    alone = read_answers({"example_id": [1, 2], "annotator_id": ["a", "a"], "label": ["x", "y"]})
    found = alpha_interval(alone)
    assert np.isnan(found.value)
    assert (found.low, found.high) == (-1, 1)
    assert pair_intervals(alone).num_rows == 0
    throughout = rows([("a", "a")] * 5)
    assert np.isnan(alpha_interval(throughout).value)
    assert pair_intervals(throughout)["kappa_low"].to_pylist() == [None]


def test_a_confidence_that_is_none_is_refused():
    with pytest.raises(DataError, match="confidence is 1"):
        alpha_interval(rows([("a", "b")]), confidence=1.0)
