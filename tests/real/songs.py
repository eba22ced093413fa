"""A project of the songs that a crowd heard: one random answer a training song, gold elsewhere.

560 songs are for training, with one of the crowd's answers each, 44 in a hundred of them wrong;
140 for validation and 300 for testing have their gold label. So ten batches of 28 look at half of
the training songs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

VALIDATION, BUDGET = 140, 28

SPEC = """\
name: music
description: >-
  A thousand songs by 124 numbers computed from their sound. A training song has the genre that
  one person of a crowd heard in it, validation and test songs the genre they were filed under.
source: {{path: music.csv}}
id: id
target: genre
classes: [{classes}]
features: {{{features}}}
split: {{column: split}}
slices:
  - {{name: feature2, column: feature2, bins: [{edges}]}}
datasheet:
  source: >-
    Answers from Amazon Mechanical Turk (Rodrigues, Pereira and Ribeiro 2013, 'Learning from
    multiple annotators').
model: {{name: logistic, params: {{C: 0.1}}}}
review: {{budget: {budget}, control_share: 0.1}}
augment: {{share: 0}}
simulation: {{path: truth.csv, id: id, column: gold}}
random_state: 0
"""


def write_songs(catalog: Path, folder: Path, *, seed: int = 0) -> Path:
    """Write music.yaml, music.csv and truth.csv into `catalog` from the songs in `folder`.

    `seed` draws the answer that each training song has, and the songs for validation. The slices
    are thirds of one of the features. Returns the path of the spec.
    """
    rng = np.random.default_rng(seed)
    answers = pd.read_csv(folder / "answers.csv").sort_values(["song", "worker"], kind="stable")
    by_song = answers.groupby("song")["label"].agg(list)
    train = pd.read_csv(folder / "songs_train.csv").copy()
    drawn = [str(rng.choice(by_song[name])) for name in train["id"]]
    apart = np.zeros(len(train), bool)
    apart[rng.permutation(len(train))[:VALIDATION]] = True
    train = train.assign(
        genre=np.where(apart, train["gold"], drawn),
        split=np.where(apart, "validation", "train"),
    )
    test = pd.read_csv(folder / "songs_test.csv").copy().assign(split="test")
    songs = pd.concat([train, test.assign(genre=test["gold"])], ignore_index=True)
    features = [name for name in songs if name.startswith("feature")]
    catalog.mkdir(parents=True, exist_ok=True)
    columns = ["id", *features, "split", "genre"]
    songs[columns].to_csv(catalog / "music.csv", index=False)
    songs[["id", "gold"]].to_csv(catalog / "truth.csv", index=False)
    edges = np.quantile(songs["feature2"], [0, 1 / 3, 2 / 3, 1])
    edges[0], edges[-1] = edges[0] - 1, edges[-1] + 1
    spec = catalog / "music.yaml"
    spec.write_text(
        SPEC.format(
            classes=", ".join(sorted(set(songs["gold"]))),
            features=", ".join(f"{name}: numeric" for name in features),
            edges=", ".join(f"{edge:.3f}" for edge in edges),
            budget=BUDGET,
        )
    )
    return spec
