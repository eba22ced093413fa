"""What is said of discovered slices holds: nothing in noise, what was hurt, and the numbers."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom, fisher_exact, ttest_ind

from burnish.errors import DataError
from burnish.slices import discover_and_score, resolve_slices
from burnish.slices.significance import adjusted, against_rest

RUNS = 200


def columns(rng, n, number=6, values=4):
    return {f"c{i}": np.char.mod("%d", rng.integers(0, values, n)).tolist() for i in range(number)}


def loss(rng, n):
    """Like the loss of a row: most are small, a few are ten times the mean."""
    return rng.gamma(0.2, 1.0, n)


def false_alarms(draw_errors, *, n=1200, groups=None, **choices):
    """In how many runs on pure noise any slice holds."""
    alarms = 0
    for seed in range(RUNS):
        rng = np.random.default_rng(seed)
        scored = discover_and_score(
            columns(rng, n), draw_errors(rng, n), alpha=1.0, groups=groups, random_state=seed,
            **choices,
        )  # fmt: skip
        assert len(scored.slices) == 10
        alarms += bool(scored.holding)
    return alarms


@pytest.mark.parametrize("control", ["benjamini_yekutieli", "benjamini_hochberg"])
@pytest.mark.parametrize("draw", [lambda rng, n: rng.random(n) < 0.15, loss], ids=["wrong", "loss"])
def test_noise_has_no_slices_that_hold(draw, control):
    # One run in a thousand would have more alarms at a true rate of 5 %.
    assert false_alarms(draw, control=control, level=0.05) <= binom.ppf(0.999, RUNS, 0.05)


def test_noise_that_comes_in_groups_has_none_either_once_the_groups_are_known():
    groups = np.repeat(np.arange(120), 10)

    def by_group(rng, n):
        return rng.random(n) < np.repeat(rng.beta(0.3, 1.5, n // 10), 10)

    few = binom.ppf(0.999, RUNS, 0.05)
    assert false_alarms(by_group, groups=groups, control="benjamini_hochberg") <= few


def test_the_slice_that_was_hurt_is_found_and_holds():
    found = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        table = pa.table(columns(rng, 4000))
        hurt = (np.asarray(table["c1"]) == "2") & (np.asarray(table["c4"]) == "0")
        wrong = rng.random(4000) < np.where(hurt, 0.4, 0.1)
        scored = discover_and_score(table, wrong, random_state=seed)
        found += {"c1": "2", "c4": "0"} in [one.where for one in scored.holding]
    assert found >= 19


def test_slices_are_judged_on_the_other_half_alone():
    rng = np.random.default_rng(0)
    table = pa.table(columns(rng, 2000))
    wrong = rng.random(2000) < np.where(np.asarray(table["c0"]) == "1", 0.4, 0.1)
    scored = discover_and_score(table, wrong, random_state=3)
    assert scored.scored_rows.size == 1000
    rows = table.take(scored.scored_rows)
    for one, mask in zip(scored.slices, resolve_slices(rows, scored.discovered.specs), strict=True):
        inside = wrong[scored.scored_rows][mask.mask]
        outside = wrong[scored.scored_rows][~mask.mask]
        assert one.support == mask.support
        assert one.mean_error == inside.mean()
        assert one.raised.effect.value == pytest.approx(inside.mean() - outside.mean())
        assert one.raised.effect.low < one.raised.effect.value < one.raised.effect.high


def test_the_rows_of_a_group_stay_in_one_half():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 60, 1000)
    scored = discover_and_score(
        columns(rng, 1000), rng.random(1000) < 0.2, groups=groups, random_state=0
    )
    judged = set(groups[scored.scored_rows].tolist())
    other = set(np.delete(groups, scored.scored_rows).tolist())
    assert len(judged) == len(other) == 30
    assert not judged & other


def test_the_same_state_gives_the_same_halves_and_another_one_others():
    rng = np.random.default_rng(0)
    given = columns(rng, 1000), rng.random(1000) < 0.2
    once, again, other = (discover_and_score(*given, random_state=s) for s in (1, 1, 2))
    assert once.to_table() == again.to_table()
    assert (once.scored_rows == again.scored_rows).all()
    assert (once.scored_rows != other.scored_rows).any()


def test_a_slice_without_rows_in_the_other_half_is_unknown_and_does_not_hold():
    # Each group has a value of its own: what is found on one half does not occur on the other.
    groups = np.repeat(np.arange(10), 50)
    wrong = np.arange(500) % 50 < groups * 5
    scored = discover_and_score(
        {"value": np.char.mod("%d", groups).tolist()}, wrong, groups=groups, random_state=0
    )
    rows = scored.to_table().to_pylist()
    assert rows
    for row in rows:
        assert row["support"] == 0
        assert row["mean_error"] is row["effect"] is row["low"] is None
        assert row["p_value"] == 1.0
        assert not row["holds"]


def test_wrong_answers_are_tested_as_fisher_does():
    rng = np.random.default_rng(0)
    mask, errors = np.arange(60) < 20, (rng.random(60) < 0.3).astype(float)
    inside, outside = errors[mask], errors[~mask]
    cells = [[inside.sum(), outside.sum()], [(1 - inside).sum(), (1 - outside).sum()]]
    expected = fisher_exact(np.array(cells, dtype=int), alternative="greater").pvalue
    assert against_rest(errors, mask).p_value == pytest.approx(expected)


def test_losses_are_tested_as_by_permutations():
    rng = np.random.default_rng(0)
    errors, mask = loss(rng, 300), np.arange(300) < 30
    drawn = [errors[rng.permutation(300)[:30]].mean() for _ in range(20_000)]
    for quantile in (0.9, 0.95, 0.99):
        # A slice with the mean that so many permutations stay below.
        wanted = np.quantile(drawn, quantile)
        order = closest_to(rng, errors, 30, wanted)
        p_value = against_rest(errors[order], mask).p_value
        assert p_value == pytest.approx(1 - quantile, rel=0.25)


def closest_to(rng, errors, size, wanted):
    """Of many orders, the one whose first rows have the mean wanted most nearly."""
    orders = [rng.permutation(errors.size) for _ in range(5000)]
    return min(orders, key=lambda order: abs(errors[order][:size].mean() - wanted))


def test_groups_of_one_row_are_tested_about_as_rows_are():
    rng = np.random.default_rng(0)
    errors, mask = rng.normal(5.0, 1.0, 400), np.arange(400) < 100
    errors[mask] += 0.2
    grouped = against_rest(errors, mask, groups=np.arange(400))
    welch = ttest_ind(errors[mask], errors[~mask], equal_var=False, alternative="greater")
    assert grouped.p_value == pytest.approx(welch.pvalue, rel=0.2)


def test_rows_copied_within_their_group_add_no_evidence():
    rng = np.random.default_rng(0)
    errors, mask = rng.random(40) + np.repeat([0.2, 0.0], 20), np.arange(40) < 20
    once = against_rest(errors, mask, groups=np.arange(40))
    copied = against_rest(
        np.repeat(errors, 10), np.repeat(mask, 10), groups=np.repeat(np.arange(40), 10)
    )
    assert copied.p_value == pytest.approx(once.p_value)
    assert copied.effect.low == pytest.approx(once.effect.low)


def test_yekutieli_is_never_sharper_than_hochberg():
    p_values = np.random.default_rng(0).random(10).tolist()
    hochberg = adjusted(p_values, "benjamini_hochberg")
    yekutieli = adjusted(p_values, "benjamini_yekutieli")
    assert all(y >= h for y, h in zip(yekutieli, hochberg, strict=True))
    assert all(h >= p for h, p in zip(hochberg, p_values, strict=True))


@pytest.mark.parametrize(
    "settings",
    [
        {"level": 0.0},
        {"confidence": 1.0},
        {"control": "none"},
        {"groups": ["a"] * 3},
        {"groups": ["a", None] * 50},
        {"groups": ["a", "b"] * 50},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(DataError):
        discover_and_score({"x": ["a", "b"] * 50}, [0, 1] * 50, random_state=0, **settings)
