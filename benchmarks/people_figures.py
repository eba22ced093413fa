"""What people's figures are worth, where the truth is planted: intervals, doubts, noise by person.

What belongs here: simulation, and the tables of `docs/methods/people.md`. What does not: the
methods (`burnish.consensus.agreement_intervals`, `burnish.workflows.doubtful`).

    python -m benchmarks.people_figures
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from burnish.consensus import fit_consensus
from burnish.consensus.agreement import measure_agreement, pair_agreement
from burnish.consensus.agreement_intervals import alpha_interval, pair_intervals
from burnish.consensus.answers import Answers

SAMPLES, DRAWS = 500, 500
FloatArray = NDArray[np.float64]
Row = Sequence[object]


def answers_of(
    n: int, share: Sequence[float], right: Sequence[float], rng: np.random.Generator
) -> Answers:
    """`n` items of classes as common as `share`; each person is right with their probability."""
    K, A = len(share), len(right)
    truth = rng.choice(K, p=share, size=n)[:, None]
    other = (truth + rng.integers(1, K, size=(n, A))) % K
    label = np.where(rng.random((n, A)) < np.array(right), truth, other)
    names = (tuple(range(n)), tuple(f"p{a}" for a in range(A)), tuple(range(K)))
    return Answers(np.repeat(np.arange(n), A), np.tile(np.arange(A), n), label.ravel(), *names)


def coverage() -> Iterable[Row]:
    """How often the limits of kappa and alpha hold the truth, plain percentiles beside them."""
    rng = np.random.default_rng(0)
    for share in ([0.5, 0.5], [0.9, 0.1], [0.25] * 4):
        for right in (0.95, 0.8):
            large = answers_of(400_000, share, [right, right], rng)
            kappa = float(pair_agreement(large)["kappa"][0].as_py())
            alpha = measure_agreement(large).alpha
            for n in (10, 20, 50, 200):
                yield _covered(n, share, right, (kappa, alpha), rng)


def _covered(
    n: int,
    share: Sequence[float],
    right: float,
    truth: tuple[float, float],
    rng: np.random.Generator,
) -> Row:
    kappa, alpha = truth
    hits, told = np.zeros(3), 0
    for seed in range(SAMPLES):
        found = answers_of(n, share, [right, right], rng)
        [pair] = pair_intervals(found, draws=DRAWS, random_state=seed).to_pylist()
        if pair["kappa"] is None:
            continue
        of_alpha = alpha_interval(found, draws=DRAWS, random_state=seed)
        low, high = _plain(found, np.random.default_rng(seed))
        hits += (
            pair["kappa_low"] <= kappa <= pair["kappa_high"],
            low <= kappa <= high,
            of_alpha.low <= alpha <= of_alpha.high,
        )
        told += 1
    common = f"{len(share)}, {share[0]:g} of the first"
    return (common, right, n, f"{kappa:.2f}", *(f"{100 * hit / told:.0f}" for hit in hits))


def _plain(found: Answers, rng: np.random.Generator) -> tuple[float, float]:
    """Percentiles of the kappa of items drawn again, with nothing added."""
    K = found.shape[2]
    cell = found.label[::2] * K + found.label[1::2]
    counts = np.bincount(cell, minlength=K * K)
    tables = rng.multinomial(cell.size, counts / cell.size, size=DRAWS).reshape(DRAWS, K, K)
    agreed = np.trace(tables, axis1=1, axis2=2) / cell.size
    chance = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / cell.size**2
    told = chance < 1
    drawn = (agreed[told] - chance[told]) / (1 - chance[told])
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def doubts() -> Iterable[Row]:
    """Wrong labels among the first 20 that two people agreed on, by what orders them."""
    methods = ("majority", "reliability", "dawid_skene")
    found = {(method, known): np.zeros(3) for method in methods for known in (False, True)}
    for seed in range(20):
        _add_doubts(found, np.random.default_rng(seed))
    for (method, known), (first, wrong, believed) in found.items():
        shares = (first / 20, wrong / 20, believed / 20)
        yield method, "yes" if known else "no", *(f"{100 * share:.1f} %" for share in shares)


def _add_doubts(found: dict[tuple[str, bool], FloatArray], rng: np.random.Generator) -> None:
    N, right = 600, np.array([0.97, 0.95, 0.9, 0.8, 0.7, 0.6])
    truth, hard = rng.integers(0, 4, N), rng.random(N) < 0.15
    who = np.argsort(rng.random((N, 6)), axis=1)[:, :2]
    correct = rng.random((N, 2)) < right[who] * np.where(hard, 0.7, 1.0)[:, None]
    # Seven of ten mistakes are those that others make too.
    alike = (truth ^ 1)[:, None]
    other = np.where(
        rng.random((N, 2)) < 0.7, alike, (truth[:, None] + rng.integers(1, 4, (N, 2))) % 4
    )
    label = np.where(correct, truth[:, None], other)
    agreed = np.flatnonzero((label[:, 0] == label[:, 1]) & (np.arange(N) >= 60))
    wrong = label[agreed, 0] != truth[agreed]
    table = {
        "example_id": np.repeat(np.arange(N), 2),
        "annotator_id": [f"p{one}" for one in who.ravel()],
        "label": [str(one) for one in label.ravel()],
    }
    for method, known in found:
        gold = {at: str(truth[at]) for at in range(60)} if known else None
        fit = fit_consensus(table, gold=gold, method=method, classes=list("0123"))
        chance = fit.probabilities[agreed, label[agreed, 0]]
        first = np.argsort(chance + 1e-9 * rng.random(chance.size))[:20]
        found[method, known] += (wrong[first].mean(), wrong.mean(), 1 - chance.mean())


def noise() -> Iterable[Row]:
    """Error of the noise estimate with people's counts on known answers pooled, and weighed."""
    even, first, last = [0.25] * 4, [0.6, 0.2, 0.1, 0.1], [0.1, 0.1, 0.2, 0.6]
    for people, s, t in (("alike", [0.9] * 4, [0.95] * 4), (
        "differ", [0.98, 0.95, 0.8, 0.6], [0.99, 0.97, 0.9, 0.85]
    )):  # fmt: skip
        for spread, of_gold, of_rest in (
            ("evenly", even, even),
            ("unevenly, both alike", first, first),
            ("known rows to others than the rest", first, last),
        ):
            for n in (30, 60, 200):
                pooled, weighed = _noise_errors(np.array(s), np.array(t), of_gold, of_rest, n)
                yield people, spread, n, f"{100 * pooled:.1f}", f"{100 * weighed:.1f}"


def _noise_errors(
    s: FloatArray, t: FloatArray, of_gold: Sequence[float], of_rest: Sequence[float], n: int
) -> FloatArray:
    """Root mean squared errors of both, in a noise of 0.15 seen in 200 control rows."""
    rng, errors = np.random.default_rng(0), list[FloatArray]()
    for _ in range(3000):
        wrong, by = rng.random(n) < 0.5, rng.choice(4, p=of_gold, size=n)
        called = np.where(wrong, rng.random(n) < s[by], rng.random(n) > t[by])
        truth, who = rng.random(200) < 0.15, rng.choice(4, p=of_rest, size=200)
        share = np.where(truth, rng.random(200) < s[who], rng.random(200) > t[who]).mean()
        found, kept = called[wrong].mean(), 1 - called[~wrong].mean()
        weight = np.bincount(who, minlength=4) / 200
        own_found = _own(called[wrong], by[wrong], found) @ weight
        own_kept = _own(~called[~wrong], by[~wrong], kept) @ weight
        if min(found + kept, own_found + own_kept) > 1:
            pairs = ((found, kept), (own_found, own_kept))
            errors.append(
                np.array([np.clip((share + k - 1) / (f + k - 1), 0, 1) for f, k in pairs])
            )
    return np.sqrt(((np.array(errors) - 0.15) ** 2).mean(axis=0))


def _own(hits: NDArray[np.bool_], by: NDArray[np.int64], mean: float) -> FloatArray:
    """Each person's share, drawn towards that of all by four answers' worth."""
    n = np.bincount(by, minlength=4)
    return (np.bincount(by, weights=hits, minlength=4) + 4 * mean) / (n + 4)


def _print(headers: Sequence[str], rows: Iterable[Row]) -> None:
    print("| " + " | ".join(headers) + " |\n|" + "---|" * len(headers))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)
    print()


def main() -> None:
    """Print the tables."""
    _print(
        ("classes", "right", "items", "kappa", "kappa: holds", "plain: holds", "alpha: holds"),
        coverage(),
    )
    _print(("method", "known answers", "first 20 wrong", "all wrong", "believed wrong"), doubts())
    _print(("people", "rows given", "known rows", "pooled", "by person"), noise())


if __name__ == "__main__":
    main()
