"""Do probabilities of error hold after 300 verdicts? On labels that people really got wrong.

Verdicts are spent as the loop spends them: five batches of 60, a tenth of each drawn at random, the
rest the most suspicious rows by the probability as refitted so far. The simulated reviewer is right
on 95 % of rows, and was measured on 25 wrong and 25 right gold items. Then every row of the set,
reviewed or not, gets its probability: over all rows is what a random draw of them shows. Truth is
a person's or the set's own, and is opened by the reviewer and the score alone.

ECE: mean gap between probability and share wrong, in 15 (10) bins of equal mass. The *floor* is
what probabilities that hold exactly would show on as many rows, by chance; *pooled* is the ECE of
the rows of all seeds together, whose answers and reviews were drawn anew. Skill: 1 - Brier score
over that of the base rate. Of mnist, cifar10_test and 20news people only checked rows that had been
flagged: reviews and scores are of these rows alone, and say nothing of the rest.

    BURNISH_DATA=/path/to/data python benchmarks/calibration.py
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import noise_coverage
import numpy as np
import pandas as pd
from noise_coverage import Reviewer
from numpy.typing import NDArray
from paired import mean_of, over_seeds, table
from threadpoolctl import threadpool_limits

from burnish.labels import find_label_errors, refit_error_probability
from burnish.modeling import out_of_sample_probabilities

SEEDS, BUDGET, BATCHES, ACCURACY, GOLD = 8, 300, 5, 0.95, 50
WAYS = ("static", "refitted", "refitted, no gold items", "recalibrated always")


@dataclass(frozen=True)
class Judged:
    """One set as audited: probability of error, signals, and which labels are truly wrong."""

    name: str
    probability: NDArray[np.float64]
    signals: dict[str, NDArray[np.float64]]
    wrong: NDArray[np.bool_]


def judged(
    name: str,
    labels: NDArray[Any],
    probs: NDArray[Any],
    wrong: NDArray[np.bool_],
    rows: NDArray[np.bool_] | None = None,
    **more: NDArray[np.float64],
) -> Judged:
    found = find_label_errors(
        labels, probs, classes=more.pop("classes", np.unique(labels)).tolist()
    )
    spread = -(probs * np.log(np.clip(probs, 1e-12, 1))).sum(axis=1)
    signals = {"spread": spread, **found.signals, **more}
    keep = np.ones(wrong.size, dtype=bool) if rows is None else rows
    return Judged(
        name, found.error_probability[keep], {k: v[keep] for k, v in signals.items()}, wrong[keep]
    )


def data(*parts: str) -> Path:
    return Path(os.environ["BURNISH_DATA"]).joinpath(*parts)


def cifar10n() -> Iterator[Judged]:
    with np.load(data("cifar10n_aggregate", "cifar10n_aggregate.npz")) as z:
        wrong = z["given_label"] != z["true_label"]
        for model in ("resnet18", "swin"):
            yield judged(f"cifar10n, {model}", z["given_label"], z[f"pred_probs_{model}"], wrong)


def checked() -> Iterator[Judged]:
    """Sets of which only rows that had been flagged were checked; all rows are audited."""
    for name, file in (
        ("mnist", "mnist_test"), ("cifar10_test", "cifar10_test"), ("20news", "20news_test"),
    ):  # fmt: skip
        folder = f"{name.removesuffix('_test')}_test_label_errors"
        with np.load(data(folder, f"{file}.npz")) as z:
            candidate = z["candidate"].astype(bool)
            wrong = z["verified_error"].astype(bool)
            yield judged(
                f"{name}, checked rows", z["given_label"], z["pred_probs"], wrong, candidate
            )


def music(kind: str, seed: int) -> Judged:
    """700 songs with one random answer each, or the majority of them; ties by chance."""
    rng = np.random.default_rng(seed)
    answers = pd.read_csv(data("music_genre_crowd", "answers.csv"))
    songs = pd.read_csv(data("music_genre_crowd", "songs_train.csv"))
    by_song = answers.sort_values(["song", "worker"], kind="stable").groupby("song")["label"]
    labels = []
    for name in songs["id"]:
        said = by_song.get_group(name).to_numpy(str)
        names, counts = np.unique(said, return_counts=True)
        labels.append(rng.choice(said if kind == "single" else names[counts == counts.max()]))
    features = songs[[name for name in songs if name.startswith("feature")]].to_numpy(float)
    given, gold = np.array(labels, dtype=str), songs["gold"].to_numpy(str)
    with threadpool_limits(1):
        found = out_of_sample_probabilities(features, given.tolist(), repeats=2, random_state=seed)
    return judged(
        f"music, {kind}", given, found.probs, given != gold,
        classes=np.array(found.classes), model_disagreement=found.disagreement,
    )  # fmt: skip


def reviewed(
    judged: Judged, rng: np.random.Generator
) -> tuple[dict[str, NDArray[np.float64]], str, NDArray[np.bool_]]:
    """Probability of every row by each way, which candidate was kept, and the rows reviewed."""
    reviewer = Reviewer.right_on(ACCURACY)
    counts = reviewer.on_gold(GOLD, rng)
    called = reviewer.call(judged.wrong, rng)
    is_open, seen = np.ones(called.size, dtype=bool), np.zeros(0, dtype=np.intp)
    now, size = judged.probability, min(BUDGET, called.size // 2) // BATCHES

    def refit(**choices: Any) -> Any:
        signals = {name: values[seen] for name, values in judged.signals.items()}
        given = {"signals": signals, "reviewers": counts} | choices
        return refit_error_probability(judged.probability[seen], called[seen], **given)

    for _ in range(BATCHES):
        control = rng.choice(np.flatnonzero(is_open), max(1, size // 10), replace=False)
        is_open[control] = False
        order = np.argsort(-now, kind="stable")
        audit = order[is_open[order]][: size - control.size]
        is_open[audit] = False
        seen = np.concatenate([seen, control, audit])
        now = refit().error_probability(judged.probability, judged.signals)
    blind, forced = refit(reviewers=None), refit(signals={})
    return (
        {
            "static": judged.probability,
            "refitted": now,
            "refitted, no gold items": blind.error_probability(judged.probability, judged.signals),
            "recalibrated always": forced.error_probability(judged.probability),
        },
        refit().kind,
        ~is_open,
    )


def gap(p: NDArray[np.float64], wrong: NDArray[Any], bins: int = 15) -> float:
    """Expected calibration error in bins of equal mass."""
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return sum(abs(float((p[i] - wrong[i]).sum())) for i in parts if i.size) / p.size


def skill(p: NDArray[np.float64], wrong: NDArray[np.bool_]) -> float:
    base = float(wrong.mean())
    return 1 - float(((p - wrong) ** 2).mean()) / (base * (1 - base))


def floor(p: NDArray[np.float64], rng: np.random.Generator) -> float:
    return float(np.mean([gap(p, rng.random(p.size) < p) for _ in range(20)]))


def one_seed(seed: int) -> dict[tuple[str, str], Any]:
    """By set and way: ECE in 15 and 10 bins, floor, skill, ECE and skill of rows still open."""
    sets = [*cifar10n(), *checked(), music("single", seed), music("majority", seed)]
    found: dict[tuple[str, str], Any] = {}
    for one in sets:
        rng = np.random.default_rng([seed, 7])
        ways, kind, done = reviewed(one, rng)
        for way, p in ways.items():
            figures = [
                gap(p, one.wrong), gap(p, one.wrong, 10), floor(p, rng), skill(p, one.wrong),
                gap(p[~done], one.wrong[~done]), skill(p[~done], one.wrong[~done]),
            ]  # fmt: skip
            found[one.name, way] = figures, kind, p.astype(np.float32), one.wrong
    return found


def report() -> str:
    """The table of sets and ways, as Markdown."""
    seeds = over_seeds(one_seed, range(SEEDS), workers=2)
    rows: list[list[str]] = []
    for name, way in seeds[0]:
        figures = np.array([one[name, way][0] for one in seeds])
        kinds = [one[name, way][1] for one in seeds]
        p, wrong = (np.concatenate([one[name, way][at] for one in seeds]) for at in (2, 3))
        cells = [mean_of(figures[:, at]) for at in range(figures.shape[1])]
        shown = [f"{m.value:.3f} ({m.low:.3f} to {m.high:.3f})" for m in (cells[0], cells[3])]
        kept = ", ".join(f"{kind} {kinds.count(kind)}" for kind in sorted(set(kinds)))
        row = [name, way, shown[0], f"{figures[:, 0].max():.3f}"]
        row += [f"{number:.3f}" for number in (cells[1].value, cells[2].value, gap(p, wrong))]
        row += [shown[1], f"{cells[4].value:.3f}", f"{cells[5].value:.3f}"]
        rows.append([*row, kept if way == "refitted" else ""])
    head = ["set", "probability", "ECE, 15 bins", "worst seed", "10 bins", "floor, 15 bins"]
    head += ["pooled", "Brier skill", "ECE, open rows", "skill, open rows", "kept, of seeds"]
    return table(head, rows)


if __name__ == "__main__":
    print(report())
    print()
    print(noise_coverage.report())
