"""Wrong labels found for each review, beside every scorer and filter of cleanlab.

    BURNISH_DATA=/path/to/data python benchmarks/label_errors.py given raw

given: both are fed the same probabilities. Sets whose rows are all checked: CIFAR-10N (the
aggregate labels of people, probabilities of two networks) and songs with one random answer of a
crowd each (ten draws, out-of-sample probabilities of Burnish's panel, and of one linear model).
Sets of which only flagged rows were checked are compared within those: MNIST, CIFAR-10 and 20 News
test labels. A filter of cleanlab ranks what it flags before the rest, by self-confidence.

raw: from pixels, numbers, words and categories to a ranking. Burnish's panel against what cleanlab
does by default, with one linear model: `CleanLearning(LogisticRegression())`. MNIST and the songs
have wrong labels of people; the others get a tenth of wrong labels as a model confuses them: a
random forest, fitted to other rows, names the strongest wrong class of each row, and rows are
drawn by the square of its probability.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from label_error_sets import Given, Raw, given_sets, raw_sets
from paired import table
from sklearn.metrics import average_precision_score

from burnish.labels import find_label_errors
from burnish.modeling import out_of_sample_probabilities

warnings.filterwarnings("ignore")
RESAMPLES = 400
OURS = "burnish"
SCORERS = {
    "self-confidence": ("self_confidence", False),
    "normalised margin": ("normalized_margin", False),
    "entropy": ("confidence_weighted_entropy", False),
    "self-confidence, adjusted": ("self_confidence", True),
    "normalised margin, adjusted": ("normalized_margin", True),
}
FILTERS = (
    "prune_by_class",
    "prune_by_noise_rate",
    "both",
    "confident_learning",
    "predicted_neq_given",
    "low_self_confidence",
    "low_normalized_margin",
)


def scores(codes: np.ndarray, probs: np.ndarray) -> dict[str, np.ndarray]:
    """How suspicious each way finds each row, the most suspicious highest."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    K = probs.shape[1]
    found = {OURS: find_label_errors(codes, probs, classes=range(K)).error_probability}
    for name, (method, adjust) in SCORERS.items():
        found[name] = -get_label_quality_scores(
            codes, probs, method=method, adjust_pred_probs=adjust
        )
    plain = found["self-confidence"]
    for name in FILTERS:
        flagged = find_label_issues(codes, probs, filter_by=name, n_jobs=1)
        found[f"filter {name}"] = plain + 2.0 * flagged
    return found


def precision_at_errors(wrong: np.ndarray, score: np.ndarray) -> float:
    """Share of wrong labels among as many rows as there are wrong labels."""
    return float(wrong[np.argsort(-score, kind="stable")[: int(wrong.sum())]].mean())


def reviews_to_half(wrong: np.ndarray, score: np.ndarray) -> int:
    """How many rows are looked at until half of the wrong labels are found."""
    found = np.cumsum(wrong[np.argsort(-score, kind="stable")])
    return int(np.searchsorted(found, np.ceil(wrong.sum() / 2)) + 1)


@dataclass(frozen=True)
class Compared:
    """One set: each way's means over its draws, and ours less the best scorer, resampled."""

    name: str
    rows: int
    wrong: float
    precision: dict[str, float]
    at_errors: dict[str, float]
    half: dict[str, float]
    best: str
    low: float
    high: float


def compared(one: Given) -> Compared:
    rows = np.flatnonzero(one.checked)
    ways = [{k: v[rows] for k, v in scores(codes, probs).items()} for codes, probs, _ in one.draws]
    wrongs = [wrong[rows] for _, _, wrong in one.draws]

    def mean(measure: Callable[[np.ndarray, np.ndarray], float]) -> dict[str, float]:
        return {
            name: float(
                np.mean([measure(w, way[name]) for w, way in zip(wrongs, ways, strict=True)])
            )
            for name in ways[0]
        }

    precision = mean(lambda wrong, score: float(average_precision_score(wrong, score)))
    best = max((name for name in precision if name in SCORERS), key=precision.__getitem__)
    rng = np.random.default_rng(0)
    gains: list[float] = []
    while len(gains) < RESAMPLES:
        drawn = rng.integers(0, rows.size, rows.size)
        # A resample without a wrong label has no average precision.
        if all(wrong[drawn].any() for wrong in wrongs):
            gains.append(
                float(
                    np.mean(
                        [
                            average_precision_score(w[drawn], way[OURS][drawn])
                            - average_precision_score(w[drawn], way[best][drawn])
                            for w, way in zip(wrongs, ways, strict=True)
                        ]
                    )
                )
            )
    low, high = np.quantile(gains, [0.025, 0.975])
    return Compared(
        one.name, rows.size, float(np.mean([w.sum() for w in wrongs])), precision,
        mean(precision_at_errors), mean(reviews_to_half), best, float(low), float(high),
    )  # fmt: skip


def print_given() -> None:
    found = [compared(one) for one in given_sets()]
    ways = list(found[0].precision)
    print("Average precision, same probabilities\n")
    means = {way: float(np.mean([one.precision[way] for one in found])) for way in ways}
    print(table(["", *[one.name for one in found], "mean"], [
        [way, *[f"{one.precision[way]:.4f}" for one in found], f"{means[way]:.4f}"] for way in ways
    ]))  # fmt: skip
    print("\nOurs less the best scorer of cleanlab, 95 % of resamples of rows\n")
    print(table(
        ["set", "rows checked", "wrong", "best scorer", "ours - best", "interval",
         "precision at errors, ours", "best scorer's", "reviews to half, ours", "best scorer's"],
        [[one.name, f"{one.rows:,}", f"{one.wrong:,.0f}", one.best,
          f"{one.precision[OURS] - one.precision[one.best]:+.4f}",
          f"{one.low:+.4f} to {one.high:+.4f}",
          f"{one.at_errors[OURS]:.3f}", f"{one.at_errors[one.best]:.3f}",
          f"{one.half[OURS]:,.0f}", f"{one.half[one.best]:,.0f}"] for one in found],
    ))  # fmt: skip


def cleanlab_default(one: Raw) -> np.ndarray:
    """What cleanlab makes of features and labels when nothing is chosen, but one linear model."""
    from cleanlab.classification import CleanLearning
    from sklearn.linear_model import LogisticRegression

    alone = {"n_jobs": 1}
    model = LogisticRegression(max_iter=400)
    judge = CleanLearning(model, seed=one.seed, find_label_issues_kwargs=alone)
    found: Any = judge.find_label_issues(one.matrix, one.codes)
    return -found["label_quality"].to_numpy()


def ours_from_raw(one: Raw) -> np.ndarray:
    found = out_of_sample_probabilities(
        one.frame, one.codes.tolist(), features=one.kinds, classes=range(one.n_classes),
        repeats=2 if len(one.codes) <= 2_000 else 1, random_state=one.seed,
    )  # fmt: skip
    return find_label_errors(one.codes, found.probs, classes=range(one.n_classes)).error_probability


def print_raw() -> None:
    by_set: dict[str, list[tuple[Raw, np.ndarray, np.ndarray]]] = {}
    for one in raw_sets():
        pair = ours_from_raw(one), cleanlab_default(one)
        by_set.setdefault(one.name, []).append((one, *pair))
        halves = [reviews_to_half(one.wrong, score) for score in pair]
        said = f"{halves[0]} reviews to half, cleanlab {halves[1]}"
        print(f"{one.name}, seed {one.seed}: {said}", file=sys.stderr, flush=True)
    lines: list[list[str]] = []
    fewer: list[float] = []
    for name, draws in by_set.items():
        ours, theirs = (
            [float(reviews_to_half(draw[0].wrong, draw[at])) for draw in draws] for at in (1, 2)
        )
        precision = [
            float(np.mean([average_precision_score(draw[0].wrong, draw[at]) for draw in draws]))
            for at in (1, 2)
        ]
        fewer.append(1 - float(np.mean(ours)) / float(np.mean(theirs)))
        wrong = np.mean([draw[0].wrong.sum() for draw in draws])
        lines.append([
            name, f"{len(draws[0][0].codes):,}", f"{wrong:,.0f}", str(len(draws)),
            f"{np.mean(ours):,.0f}", f"{np.mean(theirs):,.0f}",
            f"{100 * fewer[-1]:.0f} %", f"{precision[0]:.3f}", f"{precision[1]:.3f}",
        ])  # fmt: skip
    print("\nFrom raw inputs: reviews until half of the wrong labels are found\n")
    print(table(["set", "rows", "wrong", "draws", "ours", "cleanlab, one linear model",
                 "fewer reviews", "average precision, ours", "cleanlab's"], lines))  # fmt: skip
    print(f"\nMean over sets: {100 * np.mean(fewer):.0f} % fewer reviews")


if __name__ == "__main__":
    parts = sys.argv[1:] or ["given", "raw"]
    for part in parts:
        {"given": print_given, "raw": print_raw}[part]()
        print()
