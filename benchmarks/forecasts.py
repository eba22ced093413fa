"""Whether the forecast of the next 100 reviews holds the errors that they truly find.

What belongs here: `burnish.acquisition.forecast` against true labels, batch after batch down the
list of suspects. What does not: how good the list is (`benchmarks/music_loop.py`).

Reviewers are right about all rows, or about 95 or 85 % of them; what they call wrong is foretold.
"At their word" takes the probabilities of error as they stand; the others are the forecast, before
any verdict and after one batch or more.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from paired import table
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from burnish.acquisition import PastBatch, forecast
from burnish.labels import find_label_errors

DATA = Path(os.environ.get("BURNISH_DATA", "data"))
BATCH, AHEAD = 54, 100
Suspects = tuple[np.ndarray, np.ndarray]  # probability of error, falling; whether it is one


def suspects(labels: list[str], probs: np.ndarray, wrong: np.ndarray) -> Suspects:
    classes = sorted(set(labels))
    found = find_label_errors(labels, probs, classes=classes).error_probability
    order = np.argsort(-found, kind="stable")
    return found[order], wrong[order]


def cifar(model: str, *, rows: int = 5000, draws: int = 12) -> Iterator[Suspects]:
    kept = np.load(DATA / "cifar10n_aggregate" / "cifar10n_aggregate.npz")
    probs = kept[f"pred_probs_{model}"].astype(float)
    probs /= probs.sum(axis=1, keepdims=True)
    wrong = kept["given_label"] != kept["true_label"]
    for seed in range(draws):
        at = np.random.default_rng(seed).choice(len(wrong), rows, replace=False)
        yield suspects([str(name) for name in kept["given_label"][at]], probs[at], wrong[at])


def music(*, draws: int = 8) -> Iterator[Suspects]:
    folder = DATA / "music_genre_crowd"
    songs, answers = pd.read_csv(folder / "songs_train.csv"), pd.read_csv(folder / "answers.csv")
    features = songs.filter(like="feature").to_numpy()
    for seed in range(draws):
        drawn = answers.sample(frac=1, random_state=seed).drop_duplicates("song").set_index("song")
        there = songs["id"].isin(drawn.index).to_numpy()
        labels = drawn.loc[songs["id"][there], "label"].tolist()
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
        probs = cross_val_predict(model, features[there], labels, cv=5, method="predict_proba")
        yield suspects(labels, probs, np.array(labels) != songs["gold"][there].to_numpy())


def at_their_word(chances: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    counts = (rng.random((4000, chances.size)) < chances).sum(axis=1)
    low, high = np.quantile(counts, [0.05, 0.95], method="inverted_cdf")
    return float(low), float(high)


def followed(found: Suspects, batches: int) -> Iterator[tuple[bool, bool, bool, int, float]]:
    """At each batch: first or not, held at their word, held by the forecast, width, error."""
    chances, wrong = found
    history: list[PastBatch] = []
    rng = np.random.default_rng(0)
    for start in range(0, batches * BATCH, BATCH):
        left = chances[start:]
        rows = pa.table({"example_id": [str(at) for at in range(left.size)],
                         "error_probability": left})  # fmt: skip
        told = forecast(rows, reviews=AHEAD, history=history)
        true = int(wrong[start : start + AHEAD].sum())
        low, high = at_their_word(left[:AHEAD], rng)
        yield (not history, low <= true <= high, told.low <= true <= told.high,
               told.high - told.low, abs(told.expected - true))  # fmt: skip
        stop = start + BATCH
        history.append(PastBatch(chances[start:stop].tolist(), wrong[start:stop].tolist()))


def as_called(found: Suspects, accuracy: float, seed: int) -> Suspects:
    """The suspects, wrong where reviewers who are right about a share of rows say so."""
    chances, wrong = found
    slips = np.random.default_rng(seed).random(wrong.size) > accuracy
    return chances, wrong ^ slips


def main() -> None:
    sets = {
        "music": (list(music()), 8),
        "CIFAR-10N, ResNet-18": (list(cifar("resnet18")), 14),
        "CIFAR-10N, Swin": (list(cifar("swin")), 14),
    }
    rows = []
    for name, (draws, batches) in sets.items():
        for accuracy in (1.0, 0.95, 0.85):
            told = [as_called(found, accuracy, seed) for seed, found in enumerate(draws)]
            seen = np.array([line for found in told for line in followed(found, batches)], float)
            first, later = seen[seen[:, 0] == 1], seen[seen[:, 0] == 0]
            rows.append([name, f"{accuracy:.0%}", f"{seen[:, 1].mean():.2f}",
                         f"{first[:, 2].mean():.2f}", f"{later[:, 2].mean():.2f}",
                         f"{later[:, 3].mean():.1f}", f"{later[:, 4].mean():.1f}"])  # fmt: skip
    print(table(["set", "reviewers right", "at their word", "before any verdict",
                 "after one batch or more", "width", "mean error"], rows))  # fmt: skip


if __name__ == "__main__":
    main()
