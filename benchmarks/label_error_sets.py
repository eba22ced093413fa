"""The sets of `label_errors.py`: real labels and their truth, from the folder in BURNISH_DATA."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from burnish.modeling import PanelModel, design_frame, out_of_sample_probabilities
from burnish.spec import Feature

MUSIC_DRAWS = 10
PLANTED_DRAWS = 2
RATE = 0.1
Draw = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Coded labels, probabilities, and which labels are wrong."""


@dataclass(frozen=True)
class Given:
    """Probabilities to be fed to everybody; `checked` are the rows that people looked at."""

    name: str
    draws: list[Draw]
    checked: np.ndarray


@dataclass(frozen=True)
class Raw:
    """Rows before any model: a design frame for us, a plain matrix of the same for cleanlab."""

    name: str
    seed: int
    frame: Any
    kinds: dict[str, Feature]
    matrix: Any
    codes: np.ndarray
    wrong: np.ndarray
    n_classes: int


def folder() -> Path:
    return Path(os.environ["BURNISH_DATA"])


# ---------------------------------------------------------------- given probabilities


def given_sets() -> Iterator[Given]:
    z = np.load(folder() / "cifar10n_aggregate" / "cifar10n_aggregate.npz")
    codes, true = z["given_label"].astype(np.intp), z["true_label"]
    for network in ("resnet18", "swin"):
        probs = _rows_of_one(z[f"pred_probs_{network}"])
        yield Given(
            f"cifar10n, {network}", [(codes, probs, codes != true)], np.ones(len(codes), bool)
        )
    panel, linear = [], []
    for seed in range(MUSIC_DRAWS):
        X, codes, wrong, K = music(seed)
        for draws, models in ((panel, None), (linear, _one_linear())):
            found = out_of_sample_probabilities(
                X, codes, classes=range(K), models=models, repeats=2, random_state=seed
            )
            draws.append((codes, found.probs, wrong))
    every = np.ones(len(panel[0][0]), bool)
    yield Given("music, our panel", panel, every)
    yield Given("music, one linear model", linear, every)
    for name in ("mnist_test", "cifar10_test", "20news_test"):
        z = np.load(folder() / f"{name}_label_errors" / f"{name}.npz")
        draw = (
            z["given_label"].astype(np.intp),
            _rows_of_one(z["pred_probs"]),
            z["verified_error"] == 1,
        )
        yield Given(f"{name}, checked rows", [draw], z["candidate"] == 1)


def _one_linear() -> list[PanelModel]:
    return [PanelModel("linear", LogisticRegression(C=0.1, max_iter=2000))]


def _rows_of_one(probs: np.ndarray) -> np.ndarray:
    probs = probs.astype(np.float64)
    return probs / probs.sum(axis=1, keepdims=True)


def music(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Features of the songs, one random answer each, which are wrong, and the number of genres."""
    place = folder() / "music_genre_crowd"
    answers = pd.read_csv(place / "answers.csv").sort_values(["song", "worker"], kind="stable")
    by_song = answers.groupby("song")["label"].agg(list)
    songs = pd.read_csv(place / "songs_train.csv")
    rng = np.random.default_rng(seed)
    drawn = [str(rng.choice(by_song[name])) for name in songs["id"]]
    genres = sorted(set(songs["gold"]))
    code = {name: at for at, name in enumerate(genres)}
    codes = np.array([code[name] for name in drawn])
    wrong = codes != songs["gold"].map(code).to_numpy()
    return songs.filter(like="feature").to_numpy(np.float64), codes, wrong, len(genres)


# ---------------------------------------------------------------- raw inputs


def raw_sets() -> Iterator[Raw]:
    yield _mnist()
    for seed in range(MUSIC_DRAWS):
        X, codes, wrong, K = music(seed)
        frame = pd.DataFrame(X, columns=[f"f{at}" for at in range(X.shape[1])])
        kinds = {name: Feature(kind="numeric") for name in frame}
        yield Raw("music", seed, frame, kinds, _standard(X), codes, wrong, K)
    for seed in range(PLANTED_DRAWS):
        yield _intents("banking77", seed)
        yield _intents("clinc150", seed)
        yield _adult(seed)


def _standard(X: np.ndarray) -> np.ndarray:
    return (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0)


def _mnist() -> Raw:
    z = np.load(folder() / "mnist_test_label_errors" / "mnist_test.npz")
    images = z["images"].reshape(len(z["images"]), -1)
    kinds = {"image": Feature(kind="image", shape=(28, 28))}
    frame = design_frame(pa.table({"image": list(images)}), kinds)
    codes = z["given_label"].astype(np.intp)
    return Raw(
        "mnist_test pixels", 0, frame, kinds, images / 255.0, codes, z["verified_error"] == 1, 10
    )


def confused(codes: np.ndarray, probs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels of which a tenth is the strongest wrong class of a model, drawn by its square."""
    others = probs.copy()
    others[np.arange(codes.size), codes] = -1.0
    weight = np.maximum(others.max(axis=1), 0.0) ** 2
    rows = rng.choice(codes.size, int(RATE * codes.size), replace=False, p=weight / weight.sum())
    noisy = codes.copy()
    noisy[rows] = others.argmax(axis=1)[rows]
    return noisy


def _intents(name: str, seed: int) -> Raw:
    if name == "banking77":
        train = pd.read_csv(folder() / name / "train.csv.gz")
        other = pd.read_csv(folder() / name / "test.csv.gz")
        target = next(column for column in train if column != "text")
    else:
        rows = pd.read_csv(folder() / name / "clinc150.csv.gz")
        rows, target = rows[rows["intent"] != "oos"], "intent"
        train, other = rows[rows["split"] == "train"], rows[rows["split"] != "train"]
    code = {label: at for at, label in enumerate(sorted(set(train[target])))}
    true, theirs = train[target].map(code).to_numpy(), other[target].map(code).to_numpy()
    texts = train["text"].tolist()
    words = TfidfVectorizer(sublinear_tf=True).fit(other["text"].tolist())
    reduce = TruncatedSVD(80, random_state=seed).fit(words.transform(other["text"].tolist()))
    forest = RandomForestClassifier(100, min_samples_leaf=2, random_state=seed)
    forest.fit(reduce.transform(words.transform(other["text"].tolist())), theirs)
    probs = np.zeros((len(true), len(code)))
    probs[:, forest.classes_] = forest.predict_proba(reduce.transform(words.transform(texts)))
    codes = confused(true, probs, np.random.default_rng(seed))
    kinds = {"text": Feature(kind="text")}
    matrix = TfidfVectorizer().fit_transform(texts)
    frame = pd.DataFrame({"text": texts})
    return Raw(name, seed, frame, kinds, matrix, codes, codes != true, len(code))


def _adult(seed: int) -> Raw:
    rows = pd.read_csv(folder() / "adult_slices" / "adult.csv.gz")
    target = next(c for c in rows if c.lower() in {"income", "class", "target", "salary"})
    true = pd.factorize(rows[target].astype(str), sort=True)[0]
    here = (rows["split"] == "train").to_numpy()
    X = rows.drop(columns=[target, "split"])
    words = [name for name in X if not pd.api.types.is_numeric_dtype(X[name])]
    coded = X.assign(**{name: pd.factorize(X[name].astype(str))[0] for name in words})
    forest = RandomForestClassifier(200, min_samples_leaf=5, random_state=seed)
    probs = forest.fit(coded[~here], true[~here]).predict_proba(coded[here])
    codes = confused(true[here], probs, np.random.default_rng(seed))
    table = {n: X[n][here].astype(str) if n in words else X[n][here].astype(float) for n in X}
    frame = pd.DataFrame(table).reset_index(drop=True)
    kinds = {n: Feature(kind="categorical" if n in words else "numeric") for n in X}
    matrix = _standard(pd.get_dummies(frame, dtype=float).to_numpy())
    return Raw("adult", seed, frame, kinds, matrix, codes, codes != true[here], 2)
