"""Dealing by skill against dealing in turn: how many settled labels are right, and errors found.

Six people answer a batch of 600 rows, one person a row, on ten pairs of classes. How likely each is
right on a pair follows a logistic model: 85 % in the mean, pairs differ by half a unit of log odds,
and people by as much as the table says: overall, and on each pair by themselves. Three labels in
ten are wrong. Before that each gave 30 answers with a known label, on pairs at random; skills are
estimated from those alone, and the deal knows nothing else. `known` deals by the true skills: what
could be had at most under the same limits. Both deals of a seed ask the same people about the same
rows with the same luck, and 50 seeds are compared in pairs.

    python benchmarks/assignment.py [--seeds 50]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from paired import mean_of, table

from burnish.review.assigning import Dealt, How, deal
from burnish.review.skill import Pair, Skills, Tally, pooled

PEOPLE = tuple(f"p{at}" for at in range(6))
PAIRS: tuple[Pair, ...] = tuple((f"a{at}", f"b{at}") for at in range(10))
ROWS, GOLD, WRONG, MEAN, HARD = 600, 30, 0.3, 1.73, 0.5
WORLDS = {
    "equal": (0.0, 0.0),
    "overall": (0.8, 0.0),
    "by pair, a little": (0.0, 0.5),
    "by pair": (0.0, 1.0),
    "overall and by pair": (0.8, 1.0),
}
"""Standard deviations of people's log odds: overall, and on each pair by themselves."""
HEADERS = ["people differ", "deal", "right (in turn)", "gain, points", "errors found, points"]

Right = Mapping[tuple[str, Pair], float]


@dataclass(frozen=True)
class Batch:
    """Rows with the luck of whoever answers them, and whether their label is wrong."""

    items: Sequence[Dealt]
    luck: np.ndarray
    wrong: np.ndarray


def people(rng: np.random.Generator, overall: float, by_pair: float) -> Right:
    """How likely each person is right on each pair."""
    own = dict(zip(PEOPLE, rng.normal(0.0, overall, len(PEOPLE)), strict=True))
    hard = dict(zip(PAIRS, rng.normal(0.0, HARD, len(PAIRS)), strict=True))
    return {
        (name, pair): float(
            1 / (1 + np.exp(-(MEAN + own[name] + hard[pair] + rng.normal(0.0, by_pair))))
        )
        for name in PEOPLE
        for pair in PAIRS
    }


def measured(rng: np.random.Generator, right: Right) -> Skills:
    """Skills as estimated from 30 known answers each."""
    tallies: dict[str, dict[Pair, Tally]] = {name: {} for name in PEOPLE}
    for name in PEOPLE:
        for at in rng.integers(len(PAIRS), size=GOLD):
            pair = PAIRS[at]
            hit = Tally(int(rng.random() < right[name, pair]), 1)
            tallies[name][pair] = tallies[name].get(pair, Tally()) + hit
    return pooled(tallies)


def batch(rng: np.random.Generator) -> Batch:
    pairs = rng.integers(len(PAIRS), size=ROWS)
    items = [Dealt(f"x{at:04}", PAIRS[pair]) for at, pair in enumerate(pairs)]
    return Batch(items, rng.random(ROWS), rng.random(ROWS) < WRONG)


def settled(
    made: Batch, right: Right, *, how: How, skills: Skills | None, seed: int
) -> tuple[float, float]:
    """The share of labels that are right once settled, and of wrong ones that were found."""
    asked = deal(made.items, PEOPLE, how=how, skills=skills, random_state=seed)
    chance = np.array([right[asked[item.example_id], item.pair] for item in made.items])
    hit = made.luck < chance
    return float(hit.mean()), float(hit[made.wrong].mean())


def compare(world: str, seeds: int) -> list[list[str]]:
    """Two rows of the table: skills as measured, and as they are."""
    base, gains = list[float](), {"by skill": list[tuple[float, float]](), "known": []}
    for seed in range(seeds):
        rng = np.random.default_rng([seed, len(world)])
        right = people(rng, *WORLDS[world])
        made, found = batch(rng), measured(rng, right)
        turn = settled(made, right, how="round_robin", skills=None, seed=seed)
        base.append(turn[0])
        for name, skills in (("by skill", found), ("known", Skills(0.85, both=dict(right)))):
            one = settled(made, right, how="skill", skills=skills, seed=seed)
            gains[name].append((one[0] - turn[0], one[1] - turn[1]))
    return [
        [
            world, name, f"{100 * mean_of(base).value:.1f} %",
            mean_of(gain for gain, _ in pairs).in_points(),
            mean_of(gain for _, gain in pairs).in_points(),
        ]
        for name, pairs in gains.items()
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=50)
    asked = parser.parse_args()
    print(table(HEADERS, [row for world in WORLDS for row in compare(world, asked.seeds)]))


if __name__ == "__main__":
    main()
