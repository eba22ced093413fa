"""Does the interval of the noise rate hold the truth, where reviewers err? Simulated reviews.

Two tables. A stratified sample of 5,000 rows, as a loop leaves it: the most suspicious 2 % all
reviewed, a third of the next 10 %, and 3 % of the rest; and the loop's own estimate of the noise
left in 1,078 rows, from the control arms of its batches. Reviewers are right on 80, 90 or 95 % of
rows; a mistake falls four times in five for the label at hand, as with the simulated reviewer.
Gold items are half wrong and half right ones. Beside each interval stands that of somebody who
knows how good the reviewers are, and the interval without a correction.

    python benchmarks/noise_coverage.py
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from paired import over_seeds, table

from burnish.labels import ReviewerCounts, estimate_noise_rate
from burnish.workflows.control_arms import ControlArm
from burnish.workflows.noise import estimate_noise
from burnish.workflows.simulate import CONFUSABLE_SHARE

# The interval of one who knows the reviewers, and the uncorrected one, in the first of the runs.
LOOPS, COMPARED, CLASSES = 1_000, 150, 10
# Counts so large that nothing of the reviewers is left to chance.
SURE = 10_000_000


@dataclass(frozen=True)
class Reviewer:
    """How often a wrong label is called wrong, a right one left, and a found one mended."""

    found: float
    kept: float
    mended: float

    @staticmethod
    def right_on(accuracy: float) -> Reviewer:
        keeps = (1 - accuracy) * (CONFUSABLE_SHARE + (1 - CONFUSABLE_SHARE) / (CLASSES - 1))
        return Reviewer(1 - keeps, accuracy, accuracy / (1 - keeps))

    def call(self, wrong: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
        return rng.random(wrong.size) < np.where(wrong, self.found, 1 - self.kept)

    def on_gold(self, items: int, rng: np.random.Generator) -> ReviewerCounts:
        half = items // 2
        found = int(rng.binomial(half, self.found))
        kept = int(rng.binomial(items - half, self.kept))
        return ReviewerCounts(
            found, half, kept, items - half, int(rng.binomial(found, self.mended))
        )

    def known(self) -> ReviewerCounts:
        found, kept = round(SURE * self.found), round(SURE * self.kept)
        return ReviewerCounts(found, SURE, kept, SURE, round(found * self.mended))


@dataclass(frozen=True)
class Setting:
    """One line of a table: reviewers' accuracy, noise, gold items, batches and control rows."""

    accuracy: float
    noise: float
    gold: int
    batches: int = 0
    control: int = 0


def planted(rows: int, noise: float, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray]:
    """Which rows are wrong, and the order in which an audit far better than chance has them."""
    wrong = np.zeros(rows, dtype=bool)
    wrong[rng.permutation(rows)[: round(noise * rows)]] = True
    return wrong, np.argsort(-(rng.random(rows) + wrong * rng.random(rows)))


def ways_of(
    reviewer: Reviewer, setting: Setting, seed: int, rng: np.random.Generator
) -> list[ReviewerCounts | None]:
    """Counts on gold items; in the first runs also perfect knowledge, and none."""
    measured = reviewer.on_gold(setting.gold, rng)
    return [measured, reviewer.known(), None] if seed < COMPARED else [measured]


def by_sample(setting: Setting, seed: int) -> list[tuple[float, float, float, float]]:
    """Truth, value, low and high: corrected by gold items, by one who knows, and uncorrected."""
    rng = np.random.default_rng([seed, round(1e4 * setting.noise), setting.gold])
    reviewer = Reviewer.right_on(setting.accuracy)
    wrong, order = planted(5_000, setting.noise, rng)
    strata = ((order[:100], 1.0), (order[100:600], 1 / 3), (order[600:], 0.03))
    picked = [rng.choice(rows, round(share * rows.size), replace=False) for rows, share in strata]
    chance = np.concatenate([np.full(p.size, s) for p, (_, s) in zip(picked, strata, strict=True)])
    called = reviewer.call(wrong[np.concatenate(picked)], rng)
    ways = ways_of(reviewer, setting, seed, rng)
    found = [estimate_noise_rate(called, chance, reviewers=way, random_state=seed) for way in ways]
    return [(float(wrong.mean()), one.value, one.low, one.high) for one in found]


def by_loop(setting: Setting, seed: int) -> list[tuple[float, float, float, float]]:
    """The same of the noise that is left after the batches."""
    rng = np.random.default_rng([seed, round(1e4 * setting.noise), setting.gold])
    reviewer = Reviewer.right_on(setting.accuracy)
    wrong, order = planted(1_078, setting.noise, rng)
    called = reviewer.call(wrong, rng)
    is_open, arms = np.ones(wrong.size, dtype=bool), []
    for _ in range(setting.batches):
        pool = np.flatnonzero(is_open)
        before = ~is_open
        drawn = rng.choice(pool, setting.control, replace=False)
        is_open[drawn] = False
        is_open[order[is_open[order]][: 60 - setting.control]] = False
        counts = (called[before].sum(), called[~is_open].sum(), before.sum(), (~is_open).sum())
        arms.append(ControlArm(pool.size, drawn.size, int(called[drawn].sum()), *map(int, counts)))
    done = ~is_open & called
    mended = done & wrong & (rng.random(wrong.size) < reviewer.mended)
    left = float((wrong & ~mended).sum() + (done & ~wrong).sum()) / wrong.size
    ways = ways_of(reviewer, setting, seed, rng)
    found = [estimate_noise(arms, reviewers=way) for way in ways]
    return [(left, one.value, one.low, one.high) for one in found]


def measured(task: tuple[str, Setting]) -> NDArray[np.float64]:
    """Runs x ways x (truth, value, low, high)."""
    kind, setting = task
    run = by_sample if kind == "sample" else by_loop
    found = np.full((LOOPS, 3, 4), np.nan)
    for seed in range(LOOPS):
        ways = run(setting, seed)
        found[seed, : len(ways)] = ways
    return found


def line(setting: Setting, runs: NDArray[np.float64], *, loop: bool) -> list[str]:
    truth, value, low, high = np.moveaxis(runs, 2, 0)
    slack = 1e-9
    held = np.array([
        ((low <= truth + slack) & (truth <= high + slack))[~np.isnan(truth[:, way]), way].mean()
        for way in range(3)
    ])  # fmt: skip
    width = np.nanmean(high - low, axis=0)
    shape = [f"{setting.batches} x {setting.control}"] if loop else []
    return [
        f"{100 * setting.accuracy:.0f} %", f"{setting.noise:.2f}", *shape, str(setting.gold),
        f"{truth[:, 0].mean():.3f}", f"{value[:, 0].mean():.3f}", f"{np.nanmean(value[:, 2]):.3f}",
        f"**{held[0]:.3f}**", f"{width[0]:.3f}", f"{held[1]:.3f}", f"{width[1]:.3f}",
        f"{held[2]:.3f}", f"{width[2]:.3f}",
    ]  # fmt: skip


def report() -> str:
    """Both tables, as Markdown."""
    accuracies, noises = (0.8, 0.9, 0.95), (0.02, 0.05, 0.1, 0.2, 0.4)
    samples = [Setting(a, p, 60) for a in accuracies for p in noises]
    samples += [Setting(0.9, p, g) for g in (30, 100) for p in noises]
    loops = [Setting(a, p, 60, 12, 20) for a in accuracies for p in (0.05, 0.2, 0.4)]
    loops += [Setting(0.9, p, g, b, 6) for p in (0.05, 0.2) for g, b in ((30, 5), (60, 12))]
    tasks = [*(("sample", one) for one in samples), *(("loop", one) for one in loops)]
    results = over_seeds(measured, tasks, workers=2)
    head = ["gold items", "true share", "estimate", "uncorrected", "holds the truth", "width",
            "known: holds", "known: width", "uncorrected: holds", "uncorrected: width"]  # fmt: skip
    first = ["right on", "noise"]
    done = list(zip(tasks, results, strict=True))
    sampled = [line(one, runs, loop=False) for (kind, one), runs in done if kind == "sample"]
    looped = [line(one, runs, loop=True) for (kind, one), runs in done if kind == "loop"]
    return "\n\n".join(
        [
            f"Stratified sample of 5,000 rows, {LOOPS} runs a line:",
            table([*first, *head], sampled),
            f"Noise left in 1,078 rows after batches of 60, {LOOPS} runs a line:",
            table([*first, "batches x control rows", *head], looped),
        ]
    )


if __name__ == "__main__":
    print(report())
